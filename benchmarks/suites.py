"""The suites by name: functions that make a suite's cases, given the peers that are there."""

from __future__ import annotations

from treadle.benchmarks import elementwise, gradients, whole_programs

SUITES = {"elementwise": elementwise.cases, "gradients": gradients.cases, "programs": whole_programs.cases}
