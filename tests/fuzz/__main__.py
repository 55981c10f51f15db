"""Differential fuzzing by seed: `python -m tests.fuzz --seeds 0:10000 --jobs 2`.

Each seed makes one program (the same every time), runs it under NumPy and under `treadle.jit` in a worker process, and
reports mismatches with the program's text.  A crash or a hang of a worker is reported as such, with its seed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter, defaultdict

from tests.fuzz.derivatives import SKIPPED
from tests.fuzz.pool import Pool
from tests.fuzz.run import coverage_table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0:300", help="first:last, last not included")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--show", type=int, default=10, help="how many failing programs to print")
    parser.add_argument("--control", action="store_true", help="programs with loops and branches")
    parser.add_argument("--grad", action="store_true", help="derivatives of programs, against differences")
    parser.add_argument("--vmap", action="store_true", help="programs over lanes, against a loop over these")
    parser.add_argument("--outside", action="store_true", help="programs with containers, objects and globals, called repeatedly")
    parser.add_argument("--data", action="store_true", help="programs with run-time shapes and random numbers")
    parser.add_argument("--shapes", action="store_true", help="call each program with arguments of several shapes")
    options = parser.parse_args()
    kind = next((k for k in ("control", "grad", "vmap", "data", "outside") if getattr(options, k)), "line")
    if options.shapes:
        kind = "shapes of control" if options.control else "shapes"
    first, last = map(int, options.seeds.split(":"))
    total: Counter = Counter()
    failures, refused, skipped, done, begun = [], defaultdict(list), Counter(), 0, time.monotonic()
    for seed, problem, source, features in Pool(range(first, last), options.jobs, kind).run():
        done += 1
        total.update(features or {})
        if problem and (options.grad or options.vmap) and problem.startswith(SKIPPED):
            skipped[problem] += 1
        elif problem and (options.control or options.grad or options.vmap or options.data) and "UnsupportedError" in problem:
            refused[problem.split("UnsupportedError', ")[-1][:60]].append(seed)
        elif problem:
            failures.append(seed)
            if len(failures) <= options.show:
                print(f"seed {seed}: {problem}\n{source or ''}", flush=True)
        if done % 200 == 0:
            print(f"{done} programs, {len(failures)} failures, {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    print(coverage_table(total, done))
    if refused:
        print(f"{sum(map(len, refused.values()))} programs refused with UnsupportedError, by reason:")
        for reason, seeds in sorted(refused.items(), key=lambda found: -len(found[1]))[:20]:
            print(f"  {len(seeds):5} {reason} {seeds[:10]}")
    for reason, n in skipped.most_common():
        print(f"  {n:5} {reason}")
    print(f"{done} programs, {len(failures)} failures: {failures[:50]}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
