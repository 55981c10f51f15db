"""Two versions of a loop:  for i: if i + k is outside: raise; A(i)   ->   if all are in range: for i: A(i) else: as before

Before: a loop that tests indices, or sums of integers, in its trips.  After: one test of the ends that these reach over all
trips, then a loop without tests, which may run in vectors, on threads or as a wavefront; and the loop as it was for when the
test fails, which raises in the trip where it must, with what the trips before have stored.  The test in front is a guess of
what suffices: a test in the trips is dropped only where the ranges, given that condition, prove that it cannot fail.  Done
where the loop without tests is one that a later pass makes better.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator

from ...ir.expr import Expr, const, nodes, op, var
from ...ir.linear import Linear
from ...ir.loops import For, If, Let, LoopFunction, Raise, Stmt, Yielded, bodies, walk
from ...ir.ranges import Ranges, after, function_ranges, inside, is_stable
from ..proofs import decided, refuted
from .cloning import can_clone, clone
from .names import bound_names, taken_names
from .nests import rewrite_bodies, rewrite_loops
from .parallel import is_independent
from .rewriting import loads_in
from .skew import is_wavefront

MAX_STATEMENTS = 60
MAX_TESTS = 12
# Numbers and factors within which no sum of a few of them leaves 64 bits.
MODERATE, MAX_FACTOR = 1 << 40, 1 << 16


def version(function: LoopFunction) -> LoopFunction:
    taken = taken_names(function)
    suffixes = (x for x in (f"_free{k}" for k in itertools.count()) if not any(n.endswith(x) for n in taken))
    _version(function.body, function_ranges(function), suffixes)
    return function


def _version(body: list[Stmt], ranges: Ranges, suffixes: Iterator[str]) -> None:
    """Outer loops first: what is in a loop that has two versions stays as it is."""
    for k, s in enumerate(body):
        made = _both(s, ranges, suffixes) if isinstance(s, For) else None
        if made is None:
            for inner, known in zip(bodies(s), inside(s, ranges), strict=True):
                _version(inner, known, suffixes)
        else:
            body[k] = made
        ranges = after(body[k], ranges)


def _both(loop: For, ranges: Ranges, suffixes: Iterator[str]) -> If | None:
    inner = list(walk([loop]))
    if len(inner) > MAX_STATEMENTS or not any(map(_is_test, inner)) or not can_clone([loop], raising=True):
        return None
    condition = _condition(loop, ranges)
    if condition is None:
        return None
    suffix = next(suffixes)
    free = clone([loop], {}, suffix)
    known = ranges.with_condition(condition)
    rewrite_bodies(free, known, _prove)
    if any(isinstance(s, Raise) for s in walk(free)) or not _pays(free, known):
        return None
    yields = []
    for c in loop.carried:
        if c.result:
            yields.append(Yielded(c.result, var(c.result + suffix, c.dtype), var(c.result + suffix + "_tested", c.dtype)))
            c.result += suffix + "_tested"
    return If(condition, free, [loop], yields, loop.loc)


def _is_test(s: Stmt) -> bool:
    return isinstance(s, If) and len(s.then) == 1 and isinstance(s.then[0], Raise) and not s.other and not s.yields


def _prove(body: list[Stmt], k: int, ranges: Ranges) -> int:
    s = body[k]
    if isinstance(s, If) and _is_test(s) and refuted(s.cond, ranges):
        del body[k]
        return 0
    if isinstance(s, Let):
        s.value = decided(s.value, ranges)
    return 1


def _pays(free: list[Stmt], ranges: Ranges) -> bool:
    """Is there a loop that can run in vectors or as a wavefront?"""
    found = []

    def visit(s: For, known: Ranges) -> None:
        if is_independent(s, known) or is_wavefront(s, known):
            found.append(s)

    rewrite_loops(free, ranges, visit)
    return bool(found)


def _condition(loop: For, ranges: Ranges) -> Expr | None:
    """What to ask before the loop so that, as far as can be guessed, no test in it fails."""
    ends = _Ends(frozenset(bound_names([loop])), ranges)
    ends.collect([loop], ranges, [])
    tests = None if ends.failed else ends.tests()
    return functools.reduce(lambda a, b: op("and", a, b), tests) if tests else None


class _Ends:
    """The forms that must not be negative, at the ends of the loops, and the values that must be moderate."""

    def __init__(self, bound: frozenset[str], ranges: Ranges) -> None:
        self.failed = False
        self._bound, self._before = bound, ranges
        # By their terms, the form with the least constant.
        self._forms: dict[tuple[tuple[str, int], ...], Linear] = {}
        self._values: dict[str, Expr] = {}

    def collect(self, body: list[Stmt], ranges: Ranges, loops: list[tuple[For, Ranges]]) -> None:
        for s in body:
            if isinstance(s, If) and _is_test(s):
                for form, is_index in _demands(s.cond, ranges):
                    self._add(form, is_index, loops)
            around = [*loops, (s, ranges)] if isinstance(s, For) else loops
            for inner, known in zip(bodies(s), inside(s, ranges), strict=True):
                self.collect(inner, known, around)
            ranges = after(s, ranges)

    def _add(self, form: Linear, is_index: bool, loops: list[tuple[For, Ranges]]) -> None:
        for sign in (1,) if is_index else (1, -1):
            least = form.scaled(sign)
            for loop, ranges in reversed(loops):
                factor = least.terms.get(loop.var, 0)
                if factor:
                    first, last = ranges.linear(loop.lo), ranges.linear(loop.hi) - (1 if loop.step > 0 else -1)
                    least = least.replaced(loop.var, first if (factor > 0) == (loop.step > 0) else last)
            if not all(self._is_known(least.atoms[a]) and abs(f) <= MAX_FACTOR for a, f in least.terms.items()):
                self.failed = True
                return
            for a in least.terms:
                self._values[a] = least.atoms[a]
            key = tuple(sorted(least.terms.items()))
            if is_index and (key not in self._forms or least.constant < self._forms[key].constant):
                self._forms[key] = least

    def _is_known(self, e: Expr) -> bool:
        """Is it a value of before the loop, and if it is loaded, surely from inside of its array?"""
        return e.kind in ("var", "load") and not e.variables & self._bound and is_stable(e) and all(
            self._before.access_in_range(x.args, x.payload.dims) for x in loads_in(e))  # type: ignore[attr-defined]

    def tests(self) -> list[Expr] | None:
        out = []
        for value in self._values.values():
            lo, hi = self._before.interval(value)
            if lo is None or lo < -MODERATE:
                out.append(value >= -MODERATE)
            if hi is None or hi > MODERATE:
                out.append(value <= MODERATE)
        for form in self._forms.values():
            if form.is_constant and form.constant < 0:
                return None
            if not self._before.is_nonnegative(form):
                out.append(_expression(form) >= 0)
        return out if len(out) <= MAX_TESTS else None


def _demands(condition: Expr, ranges: Ranges) -> list[tuple[Linear, bool]]:
    """What must not be negative, so that a test does not fail; or, of a test that a sum leaves 64 bits, what must be moderate.

    An index is asked not to be negative, which spares counting from the end.
    """
    if condition.payload == "or" and all(e.payload in ("lt", "ge") and e.args[0].dtype == "i64" for e in condition.args):
        below, above = condition.args
        if below.args[0] is above.args[0]:
            at = ranges.linear(above.args[0])
            return [(at, True), (ranges.linear(above.args[1]) - at - 1, True)]
    return [(ranges.linear(e), False) for e in nodes([condition]) if e.kind == "op" and e.payload in ("add", "sub", "mul")]


def _expression(form: Linear) -> Expr:
    total = const(form.constant)
    for atom, factor in form.terms.items():
        total = total + form.atoms[atom] * factor
    return total
