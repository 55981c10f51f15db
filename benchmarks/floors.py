"""What the machine can do: copy bandwidth and the peak of fused multiply-adds, measured by code of our own.

The copy is compiled by Treadle into an output allocated as every result is; so a case's distance from the floor compares
like with like.  The peak is that of independent vector FMAs on all threads.
"""

from __future__ import annotations

import ctypes
import os
import platform
import threading
import time
from dataclasses import dataclass

import numpy as np
import treadle as td
from treadle.compiler import pipeline

COPY_BYTES = 128 << 20
FMA_CHAINS = 12
FMA_TRIPS = 2_000_000


def _copy(x):
    return x.copy()


@dataclass(frozen=True)
class Floors:
    """copy_bytes_per_second counts the bytes read and the bytes written."""

    copy_bytes_per_second: float
    fma_flops_per_second: float
    threads: int

    @classmethod
    def measure(cls) -> Floors:
        return cls(_copy_bandwidth(), _fma_peak(), pipeline.device().pool.count)

    def __str__(self) -> str:
        return (f"floors: copy {self.copy_bytes_per_second / 1e9:.1f} GB/s, FMA f32 {self.fma_flops_per_second / 1e9:.0f} GF/s, "
                f"{self.threads} threads")


def machine() -> str:
    """One line on the machine and how busy it is."""
    return (f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, NumPy "
            f"{np.__version__}, load {os.getloadavg()[0]:.2f}")


def _best(run, repeats: int) -> float:
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return min(times)


def _copy_bandwidth() -> float:
    x = np.ones(COPY_BYTES // 8)
    copy = td.jit(_copy)
    copy(x)
    return 2 * COPY_BYTES / _best(lambda: copy(x), 10)


def _fma_text(lanes: int) -> str:
    """A loop of independent fused multiply-adds on registers."""
    vector = f"<{lanes} x float>"
    one = f"<{', '.join(['float 1.0'] * lanes)}>"
    names = range(FMA_CHAINS)
    phis = "\n".join(f"  %a{k} = phi {vector} [ {one}, %entry ], [ %b{k}, %loop ]" for k in names)
    steps = "\n".join(f"  %b{k} = call {vector} @llvm.fma.v{lanes}f32({vector} %a{k}, {vector} %m, {vector} {one})" for k in names)
    sums = "\n".join(f"  %s{k + 1} = fadd {vector} %{f's{k}' if k else 'b0'}, %b{k + 1}" for k in range(FMA_CHAINS - 1))
    return f"""
declare {vector} @llvm.fma.v{lanes}f32({vector}, {vector}, {vector})
define void @fma_peak(ptr %factor, ptr %out, i64 %trips) "prefer-vector-width"="512" "min-legal-vector-width"="512" {{
entry:
  %m = load {vector}, ptr %factor, align 4
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %i1, %loop ]
{phis}
{steps}
  %i1 = add i64 %i, 1
  %more = icmp slt i64 %i1, %trips
  br i1 %more, label %loop, label %done
done:
{sums}
  store {vector} %s{FMA_CHAINS - 1}, ptr %out, align 4
  ret void
}}
"""


def _fma_peak() -> float:
    device = pipeline.device()
    lanes = device.cpu.vector_bits // 32
    library = device.compile(_fma_text(lanes))
    run = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)(library.address("fma_peak"))
    count = device.pool.count
    factor, out = np.full(lanes, 0.5, np.float32), np.zeros((count, lanes), np.float32)

    def all_threads() -> None:
        workers = [threading.Thread(target=run, args=(factor.ctypes.data, out[k].ctypes.data, FMA_TRIPS)) for k in range(count)]
        for w in workers:
            w.start()
        for w in workers:
            w.join()

    return count * FMA_TRIPS * FMA_CHAINS * lanes * 2 / _best(all_threads, 10)
