"""Runs the type checker over the package: `python -m tests.typecheck`.

The checkout's root is itself the package `treadle`, whatever its folder is called; the checker sees it through a link
of the right name.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("ir", "passes", "codegen", "runtime", "compiler")


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / "treadle"
        link.mkdir()
        for item in (*PACKAGES, "__init__.py", "__main__.py"):
            if (ROOT / item).exists():
                (link / item).symlink_to(ROOT / item)
        names = [a for p in PACKAGES for a in ("-p", f"treadle.{p}")]
        command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"),
                   "--cache-dir", str(ROOT / ".mypy_cache"), *names]
        return subprocess.run(command, cwd=folder).returncode


if __name__ == "__main__":
    sys.exit(main())
