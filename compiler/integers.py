"""What tracing knows about run-time Python ints: linear forms and bounds.

A form is a sum of values with integer factors plus a constant.  Equal forms are one SSA value, so `i + K - i` is the int K
and `:i + 1` in two places is one extent.  Bounds are forms too (a loop index lies between its loop's bounds), so
`i + 1 <= n` follows from `i <= n - 1` without knowing n.  `is_nonnegative` is what slices and index checks ask; where only
values of arguments decide, it adds the fact as a guard.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..ir.graph import Block, Value
from ..ir.types import Dim
from . import tracer
from .forms import Facts, Form
from .known import Known, KnownInput, KnownResult, ValueGuard
from .sources import Extent

_DEPTH = 8


def form_of(x: Dim) -> Form:
    """The form of an int or of a py.int value."""
    if isinstance(x, int):
        return Form((), x)
    return facts().forms.get(x) or Form(((x, 1),), 0)


def facts() -> Facts:
    return tracer.current().facts


def value_of_form(form: Form, make: Callable[[], Value]) -> Dim:
    """The int with this form: a Python int, a value that is in scope, or a new one made by `make`."""
    if not form.terms:
        return form.constant
    single = form.single
    if single is not None:
        return single
    found = _in_scope(form.key)
    if found is None:
        found = make()
        known = facts()
        known.forms[found] = form
        known.made.setdefault(tracer.current().builder.block, {})[form.key] = found
    return found


def _in_scope(key: tuple) -> Value | None:
    block: Block | None = tracer.current().builder.block
    while block is not None:
        found = facts().made.get(block, {}).get(key)
        if found is not None:
            return found
        block = block.owner.block if block.owner is not None else None
    return None


def remember(key: tuple, make: Callable[[], Value]) -> Value:
    """The value made under this key, in scope, or a new one."""
    found = _in_scope(key)
    if found is None:
        found = facts().made.setdefault(tracer.current().builder.block, {})[key] = make()
    return found


def as_value(x: Dim) -> Value:
    return tracer.constant(x) if isinstance(x, int) else x


def int_of_form(form: Form) -> Dim:
    """The int with this form, computed if need be."""

    def make() -> Value:
        total: Value | None = None
        for v, factor in form.terms:
            term = v if factor == 1 else tracer.emit("py_multiply", [v, tracer.constant(factor)])
            total = term if total is None else tracer.emit("py_add", [total, term])
        assert total is not None
        return total if not form.constant else tracer.emit("py_add", [total, tracer.constant(form.constant)])

    return value_of_form(form, make)


def add(a: Dim, b: Dim, factor: int = 1) -> Dim:
    """a + factor * b"""
    return int_of_form(form_of(a).plus(form_of(b), factor))


def is_nonnegative(form: Form) -> bool:
    """Is it certain that the form is >= 0? A fact that follows from argument values becomes a guard."""
    return _proved(form, _DEPTH) or _guarded(form)


def at_most(a: Dim, b: Dim) -> bool:
    """Is a <= b certain?"""
    return is_nonnegative(form_of(b).plus(form_of(a), -1))


def upper_bound(d: Dim) -> int | None:
    """A number known to be no smaller than `d`, at the price of a guard if only values of arguments bound it; else None."""
    form = form_of(d)
    found = _largest(form, 4)
    if found is None:
        at_hand = _known_end(form.scaled(-1), _DEPTH)
        if at_hand is not None and not _uses_extents(at_hand) and _guarded(Form((), -at_hand.value).plus(form, -1)):
            return -at_hand.value
    return found


def _uses_extents(known: Known) -> bool:
    """Does a value follow from run-time extents? A guard on how large they are would be one version per size."""
    if isinstance(known, KnownInput):
        return isinstance(known.source, Extent)
    return isinstance(known, KnownResult) and any(map(_uses_extents, known.operands))


def _largest(form: Form, depth: int) -> int | None:
    if not form.terms:
        return form.constant
    if depth == 0:
        return None
    found = []
    for v, factor in form.terms:
        ends = list(_ends(v, -factor))
        if factor > 0 and v in facts().tops:
            ends.append(Form((), facts().tops[v]))
        found += [_largest(_without(form, v).plus(end, factor), depth - 1) for end in ends]
    return min((e for e in found if e is not None), default=None)


def note_top(d: Dim, *others: Dim) -> None:
    """`d` is at most what each of the others is at most."""
    if isinstance(d, Value):
        tops = [t for o in others if (t := upper_bound(o)) is not None]
        if tops:
            facts().tops[d] = min(tops)


def note_top_of_any(d: Dim, *others: Dim) -> None:
    """`d` is at most what one of the others is at most."""
    tops = [upper_bound(o) for o in others]
    if isinstance(d, Value) and None not in tops:
        facts().tops[d] = max(t for t in tops if t is not None)


def _proved(form: Form, depth: int) -> bool:
    if not form.terms:
        return form.constant >= 0
    if depth == 0:
        return False
    # Values made last are eliminated first: their bounds are forms of earlier ones.
    for v, factor in reversed(form.terms):
        for bound in _ends(v, factor):
            if _proved(_without(form, v).plus(bound, factor), depth - 1):
                return True
    return False


def _ends(v: Value, factor: int) -> list[Form]:
    """What is at most factor * v when it replaces v: bounds below for a positive factor, above for a negative one."""
    low, high = facts().bounds.get(v, ([], []))
    return low if factor > 0 else high


def _without(form: Form, v: Value) -> Form:
    return Form(tuple(t for t in form.terms if t[0] is not v), form.constant)


def _guarded(form: Form) -> bool:
    """The form's lower end, if argument values alone decide it and it holds for those at hand: then a guard."""
    known = _known_end(form, _DEPTH)
    if known is None or known.value < 0:
        return False
    fact = KnownResult(True, _nonnegative, (known,))
    tracer.current().guard(ValueGuard(fact, True))
    return True


def _nonnegative(x: int) -> bool:
    return x >= 0


def _known_end(form: Form, depth: int) -> Known | None:
    """A known value that is a lower bound of the form."""
    for v, factor in reversed(form.terms):
        if known_int(v) is None:
            if depth == 0:
                return None
            ends = (_known_end(_without(form, v).plus(bound, factor), depth - 1) for bound in _ends(v, factor))
            return next((e for e in ends if e is not None), None)
    if not form.terms:
        return None
    operands = tuple(k for v, _ in form.terms if (k := known_int(v)) is not None)
    factors = tuple(f for _, f in form.terms)
    combine = _Combination(factors, form.constant)
    return KnownResult(combine(*[o.value for o in operands]), combine, operands)


@dataclass(frozen=True, slots=True)
class _Combination:
    """The linear function with these factors."""

    factors: tuple[int, ...]
    constant: int

    def __call__(self, *values: Any) -> int:
        return self.constant + sum(f * v for f, v in zip(self.factors, values, strict=True))


def known_int(d: Dim) -> Known | None:
    """The value of an int that follows from the call alone."""
    return Known(d) if isinstance(d, int) else facts().known.get(d) or facts().following(d)


# What an extent that only the run tells is taken for where costs are estimated.
_TYPICAL = 64


def likely(d: Dim) -> int:
    """The int at hand, for estimates."""
    known = known_int(d)
    return _TYPICAL if known is None else known.value


def agree(a: Dim, b: Dim) -> bool | None:
    """Are these ints equal? Where extents of arguments decide, that is a guard if they are, else these become numbers.
    None: only the run tells."""
    if isinstance(a, int) and isinstance(b, int):
        return a == b
    values = [d for d in (a, b) if isinstance(d, Value)]
    known = [known_int(d) for d in (a, b)]
    if not any(map(facts().symbols_of, values)) or None in known:
        return None
    equal = KnownResult(known[0].value == known[1].value, _are_equal, tuple(known))  # type: ignore[union-attr,arg-type]
    if not equal.value or len(values) == 1:
        tracer.specialise(*values)
    if form_of(a).plus(form_of(b), -1).terms:
        tracer.current().guard(ValueGuard(equal, True))
    return True


def _are_equal(a: int, b: int) -> bool:
    return a == b


def set_bounds(v: Dim, low: list[Form], high: list[Form]) -> None:
    """State what bounds a value below and above."""
    if isinstance(v, Value):
        facts().bounds[v] = (low, high)
