"""The CPU as a place to run: one engine, thread pool, arena, entry routine and table of library routines.

`CpuDevice` is where the rest of this package meets; there is one per process and CPU level.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from . import arena, calls, cpu, entry, interrupts, sizes, threads
from .calls import Calls
from .engine import Engine, Library
from .entry import Entries, NewArray, Slot
from .routines import Routines
from .sizes import Size
from .threads import ThreadPool

_SUPPORT = arena.TEXT + threads.TEXT + sizes.TEXT + entry.TEXT + calls.TEXT + interrupts.TEXT


class CpuDevice:
    """Compiles text and calls it. `threads` is the number of threads that jobs may use."""

    def __init__(self, host: cpu.Cpu, threads: int) -> None:
        self.cpu, self.default_threads = host, threads
        self.engine = Engine(host)
        library = self.engine.compile(_SUPPORT, entry.symbols() | calls.symbols() | interrupts.symbols(), level=1).keep()
        arena.start(library)
        self.pool = ThreadPool(library, threads)
        self.routines = Routines(self.engine, self.pool.symbols)
        self._entries = Entries(library, self.pool.symbols["treadle_parallel"])
        self.calls = Calls(library)
        self._support = {name: library.address(name) for name in ("treadle_parallel", "treadle_interrupted")}

    def compile(self, text: str, level: int = 2, callbacks: Mapping[str, int] | None = None) -> Library:
        """Machine code of `text`, which may call `callbacks` (name -> address) and what `symbols` finds."""
        return self.engine.compile(text, self.symbols(text, callbacks), level)

    def symbols(self, text: str, callbacks: Mapping[str, int] | None = None) -> dict[str, int]:
        """The addresses of our own functions that `text` calls: the pool, the look for signals, `routines.py`."""
        names = set(re.findall(r"@(treadle_\w+)\(", text))
        known = {**self._support, **(callbacks or {})}
        return {n: known[n] if n in known else self.routines.address(n.removeprefix("treadle_"))
                for n in sorted(names)}

    def entry(self, function: int, slots: Sequence[Slot], outputs: Sequence[NewArray] = (), arena_bytes: int = 0,
              worker_bytes: int = 0, release_gil: bool | Size = False, room: Size | None = None,
              ) -> Callable[..., tuple[np.ndarray, ...] | bytes]:
        """A Python callable for native code: see `entry.py`."""
        return self._entries.make(function, slots, outputs, arena_bytes, worker_bytes, release_gil, room)


def cpu_device(limit: str | None = None) -> CpuDevice:
    """The device for the CPU at hand, or for a level of it."""
    return _cpu_device(limit)


@functools.cache
def _cpu_device(limit: str | None) -> CpuDevice:
    return CpuDevice(cpu.host(limit), cpu.available_threads())
