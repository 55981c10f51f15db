"""The command line: `python -m treadle info | ir FILE:FUNCTION [options] | demo | bench`.

`ir` imports the file, and compiles the function for arguments that are given as Python expressions (NumPy is `np`):

    python -m treadle ir model.py:step "np.zeros((8, 3))" 0.1 --stage loops
"""

from __future__ import annotations

import argparse
import importlib.metadata
import platform
import runpy
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import scipy

from ..runtime import blas
from .api import Jitted, jit
from .config import config
from .lazy import available, lazy
from .pipeline import STAGES, device

cupy = lazy("cupy")


def info() -> str:
    """Versions, CPU, vector width, threads, BLAS, CUDA, settings."""
    where = device()
    rows = {
        "treadle": sys.modules[__package__.partition(".")[0]].__version__,  # type: ignore[union-attr]
        "python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "numpy, scipy, llvmlite": f"{np.__version__}, {scipy.__version__}, {importlib.metadata.version('llvmlite')}",
        "cpu": f"{where.cpu.name}, vectors of {where.cpu.vector_bits} bits",
        "threads": f"{where.pool.count} of {where.default_threads}",
        "blas": blas.source().describe(),
        "cuda": _cuda(),
        "cache folder": "none: compiled code is kept in memory",
    }
    width = max(map(len, rows))
    return "\n".join([*(f"{k:{width}}  {v}" for k, v in rows.items()), "", "settings", config.describe()])


def _cuda() -> str:
    if not available("cupy"):
        return "no CuPy"
    try:
        return f"CuPy {cupy.__version__}, {cupy.cuda.runtime.getDeviceCount()} device(s)"
    except Exception as e:  # any failure of the driver is an answer, not an error
        return f"CuPy without a usable device: {e}"


def show_ir(target: str, arguments: Sequence[str], stage: str) -> str:
    """The text of one stage of FILE:FUNCTION for these arguments."""
    file, _, name = target.rpartition(":")
    if not file:
        raise SystemExit(f"{target}: expected FILE:FUNCTION")
    names = runpy.run_path(file, run_name=Path(file).stem)
    if name not in names:
        raise SystemExit(f"{file} defines no {name}")
    f = names[name]
    values = [eval(a, {**names, "np": np}) for a in arguments]
    lowered = (f if isinstance(f, Jitted) else jit(f)).lower(*values)
    if stage == "html":
        return lowered.html()
    return lowered.report() if stage == "report" else lowered.ir(stage)


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser("treadle", description="A JIT compiler for plain NumPy functions")
    commands = p.add_subparsers(dest="command", required=True)
    commands.add_parser("info", help="versions, CPU, threads, BLAS, CUDA, settings")
    ir = commands.add_parser("ir", help="what a function is compiled to")
    ir.add_argument("function", metavar="FILE:FUNCTION")
    ir.add_argument("arguments", nargs="*", help="Python expressions, with NumPy as np")
    ir.add_argument("--stage", choices=[*STAGES, "report", "html"], default="optimized")
    commands.add_parser("demo", help="NumPy programs on real data, plain and compiled", add_help=False)
    commands.add_parser("bench", help="benchmarks against NumPy, Numba and JAX", add_help=False)
    return p


def run(argv: Sequence[str], others: dict[str, Callable[[list[str]], int | None]]) -> int:
    """Run one command line. `others`: commands that live elsewhere; they get the rest of the line."""
    if argv and argv[0] in others:
        return others[argv[0]](list(argv[1:])) or 0
    args = parser().parse_args(argv)
    if args.command == "info":
        print(info())
    else:
        print(show_ir(args.function, args.arguments, args.stage))
    return 0
