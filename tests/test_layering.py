"""The house: imports point one way, none hide in functions, files stay readable, the wheel holds everything."""

import ast
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("ir", "passes", "codegen", "runtime", "compiler", "stdlib_ml")

# Which of our own packages each may import, and, where it is limited, which others.
MAY_IMPORT = {
    "ir": {"ir"},
    "passes": {"passes", "ir"},
    "codegen": {"codegen", "ir"},
    "runtime": {"runtime"},
    "compiler": {"compiler", "ir", "passes", "codegen", "runtime"},
    "stdlib_ml": {"stdlib_ml", ""},
}
THIRD_PARTY = {
    "ir": {"numpy", "scipy", "opt_einsum"},
    "passes": {"numpy", "scipy", "networkx", "opt_einsum"},
    "codegen": {"numpy"},
    "runtime": {"numpy", "scipy", "llvmlite"},
    "compiler": {"numpy", "scipy", "opt_einsum"},
    "stdlib_ml": {"numpy", "sklearn"},
}
MAX_LINES = 520
MAX_FUNCTION_LINES = 75


def sources() -> list[Path]:
    return [p for pkg in PACKAGES for p in sorted((ROOT / pkg).rglob("*.py"))]


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imports(tree: ast.Module) -> list[ast.Import | ast.ImportFrom]:
    """Run-time imports: those under `if TYPE_CHECKING:` bind nothing when the program runs."""
    hidden = {id(n) for top in ast.walk(tree) if is_type_checking(top) for n in ast.walk(top)}
    return [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom) and id(n) not in hidden]


def target_package(path: Path, node: ast.ImportFrom) -> str | None:
    """The top-level package of ours that a relative import reaches; "" is the public root."""
    parts = path.relative_to(ROOT).parts[:-1]
    base = parts[:len(parts) - (node.level - 1)]
    full = base + tuple((node.module or "").split(".") if node.module else ())
    if full:
        return full[0]
    names = {a.name for a in node.names} & set(PACKAGES)
    return names.pop() if names else ""


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_point_one_way(package):
    wrong = []
    for path in (p for p in sources() if p.relative_to(ROOT).parts[0] == package):
        for node in imports(ast.parse(path.read_text())):
            where = f"{path.relative_to(ROOT)}:{node.lineno}"
            if isinstance(node, ast.ImportFrom) and node.level:
                got = target_package(path, node)
                if got not in MAY_IMPORT[package]:
                    wrong.append(f"{where} imports {got or 'the public root'}")
                continue
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            for name in names:
                top = name.split(".")[0]
                if top not in sys.stdlib_module_names and top not in THIRD_PARTY[package]:
                    wrong.append(f"{where} imports {top}")
    assert not wrong, "\n".join(wrong)


def test_no_import_of_our_own_inside_functions():
    wrong = []
    for path in sources():
        for f in ast.walk(ast.parse(path.read_text())):
            if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef):
                wrong += [f"{path.relative_to(ROOT)}:{n.lineno}" for n in ast.walk(f)
                          if isinstance(n, ast.ImportFrom) and n.level]
    assert not wrong, "\n".join(wrong)


def test_files_and_functions_stay_short():
    wrong = []
    for path in sources():
        text = path.read_text()
        if text.count("\n") > MAX_LINES:
            wrong.append(f"{path.relative_to(ROOT)}: {text.count(chr(10))} lines")
        for f in ast.walk(ast.parse(text)):
            if isinstance(f, ast.FunctionDef) and f.end_lineno - f.lineno + 1 > MAX_FUNCTION_LINES:
                wrong.append(f"{path.relative_to(ROOT)}:{f.lineno} {f.name}: {f.end_lineno - f.lineno + 1} lines")
    assert not wrong, "\n".join(wrong)


def test_every_module_says_what_it_does():
    silent = [str(p.relative_to(ROOT)) for p in sources()
              if p.read_text().strip() and not ast.get_docstring(ast.parse(p.read_text()))]
    assert not silent, silent


def test_every_package_is_listed_for_the_wheel():
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    modules = sources() + sorted((ROOT / "benchmarks").rglob("*.py"))
    found = {"treadle"} | {"treadle." + ".".join(p.parent.relative_to(ROOT).parts) for p in modules}
    assert found == listed


@pytest.mark.heavy
def test_the_built_wheel_holds_every_module(tmp_path):
    copy = tmp_path / "source"  # where the builder may leave its files
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__"))
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", str(tmp_path), str(copy)],
                   check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    missing = [str(p.relative_to(ROOT)) for p in sources() if f"treadle/{p.relative_to(ROOT).as_posix()}" not in names]
    assert not missing, missing
