"""The dependence test: at which distances, if any, do two accesses of a loop nest meet in one cell?

Every index is a linear form over loop variables and opaque integers.  From "the first access in one iteration, the second
in another, same cell" follow equations, one per axis; they are solved for the distances, or refuted by divisors, by ranges,
or by a distance longer than its loop.  Loops inside the nest that only one access has (reductions) are variables like any
other.  The answer is MAY: if the accesses meet, it is at this distance.  That they DO meet, which carrying a value in a
scalar needs, is `must_meet`'s to say.  A wrong "never" is a wrong program; a "*" is only a slow one.

    for (a, b) in pairs: distance = depend(a, b, loops)   # None, or one int or "*" per loop

Start with `accesses`, which collects a body's accesses with what is known at each, then `depend`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import gcd

from .expr import Expr, substitute, var
from .linear import Linear, linear, variable
from .loops import Alloc, Buffer, Call, For, If, Let, Stmt, Store, While
from .ranges import Ranges, after, inside, is_stable, through

# The distance of the second access behind the first, in trips of each loop; "*": any.
Distance = tuple[int | str, ...]
ANY = "*"
# How many conditions are compared with each other.
MAX_FACTS = 12

# Names of the second access's own copies of the variables that may differ between the two.
_PRIME = "'"


@dataclass(frozen=True, slots=True, eq=False)
class Access:
    """One load or store and what is known of the variables where it stands; `index` is None if all may be touched."""

    buffer: Buffer
    index: tuple[Expr, ...] | None
    is_store: bool
    ranges: Ranges
    statement: Stmt

    def __repr__(self) -> str:
        return f"{'store' if self.is_store else 'load'} {self.buffer}{list(self.index) if self.index is not None else ''}"


# Collecting accesses.


def accesses(body: Sequence[Stmt], ranges: Ranges) -> list[Access]:
    """Every access in `body`, in program order, loads of a statement before its store."""
    out: list[Access] = []
    for s in body:
        _statement(s, ranges, out)
        ranges = after(s, ranges)
    return out


def _statement(s: Stmt, ranges: Ranges, out: list[Access]) -> None:
    if isinstance(s, For):
        _loads([s.lo, s.hi, *(c.init for c in s.carried)], s, ranges, out)
        inner, = inside(s, ranges)
        out += accesses(s.body, inner)
        _loads([c.next for c in s.carried if c.next is not None], s, through(s.body, inner), out)
    elif isinstance(s, While):
        _loads([c.init for c in s.carried], s, ranges, out)
        before, inner = inside(s, ranges)
        out += accesses(s.test, before)
        _loads([s.cond], s, inner, out)
        out += accesses(s.body, inner)
        _loads([c.next for c in s.carried if c.next is not None], s, through(s.body, inner), out)
    elif isinstance(s, If):
        _loads([s.cond], s, ranges, out)
        arms = (s.then, [y.then for y in s.yields]), (s.other, [y.other for y in s.yields])
        for (body, values), inner in zip(arms, inside(s, ranges), strict=True):
            out += accesses(body, inner)
            _loads(values, s, through(body, inner), out)
    elif isinstance(s, Store):
        _loads([*s.index, s.value], s, ranges, out)
        out.append(Access(s.buffer, s.index, True, ranges, s))
    elif isinstance(s, Call):
        _loads(s.scalars, s, ranges, out)
        out += [Access(b, None, False, ranges, s) for b in s.reads]
        out += [Access(b, None, True, ranges, s) for b in s.writes]
    elif isinstance(s, Let):
        _loads([s.value], s, ranges, out)
    elif isinstance(s, Alloc):
        _loads(s.buffer.dims, s, ranges, out)
    else:
        _loads(s.details, s, ranges, out)


def _loads(exprs: Sequence[Expr], s: Stmt, ranges: Ranges, out: list[Access]) -> None:
    seen: set[int] = set()

    def visit(e: Expr) -> Iterator[Access]:
        if id(e) in seen or not e.buffers:
            return
        seen.add(id(e))
        for a in e.args:
            yield from visit(a)
        if e.kind == "load":
            yield Access(e.payload, e.args, False, ranges, s)  # type: ignore[arg-type]

    for e in exprs:
        out += visit(e)


# The test.


def depend(first: Access, second: Access, loops: Sequence[str]) -> Distance | None:
    """Where `second` touches the cell that `first` touches: per loop (outermost first, all around both) the number of
    trips from first to second, or "*"; None if they never do.

    What is bound outside of the loops is the same for both; without loops, all that is around both.
    """
    if first.buffer is not second.buffer:
        return None
    free = (ANY,) * len(loops)
    if first.index is None or second.index is None:
        return free
    if any(a.is_const and b.is_const and a.payload != b.payload for a, b in zip(first.index, second.index, strict=True)):
        return None
    test = _Test(first, second, loops)
    equations = [a - b for a, b in zip(test.own, test.other, strict=True)]
    if any(test.refuted(e) for e in equations):
        return None
    values = test.solve()
    if values is None:
        return None
    distances = {v: values[v] for v in loops if v in values}
    if distances and any(test.refuted(e) for e in (test.at(e, distances) for e in equations)):
        return None
    if test.refuted_together([test.at(e, distances) for e in equations]) or test.contradictory(distances):
        return None
    return test.trips(distances)


class _Test:
    """Two accesses, the second one's variables renamed: all that is bound at or inside the outermost of `loops`."""

    def __init__(self, first: Access, second: Access, loops: Sequence[str]) -> None:
        self.loops = list(loops)
        self.first, self.second = first.ranges, second.ranges
        inner = _inside(second.ranges, loops) | _inside(first.ranges, loops) | _own(second.ranges, first.ranges)
        self.renaming = {var(n): var(n + _PRIME) for n in inner}
        self.renamed_names = inner
        self.own = [first.ranges.linear(i) for i in first.index or ()]
        self.plain = [second.ranges.linear(i) for i in second.index or ()]
        self.other = [self.renamed(f) for f in self.plain]
        self.ranges = self._both()

    def renamed(self, form: Linear) -> Linear:
        """The form in the second access's variables."""
        out = Linear(form.constant, {}, {})
        for atom, factor in form.terms.items():
            out = out.plus(_renamed_atom(form.atoms[atom], self.renaming), factor)
        return out

    def _both(self) -> Ranges:
        """What is known in both iterations together."""
        ranges = self.first.with_variables(
            (name + _PRIME, map(self.renamed, lo), map(self.renamed, hi))
            for name, (lo, hi) in self.second.bounds.items() if name in self.renamed_names)
        ranges.facts = self.first.facts + tuple(self.renamed(f) for f in self.second.facts)
        return ranges

    def refuted(self, equation: Linear) -> bool:
        """Can the form not be 0?"""
        if self.ranges.is_nonnegative(equation - 1) or self.ranges.is_nonnegative(equation.scaled(-1) - 1):
            return True
        in_steps = self._in_steps(equation)
        divisor = in_steps.divisor()
        return in_steps.constant % divisor != 0 if divisor else in_steps.constant != 0

    def _in_steps(self, form: Linear) -> Linear:
        """The form over trip numbers: a variable of a loop is its start plus a multiple of its step."""
        for _ in range(4):
            changed = False
            for atom in list(form.terms):
                name = atom.removesuffix(_PRIME)
                steps = self.second.steps if atom.endswith(_PRIME) else self.first.steps
                start, step = steps.get(name, (None, 1))
                if start is not None and form.atoms[atom].kind == "var":
                    start = self.renamed(start) if atom.endswith(_PRIME) else start
                    trip = Linear(0, {f"{atom} trips": step}, {f"{atom} trips": form.atoms[atom]})
                    form, changed = form.replaced(atom, start + trip), True
            if not changed:
                break
        return form

    def solve(self) -> dict[str, int] | None:
        """The differences of loop variables, second minus first, that the equations give; None if they contradict."""
        found: dict[str, int] = {}
        pending = [e for e in map(self._uniform, self.own, self.plain) if e is not None]
        while pending:
            later = []
            for terms, total in pending:
                unknown = {v: f for v, f in terms.items() if v not in found}
                rest = total - sum(f * found[v] for v, f in terms.items() if v in found)
                if not unknown:
                    if rest:
                        return None
                elif len(unknown) == 1:
                    ((v, f),) = unknown.items()
                    if rest % f:
                        return None
                    found[v] = rest // f
                else:
                    if rest % gcd(*unknown.values()):
                        return None
                    later.append((terms, total))
            if len(later) == len(pending):
                break
            pending = later
        return found

    def _uniform(self, own: Linear, plain: Linear) -> tuple[dict[str, int], int] | None:
        """An axis where both indexes have the same factors: sum of factor * difference == constant."""
        rest = own - plain
        varies = any(own.atoms[a].variables & self.renamed_names and a not in self.loops for a in own.terms)
        if not rest.is_constant or varies or not all(is_stable(own.atoms[a]) for a in own.terms):
            return None
        return {a: f for a, f in own.terms.items() if a in self.loops}, rest.constant

    def at(self, equation: Linear, distances: dict[str, int]) -> Linear:
        """The equation with the second access's loop variables written as the first one's plus the distance."""
        for v, d in distances.items():
            equation = equation.replaced(v + _PRIME, variable(v) + d)
        return equation

    def refuted_together(self, equations: Sequence[Linear]) -> bool:
        """Does the sum or the difference of two equations, as of A[i, j] and A[j, i], contradict the ranges?"""
        near = [self.ranges.related(e) for e in equations]
        for k, a in enumerate(equations):
            for n, b in zip(near, equations[:k], strict=False):
                if not near[k].isdisjoint(n) and (self.refuted(a + b) or self.refuted(a - b)):
                    return True
        return False

    def contradictory(self, distances: dict[str, int]) -> bool:
        """Can the conditions around the two accesses not hold together, as under `if i < 5` and its else?"""
        facts = [self.at(f, distances) for f in self.ranges.facts][:MAX_FACTS]
        sums = [*facts, *(f + g for k, f in enumerate(facts) for g in facts[:k])]
        return any(most is not None and most < 0 for most in map(self.ranges.greatest, sums))

    def trips(self, differences: dict[str, int]) -> Distance | None:
        """Differences of variables as numbers of trips; None if one is longer than its loop, or between trips."""
        out: list[int | str] = []
        for v in self.loops:
            if v not in differences:
                out.append(ANY)
                continue
            d = differences[v]
            if self._too_long(v, d):
                return None
            start, step = self.first.steps.get(v, (None, 1))
            if d % step:
                # Both start at one place, unless an outer loop of the nest moves the start.
                if start is not None and not start.uses(self.renamed_names):
                    return None
                out.append(ANY)
            else:
                out.append(d // step)
        return tuple(out)

    def _too_long(self, v: str, d: int) -> bool:
        if v not in self.first.bounds or any(f.uses(self.renamed_names) for side in self.first.bounds[v] for f in side):
            return False
        lo, hi = self.first.bounds[v]
        lengths = [self.first.greatest(h - l) for h in hi for l in lo]
        return any(n is not None and abs(d) > n for n in lengths)


def _inside(ranges: Ranges, loops: Sequence[str]) -> frozenset[str]:
    """The names bound at or inside the outermost of `loops`."""
    at = next((k for k, n in enumerate(ranges.names) if n in loops), len(ranges.names))
    return frozenset(ranges.names[at:])


def _own(ranges: Ranges, other: Ranges) -> frozenset[str]:
    """The names of `ranges` behind those that both have: loops and values around one access only."""
    shared = 0
    for a, b in zip(ranges.names, other.names, strict=False):
        if a != b:
            break
        shared += 1
    return frozenset(ranges.names[shared:])


def _renamed_atom(atom: Expr, renaming: dict[Expr, Expr]) -> Linear:
    if atom.kind == "var":
        return linear(next((new for old, new in renaming.items() if old.payload == atom.payload), atom))
    if not is_stable(atom):
        # Another iteration may find another value there, even at the same place.
        return variable(f"second {linear(atom)}")
    names = {old.payload for old in renaming} & atom.variables
    return linear(substitute(atom, {v: var(f"{v.payload}{_PRIME}", v.dtype) for v in _variables(atom) if v.payload in names}))


def _variables(e: Expr) -> list[Expr]:
    if e.kind == "var":
        return [e]
    return [v for a in e.args for v in _variables(a)]


# What passes ask.


def must_meet(first: Access, second: Access, loop: str, trips: int) -> bool:
    """Does `second`, `trips` trips of `loop` after `first`, surely touch the same cell, all outer variables being equal?"""
    if first.buffer is not second.buffer or first.index is None or second.index is None:
        return False
    step = first.ranges.steps.get(loop, (None, 1))[1] * trips
    inner = _inside(first.ranges, [loop]) | _inside(second.ranges, [loop])
    for a, b in zip(first.index, second.index, strict=True):
        own, other = first.ranges.linear(a), second.ranges.linear(b)
        if loop in other.terms:
            other = other.replaced(loop, variable(loop) + step)
        if not own.same(other) or not all(t == loop or _fixed(own.atoms[t], inner) for t in own.terms):
            return False
    return True


def _fixed(atom: Expr, inner: frozenset[str]) -> bool:
    """Has the atom one value, wherever it is computed?"""
    return not atom.variables & inner and is_stable(atom)


def carried_level(distance: Distance) -> int | None:
    """The loop at which the first access may reach the second in a LATER iteration; None if in none.

    The first distance that is not 0 decides; "*" may be positive.
    """
    for level, d in enumerate(distance):
        if d == ANY or (isinstance(d, int) and d > 0):
            return level
        if isinstance(d, int) and d < 0:
            return None
    return None
