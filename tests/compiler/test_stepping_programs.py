"""Random programs that step arrays forward: copies of the state, sweeps, borders, stopping tests; arrays bit for bit as NumPy's.

The passes that join sweeps are told that small arrays are large, so that blocks are short and their borders meet.
"""

import linecache
import random

import numpy as np
import pytest
import treadle as td
from treadle.passes.loops import alternate, interleave

STEPS = 25


class Stepping:
    """One program's text and the shape of its arrays."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.rows, self.columns = self.random.choice([5, 9, 12, 67]), self.random.choice([4, 8, 9, 17])
        self.names = ["a", "b", "c"]
        body = [s for k in range(self.random.randint(1, 4)) for s in self.step(f"old{k}")]
        if self.random.random() < 0.5:
            head = ["for s in range(steps):"]
        else:
            head, body = ["s = 0", "while s < steps and t < 1e6:"], [*body, "s += 1"]
        self.source = "\n    ".join(["def f(a, b, c, steps):", "t = 0.0", *head, *(f"    {s}" for s in body), "return t"]) + "\n"

    def inside(self, name, i=0, j=0):
        return f"{name}[{1 + i}:{self.rows - 1 + i}, {1 + j}:{self.columns - 1 + j}]"

    def near(self, names):
        shift = [self.random.choice([0, 0, -1, 1]) for _ in range(2)]
        return self.inside(self.random.choice(names), *shift)

    def value(self, names):
        e = self.near(names)
        for _ in range(self.random.randint(0, 3)):
            e = f"({e} {self.random.choice('+-')} {self.random.choice([0.5, 0.25, 1.5])} * {self.near(names)})"
        return f"0.25 * {e}"

    def step(self, old):
        x, y = self.random.sample(self.names, 2)
        r = self.random.random()
        if r < 0.4:
            return [f"{old} = {x}.copy()", f"{self.inside(x)} = {self.value([old, old, y])}", *self.behind(x, old)]
        if r < 0.75:
            return [f"{self.inside(x)} = {self.value([y])}", f"{self.inside(y)} = {self.value([x])}"]
        if r < 0.9:
            return [f"{self.inside(x)} = {self.value(self.names)}", f"t = np.sum(np.abs({x}))"]
        return [f"{x} *= 0.5"]

    def behind(self, x, old):
        """Borders, and what the test looks at."""
        choices = [f"{x}[0, :] = {x}[1, :]", f"{x}[:, -1] = {old}[:, -2]", f"t = np.max(np.abs({x} - {old}))",
                   f"t = np.sum({x} - {old})", f"t = np.sum({x}) + np.sum({old})"]
        return [s for s in choices if self.random.random() < 0.3]


@pytest.fixture(autouse=True)
def _eager(monkeypatch):
    monkeypatch.setattr(interleave, "LEAST_BYTES", 0)
    monkeypatch.setattr(interleave, "ROWS_PER_BORDER", 1)
    monkeypatch.setattr(alternate, "MIN_TRIPS", 1)


@pytest.mark.parametrize("start", range(0, 2 * STEPS, STEPS))
@pytest.mark.parametrize("work", [1, 1000])
def test_stepping_programs(monkeypatch, start, work):
    monkeypatch.setattr(interleave, "BLOCK_WORK", work)
    for seed in range(start, start + STEPS):
        program = Stepping(seed)
        name, scope = f"<stepping {seed}>", {"np": np}
        linecache.cache[name] = (len(program.source), None, program.source.splitlines(True), name)
        exec(compile(program.source, name, "exec"), scope)
        rng = np.random.default_rng(seed)
        want = [rng.normal(size=(program.rows, program.columns)) for _ in range(3)]
        got = [x.copy() for x in want]
        steps = seed % 4
        total = scope["f"](*want, steps)
        np.testing.assert_allclose(td.jit(scope["f"])(*got, steps), total, rtol=1e-9, atol=1e-9, err_msg=program.source)
        for x, y in zip(want, got, strict=True):
            np.testing.assert_array_equal(y, x, program.source)
