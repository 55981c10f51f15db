"""`python -m treadle`: see `compiler/cli.py`. The demonstration and the benchmarks are modules of `treadle.benchmarks`."""

import importlib
import sys

from .compiler import cli


def demo(argv: list[str]) -> int:
    """Exit status 0 if every program agrees with NumPy."""
    return 0 if importlib.import_module(f"{__package__}.benchmarks.demo").run(*argv) else 1


def bench(argv: list[str]) -> int | None:
    return importlib.import_module(f"{__package__}.benchmarks.bench").main(argv)


def main() -> int:
    return cli.run(sys.argv[1:], {"demo": demo, "bench": bench})


if __name__ == "__main__":
    sys.exit(main())
