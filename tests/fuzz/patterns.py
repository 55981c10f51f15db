"""Idioms of programs with control flow, as text over the variables at hand: buffers that change places, lists that grow, state in
dicts and enclosing functions, recurrences of Python numbers, slices cut by a loop, returns from loops.

Each is a function of the generator that returns lines, or nothing where the variables do not fit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.fuzz.control import ControlGenerator

INDENT = "    "


def ping_pong(g: ControlGenerator) -> list[str]:
    arrays = g.arrays(lambda x: x.size > 0 and x.dtype.kind == "f" and x.flags.writeable)
    pairs = [(a, b) for a in arrays for b in arrays if a != b and g.names[a].shape == g.names[b].shape
             and g.names[a].dtype == g.names[b].dtype]
    if not pairs:
        return []
    a, b = g.choices.pick(pairs)
    i = counter(g)
    update = g.choices.pick((f"{b}[...] = {a} * 0.5", f"{b}[0] = {a}[-1]", f"{b} += {a}", f"{b} = {a} * 0.5 + {b}"))
    lines = [f"for {i} in range({g.choices.integer(1, 5)}):", f"{INDENT}{update}", f"{INDENT}{a}, {b} = {b}, {a}"]
    if g.choices.chance(30):
        lines.insert(2, f"{INDENT}if {g.condition()}:\n{INDENT * 2}break")
    return lines


def growing_list(g: ControlGenerator) -> list[str]:
    name, i = g.fresh(), counter(g)
    item = element(g, i)
    after = g.choices.pick((f"{g.fresh()} = np.array({name})", f"{g.fresh()} = sum({name})", f"{g.fresh()} = len({name})",
                            f"{g.fresh()} = {name}[-1]", f"{name}[0] = {name}[-1]"))
    return [f"{name} = []", f"for {i} in range({g.choices.integer(1, 5)}):", f"{INDENT}{name}.append({item})", after]


def state_in_a_dict(g: ControlGenerator) -> list[str]:
    name, i = g.fresh(), counter(g)
    start = g.choices.pick(("0", "0.0", "None", "1"))
    item = element(g, i)
    update = g.choices.pick((f'{name}["s"] = {item}', f'{name}["n"] = max({name}["n"], {item})', f'{name}["n"] -= {item}'))
    return [f'{name} = {{"n": 0, "s": {start}}}', f"for {i} in range({g.choices.integer(1, 5)}):",
            f"{INDENT}if {g.condition()}:\n{INDENT * 2}{update}", f'{INDENT}{name}["n"] += 1']


def enclosing_function(g: ControlGenerator) -> list[str]:
    name, step, i = g.fresh(), f"step{g.counter}", counter(g)
    item = element(g, "k")
    return [f"{name} = {g.choices.pick(('0', '0.0', '1'))}", f"def {step}(k):", f"{INDENT}nonlocal {name}",
            f"{INDENT}if {item} > 0:\n{INDENT * 2}{name} += {item}", f"{INDENT}else:\n{INDENT * 2}{name} = {name} - 1",
            f"{INDENT}return k", f"for {i} in range({g.choices.integer(1, 5)}):", f"{INDENT}{step}({i})"]


def recurrence(g: ControlGenerator) -> list[str]:
    """Python numbers through a loop."""
    name, i = g.fresh(), counter(g)
    numbers = [n for n, v in g.names.items() if type(v) in (int, float, bool)]
    start = g.choices.pick([*numbers, "1", "7", "2.5", "True"])
    update = g.choices.pick((
        f"{name} // 2 + {i}", f"{name} % 5 - {i}", f"({name} * 3 + 1) % 17", f"abs({name}) ** 2 % 11", f"min({name}, {i}) + 1",
        f"max({name}, 2.5)", f"divmod({name}, 3)[{i} % 2]", f"round({name} * 0.7)", f"int({name}) + 1", f"float({name}) * 0.5",
        f"bool({name}) + {i}", f"-{name} if {name} > {i} else {name} + 1", f"{name} * 2 ** {i}", f"abs({name} - {i})",
        f"{name} and {i}", f"{name} or {i}", f"({name} > 2) + ({name} < {i})"))
    return [f"{name} = {start}", f"for {i} in range({g.choices.integer(1, 6)}):", f"{INDENT}{name} = {update}"]


def cut_by_the_loop(g: ControlGenerator) -> list[str]:
    """Products and reductions of parts whose size moves with the loop."""
    arrays = g.arrays(lambda x: x.ndim == 2 and min(x.shape) > 1 and x.dtype.kind in "if" and x.flags.writeable)
    if not arrays:
        return []
    a, b = g.choices.pick(arrays), g.choices.pick(arrays)
    n = min(*g.names[a].shape, *g.names[b].shape, 6)
    i = counter(g)
    line = g.choices.pick((
        f"{a}[{i}, {i}] -= {a}[{i}, :{i}] @ {b}[:{i}, {i}]", f"{a}[{i}, :{i}] *= {b}[{i}, :{i}][::-1]",
        f"{a}[:{i}, 0] += {b}[{i}, :{i}]", f"{a}[0, {i}] = {b}[{i}:].sum()", f"{a}[{i}, 0] = {b}[{i}, :{i} + 1].max()",
        f"{a}[{i}:, {i}:] -= {b}[{i}, {i}]", f"{a}[{i}] = {b}[:, {i}][:{a}.shape[1]].mean()"))
    return [f"for {i} in range({n}):", f"{INDENT}{line}"]


def walk(g: ControlGenerator) -> list[str]:
    """Loops over arrays by zip, enumerate from a start, reversed."""
    arrays = g.arrays(lambda x: x.ndim == 1 and 0 < x.size <= 40 and x.dtype.kind in "if")
    if not arrays:
        return []
    a, b = g.choices.pick(arrays), g.choices.pick(arrays)
    s, i, x, y = g.fresh(), counter(g), f"x{g.counter}", f"y{g.counter}"
    head, value = g.choices.pick(((f"for {x}, {y} in zip({a}, {b}):", f"{x} * {y}"), (f"for {x} in reversed({a}):", x),
                                  (f"for {i}, {x} in enumerate({a}, {g.choices.integer(1, 3)}):", f"{x} * {i}"),
                                  (f"for {i}, ({x}, {y}) in enumerate(zip({a}, {b})):", f"{x} - {y} * {i}")))
    lines = [f"{s} = 0", head, f"{INDENT}{s} += {value}"]
    if g.choices.chance(40):
        lines.append(f"{INDENT}if {s} > 3:\n{INDENT * 2}{g.choices.pick(('break', 'continue', f'return {s}'))}")
    if g.choices.chance(30):
        lines += ["else:", f"{INDENT}{s} = -1"]
    return lines


def one_of_two(g: ControlGenerator) -> list[str]:
    """A name for one of two arrays, written through."""
    arrays = g.arrays(lambda x: x.size > 0 and x.ndim > 0 and x.flags.writeable)
    if len(arrays) < 2:
        return []
    a, b = g.choices.pick(arrays), g.choices.pick(arrays)
    y = g.fresh()
    write = g.choices.pick((f"{y}[0] = 1", f"{y} += 1", f"{y}[...] = {y} * 2", f"{y}[-1] += {b}.sum() > 0"))
    return [f"{y} = {a} if {g.condition()} else {b}", write]


def best_so_far(g: ControlGenerator) -> list[str]:
    best, i = g.fresh(), counter(g)
    item = element(g, i)
    start = g.choices.pick(("None", "0", "-1", "0.0"))
    test = f"{best} is None or {item} > {best}" if start == "None" else f"{item} > {best}"
    lines = [f"{best} = {start}", f"for {i} in range({g.choices.integer(1, 5)}):", f"{INDENT}if {test}:",
             f"{INDENT * 2}{best}, at{i} = {item}, {i}"]
    if g.choices.chance(30):
        lines.append(f"{INDENT}elif {item} == 3:\n{INDENT * 2}return {best}")
    return lines


def counter(g: ControlGenerator) -> str:
    g.counter += 1
    return f"i{g.counter}"


def element(g: ControlGenerator, i: str) -> str:
    """An element that moves with `i`, or a number."""
    arrays = g.arrays(lambda x: x.size > 0 and x.ndim > 0 and x.dtype.kind in "bif")
    if not arrays or g.choices.chance(15):
        return g.choices.pick((f"{i} * 2", f"{i} * 0.5", "1"))
    a = g.choices.pick(arrays)
    shape: tuple[Any, ...] = g.names[a].shape  # type: ignore[attr-defined]
    return f"{a}[{', '.join(f'{i} % {n}' for n in shape)}]"


PATTERNS: tuple[Callable[[ControlGenerator], list[str]], ...] = (
    ping_pong, growing_list, state_in_a_dict, enclosing_function, recurrence, recurrence, cut_by_the_loop,
    walk, one_of_two, best_so_far)
