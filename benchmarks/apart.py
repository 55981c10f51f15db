"""A peer in a process of its own, which times the cases that it is asked for: one peer's threads do not disturb another's.

    python -m treadle.benchmarks.apart SUITE PEER

reads a line of JSON per request, `{"case": NAME}` to compile or `{"case": NAME, "calls": N}` to time, and answers each with
one.  `Apart` starts such a process and asks it; start with `prepare`, then `seconds`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from treadle.benchmarks.harness import Case, compiled_on_first_call, implementation, peers, timed
from treadle.benchmarks.suites import SUITES


class Apart:
    """The parent's end."""

    def __init__(self, suite: str, peer: str) -> None:
        command = [sys.executable, "-m", "treadle.benchmarks.apart", suite, peer]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **request: Any) -> dict:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the peer's process ended with {self.process.wait()}")
        return json.loads(answer)

    def prepare(self, case: Case) -> dict:
        """Compile; `first_call` and `error`, or why it was `refused`, or nothing if the peer has no version."""
        return self.ask(case=case.name)

    def seconds(self, case: Case, calls: int) -> float:
        return self.ask(case=case.name, calls=calls)["seconds"]

    def close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def serve(suite: str, peer: str) -> None:
    """The child's end, until there are no more requests."""
    found = peers((peer,))
    cases = {c.name: c for c in SUITES[suite](found)}
    ready: dict[str, Callable] = {}
    for request in map(json.loads, sys.stdin):
        case = cases[request["case"]]
        if "calls" in request:
            answer: dict = {"seconds": timed(ready[case.name], case, request["calls"])}
        else:
            run = implementation(case, peer, found)
            answer = {}
            if run is not None:
                ready[case.name], answer = run, compiled_on_first_call(run, case)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve(*sys.argv[1:])
