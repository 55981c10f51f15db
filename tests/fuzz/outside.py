"""Generated programs that live among other things: containers, objects, globals, nested functions, keyword arguments.

Values come from a list, a dict, an object and from globals, and go back there.  One compiled function is called several
times, with other values, dtypes and layouts, on the state that the calls before have left; so guards and effects are tested.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from tests.comparator import Observation, copy_arguments, difference, explained, observe
from tests.fuzz import inputs
from tests.fuzz.choices import SeededChoices
from tests.fuzz.generate import Generator, Program
from tests.fuzz.run import define
from tests.perturb import perturbed_functions

CALLS = 4
HEAD = '''import numpy as np

G0 = np.arange(4.0)
G1 = 2
G2 = np.float32(1.5)


'''
HELPERS = (
    "def {h}(x, y=2):\n    x = x * y\n    return x",
    "def {h}(x, *rest, k=1):\n    x += k\n    return x, rest",
    "def {h}(x):\n    return x, x[::-1] if x.ndim else x",
    "{h} = lambda x, s={s}: x - s",
    "def {h}(x, n=G1):\n    def inner(z):\n        return z * n + {s}\n    return inner(x)",
)


class Box:
    """An object with attributes, of the program's caller."""

    def __init__(self, **attributes: object) -> None:
        self.__dict__.update(attributes)


class OutsideGenerator(Generator):
    """Like `Generator`; `others` are the live containers and functions, which are no operands."""

    def __init__(self, choices, seed: int) -> None:
        super().__init__(choices, seed)
        names = list(self.names)
        held = [self.choices.pick(names) for _ in range(3)]
        first, second, third = (self.arguments[names.index(n)] for n in held)
        self.outside = (Box(x=first, n=3), {"k": second, "s": 1.5}, [third, 2, first])
        *live, box, table, items = copy_arguments((*self.arguments, *self.outside))
        self.names = dict(zip(names, live, strict=True))
        self.others: dict[str, object] = {"box": box, "d": table, "l": items, "G0": np.arange(4.0), "G1": 2,
                                          "G2": np.float32(1.5)}

    def attempt(self, line: str) -> Exception | None:
        scope = {"np": np, **self.others, **self.names}
        before = {k: v for k, v in scope.items() if k not in self.names and k not in self.others}
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                exec(line, scope)
            except Exception as e:  # NumPy's verdict on the statement
                return e
        values = {k: v for k, v in scope.items() if k not in before and k not in self.others and k != "__builtins__"}
        made = {k: v for k, v in values.items() if callable(v)}
        if not all(self.acceptable(v) for k, v in values.items() if k not in made):
            return OverflowError("too large")
        self.others = {**{k: scope[k] for k in self.others}, **made}
        self.names = {k: v for k, v in values.items() if k not in made}
        return None

    def load(self) -> str:
        box, table, items = (self.others[k] for k in ("box", "d", "l"))
        places = [f"box.{k}" for k in vars(box)] + [f"d[{k!r}]" for k in table] + [f"l[{k}]" for k in range(-1, len(items) - 1)]
        places += ["G0", "G1", "G2", f"d.get({self.choices.pick('kz')!r}, 3)"]
        return f"{self.fresh()} = {self.choices.pick(places)}"

    def store(self) -> str:
        c, name = self.choices, self.choices.pick(list(self.names))
        key = c.pick(("k", "s", "new", "z"))
        return c.pick((f"d[{key!r}] = {name}", f"box.{key} = {name}", f"l.append({name})", f"l[0] = {name}",
                       f"l.insert(0, {name})", f"d.update(z={name})", f"G0 = {name}", f"G1 = G1 + {c.integer(0, 1)}",
                       f"box.n += {c.integer(0, 2)}", f"box.x = box.x + {self.expressions.scalar()}", f"l.extend([{name}, 1])",
                       f"d.setdefault({key!r}, {name})", f"setattr(box, {key!r}, {name})"))

    def change(self) -> str:
        """A container changes, or an array in it in place."""
        c, s = self.choices, self.expressions.scalar()
        return c.pick(("l.reverse()", "l.pop()", "l[0], l[-1] = l[-1], l[0]", "del d['s']", f"{self.fresh()} = d.pop('k')",
                       f"box.x += {s}", f"d['k'] *= {s}", f"l[0] -= {s}", f"G0 = G0 * {s}", "l[1:] = [1]",
                       f"box.x[...] = {s}", f"d['k'][0] = {s}", f"G0[0] = {s}", f"{self.fresh()} = l.pop(0)", "l *= 2",
                       "d.clear()"))

    def helper(self) -> str:
        functions = [k for k, v in self.others.items() if callable(v)]
        if not functions or self.choices.chance(40):
            self.counter += 1
            return self.choices.pick(HELPERS).format(h=f"h{self.counter}", s=self.expressions.scalar())
        h, name = self.choices.pick(functions), self.choices.pick(list(self.names))
        more = self.choices.pick(("", "", ", 3", ", k=2", ", *l", ", y=2"))
        both = f"{self.fresh()}, {self.fresh()}" if self.choices.chance(40) else self.fresh()
        return f"{both} = {h}({name}{more})"

    STATEMENTS = ((Generator.assign_new, 25), (load, 14), (store, 14), (change, 10), (helper, 10), (Generator.view, 7),
                  (Generator.write_index, 7), (Generator.write_whole, 6), (Generator.write_mask, 3), (Generator.effect, 4))

    def program(self, length: int) -> Program:
        program = super().program(length)
        signature = [f"a{k}" for k in range(len(self.arguments))]
        positional = self.choices.integer(0, len(signature))
        parameters = ", ".join([*signature[:positional], "box", "d", "l", "*", *signature[positional:], "unused=1"])
        body, _, names = program.source.partition("):\n")[2].rpartition("    return ")
        names = names.strip()
        shown = self.choices.pick((names, f"{{'r': ({names},), 'l': l}}", f"[d, box, {names}]", f"box.x, box, l, {names}",
                                   f"(l, d['k']), {names}", f"G1, {names}"))
        source = f"{HEAD}def f({parameters}):\n    global G0, G1, G2\n{body}    return {shown}\n"
        self.features.update({"outside:" + k: 1 for k in ("box.", "d[", "l[", "G0", "def h", "lambda") if k in source})
        return Program(source, (*self.arguments[:positional], *self.outside, *self.arguments[positional:]), self.features)


def other_arguments(choices: SeededChoices, rng: np.random.Generator, arguments: tuple, frozen: bool) -> tuple:
    """Arguments of the same structure, with some arrays of other values, dtypes or layouts; frozen: some of them read-only."""
    changed: dict[int, object] = {}

    def change(x: object) -> object:
        if id(x) not in changed:
            changed[id(x)] = new(x)
        return changed[id(x)]

    def new(x: object) -> object:
        if isinstance(x, Box):
            return Box(**{k: change(v) for k, v in vars(x).items()})
        if isinstance(x, dict):
            return {k: change(v) for k, v in x.items()}
        if isinstance(x, list):
            return [change(v) for v in x]
        if isinstance(x, np.ndarray) and choices.chance(60):
            dtype = np.dtype(choices.pick(inputs.COMMON)) if choices.chance(30) else x.dtype
            if not choices.chance(40):
                return inputs.values(rng, dtype, x.shape, False)
            made = inputs.layout(choices, rng, dtype, x.shape, choices.chance(20))
            return made if made.flags.writeable or frozen else made.copy("K")
        return x + 1 if type(x) in (int, float) and choices.chance(30) else x

    return tuple(change(a) for a in arguments)


def make_outside_program(seed: int) -> tuple[Program, list[tuple]]:
    """The program of a seed, and the arguments of its calls."""
    choices = SeededChoices(seed)
    program = OutsideGenerator(choices, seed).program(choices.integer(3, 16))
    rng = np.random.default_rng(seed + 1)
    sets = [program.arguments, program.arguments]
    while len(sets) < CALLS:
        # NumPy's ufunc.at writes into read-only arrays; compiled code refuses.
        sets.append(other_arguments(choices, rng, program.arguments, ".at(" not in program.source))
    return program, sets


def caller(function: Callable, arguments: tuple) -> Callable:
    """Calls `function` with what follows the list by keyword."""
    count = next(k for k, a in enumerate(arguments) if isinstance(a, list)) + 1
    return lambda *given: function(*given[:count], **{f"a{count - 3 + k}": a for k, a in enumerate(given[count:])})


def check_outside_seed(seed: int, jit: Callable) -> tuple[str | None, Program]:
    """What differs in one of the calls, if anything, and the program."""
    program, sets = make_outside_program(seed)
    plain = caller(define(program.source, f"<fuzz {seed}>"), program.arguments)
    compiled = caller(jit(define(program.source, f"<fuzz {seed}>")), program.arguments)
    for k, arguments in enumerate(sets):
        def make(arguments: tuple = arguments) -> tuple:
            return copy_arguments(arguments)

        want, got = observe(plain, make), observe(compiled, make)
        problem = difference(got, want)
        if problem is None and want.error is None:
            continue
        if problem is None:
            return None, program  # what the globals hold now may be any prefix of the program's effects
        problem = explained(got, want, _replayed(program, sets[:k + 1]))
        if problem is not None:
            return f"call {k}: {problem}", program
        return None, program  # rounding moved the state: the calls that follow tell nothing
    return None, program


def _replayed(program: Program, sets: list[tuple]) -> list[Observation]:
    """What the last of these calls gives in perturbed variants of the program."""
    out = []
    for f in perturbed_functions(program.source, "f", {"np": np}):
        for arguments in sets:
            last = observe(caller(f, program.arguments), lambda arguments=arguments: copy_arguments(arguments))
        out.append(last)
    return out
