"""Generated programs with loops and branches: for, while, if, break, continue, early return, slices that move with a loop.

A compound statement is written as text with the variables bound as they are in its first pass, then run as a whole on
copies of the live values; if NumPy rejects it on a later pass, it is dropped.
"""

from __future__ import annotations

import warnings

import numpy as np

from tests.comparator import copy_arguments
from tests.fuzz.generate import Generator, StopProgram
from tests.fuzz.patterns import PATTERNS

INDENT = "    "


class ControlGenerator(Generator):
    """Like `Generator`, with compound statements. `loops` are the loop variables in scope, innermost last."""

    def __init__(self, choices, seed: int) -> None:
        super().__init__(choices, seed)
        self.loops: list[str] = []
        self.in_loop = False
        # How many bodies are being written, and whether the last statement has returned.
        self.nesting = 0
        self.returned = False

    # -- pieces

    def loop_index(self, n: int) -> str | None:
        """An index text that moves with a loop variable and is in range now (for an axis of extent n)."""
        if not self.loops or n == 0:
            return None
        i = self.choices.pick(self.loops)
        value = self.names.get(i)
        if not isinstance(value, int) or isinstance(value, bool):
            return None
        forms = [f"{i}", f"{i} - 1", f"{i} + 1", f"-{i} - 1", f"{n} - 1 - {i}", f"{i} % {n}", f":{i}", f"{i}:", f":{i} + 1",
                 f"{i} + 1:", f"1:{i}", f"{i}:{i} + 2", f":-{i} - 1"]
        return self.choices.pick(forms)

    def index(self, shape: tuple[int, ...], advanced: bool) -> str:
        if self.loops and self.choices.chance(75) and shape:
            parts = [self.loop_index(n) or ":" if self.choices.chance(75) else self.expressions.axis_index(n, False)
                     for n in shape[:self.choices.integer(1, len(shape))]]
            self.features["index:moving"] += 1
            return ", ".join(parts)
        return super().index(shape, advanced)

    def condition(self) -> str:
        c = self.choices
        arrays = self.arrays(lambda x: x.size > 0 and x.dtype.kind in "biuf")
        forms = []
        if arrays:
            name = c.pick(arrays)
            x = self.names[name]
            at = ", ".join(self._element(n) for n in x.shape)
            element = f"{name}[{at}]" if x.ndim else f"{name}[()]"
            forms += [f"{element} {c.pick(('>', '<', '>=', '!='))} {c.pick(('0', '0.5', '-1', '2'))}", f"{name}.sum() > 0",
                      f"0 < {element} <= 2", f"{element} > 0 and {element} < 2", f"not {element} > 1", f"np.any({name} > 1)"]
        scalars = [n for n, v in self.names.items() if isinstance(v, int | float) and not isinstance(v, bool)]
        if scalars:
            s = c.pick(scalars)
            forms += [f"{s} > {c.pick(('0', '1', '2'))}", f"{s} % 2 == 0", f"{s} < 3 or {s} > 5"]
        return c.pick(forms) if forms else "True"

    def _element(self, n: int) -> str:
        return self.choices.pick([*[f"{i} % {n}" for i in self.loops], str(self.choices.integer(0, n - 1))])

    def accumulate(self) -> str:
        """A scalar carried through a loop."""
        floats = [n for n, v in self.names.items() if isinstance(v, int | float) and n not in self.loops]
        arrays = self.arrays(lambda x: x.size > 0)
        if not floats or not arrays:
            return self.assign_new()
        name, a = self.choices.pick(floats), self.choices.pick(arrays)
        at = ", ".join(self._element(n) for n in self.names[a].shape) or "()"
        self.features["carry:scalar"] += 1
        return self.choices.pick((f"{name} += 1", f"{name} = {name} * 0.5 + {a}[{at}]", f"{name} = max({name}, {a}[{at}])",
                                  f"{name} = {a}[{at}]", f"{name} -= 2", f"{name} += {a}[{at}]"))

    def element_write(self) -> str:
        arrays = self.arrays(lambda x: x.size > 0 and x.flags.writeable)
        if not arrays:
            return self.assign_new()
        a, b = self.choices.pick(arrays), self.choices.pick(arrays)
        x, y = self.names[a], self.names[b]
        to, source = (", ".join(self._element(n) for n in z.shape) or "()" for z in (x, y))
        self.features["write:element"] += 1
        return f"{a}[{to}] {self.choices.pick(('=', '+=', '-=', '*='))} {b}[{source}] {self.choices.pick(('+ 1', '* 0.5', ''))}"

    def acceptable(self, value: object) -> bool:
        if isinstance(value, dict):
            return all(map(self.acceptable, value.values()))
        if isinstance(value, list | tuple):
            return len(value) < 20 and all(map(self.acceptable, value))
        return value is None or super().acceptable(value)

    def attempt(self, line: str) -> Exception | None:
        """Statements that need a function around them run in one."""
        if "nonlocal " not in line and "return " not in line:
            return super().attempt(line)
        body = "".join(f"{INDENT}{part}\n" for part in line.splitlines())
        scope = {"np": np}
        names = list(self.names)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                exec(f"def run({', '.join(names)}):\n{body}{INDENT}return ended, locals()\n", {**scope, "ended": scope}, scope)
                result = scope["run"](*self.names.values())  # type: ignore[operator]
            except Exception as e:  # NumPy's verdict on the statement
                return e
        if not (isinstance(result, tuple) and result and result[0] is scope):
            self.returned = True
            return None if not self.nesting else OverflowError("returns too early")
        new = {k: v for k, v in result[1].items() if not callable(v) and not k.startswith("__")}
        if not all(map(self.acceptable, new.values())):
            return OverflowError("too large")
        self.names = new
        return None

    # -- compound statements

    def body(self, depth: int, allow_jump: bool) -> list[str]:
        """Statements tried one by one in the environment of the first pass."""
        self.nesting += 1
        lines = self._body(depth, allow_jump)
        self.nesting -= 1
        return lines

    def _body(self, depth: int, allow_jump: bool) -> list[str]:
        lines: list[str] = []
        for _ in range(self.choices.integer(1, 4)):
            if depth and self.choices.chance(25):
                inner = self.compound(depth - 1)
                if inner:
                    lines += inner
                continue
            make = self.choices.pick((self.accumulate, self.element_write, self.write_index, self.assign_new, self.write_whole,
                                      self.element_write))
            if make in (self.write_index, self.write_whole) and not self.arrays():
                continue
            line = make()
            if self.attempt(line) is None:
                lines.append(line)
        if allow_jump and self.choices.chance(30):
            jump = self.choices.pick(("break", "continue", "break"))
            self.features["jump:" + jump] += 1
            lines.insert(self.choices.integer(0, len(lines)), f"if {self.condition()}:\n{INDENT}{jump}")
        return lines or ["pass"]

    def header(self) -> tuple[str, dict]:
        c = self.choices
        i = f"i{len(self.loops)}_{self.counter}"
        self.counter += 1
        ints = [n for n, v in self.names.items() if type(v) is int and 0 <= v < 9 and n not in self.loops]
        arrays = self.arrays(lambda x: x.ndim > 0 and 0 < x.shape[0] <= 8)
        forms = [(f"for {i} in range({c.integer(1, 6)}):", {i: 0}), (f"for {i} in range(1, {c.integer(2, 6)}):", {i: 1}),
                 (f"for {i} in range({c.integer(3, 6)}, 0, -1):", None), (f"for {i} in range(0, 7, 2):", {i: 0})]
        if ints:
            forms += [(f"for {i} in range({c.pick(ints)}):", {i: 0})] * 2
        if self.loops:
            forms += [(f"for {i} in range({self.loops[-1]}):", {i: 0}), (f"for {i} in range({self.loops[-1]}, 5):", None)]
        if arrays:
            a = c.pick(arrays)
            forms += [(f"for {i} in range(len({a})):", {i: 0}), (f"for {i} in range({a}.shape[0]):", {i: 0}),
                      (f"for {i}, e{i} in enumerate({a}):", {i: 0, f"e{i}": self.names[a][0]}),
                      (f"for e{i} in {a}:", {f"e{i}": self.names[a][0]})]
        text, bound = c.pick(forms)
        if bound is None:
            first = text.split("range(")[1].split(",")[0]
            bound = {i: int(self.names.get(first, first if first.lstrip("-").isdigit() else 0))}
        return text, bound

    def loop(self, depth: int) -> list[str]:
        if self.choices.chance(20):
            return self.while_loop(depth)
        text, bound = self.header()
        self.features["loop:" + ("nested" if self.loops else "for")] += 1
        self.names.update(bound)
        counters = [n for n, v in bound.items() if type(v) is int]
        self.loops += counters
        lines = self.body(depth, True)
        del self.loops[len(self.loops) - len(counters):]
        out = [text, *indented(lines)]
        if self.choices.chance(8):
            out += ["else:", *indented([f"{self.fresh()} = {self.choices.pick(('1.5', '0'))}"])]
        return out

    def while_loop(self, depth: int) -> list[str]:
        k = f"k{self.counter}"
        self.counter += 1
        self.features["loop:while"] += 1
        self.names[k] = 0
        self.loops.append(k)
        # The counter moves first, so that a `continue` cannot make the loop endless.
        lines = [f"{k} += 1", *self.body(depth, True)]
        self.loops.pop()
        test = f"{k} < {self.choices.integer(1, 6)}"
        if self.choices.chance(40):
            test += f" and ({self.condition()})"
        return [f"{k} = 0", f"while {test}:", *indented(lines)]

    def branch(self, depth: int) -> list[str]:
        self.features["branch"] += 1
        lines = [f"if {self.condition()}:", *indented(self.body(depth, False))]
        if self.choices.chance(30):
            lines += [f"elif {self.condition()}:", *indented(self.body(depth, False))]
        if self.choices.chance(60):
            lines += ["else:", *indented(self.body(depth, False))]
        return lines

    def pattern(self, depth: int) -> list[str]:
        """One of the idioms of `patterns`."""
        make = self.choices.pick(PATTERNS)
        self.features["pattern:" + make.__name__] += 1
        return make(self)

    def compound(self, depth: int) -> list[str]:
        """A compound statement that NumPy accepts from here on, or nothing. The live values are left as it leaves them."""
        names, features, loops = self.names, self.features.copy(), list(self.loops)
        for _ in range(4):
            self.names = dict(zip(names, copy_arguments(tuple(names.values()))))
            self.features, self.returned = features.copy(), False
            lines = self.choices.pick((self.loop, self.loop, self.branch, self.pattern))(depth)
            self.loops = list(loops)
            self.names = dict(zip(names, copy_arguments(tuple(names.values()))))
            if lines and self.attempt("\n".join(lines)) is None and sum(len(x.splitlines()) for x in lines) < 40:
                return lines
        self.names, self.features = names, features
        return []

    def statement(self) -> None:
        if self.choices.chance(45):
            self.returned = False
            self.lines += self.compound(self.choices.integer(0, 2))
            if self.returned:
                raise StopProgram
        elif self.choices.chance(12) and self.lines:
            self.early_return()
        elif self.choices.chance(20):
            line = f"{self.fresh()} = {self.choices.pick(('0.0', '0', '1', '1.0', '2.5'))}"
            self.attempt(line)
            self.lines.append(line)
        else:
            super().statement()

    def early_return(self) -> None:
        condition = self.condition()
        scope = {"np": np, **self.names}
        try:
            taken = bool(eval(condition, scope))
        except Exception:  # the condition is not usable here
            return
        # The same variables as at the end, so that both returns have one structure, are not known yet: return a scalar pair.
        self.features["early return"] += 1
        self.lines += [f"if {condition}:", f"{INDENT}return {self.choices.pick(list(self.names))}"]
        if taken:
            raise StopProgram


def indented(lines: list[str]) -> list[str]:
    return [INDENT + part for line in lines for part in line.splitlines()]
