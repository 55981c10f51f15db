"""`python -m treadle.benchmarks.long_loop`: the gradient of a loop of 100,000 trips over 1 MB of state, kept within 200 MB.

Beside the plain forward run: the time, the processor's time, and by how much the process's memory grows.  The loop is compiled
before anything is measured, on a few trips, so that the growth is what the run itself takes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import treadle as td

STATE = 131_072
FEW = 10


def relaxation(x: Any, trips: int) -> Any:
    """A state that changes by a little in every trip, and its sum at the end.

    By so little that what it is multiplied by on the way back, exp(-trips / 1000), stays a normal number: of subnormal ones
    processors of Intel's compute a product in a hundred and more cycles.
    """
    for _ in range(trips):
        x = x + 0.001 * np.sin(x)
    return np.sum(x)


def diffusion(x: Any, trips: int) -> Any:
    """The same with neighbours, in place."""
    u = x.copy()
    for _ in range(trips):
        u[1:-1] += 0.2 * np.tanh(u[2:] - 2 * u[1:-1] + u[:-2])
    return np.sum(u * u)


LOOPS: dict[str, Callable[..., Any]] = {f.__name__: f for f in (relaxation, diffusion)}


def grown() -> int:
    """The most memory that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def timed(run: Callable[[], Any]) -> tuple[float, float]:
    """Seconds that passed, and of the processor."""
    wall, processor = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - processor


def measure(name: str, trips: int, memory: str, repeats: int) -> str:
    """One line of the table: the gradient's time over that of the forward run, the least of each."""
    f = LOOPS[name]
    x = np.linspace(0.0, 1.0, STATE)
    forward, backward = td.jit(f), td.value_and_grad(f, memory=memory)
    forward(x, FEW)
    backward(x, FEW)
    before = grown()
    ahead, back = [], []
    for _ in range(repeats):
        ahead.append(timed(lambda: forward(x, trips)))
        back.append(timed(lambda: backward(x, trips)))
    growth = grown() - before
    wall = min(t for t, _ in back) / min(t for t, _ in ahead)
    processor = min(t for _, t in back) / min(t for _, t in ahead)
    return (f"{name:12} {trips:7} trips  forward {min(ahead)[0]:.2f} s  gradient {min(back)[0]:.2f} s  {wall:.2f}x  "
            f"(processor {processor:.2f}x)  memory +{growth / 1e6:.0f} MB of {memory}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loop", choices=LOOPS, action="append")
    parser.add_argument("--trips", type=int, default=100_000)
    parser.add_argument("--memory", default="200MB")
    parser.add_argument("--repeats", type=int, default=2)
    args = parser.parse_args()
    processes = multiprocessing.get_context("spawn")
    for name in args.loop or LOOPS:
        # One process each, so that what the last one took is not there already.
        with processes.Pool(1) as one:
            print(one.apply(measure, (name, args.trips, args.memory, args.repeats)), flush=True)


if __name__ == "__main__":
    main()
