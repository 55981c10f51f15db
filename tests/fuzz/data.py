"""Generated programs whose extents depend on data, and that draw random numbers: masks, sets, arrays that shrink in loops.

The generator of random numbers is made by the program, passed in (alone or in a container), a global, or the module's own;
its state after the call is part of the result.  One compiled function is called with arrays of several lengths.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable

import numpy as np

from tests.comparator import Observation, copy_arguments, difference, explained, observe, unjoined
from tests.fuzz.choices import SeededChoices
from tests.fuzz.generate import Generator, Program
from tests.fuzz.run import define
from tests.perturb import perturbed_functions

CALLS = 3
INDENT = "    "
MODES = ("seeded", "passed", "dict", "list", "captured", "module", "none", "none")
HANDLES = {"seeded": "np.random.default_rng(seed)", "passed": "source", "dict": "source['rng']", "list": "source[0]",
           "captured": "GENERATOR"}

# {x} {y}: 1-D arrays; {c}: an array of small counts; {s}: a number; {k}: a small int; {r}: the generator; {a} {b} {e}: new names.
FOUND = (
    "{a} = {x}[{x} > {s}]", "{a} = {x}[{x} <= {s}]", "{a} = np.flatnonzero({x} > {s})", "{a} = np.nonzero({x} != {s})[0]",
    "{a} = np.argwhere({x} > {s})", "{a} = np.unique({x})", "{a}, {b} = np.unique({x}, return_counts=True)",
    "{a}, {b} = np.unique({x}, return_inverse=True)", "{a}, {b} = np.unique({x}, return_index=True)",
    "{a} = np.union1d({x}, {y})", "{a} = np.intersect1d({x}, {y})", "{a} = np.setdiff1d({x}, {y})", "{a} = np.setxor1d({x}, {y})",
    "{a} = {x}[np.isin({x}, {y})]", "{a} = np.repeat({x}, {k})", "{a} = np.repeat({x}, {c}[:len({x})])", "{a} = len({x})",
    "{a} = np.repeat(np.arange(len({c})), {c})", "{a} = np.concatenate([{x}, {y}])", "{a} = np.append({x}, {s})", "{a} = {x}[:{k}]",
    "{a} = {x}[::-1]", "{a} = {x}[:len({x}) // 2]", "{a} = {x}[len({y}):]", "{a} = {x}[1:] - {x}[:-1]", "{a} = np.sort({x})",
    "{a} = np.cumsum({x})", "{a} = np.diff({x})", "{a} = np.where({x} > {s})[0]", "{a} = np.where({x} > {s}, {x}, {k})",
    "{a} = np.extract({x} > {s}, {x})", "{a} = np.compress({x} > {s}, {x})", "{a} = np.argsort({x}, kind='stable')",
    "{a} = {x}[:, None] * {y}", "{a} = np.outer({x}, {y}).sum()", "{a} = np.zeros(len({x}))", "{a} = np.arange(len({x})) * {s}",
    "{a} = np.bincount({c})", "{a} = np.bincount({c}, minlength={k})", "{a}, {b} = np.histogram({x}, bins={k} + 1)",
    "{a} = {x}[{x} == {x}.max()] if len({x}) else {x}", "{a} = {x}.mean() if len({x}) > 0 else 0.0", "{a} = {x} * {s} + 1",
    "{a} = np.flatnonzero({x} > {s}).sum()", "{a} = np.count_nonzero({x} > {s})", "{a} = {x}.reshape(-1, 1)", "{a} = {x}.size",
    "{a} = np.delete({x}, 0)", "{a} = {x} + {y}[:1]", "{a} = {x}[{x} > {s}] + {y}", "{a} = {x}.max(initial=0)", "{a} = {x}.sum()",
    "{a} = np.any({x} > {s})", "{a} = np.split({x}, [{k}])[0]", "{a} = np.minimum({x}, {s}) / 2", "{a} = np.stack([{x}, {x}])",
    "{a} = {x}[np.argsort({x}, kind='stable')[:{k}]]", "{a} = np.searchsorted(np.sort({x}), {y})", "{a} = np.ones(len({x}), bool)",
    "{a} = {x}[np.unique({c} % max(len({x}), 1))] if len({x}) else {x}", "{a} = np.pad({x}, 1)", "{a} = np.roll({x}, 1)")
WRITES = ("{x}[{x} > {s}] = {k}", "{x}[{x} < {s}] += 1", "{x}[np.flatnonzero({x} > {s})] -= 1", "{x} = {x}[{x} > {s}]", "{x} *= 2",
          "{x} = {x}[1:]", "{x} = np.append({x}, {k})[:40]", "{x}[:{k}] = {s}", "{x} = {x}[np.unique({x}, return_index=True)[1]]",
          "np.add.at({x}, {c}[{c} < len({x})], 1)", "{x}[{x} > {s}] = {x}[{x} > {s}][::-1]", "{x} = np.unique({x})")
DRAWS = (
    "{a} = {r}.random()", "{a} = {r}.random({k})", "{a} = {r}.normal({s}, 2.0, size={k})", "{a} = {r}.integers(0, 7)",
    "{a} = {r}.integers(0, 9, {k} + 1)", "{a} = {r}.uniform(-1, {k}, len({x}))", "{a} = {r}.permutation({x})",
    "{a} = {r}.permutation({k} + 2)", "{r}.shuffle({x})", "{a} = {r}.choice({x})", "{a} = {r}.choice(5, size={k})",
    "{a} = {r}.choice(6, size=3, replace=False)", "{a} = {r}.standard_normal({k})", "{a} = {r}.exponential(2.0)",
    "{a} = {r}.poisson(3.0, {k})", "{a} = {r}.binomial(9, 0.3, {k})", "{a} = {x}[{r}.random(len({x})) < 0.5]",
    "{a} = {x}[{r}.integers(0, len({x}), {k})]", "{a} = {r}.gamma(2.0, 1.5, {k})", "{a} = {r}.beta(2.0, 3.0)",
    "{a} = {r}.multinomial(8, [0.2, 0.3, 0.5])", "{a} = {r}.choice({x}, size={k})", "{a} = {x} + {r}.normal(size={x}.shape)",
    "{a} = {r}.permuted({x})", "{a} = {r}.geometric(0.4)", "{a} = {r}.laplace(0.0, 1.0, {k})", "{a} = {r}.triangular(-1, 0, 2)",
    "{a} = {r}.integers(-3, 3, len({x}))", "{a} = {r}.chisquare(3, {k})", "{a} = {r}.choice(4, p=[0.1, 0.2, 0.3, 0.4])")
MODULE_DRAWS = (
    "{a} = np.random.rand({k})", "{a} = np.random.randn()", "{a} = np.random.randint(0, 9, {k})",
    "{a} = np.random.permutation({x})", "np.random.shuffle({x})", "{a} = np.random.normal({s}, 1.5, {k})",
    "{a} = np.random.uniform(-1, 1)", "{a} = np.random.choice({x})", "{a} = np.random.choice(5, {k})",
    "{a} = np.random.random()", "{a} = np.random.exponential(1.0, {k})", "{a} = np.random.randint(4)",
    "{a} = {x}[np.random.rand(len({x})) < 0.5]", "{a} = np.random.poisson(2.0)", "{a} = np.random.binomial(5, 0.5, {k})")
STEPS = (
    "{v} = {v}[{v} > {s}]", "{v} = {v}[1:]", "{v} = {v}[:len({v}) - 1]", "{v} = {v}[{v} != {v}.max()] if len({v}) else {v}",
    "{v} = np.unique({v})", "{v} = {v}[{v} % 2 == 0]", "{v} = {v}[::2]", "{v} = {v} + 1", "{t} += {v}.sum()",
    "{t} = {t} * 0.5 + len({v})", "{v} = {v}[np.argsort({v}, kind='stable')]", "{x} = {x}[:len({v})]", "{t} += 1")


class DataGenerator(Generator):
    """Like `Generator`, of statements that find, sort out, count and draw. `mode`: where the random numbers come from."""

    def __init__(self, choices, seed: int) -> None:
        super().__init__(choices, seed)
        rng = np.random.default_rng(seed)
        self.arguments = tuple(vector(choices, rng) for _ in range(choices.integer(1, 3)))
        self.names = {f"a{k}": x for k, x in enumerate(copy_arguments(self.arguments))}
        self.mode = choices.pick(MODES)
        self.generator = np.random.default_rng(seed)
        self.depth = 0

    def attempt(self, line: str) -> Exception | None:
        before = copy.deepcopy(self.generator.bit_generator.state)
        self.names["rng"] = self.generator
        scope = {"np": np, **self.names}
        known = set(scope)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                exec(line, scope)
                error = None
            except Exception as e:  # NumPy's verdict on the statement
                error = e
        del self.names["rng"]
        values = {k: v for k, v in scope.items() if (k not in known or k in self.names) and not k.startswith("__")}
        if error is None and not all(map(self.acceptable, values.values())):
            error = OverflowError("too large")
        if error is not None:
            self.generator.bit_generator.state = before
            return error
        self.names = values
        return None

    def fill(self, text: str) -> str:
        vectors = self.arrays(lambda x: x.ndim == 1 and x.dtype.kind != "c")
        counts = [n for n in vectors if self.names[n].dtype.kind == "i" and self.names[n].size and self.names[n].min() >= 0
                  and self.names[n].max() < 9]
        if not vectors or ("{c}" in text and not counts):
            return ""
        numbers = [n for n, v in self.names.items() if isinstance(v, int | float | np.number) and not isinstance(v, bool)]
        c = self.choices
        s = c.pick(numbers) if numbers and c.chance(25) else c.pick(("0", "1", "0.5", "-1", "2", "100"))
        return text.format(x=c.pick(vectors), y=c.pick(vectors), c=c.pick(counts or [""]), s=s, k=c.integer(0, 4), r="rng",
                           a=self.fresh(), b=self.fresh())

    def simple(self) -> str:
        draws = () if self.mode == "none" else MODULE_DRAWS if self.mode == "module" else DRAWS
        table = self.choices.pick((FOUND, FOUND, WRITES, *((draws, draws) if draws else ())))
        text = self.choices.pick(table)
        return self.fill(text)

    def line_that_runs(self) -> str | None:
        for _ in range(6):
            line = self.simple()
            if line and (self.attempt(line) is None or self.choices.chance(1)):
                return line
        return None

    def block(self, count: int) -> list[str]:
        lines = []
        for _ in range(count):
            made = self.compound() if self.depth < 2 and self.choices.chance(22) else None
            line = self.line_that_runs() if made is None else None
            lines += made or ([line] if line else [])
        return lines

    def compound(self) -> list[str] | None:
        """A loop or a branch that runs as a whole from here on."""
        vectors = self.arrays(lambda x: x.ndim == 1 and x.dtype.kind in "if")
        if not vectors:
            return None
        before, state = dict(self.names), copy.deepcopy(self.generator.bit_generator.state)
        saved = copy_arguments(tuple(before.values()))
        self.depth += 1
        lines = self.choices.pick((self.shrinking, self.shrinking, self.repeated, self.branch))(self.choices.pick(vectors))
        self.depth -= 1
        self.names, self.generator.bit_generator.state = dict(zip(before, saved, strict=True)), state
        return lines if self.attempt("\n".join(lines)) is None else None

    def shrinking(self, v: str) -> list[str]:
        """A loop that hands on an array of another length each trip."""
        t, k, c = self.fresh(), self.fresh(), self.choices
        x = c.pick(self.arrays(lambda x: x.ndim == 1))
        body = [c.pick(STEPS).format(v=v, t=t, x=x, s=c.pick(("0", "1", k))) for _ in range(c.integer(1, 3))]
        if self.mode not in ("none", "module") and c.chance(40):
            body.append(c.pick((f"{v} = {v}[rng.random(len({v})) < 0.7]", f"{t} += rng.random()", f"rng.shuffle({v})",
                                f"{t} += rng.normal(size=len({v})).sum()", f"{v} = rng.permutation({v})")))
        if c.chance(30):
            body.append(f"if len({v}) < {c.integer(1, 3)}:\n{INDENT}{c.pick(('break', 'continue', f'{t} += 1'))}")
        if c.chance(60):
            self.features["loop:for"] += 1
            return [f"{t} = 0.0", f"for {k} in range({c.integer(1, 6)}):", *indented(body)]
        self.features["loop:while"] += 1
        return [f"{t} = 0.0", f"{k} = 0", f"while len({v}) > {c.integer(0, 2)} and {k} < 7:", f"{INDENT}{k} += 1", *indented(body)]

    def repeated(self, v: str) -> list[str]:
        k = self.fresh()
        self.features["loop:statements"] += 1
        head = self.choices.pick((f"for {k} in range({self.choices.integer(1, 4)}):", f"for {k} in range(len({v})):",
                                  f"for {k} in {v}:"))
        self.names[k] = 1
        return [head, *indented(self.block(self.choices.integer(1, 3)) or ["pass"])]

    def branch(self, v: str) -> list[str]:
        self.features["branch"] += 1
        test = self.choices.pick((f"len({v}) > 2", f"{v}.sum() > 0", f"len({v}[{v} > 0]) > 1", f"np.any({v} > 1)"))
        return [f"if {test}:", *indented(self.block(self.choices.integer(1, 2)) or ["pass"])]

    def program(self, length: int) -> Program:
        lines = self.block(length)
        if self.mode in HANDLES:
            lines.insert(0, f"rng = {HANDLES[self.mode]}")
        elif self.mode == "module":
            lines.insert(0, "np.random.seed(seed)")
        self.features["random:" + self.mode] += 1
        for name in ("unique", "nonzero", "repeat", "1d(", "histogram", "bincount", "len(", "concatenate", "append", "] > "):
            self.features["data:" + name] += sum(name in x for x in lines)
        shown = [n for n in self.names if n != "rng"][-5:]
        parameters = ", ".join([f"a{k}" for k in range(len(self.arguments))])
        body = "".join(f"{INDENT}{part}\n" for line in lines for part in line.splitlines())
        source = f"import numpy as np\n\n\ndef f({parameters}, seed, source):\n{body}    return {', '.join(shown)}\n"
        return Program(source, self.arguments, self.features)


def vector(choices, rng: np.random.Generator) -> np.ndarray:
    n = choices.pick((5, 6, 8, 12, 3, 1, 20))
    kind = choices.pick(("f8", "f8", "i8", "counts", "f4", "i4"))
    if kind == "counts":
        return rng.integers(0, 5, n)
    return rng.integers(-6, 7, n).astype(kind) / (1 if kind[0] == "i" else np.dtype(kind).type(2)) if kind[0] == "f" else (
        rng.integers(-6, 7, n).astype(kind))


def indented(lines: list[str]) -> list[str]:
    return [INDENT + part for line in lines for part in line.splitlines()]


def make_data_program(seed: int) -> tuple[Program, str, list[tuple]]:
    """The program of a seed, where its random numbers come from, and the arrays of its calls."""
    choices = SeededChoices(seed)
    made = DataGenerator(choices, seed)
    program = made.program(choices.integer(2, 9))
    rng = np.random.default_rng(seed + 1)
    sets = [program.arguments]
    while len(sets) < CALLS:
        sets.append(tuple(rng.choice(np.append(x, x[::-1]), size=choices.integer(0, 9) if k == 0 else len(x))
                          for k, x in enumerate(program.arguments)))
    return program, made.mode, sets


def caller(function: Callable, mode: str) -> Callable:
    """Calls `function` with a generator, and adds the state that the call leaves to the result."""
    def call(*arguments: np.ndarray) -> tuple:
        rng = np.random.default_rng(len(arguments[0]) + 5)
        if mode == "captured":
            rng = function.__globals__["GENERATOR"]
            rng.bit_generator.state = np.random.default_rng(3).bit_generator.state
        source = {"passed": rng, "dict": {"rng": rng}, "list": [rng, 1]}.get(mode)
        np.random.seed(17)
        result = function(*arguments, 11, source)
        return result, str(rng.bit_generator.state), str(np.random.get_state())

    return call


def both(source: str, seed: int, mode: str, jit: Callable) -> tuple[Callable, Callable]:
    plain, compiled = (define(source, f"<fuzz {seed}>") for _ in range(2))
    for f in (plain, compiled):
        f.__globals__["GENERATOR"] = np.random.default_rng(3)
    jitted = jit(compiled)
    jitted_caller = caller(jitted, mode) if mode != "captured" else _captured(jitted, compiled)
    return caller(plain, mode), jitted_caller


def _captured(jitted: Callable, plain: Callable) -> Callable:
    def call(*arguments: np.ndarray) -> tuple:
        rng = plain.__globals__["GENERATOR"]
        rng.bit_generator.state = np.random.default_rng(3).bit_generator.state
        np.random.seed(17)
        result = jitted(*arguments, 11, None)
        return result, str(rng.bit_generator.state), str(np.random.get_state())

    return call


def check_data_seed(seed: int, jit: Callable) -> tuple[str | None, Program]:
    """What differs in one of the calls, if anything, and the program."""
    program, mode, sets = make_data_program(seed)
    plain, compiled = both(program.source, seed, mode, jit)
    for k, arguments in enumerate(sets):
        def make(arguments: tuple = arguments) -> tuple:
            return copy_arguments(arguments)

        want, got = observe(plain, make), observe(compiled, make)
        got.result = unjoined(got.result, want.result)
        problem = difference(got, want)
        if problem is not None:
            problem = explained(got, want, _perturbed(program, mode, make))
        if problem is not None:
            return f"call {k}: {problem}", program
    return None, program


def _perturbed(program: Program, mode: str, make: Callable) -> list[Observation]:
    out = []
    for f in perturbed_functions(program.source, "f", {"np": np, "GENERATOR": np.random.default_rng(3)}):
        f.__globals__["GENERATOR"] = np.random.default_rng(3)
        out.append(observe(caller(f, mode), make))
    return out
