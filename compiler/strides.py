"""Strides that follow from run-time extents of arguments: polynomials in those extents.

NumPy's choices (view or copy, the order of a new array's axes) compare strides.  A comparison of such strides is proved where
every extent is at least 2, which is all that is assumed of them; else the call at hand decides, and the answer is a guard.
So a version made for many shapes lays its results out as NumPy does.  Start with `times`.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Union

from ..ir.graph import Value
from ..ir.types import Dim
from . import integers, tracer
from .known import Known, KnownResult, ValueGuard

# A product of values, in a fixed order.
Monomial = tuple[Value, ...]
AnyStride = Union[int, "Stride"]


class Stride:
    """The sum of factor * product over `terms`, in bytes."""

    __slots__ = ("terms",)

    def __init__(self, terms: dict[Monomial, int]) -> None:
        self.terms = terms

    def __add__(self, other: AnyStride) -> AnyStride:
        sum_of = dict(self.terms)
        for m, f in _terms(other).items():
            sum_of[m] = sum_of.get(m, 0) + f
        return _simplest(sum_of)

    __radd__ = __add__

    def __mul__(self, other: AnyStride) -> AnyStride:
        product: dict[Monomial, int] = {}
        for (a, f), (b, g) in itertools.product(self.terms.items(), _terms(other).items()):
            m = tuple(sorted((*a, *b), key=id))
            product[m] = product.get(m, 0) + f * g
        return _simplest(product)

    __rmul__ = __mul__

    def __neg__(self) -> AnyStride:
        return self * -1

    def __sub__(self, other: AnyStride) -> AnyStride:
        return self + other * -1

    def __rsub__(self, other: AnyStride) -> AnyStride:
        return -self + other

    def __abs__(self) -> AnyStride:
        return -self if self < 0 else self

    def __bool__(self) -> bool:
        return self != 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (int, Stride)) and _decided(self - other, operator.eq)

    def __lt__(self, other: AnyStride) -> bool:
        return _decided(self - other, operator.lt)

    def __le__(self, other: AnyStride) -> bool:
        return _decided(self - other, operator.le)

    def __gt__(self, other: AnyStride) -> bool:
        return _decided(self - other, operator.gt)

    def __ge__(self, other: AnyStride) -> bool:
        return _decided(self - other, operator.ge)

    def __hash__(self) -> int:
        return hash(frozenset(self.terms.items()))

    @property
    def extents(self) -> list[Value]:
        """The values it is made of."""
        return list(dict.fromkeys(v for m in self.terms for v in m))

    def __repr__(self) -> str:
        return " + ".join("*".join([str(f), *(v.name or "n" for v in m)]) for m, f in self.terms.items())


def times(step: AnyStride | None, d: Dim) -> AnyStride | None:
    """The stride of the next slower axis of a packed array; None where data decide it."""
    if step is None:
        return None
    if isinstance(d, int):
        return step * d
    form = integers.form_of(d)
    if any(integers.facts().following(v) is None for v, _ in form.terms):
        return None
    extent: dict[Monomial, int] = {(): form.constant}
    for v, f in form.terms:
        extent[(v,)] = f
    return Stride(extent) * step


def extents_of(*strides: AnyStride | None) -> list[Value]:
    """The run-time extents that strides are made of."""
    return [v for s in strides if isinstance(s, Stride) for v in s.extents]


def _terms(x: AnyStride) -> dict[Monomial, int]:
    return x.terms if isinstance(x, Stride) else {(): x}


def _simplest(terms: dict[Monomial, int]) -> AnyStride:
    left = {m: f for m, f in terms.items() if f}
    return left.get((), 0) if not any(left) else Stride(left)


def _decided(difference: AnyStride, compare: Callable[[Any, Any], bool]) -> bool:
    if not isinstance(difference, Stride):
        return compare(difference, 0)
    sign = _sign(difference)
    if sign:
        return compare(sign, 0)
    values = difference.extents
    known: list[Known] = [k for v in values if (k := integers.known_int(v)) is not None]
    assert len(known) == len(values)
    fn = Comparison(compare, tuple((tuple(map(values.index, m)), f) for m, f in difference.terms.items()))
    answer = KnownResult(fn(*[k.value for k in known]), fn, tuple(known))
    tracer.current().guard(ValueGuard(answer, answer.value))
    return answer.value


@dataclass(frozen=True, slots=True)
class Comparison:
    """A polynomial compared with 0."""

    compare: Callable[[Any, Any], bool]
    terms: tuple[tuple[tuple[int, ...], int], ...]

    def __call__(self, *values: int) -> bool:
        total = 0
        for places, factor in self.terms:
            for k in places:
                factor *= values[k]
            total += factor
        return bool(self.compare(total, 0))


def _sign(x: Stride) -> int:
    """1 or -1 if that is its sign whatever the extents are, which are at least 2; else 0."""
    if any(v not in integers.facts().symbols for v in x.extents):
        return 0
    # With v = 2 + t, t >= 0, it has one sign if all its factors have, and a constant.
    shifted: dict[Monomial, int] = {}
    for m, f in x.terms.items():
        for kept in itertools.product((False, True), repeat=len(m)):
            rest = tuple(v for v, keep in zip(m, kept, strict=True) if keep)
            shifted[rest] = shifted.get(rest, 0) + f * 2 ** (len(m) - len(rest))
    factors = [f for f in shifted.values() if f]
    for sign in (1, -1):
        if shifted.get((), 0) * sign > 0 and all(f * sign > 0 for f in factors):
            return sign
    return 0
