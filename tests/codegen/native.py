"""Compile a loop function built by hand and call it on arrays."""

from __future__ import annotations

import ctypes

import numpy as np
from treadle.codegen.llvm import emit
from treadle.ir.loops import LoopFunction
from treadle.ir.scalar import NUMPY_DTYPE
from treadle.ir.target import TARGETS, Target, target_of
from treadle.runtime import cpu
from treadle.runtime.device import cpu_device
from treadle.runtime.engine import Engine, Library

__all__ = ["HOST", "TARGETS", "Raised", "compiled"]

HOST: Target = target_of(cpu_device().cpu.is_x86, cpu_device().cpu.vector_bits)


class Raised(Exception):
    """The function left with an error: its code and details."""


def compile_text(text: str, level: str | None) -> Library:
    """Machine code for a CPU of this level, which uses the one pool of this process."""
    device = cpu_device()
    if level is None:
        return device.compile(text)
    return Engine(cpu.host(level)).compile(text, device.symbols(text))


def compiled(function: LoopFunction, target: Target = HOST, keep: list | None = None):
    """A callable (arrays for the buffers, Python numbers for the scalars); `keep` receives the module's text."""
    module = emit(function, target)
    if keep is not None:
        keep.append(module.text)
    library = compile_text(module.text, None if target is HOST else target.name)
    native = ctypes.PYFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)(library.address(module.entry))
    arena = np.zeros(function.arena_bytes + 64 * function.worker_bytes + 128, np.uint8)
    start = arena.ctypes.data + -arena.ctypes.data % 64

    def call(arrays, scalars=()):
        words = [b.ctypes.data for b in arrays]
        for value, (_, dtype) in zip(scalars, function.scalars, strict=True):
            words.append(int.from_bytes(np.array([value], NUMPY_DTYPE[dtype]).tobytes().ljust(8, b"\0"), "little"))
        slots = np.array([*words, start, 0], np.uint64)
        error = np.zeros(4, np.int64)
        result = native(slots.ctypes.data, error.ctypes.data)
        if result:
            raise Raised(*error.tolist())
        return arrays

    call.library, call.arena = library, arena
    return call
