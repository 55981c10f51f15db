"""Differential fuzzing by seed: `python -m tests.fuzz --seeds 0:10000 --jobs 2`.

Each seed makes one program (the same every time), runs it under NumPy and under `treadle.jit` in a worker process, and
reports mismatches with the program's text.  A crash or a hang of a worker is reported as such, with its seed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections import Counter

from tests.fuzz.run import check_seed, coverage_table

SECONDS_PER_PROGRAM = 60


def worker(tasks, results, control) -> None:
    import treadle

    for seed in iter(tasks.get, None):
        results.put(("begin", seed, None, None, None))
        try:
            problem, program = check_seed(seed, treadle.jit, control)
        except Exception as e:  # a bug of the generator or of the compiler: either way a finding
            problem, program = f"{type(e).__name__}: {e}", None
        results.put(("end", seed, problem, program and program.source, program and program.features))


class Pool:
    """Worker processes that are watched: one that dies or hangs is replaced, and its seed is a finding."""

    def __init__(self, seeds: range, jobs: int, control: bool) -> None:
        self.control = control
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
        p = self.context.Process(target=worker, args=(self.tasks, queue, self.control), daemon=True)
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0:300", help="first:last, last not included")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--show", type=int, default=10, help="how many failing programs to print")
    parser.add_argument("--control", action="store_true", help="programs with loops and branches")
    options = parser.parse_args()
    first, last = map(int, options.seeds.split(":"))
    total: Counter = Counter()
    failures, refused, done, begun = [], Counter(), 0, time.monotonic()
    for seed, problem, source, features in Pool(range(first, last), options.jobs, options.control).run():
        done += 1
        total.update(features or {})
        if problem and options.control and "UnsupportedError" in problem:
            refused[problem.split("UnsupportedError', ")[-1][:60]] += 1
        elif problem:
            failures.append(seed)
            if len(failures) <= options.show:
                print(f"seed {seed}: {problem}\n{source or ''}", flush=True)
        if done % 200 == 0:
            print(f"{done} programs, {len(failures)} failures, {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    print(coverage_table(total, done))
    if refused:
        print(f"{sum(refused.values())} programs refused with UnsupportedError, by reason:")
        for reason, n in refused.most_common(20):
            print(f"  {n:5} {reason}")
    print(f"{done} programs, {len(failures)} failures: {failures[:50]}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
