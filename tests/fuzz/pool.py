"""Worker processes that run generated programs, watched from outside: one that crashes or hangs is a finding."""

from __future__ import annotations

import multiprocessing
import time

from tests.fuzz.data import check_data_seed
from tests.fuzz.derivatives import check_gradient_seed
from tests.fuzz.lanes import check_vmap_seed
from tests.fuzz.outside import check_outside_seed
from tests.fuzz.run import check_seed
from tests.fuzz.shapes import check_shapes_seed

SECONDS_PER_PROGRAM = 60


def check_kind(kind: str, seed: int, treadle):
    """kind: what programs: "line", "control", "grad", "vmap", "data", "outside", "shapes" or "shapes of control"."""
    if kind == "grad":
        return check_gradient_seed(seed, treadle)
    if kind == "vmap":
        return check_vmap_seed(seed, treadle)
    if kind == "data":
        return check_data_seed(seed, treadle.jit)
    if kind == "outside":
        return check_outside_seed(seed, treadle.jit)
    if kind.startswith("shapes"):
        return check_shapes_seed(seed, treadle.jit, kind.endswith("control"))
    return check_seed(seed, treadle.jit, kind == "control")


def worker(tasks, results, kind) -> None:
    import treadle

    for seed in iter(tasks.get, None):
        results.put(("begin", seed, None, None, None))
        try:
            problem, program = check_kind(kind, seed, treadle)
        except Exception as e:  # a bug of the generator or of the compiler: either way a finding
            problem, program = f"{type(e).__name__}: {e}", None
        results.put(("end", seed, problem, program and program.source, program and program.features))


class Pool:
    """Worker processes that are watched: one that dies or hangs is replaced, and its seed is a finding."""

    def __init__(self, seeds: range, jobs: int, kind: str) -> None:
        self.kind = kind
        self.context = multiprocessing.get_context("spawn")
        self.tasks, self.results = self.context.Queue(), self.context.Queue()
        for seed in seeds:
            self.tasks.put(seed)
        self.pending = set(seeds)
        self.workers: dict = {}
        for _ in range(jobs):
            self.start()

    def start(self) -> None:
        queue = self.context.Queue()
        p = self.context.Process(target=worker, args=(self.tasks, queue, self.kind), daemon=True)
        p.start()
        self.workers[p] = [queue, None, time.monotonic()]

    def run(self):
        while self.pending:
            busy = False
            for p, state in list(self.workers.items()):
                while not state[0].empty():
                    busy = True
                    kind, seed, problem, source, features = state[0].get()
                    state[1:] = [seed if kind == "begin" else None, time.monotonic()]
                    if kind == "end" and seed in self.pending:
                        self.pending.discard(seed)
                        yield seed, problem, source, features
                hung = state[1] is not None and time.monotonic() - state[2] > SECONDS_PER_PROGRAM
                if (not p.is_alive() and state[0].empty()) or hung:
                    seed = state[1]
                    if seed is None:
                        raise RuntimeError(f"a worker ended with exit code {p.exitcode} before it began a program")
                    p.kill()
                    del self.workers[p]
                    if seed in self.pending:
                        self.pending.discard(seed)
                        yield seed, "HANG" if hung else f"CRASH (exit {p.exitcode})", None, None
                    self.start()
            if not busy:
                time.sleep(0.02)
        for p in self.workers:
            p.kill()
