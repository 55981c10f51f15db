"""What is known of integer variables at a place in a loop program: loop ranges, named values, conditions that hold.

From these `Ranges` bounds an expression: the least and the greatest value it can have, by replacing a variable by the end
of its range, inner loops first, until only a constant is left.  So `j` in i+1..n is proved to be above `i`, and A[k+1:, k]
apart from A[k+1:, k+1:].  A bound that is not known is None.  Expressions are taken not to overflow; where a known bound
leaves the int64 range there is no bound.  Start with `Ranges.interval`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .expr import Expr, op
from .linear import Linear, atom_name, linear, number
from .loops import Call, For, If, Let, LoopFunction, Stmt, While
from .scalar import BITS, NUMPY_DTYPE, SIGNED

Interval = tuple[int | None, int | None]
LEAST, GREATEST = -2**63, 2**63 - 1

# How many replacements a proof may take one after the other: each removes a variable, and may bring in those of its bound.
# And how many in all, since those with several cases multiply; then the bound is not known.
DEPTH = 12
NEAR_FACTS = 16
STEPS = 160


class Ranges:
    """Facts about the names visible at one place. The methods `with_...` return new `Ranges`; `enter` adds in place."""

    def __init__(self) -> None:
        # Per variable, or load that keeps its value, its least and greatest value; in order of binding, so outer loops first.
        self.bounds: dict[str, tuple[tuple[Linear, ...], tuple[Linear, ...]]] = {}
        self.steps: dict[str, tuple[Linear | None, int]] = {}
        self.values: dict[str, Linear] = {}
        self.conditions: dict[str, Expr] = {}
        self.facts: tuple[Linear, ...] = ()
        self.order: dict[str, int] = {}
        self.names: tuple[str, ...] = ()
        # Extents that the caller's arrays decide: nothing bounds them, and they are taken to be large.
        self.large: frozenset[str] = frozenset()
        self._steps_left = STEPS
        self._known: dict[tuple[Expr, int], Interval] = {}

    def _copy(self) -> Ranges:
        new = Ranges()
        new.bounds, new.steps, new.values = dict(self.bounds), dict(self.steps), dict(self.values)
        new.conditions, new.facts, new.names, new.order = dict(self.conditions), self.facts, self.names, dict(self.order)
        new.large = self.large
        return new

    def with_large(self, name: str, least: int) -> Ranges:
        """`name` is an extent of the caller's, at least `least`."""
        new = self.with_variable(name, [least])
        new.large = self.large | {name}
        return new

    def may_be_large(self, e: Expr) -> bool:
        """Does an extent of the caller's make this as large as it is?"""
        form = self.linear(e)
        return any(f > 0 and form.atoms[a].variables & self.large for a, f in form.terms.items())

    # Adding facts.

    def with_variable(self, name: str, lo: Iterable[Linear | int] = (), hi: Iterable[Linear | int] = ()) -> Ranges:
        """`name` is at least each of `lo` and at most each of `hi`."""
        return self.with_variables([(name, lo, hi)])

    def with_variables(self, bounds: Iterable[tuple[str, Iterable[Linear | int], Iterable[Linear | int]]]) -> Ranges:
        """Names, each with what it is at least and at most."""
        new = self._copy()
        for name, lo, hi in bounds:
            new._bind(name, lo, hi)
        return new

    def with_loop(self, s: For) -> Ranges:
        """Inside the loop: its variable runs over its range, and there is a trip, so that range is not empty."""
        new = self._copy()
        new.enter(s)
        there_is_a_trip = (h - l for l in new.bounds[s.var][0] for h in new.bounds[s.var][1])
        new.facts = (*self.facts, *(f for f in there_is_a_trip if not f.is_constant))
        return new

    def with_let(self, s: Let) -> Ranges:
        new = self._copy()
        new.enter(s)
        return new

    def enter(self, s: Stmt) -> None:
        """Note here, in place, what a `For` or `Let` says of the name it binds, which holds wherever the name is seen."""
        self._known.clear()
        if isinstance(s, For):
            if s.step > 0:
                self._bind(s.var, self.ends(s.lo, -1), [h - 1 for h in self.ends(s.hi, 1)])
            else:
                self._bind(s.var, [f + 1 for f in self.ends(s.hi, -1)], self.ends(s.lo, 1))
            self.steps[s.var] = (next(iter(_stable_forms([self.linear(s.lo)])), None), s.step)
            self.names = (*self.names, *(c.name for c in s.carried))
        elif isinstance(s, Let):
            self._name(s.name, s.value)

    def _bind(self, name: str, lo: Iterable[Linear | int], hi: Iterable[Linear | int]) -> None:
        self.bounds[name] = (_stable_forms(lo), _stable_forms(hi))
        self.order[name] = len(self.order)
        self.names = (*self.names, name)

    def _name(self, name: str, value: Expr) -> None:
        if value.dtype == "i64":
            form = self.linear(value)
            # What was loaded has a name of its own: the memory may change while the name keeps its value.
            if _stable_forms([form]):
                self.values[name] = form
            else:
                self._bind(name, *([] if end is None else [end] for end in self.interval(form)))
                return
        elif value.dtype == "i1":
            self.conditions[name] = value
        self.names = (*self.names, name)

    def with_names(self, names: Iterable[str]) -> Ranges:
        """These names are bound here; nothing is known of them."""
        new = self._copy()
        new.names = (*self.names, *names)
        return new

    def with_yielded(self, name: str, condition: Expr, then: Expr, other: Expr) -> Ranges:
        """`name` is what an `If` yields, which may be what `a and b` or `a or b` came from."""
        new = self.with_names([name])
        if other is condition or (other.is_const and other.dtype == "i1" and not other.payload):
            new.conditions[name] = op("and", condition, then)
        elif then is condition or (then.is_const and then.dtype == "i1" and then.payload):
            new.conditions[name] = op("or", condition, other)
        return new

    def with_condition(self, condition: Expr, holds: bool = True) -> Ranges:
        """Where `condition` was found to hold, or not to hold."""
        facts = _stable_forms(self._facts(condition, holds))
        if not facts:
            return self
        new = self._copy()
        new.facts = self.facts + facts
        for fact in facts:
            new._tighten(fact)
        return new

    def _tighten(self, fact: Linear) -> None:
        """A form of one value that is not negative bounds the value; but a loop's variable keeps the bounds of its loop."""
        if len(fact.terms) != 1:
            return
        ((name, factor),) = fact.terms.items()
        if abs(factor) == 1 and fact.atoms[name].kind in ("var", "load") and name not in self.steps:
            lo, hi = self.bounds.get(name, ((), ()))
            end = (number(-factor * fact.constant),)
            self.bounds[name] = (lo + end, hi) if factor > 0 else (lo, hi + end)

    def _facts(self, c: Expr, holds: bool) -> list[Linear]:
        """Forms that are not negative."""
        if c.kind == "var" and c.payload in self.conditions:
            return self._facts(self.conditions[c.payload], holds)
        if c.kind != "op":
            return []
        if c.payload == "not":
            return self._facts(c.args[0], not holds)
        if c.payload == ("and" if holds else "or"):
            return [*self._facts(c.args[0], holds), *self._facts(c.args[1], holds)]
        if len(c.args) != 2 or c.args[0].dtype != "i64":
            return []
        x, y = self.linear(c.args[0]), self.linear(c.args[1])
        name = c.payload if holds else {"lt": "ge", "le": "gt", "gt": "le", "ge": "lt", "ne": "eq"}.get(str(c.payload))
        return {"lt": [y - x - 1], "le": [y - x], "gt": [x - y - 1], "ge": [x - y], "eq": [x - y, y - x]}.get(str(name), [])

    # Asking.

    def linear(self, e: Expr) -> Linear:
        """The form of `e`, named values written out."""
        return linear(e, self.values.get)

    def ends(self, e: Expr, direction: int) -> list[Linear]:
        """Forms that bound `e` from below (-1) or above (1): of a minimum, both operands are upper bounds."""
        if e.kind == "op" and e.payload == ("min" if direction > 0 else "max") and e.dtype == "i64":
            return [f for a in e.args for f in self.ends(a, direction)]
        return [self.linear(e)]

    def interval(self, e: Expr | Linear) -> Interval:
        """The least and the greatest value."""
        form = self.linear(e) if isinstance(e, Expr) else e
        return self.least(form), self.greatest(form)

    def least(self, form: Linear) -> int | None:
        self._steps_left = STEPS
        found = self._extreme(form.scaled(-1), DEPTH)
        return None if found is None or not LEAST <= -found <= GREATEST else -found

    def greatest(self, form: Linear) -> int | None:
        self._steps_left = STEPS
        found = self._extreme(form, DEPTH)
        return None if found is None or not LEAST <= found <= GREATEST else found

    def is_nonnegative(self, form: Linear, depth: int = 3) -> bool:
        """Is `form` >= 0, by its bounds, or because of a condition that holds here?"""
        # A condition on other values tells nothing; the latest ones are the nearest.
        near = self.related(form) if self.facts else frozenset()
        facts = [f for f in self.facts if not near.isdisjoint(self.related(f))][-NEAR_FACTS:]
        for candidate in (form, *(form - f for f in facts)):
            least = self.least(candidate)
            if least is not None and least >= 0:
                return True
        for atom, factor in form.terms.items():
            cases = _cases(form.atoms[atom], factor)
            if cases and depth:
                return all(self.is_nonnegative(form.replaced(atom, self.linear(c)), depth - 1) for c in cases)
        return False

    def fits(self, form: Linear) -> bool:
        """Is `form` certain to lie within 64 bits: by its bounds, or between values that do, as i + 1 where i < n?"""
        lo, hi = self.interval(form)
        return (hi is not None or self._meets_value(form, 1)) and (lo is not None or self._meets_value(form, -1))

    def _meets_value(self, form: Linear, direction: int) -> bool:
        """Is there a 64-bit value that is at least (1) or at most (-1) `form`?"""
        for known in (number(0), *self.facts):
            if _is_shifted_atom(form.plus(known, direction), -direction):
                return True
        for atom, factor in form.terms.items():
            ends = self.bounds.get(atom, ((), ()))[(factor > 0) == (direction > 0)] if form.atoms[atom].kind == "var" else ()
            if any(_is_shifted_atom(form.replaced(atom, end), -direction) for end in ends):
                return True
        return False

    def in_range(self, index: Expr, extent: Expr) -> bool:
        """Is 0 <= index < extent certain?"""
        at = self.linear(index)
        return self.is_nonnegative(at) and self.is_nonnegative(self.linear(extent) - at - 1)

    def access_in_range(self, index: Sequence[Expr], dims: Sequence[Expr]) -> bool:
        """Is the access certain to be inside of its buffer?"""
        return all(self.in_range(i, d) for i, d in zip(index, dims, strict=True))

    def related(self, form: Linear) -> frozenset[str]:
        """The variables that `form` depends on, those that bound them, and so on: forms that share none are independent."""
        found: set[str] = set()
        waiting = [v for a in form.terms for v in form.atoms[a].variables]
        while waiting:
            v = waiting.pop()
            if v not in found:
                found.add(v)
                waiting += [w for side in self.bounds.get(v, ()) for f in side for a in f.terms for w in f.atoms[a].variables]
        return frozenset(found)

    # Bounds by replacement.

    def _over_constants(self, form: Linear) -> int | None:
        """The greatest value of a form of variables that lie between constants; None if it has other atoms."""
        total = form.constant
        for atom, factor in form.terms.items():
            sides = self.bounds.get(atom) if form.atoms[atom].kind in ("var", "load") else None
            ends = sides[factor > 0] if sides else ()
            if not ends or not all(e.is_constant for e in ends):
                return None
            total += factor * (min if factor > 0 else max)(e.constant for e in ends)
        return total

    def _extreme(self, form: Linear, depth: int) -> int | None:
        """The greatest value of `form`, or None."""
        plain = self._over_constants(form)
        if plain is not None:
            return plain
        self._steps_left -= 1
        if depth <= 0 or self._steps_left < 0:
            return None
        # The variable bound last first: its range may be stated in terms of the others, not the other way round.
        for atom in sorted(form.terms, key=lambda a: self._rank(form.atoms[a]), reverse=True):
            cases = _cases(form.atoms[atom], -form.terms[atom])
            if cases:
                most = [self._extreme(form.replaced(atom, self.linear(c)), depth - 1) for c in cases]
                return None if any(x is None for x in most) else max(most)  # type: ignore[type-var]
            ends = self._atom_ends(form.atoms[atom], 1 if form.terms[atom] > 0 else -1, depth)
            if ends:
                found = [self._extreme(form.replaced(atom, end), depth - 1) for end in ends]
                return min((x for x in found if x is not None), default=None)
        return None

    def _rank(self, atom: Expr) -> tuple[int, bool]:
        return max((self.order.get(v, -1) for v in atom.variables), default=-1), atom.kind != "var"

    def _atom_ends(self, e: Expr, direction: int, depth: int) -> Sequence[Linear]:
        """Forms that bound an atom from above (1) or below (-1)."""
        if e.kind in ("var", "load"):
            return self.bounds.get(atom_name(e), ((), ()))[1 if direction > 0 else 0]
        if e.kind == "table":
            values = e.payload
            if not values:
                return ()
            return (number(max(values) if direction > 0 else min(values)),)  # type: ignore[type-var, call-overload]
        if e.kind == "op":
            rule = _RULES.get(str(e.payload))
            if rule is not None:
                return tuple(rule(self, e, direction, depth))
        return ()

    def _bounds(self, e: Expr, depth: int) -> Interval:
        # Products of products ask for the same bounds over and over.
        if (e, depth) not in self._known:
            form = self.linear(e)
            lo, hi = self._extreme(form.scaled(-1), depth - 1), self._extreme(form, depth - 1)
            self._known[e, depth] = None if lo is None else -lo, hi
        return self._known[e, depth]


def after(s: Stmt, ranges: Ranges) -> Ranges:
    """What is known behind `s` in the same body."""
    if isinstance(s, Let):
        return ranges.with_let(s)
    if isinstance(s, For | While):
        return ranges.with_names(c.result for c in s.carried if c.result)
    if isinstance(s, If):
        return ranges.with_names(y.result for y in s.yields)
    if isinstance(s, Call) and s.status:
        return ranges.with_names([s.status])
    return ranges


def through(body: Iterable[Stmt], ranges: Ranges) -> Ranges:
    """What is known at the end of `body`."""
    for s in body:
        ranges = after(s, ranges)
    return ranges


def inside(s: Stmt, ranges: Ranges) -> list[Ranges]:
    """What is known where each body of `s` begins."""
    if isinstance(s, For):
        return [ranges.with_loop(s)]
    if isinstance(s, If):
        return [ranges.with_condition(s.cond, True), ranges.with_condition(s.cond, False)]
    if isinstance(s, While):
        test = ranges.with_names(c.name for c in s.carried)
        return [test, through(s.test, test)]
    return []


def function_ranges(function: LoopFunction) -> Ranges:
    """At the start of a function: extents are not negative."""
    extents = {str(d.payload) for b in function.buffers for d in b.dims if d.kind == "var"}
    ranges = Ranges()
    for name, dtype in function.scalars:
        if name in function.least:
            ranges = ranges.with_large(name, function.least[name])
        elif NUMPY_DTYPE[dtype].kind in "iu":
            ranges = ranges.with_variable(name, [0] if name in extents else [])
        else:
            ranges = ranges.with_names([name])
    return ranges


def is_stable(e: Expr) -> bool:
    """Does `e` have one value as long as its variables do? What is loaded from memory that is written may not."""
    return all(b.readonly or b.place == "const" for b in e.buffers)


def _is_shifted_atom(form: Linear, direction: int) -> bool:
    """Is `form` one 64-bit value, perhaps plus a constant that is of this sign?"""
    if form.is_constant:
        return LEAST <= form.constant <= GREATEST
    if len(form.terms) != 1 or form.constant * direction < 0:
        return False
    ((atom, factor),) = form.terms.items()
    return factor == 1 and form.atoms[atom].kind in ("var", "load")


def _stable_forms(forms: Iterable[Linear | int]) -> tuple[Linear, ...]:
    out = [number(x) if isinstance(x, int) else x for x in forms]
    return tuple(f for f in out if all(is_stable(f.atoms[a]) for a in f.terms))


def _cases(e: Expr, factor: int) -> Sequence[Expr]:
    """The values that an atom may be, where factor * atom is to be bounded from below and no single one of them is a bound."""
    if e.kind != "op" or e.dtype != "i64":
        return ()
    if e.payload == ("max" if factor < 0 else "min"):
        return e.args
    return e.args[1:] if e.payload == "select" else ()


def _minimum(r: Ranges, e: Expr, direction: int, depth: int) -> list[Linear]:
    """Either operand bounds a minimum from above, a maximum from below."""
    return [r.linear(a) for a in e.args]


def _product(r: Ranges, e: Expr, direction: int, depth: int) -> list[Linear]:
    (a, b), (c, d) = (r._bounds(x, depth) for x in e.args)
    if None in (a, b, c, d):
        return []
    corners = [x * y for x in (a, b) for y in (c, d)]  # type: ignore[operator]
    return [number(max(corners) if direction > 0 else min(corners))]


def _quotient(r: Ranges, e: Expr, direction: int, depth: int) -> list[Linear]:
    """Truncated division by a positive number."""
    (a, b), (c, d) = (r._bounds(x, depth) for x in e.args)
    if c is None or c <= 0:
        return []
    if direction > 0:
        if b is None:
            return []
        return [number(b // c if b >= 0 else -(-b // d) if d is not None else 0)]
    if a is None:
        return []
    return [number(-(-a // c) if a < 0 else a // d if d is not None else 0)]


def _shift(r: Ranges, e: Expr, direction: int, depth: int) -> list[Linear]:
    """A shift to the right by a constant: division by a power of two, rounded down."""
    x, count = e.args
    a, b = r._bounds(x, depth)
    if not count.is_const:
        return []
    end = b if direction > 0 else a
    return [] if end is None else [number(end >> count.payload)]  # type: ignore[operator]


def _remainder(r: Ranges, e: Expr, direction: int, depth: int) -> list[Linear]:
    """Of truncated division by a positive number: less than it, with the sign of the dividend."""
    (a, b), (c, d) = (r._bounds(x, depth) for x in e.args)
    if c is None or c <= 0 or d is None:
        return []
    if direction > 0:
        return [number(0 if b is not None and b <= 0 else d - 1 if b is None else min(d - 1, b))]
    return [number(0 if a is not None and a >= 0 else 1 - d if a is None else max(1 - d, a))]


def _cast(r: Ranges, e: Expr, direction: int, depth: int) -> list[Linear]:
    """From a narrower integer: the range of its type, at least."""
    (x,) = e.args
    if x.dtype == "i1":
        return [number(1 if direction > 0 else 0)]
    if x.dtype not in NUMPY_DTYPE or NUMPY_DTYPE[x.dtype].kind not in "iu" or x.dtype == "u64":
        return []
    bits = BITS[x.dtype] - (x.dtype in SIGNED)
    return [number((1 << bits) - 1 if direction > 0 else -(1 << bits) if x.dtype in SIGNED else 0)]


def _magnitude(r: Ranges, e: Expr, direction: int, depth: int) -> list[Linear]:
    a, b = r._bounds(e.args[0], depth)
    if a is None or b is None or a == LEAST:
        return []
    return [number(max(-a, b) if direction > 0 else max(a, -b, 0))]


def _bits(r: Ranges, e: Expr, direction: int, depth: int) -> list[Linear]:
    """x & y: between 0 and either operand that is not negative."""
    ends = [r._bounds(x, depth) for x in e.args]
    positive = [b for a, b in ends if a is not None and a >= 0]
    if not positive:
        return []
    if direction < 0:
        return [number(0)]
    known = [b for b in positive if b is not None]
    return [number(min(known))] if known else []


_RULES = {"min": _minimum, "max": _minimum, "mul": _product, "quot": _quotient, "rem": _remainder, "shr": _shift,
          "cast": _cast, "abs": _magnitude, "and": _bits}
