"""`python -m treadle bench [SUITE]`: tables: elementwise, gradients, programs (without a name all three), linalg, functions."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from treadle.benchmarks import functions, harness, linalg
from treadle.benchmarks.apart import Apart
from treadle.benchmarks.suites import SUITES


def main(argv: Sequence[str] = ()) -> int:
    parser = argparse.ArgumentParser(prog="treadle bench", description=__doc__)
    parser.add_argument("suite", nargs="?", choices=sorted([*SUITES, "linalg", "functions"]), help="which table; all without it")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--seconds", type=float, default=2.0, help="time spent on a case")
    parser.add_argument("--json", default=None, help="write the figures to this file")
    parser.add_argument("--apart", action="store_true", help="run each peer in a process of its own")
    parser.add_argument("--threads", type=int, default=1, help="threads of every side, for linalg")
    options = parser.parse_args(list(argv))
    if options.suite == "linalg":
        linalg.report(options.only, min(options.seconds, 0.3), options.threads, options.json)
        return 0
    if options.suite == "functions":
        functions.report(options.only, min(options.seconds, 0.03), options.json)
        return 0
    for name in [options.suite] if options.suite else sorted(SUITES):
        print(f"\n== {name}")
        apart = {peer: Apart(name, peer) for peer in harness.installed_peers()} if options.apart else {}
        found = {} if options.apart else harness.peers()
        cases = [c for c in SUITES[name](found) if options.only in c.name]
        harness.report(cases, options.json, options.seconds, found, apart)
        for peer in apart.values():
            peer.close()
    return 0
