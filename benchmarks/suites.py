"""The suites by name: functions that make a suite's cases, given the peers that are there."""

from __future__ import annotations

from treadle.benchmarks import elementwise, whole_programs

SUITES = {"elementwise": elementwise.cases, "programs": whole_programs.cases}
