"""Makes random straight-line NumPy programs.

The generator runs what it writes: every statement is tried on live values as it is chosen, so shapes and dtypes are always
known and a statement that NumPy rejects is dropped (or, now and then, kept as the last one, to compare exceptions).
`Program.source` is plain NumPy; `Program.arguments` are the values to call it with; `features` says what it exercises.
"""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from tests.comparator import copy_arguments
from tests.fuzz import inputs
from tests.fuzz.calls import EFFECTS
from tests.fuzz.expressions import Expressions

MAX_ELEMENTS = 5000


@dataclass
class Program:
    source: str
    arguments: tuple
    features: Counter = field(default_factory=Counter)


class Generator:
    """Builds one program. `names` maps the variables in scope to their live values."""

    def __init__(self, choices, seed: int) -> None:
        self.choices = choices
        self.arguments = tuple(inputs.arguments(choices, seed))
        live = copy_arguments(self.arguments)
        self.names: dict[str, object] = {f"a{k}": v for k, v in enumerate(live)}
        self.lines: list[str] = []
        self.features: Counter = Counter()
        self.counter = 0
        self.expressions = Expressions(choices, self)

    # -- the live environment

    def arrays(self, test=lambda x: True) -> list[str]:
        return [n for n, v in self.names.items() if isinstance(v, np.ndarray) and test(v)]

    def fresh(self) -> str:
        self.counter += 1
        return f"v{self.counter}"

    def acceptable(self, value: object) -> bool:
        if isinstance(value, np.ndarray):
            return value.size <= MAX_ELEMENTS and value.ndim <= 5 and value.dtype.kind in "biufc" \
                and value.dtype.itemsize <= 16 and value.dtype not in (np.dtype("longdouble"), np.dtype("clongdouble"))
        return isinstance(value, np.generic | int | float | complex | bool) and not (
            isinstance(value, int) and abs(value) > 2**31)

    def attempt(self, line: str) -> Exception | None:
        """Run one line on the live values; None if it worked."""
        scope = {"np": np, **self.names}
        before = set(scope)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                exec(line, scope)
            except Exception as e:  # NumPy's verdict on the statement
                return e
        new = {k: v for k, v in scope.items() if k not in before and not k.startswith("__")}
        changed = {k: scope[k] for k in self.names}
        if not all(self.acceptable(v) for v in (*new.values(), *changed.values())):
            return OverflowError("too large")
        self.names = {**changed, **new}
        return None

    # -- statements

    def index(self, shape: tuple[int, ...], advanced: bool) -> str:
        return self.expressions.index(shape, advanced)

    def assign_new(self) -> str:
        return f"{self.fresh()} = {self.expressions.expression()}"

    def rebind(self) -> str:
        name = self.choices.pick(list(self.names))
        return f"{name} = {self.expressions.expression()}"

    def write_index(self) -> str:
        name = self.choices.pick(self.arrays())
        x = self.names[name]
        self.features["write:" + ("0-d" if x.ndim == 0 else "index")] += 1
        operator = self.choices.pick(("=", "=", "=", "+=", "-=", "*=", "/=", "//=", "|=", "&="))
        return f"{name}[{self.index(x.shape, self.choices.chance(25))}] {operator} {self.expressions.expression()}"

    def write_whole(self) -> str:
        name = self.choices.pick(self.arrays())
        operator = self.choices.pick(("+=", "-=", "*=", "/=", "**=", "//=", "%=", "^=", "<<="))
        self.features["write:in place"] += 1
        return f"{name} {operator} {self.expressions.expression()}"

    def write_mask(self) -> str:
        name = self.choices.pick(self.arrays(lambda x: x.ndim > 0))
        self.features["write:mask"] += 1
        mask = self.expressions.mask(name)
        operator = self.choices.pick(("=", "=", "+=", "*="))
        return f"{name}[{mask}] {operator} {self.expressions.scalar()}"

    def write_out(self) -> str:
        name = self.choices.pick(self.arrays())
        self.features["write:out="] += 1
        f = self.choices.pick(("add", "multiply", "subtract", "maximum", "minimum"))
        return f"np.{f}({self.expressions.operand()}, {self.expressions.operand()}, out={name})"

    def effect(self) -> str:
        """A call that writes into its operand."""
        return self.expressions.filled(self.choices.pick(EFFECTS))

    def view(self) -> str:
        name = self.choices.pick(self.arrays(lambda x: x.ndim > 0))
        x = self.names[name]
        self.features["view"] += 1
        form = self.choices.pick(("index", "index", "T", "reshape", "ravel", "swapaxes", "newaxis", "real", "diagonal"))
        text = {"T": f"{name}.T", "reshape": f"{name}.reshape(-1)", "ravel": f"{name}.ravel()", "real": f"{name}.real",
                "swapaxes": f"{name}.swapaxes(0, -1)", "newaxis": f"{name}[:, None]", "diagonal": f"np.diagonal({name})",
                "index": f"{name}[{self.index(x.shape, False)}]"}[form]
        return f"{self.fresh()} = {text}"

    STATEMENTS = ((assign_new, 38), (view, 13), (write_index, 16), (write_whole, 9), (write_mask, 5), (write_out, 5),
                  (rebind, 6), (effect, 8))

    def statement(self) -> None:
        for _ in range(6):
            roll = self.choices.integer(0, 99)
            for make, weight in self.STATEMENTS:
                roll -= weight
                if roll < 0:
                    break
            if make in (Generator.write_index, Generator.write_whole, Generator.write_out) and not self.arrays():
                continue
            if make in (Generator.write_mask, Generator.view) and not self.arrays(lambda x: x.ndim > 0):
                continue
            counted = Counter(self.features)
            line = make(self)
            error = self.attempt(line)
            if error is None:
                self.lines.append(line)
                return
            self.features = counted
            if isinstance(error, ValueError | IndexError | TypeError) and self.choices.chance(3):
                self.lines.append(line)
                self.features["raises:" + type(error).__name__] += 1
                raise StopProgram

    def program(self, length: int) -> Program:
        try:
            for _ in range(length):
                self.statement()
        except StopProgram:
            pass
        chosen = [n for n in self.names if not n.startswith("a") or self.choices.chance(25)][-6:]
        chosen = [n for n in chosen if not isinstance(self.names[n], type(np))] or list(self.names)[:1]
        parameters = ", ".join(f"a{k}" for k in range(len(self.arguments)))
        body = "".join(f"    {part}\n" for line in self.lines for part in line.splitlines())
        source = f"import numpy as np\n\n\ndef f({parameters}):\n{body}    return {', '.join(chosen)}\n"
        for a in self.arguments:
            if isinstance(a, np.ndarray):
                self.features[f"dtype:{a.dtype}"] += 1
                self.features[f"rank:{a.ndim}"] += 1
                if not a.flags.writeable:
                    self.features["argument:read-only"] += 1
                if a.size == 0:
                    self.features["argument:empty"] += 1
                if not a.flags.c_contiguous:
                    self.features["argument:strided"] += 1
            else:
                self.features[f"scalar:{type(a).__name__}"] += 1
        return Program(source, self.arguments, self.features)


class StopProgram(Exception):
    """The last statement raises: the program ends with it."""
