"""`python -m treadle bench [SUITE]`: the tables. Suites: elementwise, programs; without a name, all of them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from treadle.benchmarks import elementwise, harness, whole_programs

SUITES = {"elementwise": elementwise.cases, "programs": whole_programs.cases}


def main(argv: Sequence[str] = ()) -> int:
    parser = argparse.ArgumentParser(prog="treadle bench", description=__doc__)
    parser.add_argument("suite", nargs="?", choices=sorted(SUITES), help="which table; all without it")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--seconds", type=float, default=2.0, help="time spent on a case")
    parser.add_argument("--json", default=None, help="write the figures to this file")
    options = parser.parse_args(list(argv))
    for name in [options.suite] if options.suite else sorted(SUITES):
        cases = [c for c in SUITES[name]() if options.only in c.name]
        print(f"\n== {name}")
        harness.report(cases, options.json, options.seconds)
    return 0
