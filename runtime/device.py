"""The CPU as a place to run: one engine, thread pool, arena, entry routine and table of library routines.

`CpuDevice` is where the rest of this package meets; there is one per process and CPU level.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence

import numpy as np

from . import arena, cpu, entry, threads
from .engine import Engine, Library
from .entry import Entries, NewArray, Slot
from .routines import Routines
from .threads import ThreadPool

_SUPPORT = arena.TEXT + threads.TEXT + entry.TEXT


class CpuDevice:
    """Compiles text and calls it. `threads` is the number of threads that jobs may use."""

    def __init__(self, host: cpu.Cpu, threads: int) -> None:
        self.cpu, self.default_threads = host, threads
        self.engine = Engine(host)
        library = self.engine.compile(_SUPPORT, entry.symbols(), level=1).keep()
        arena.start(library)
        self.pool = ThreadPool(library, threads)
        self.routines = Routines(self.engine, self.pool.address)
        self._entries = Entries(library, self.pool.address)

    def compile(self, text: str, level: int = 2) -> Library:
        """Machine code of `text`, which may call `treadle_parallel` and the routines of `routines.py`."""
        names = set(re.findall(r"@(treadle_\w+)\(", text))
        symbols = {n: self.pool.address if n == "treadle_parallel" else self.routines.address(n.removeprefix("treadle_"))
                   for n in sorted(names)}
        return self.engine.compile(text, symbols, level)

    def entry(self, function: int, slots: Sequence[Slot], outputs: Sequence[NewArray] = (), arena_bytes: int = 0,
              worker_bytes: int = 0, release_gil: bool = False) -> Callable[..., tuple[np.ndarray, ...] | bytes]:
        """A Python callable for native code: see `entry.py`."""
        return self._entries.make(function, slots, outputs, arena_bytes, worker_bytes, release_gil)


@functools.cache
def cpu_device(limit: str | None = None) -> CpuDevice:
    """The device for the CPU at hand, or for a level of it."""
    return CpuDevice(cpu.host(limit), cpu.available_threads())
