"""Reductions as loops whose result depends on sizes alone: not on threads, nor on the width of the machine's vectors.

Sums of floats run as blocks of a fixed length, each with a fixed number of interleaved partial results (`For.lanes`), and
blocks of blocks above them, so that rounding errors grow like those of pairwise summation.  The vector axis is the reduced
one where that makes the accesses contiguous, else the axis that the result is stored along.  Start with `reduce_box`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..ir.expr import Expr, cast, const, op, select, var
from ..ir.graph import Op
from ..ir.loops import own_exprs, walk
from ..ir.opdef import Complex, Fold, Reduction, Scalar, lowering
from ..ir.scalar import BITS, FLOATS, scalar_type
from .access import Form, element_strides, loads_of

if TYPE_CHECKING:
    from .lower_context import Emitter

Index = tuple[Expr, ...]

LANES = {"f16": 64, "f32": 64, "f64": 32}
RUNTIME_LANES = 16
# Terms that one partial result adds up in sequence.
TERMS_PER_LANE = 16
# Without lanes: terms in a block, and up to how many terms there are no blocks at all.
PLAIN_BLOCK = 64
PLAIN_LIMIT = 128
BLOCKS_PER_BLOCK = 64
# Folds over so many elements go through so many stretches of them at a time.
LONG_FOLD, STRETCHES = 256, 4
# Strides that vector loads serve well: constant, contiguous, reversed, and the parts of complex numbers.
NEAR = (-2, -1, 0, 1, 2)
EXACT = ("min", "max", "fmin", "fmax", "and", "or", "xor")


def reduction(emitter: Emitter, source: Op, index: Index) -> Scalar:
    """The element at `index` of a `Reduction` or `Fold` op."""
    x, axes = source.operands[0], source.attrs["axes"]
    extents = [emitter.dim(x.dims[a]) for a in axes]
    rule = lowering(source)
    if isinstance(rule, Fold):
        return _fold(emitter, rule, extents, scalar_type(x.dtype), len(x.dims) - 1 in axes,
                     lambda inner: emitter.element(x, _box_index(source, index, inner)))
    assert isinstance(rule, Reduction)
    parts = emitter.parts.get(source.result)
    if parts is None:
        total = combine_terms(emitter, source, rule, extents, index, lambda inner: inner)
    else:
        total = reduce_box(emitter, [parts.dims[0]], start_of(source, rule), rule.combine,
                           lambda inner: emitter.load(parts, (*inner, *index)))
    return _each(total, lambda e: cast(e, scalar_type(x.dtype)))


def combine_terms(emitter: Emitter, source: Op, rule: Reduction, extents: Sequence[Expr], index: Index,
                  moved: Callable[[Index], Index], nominal: Sequence[Expr] | None = None) -> Scalar:
    """The reduction over a box of `extents`, whose element `inner` is element moved(inner) of the reduced axes, in the
    scalar type that the rule combines in."""
    x = source.operands[0]
    wide = rule.accumulate(scalar_type(x.dtype))

    def term(inner: Index) -> Scalar:
        return _each(emitter.element(x, _box_index(source, index, moved(inner))), lambda e: cast(e, wide))

    return reduce_box(emitter, extents, start_of(source, rule), rule.combine, term, nominal)


def start_of(source: Op, rule: Reduction) -> Scalar:
    """The identity of what a reduction combines with."""
    wide = rule.accumulate(scalar_type(source.operands[0].dtype))
    identity = const(rule.identity(wide), wide)
    return Complex(identity, identity) if source.result.dtype.kind == "c" else identity


def _box_index(source: Op, index: Index, inner: Index) -> Index:
    """The index in the reduced operand."""
    axes, rest = source.attrs["axes"], iter(index)
    return tuple(inner[axes.index(a)] if a in axes else next(rest) for a in range(len(source.operands[0].dims)))


def _each(x: Scalar, f: Callable[[Expr], Expr]) -> Scalar:
    return Complex(f(x.re), f(x.im)) if isinstance(x, Complex) else f(x)


def _parts(x: Scalar) -> tuple[Expr, ...]:
    return tuple(x) if isinstance(x, Complex) else (x,)


def _whole(parts: Sequence[Expr]) -> Scalar:
    return Complex(*parts) if len(parts) == 2 else parts[0]


def _fold(emitter: Emitter, rule: Fold, extents: Sequence[Expr], part: str, along: bool, term: Callable[[Index], Scalar]) -> Scalar:
    """along: memory, so that no vectors stand across."""
    def level(inner: Index, position: Expr, state: Index) -> Index:
        if len(inner) == len(extents):
            return rule.step(state, term(inner), position)
        n = extents[len(inner)]
        last = len(inner) == len(extents) - 1
        if rule.parts and along and last and n.is_const and int(n.payload) >= LONG_FOLD:  # type: ignore[call-overload]
            row = _stretches(emitter, rule, n, lambda k: term((*inner, k)), position * n)
            return tuple(select(position.equals(0), a, b) for a, b in zip(row, rule.parts[1](state, row), strict=True))
        return emitter.carry(0, n, state, lambda k, s: level((*inner, k), position * n + k, s))

    return rule.finish(level((), const(0), rule.init(part)))


def _stretches(emitter: Emitter, rule: Fold, n: Expr, term: Callable[[Expr], Scalar], first: Expr) -> Index:
    """The state of n elements, the number of the first of which is `first`: of stretches side by side, as each step waits for the
    one before."""
    assert rule.parts is not None
    begin, merge = rule.parts
    each = int(n.payload) // STRETCHES  # type: ignore[call-overload]
    starts = [const(j * each) for j in range(STRETCHES)]
    states = [begin(term(at), first + at) for at in starts]
    width = len(states[0])

    def step(k: Expr, carried: Index) -> Index:
        parts = [carried[j * width:(j + 1) * width] for j in range(STRETCHES)]
        return tuple(e for at, s in zip(starts, parts, strict=True) for e in merge(s, begin(term(k + at), first + k + at)))

    carried = emitter.carry(1, each, [e for s in states for e in s], step)
    total = carried[:width]
    for j in range(1, STRETCHES):
        total = tuple(emitter.name(e) for e in merge(total, carried[j * width:(j + 1) * width]))
    return emitter.carry(STRETCHES * each, n, total, lambda k, s: merge(s, begin(term(k), first + k)))


def reduce_box(emitter: Emitter, extents: Sequence[Expr], init: Scalar, combine: str | Callable[[Scalar, Scalar], Scalar],
               term: Callable[[Index], Scalar], nominal: Sequence[Expr] | None = None) -> Scalar:
    """Combine term(index) over a box into `init`: by a scalar op, in any order that sizes decide, or in order by a function.

    nominal: the sizes that decide, where they are not `extents`, which may be smaller.
    """
    if not isinstance(combine, str):
        return _in_order(emitter, extents, init, combine, term)
    parts = _parts(init)
    identity = tuple(const(_identity(combine, e.dtype), e.dtype) for e in parts)
    order, along = _choose_order(emitter, extents, term)
    box = _Box(emitter, list(extents), list(nominal or extents), combine, term, identity, order, along)
    if combine in EXACT or parts[0].dtype not in FLOATS or box.is_short():
        total = box.plain(0, {})
    else:
        total = box.blocked(0, {})
    return _whole(total if parts == identity else [op(combine, e, t) for e, t in zip(parts, total, strict=True)])


def _identity(combine: str, dtype: str) -> int | float:
    """What leaves every scalar unchanged."""
    if combine in ("fmin", "fmax"):
        return math.nan
    if combine in ("add", "or", "xor"):
        return 0
    if combine in ("mul", "and"):
        return 1 if combine == "mul" or dtype == "i1" else -1
    if dtype in FLOATS:
        return math.inf if combine == "min" else -math.inf
    signed = dtype[0] == "i"
    if combine == "min":
        return (1 << (BITS[dtype] - signed)) - 1
    return -(1 << (BITS[dtype] - 1)) if signed else 0


def _in_order(emitter: Emitter, extents: Sequence[Expr], init: Scalar, combine: Callable[[Scalar, Scalar], Scalar],
              term: Callable[[Index], Scalar]) -> Scalar:
    def level(inner: Index, state: Index) -> Index:
        if len(inner) == len(extents):
            return _parts(combine(_whole(state), term(inner)))
        return emitter.carry(0, extents[len(inner)], state, lambda k, s: level((*inner, k), s))

    return _whole(level((), _parts(init)))


def _choose_order(emitter: Emitter, extents: Sequence[Expr], term: Callable[[Index], Scalar]) -> tuple[list[int], int | None]:
    """The reduced axes, outermost first, and the one that runs in lanes (None: the store's axis is the vector axis)."""
    order = list(range(len(extents)))
    if not order:
        return order, None
    probes = tuple(var(emitter.fresh("p")) for _ in extents)
    body: list = []
    with emitter.inside(body):
        value = term(probes)
    loads = loads_of([e for s in walk(body) for e in own_exprs(s)] + list(_parts(value)))
    forms = [element_strides(e.payload, e.args) for e in loads]  # type: ignore[arg-type]
    costs = {k: _strided(forms, str(p.payload)) for k, p in enumerate(probes) if not _is_short(extents[k], 4)}
    if not costs:
        return order, None
    lanes = min(reversed(order), key=lambda k: costs.get(k, len(forms) + 1))
    if emitter.vector_axis is not None and _strided(forms, emitter.vector_axis) <= costs[lanes]:
        return order, None
    order.remove(lanes)
    return [*order, lanes], lanes


def _is_short(n: Expr, limit: int) -> bool:
    return n.is_const and n.payload < limit  # type: ignore[operator]


def _strided(forms: Sequence[Form], name: str) -> int:
    """How many accesses are neither contiguous nor constant along the variable."""
    return sum(1 for f in forms if f.get(name, 0) not in NEAR)


class _Box:
    """The loops over one box."""

    def __init__(self, emitter: Emitter, extents: list[Expr], nominal: list[Expr], combine: str,
                 term: Callable[[Index], Scalar], identity: Index, order: list[int], along: int | None) -> None:
        self.emitter, self.extents, self.combine, self.term = emitter, extents, combine, term
        self.nominal = nominal
        self.identity, self.order, self.along = identity, order, along

    def is_short(self) -> bool:
        """So few terms that one after the other is precise enough?"""
        count = 1
        for k in self.order:
            n = self.most(k)
            if n is None:
                return False
            count *= n
        return count <= (PLAIN_LIMIT if self.along is None else 4)

    def plain(self, level: int, at: dict[int, Expr]) -> Index:
        """Each loop combines the finished results of the loops inside it, from first to last."""
        if level == len(self.order):
            return self.value(at)
        k = self.order[level]
        lanes = self.lanes(k) if k == self.along else 1
        return self.emitter.carry(0, self.extents[k], self.identity,
                                  lambda i, s: self.merge(s, self.plain(level + 1, {**at, k: i})),
                                  "red", 1, self.combine, lanes)

    def value(self, at: dict[int, Expr]) -> Index:
        return _parts(self.term(tuple(at[k] for k in range(len(at)))))

    def merge(self, state: Index, terms: Index) -> Index:
        return tuple(op(self.combine, s, t) for s, t in zip(state, terms, strict=True))

    def lanes(self, k: int) -> int:
        n, most = self.most(k), LANES.get(self.identity[0].dtype, 64)
        if not self.nominal[k].is_const and not self.is_callers(k) and (n is None or n <= RUNTIME_LANES * TERMS_PER_LANE):
            most = RUNTIME_LANES
        while n is not None and most > max(n, 1):
            most //= 2
        return most

    def most(self, k: int) -> int | None:
        """The greatest number of terms along an axis."""
        return self.emitter.known.interval(self.nominal[k])[1]

    def is_callers(self, k: int) -> bool:
        """Does an array of the caller's decide the extent? Then the result is that of a version for just this extent."""
        return self.most(k) is None and self.emitter.known.may_be_large(self.nominal[k])

    def blocked(self, level: int, at: dict[int, Expr]) -> Index:
        """As `plain`, but in blocks where there are many."""
        if level == len(self.order):
            return self.value(at)
        k = self.order[level]
        n, lanes = self.extents[k], self.lanes(k) if k == self.along else 1
        if self.is_callers(k):
            return self.run_time_blocks(level, at, n, lanes)
        block = self.plain_block(self.nominal[k]) if lanes == 1 else lanes * TERMS_PER_LANE
        steps, size = [1], block
        most = self.most(k)
        while (most is None or most > size) and len(steps) < 4:
            steps.insert(0, size)
            size *= BLOCKS_PER_BLOCK
            if most is None and len(steps) == 3:
                break
        return self.blocks(level, at, const(0), n, steps, lanes)

    def run_time_blocks(self, level: int, at: dict[int, Expr], n: Expr, lanes: int) -> Index:
        """The blocks of an extent that the caller's arrays decide: as if it were a number.

        All levels of blocks are there; those that a number as small would not have run once, which changes no result. Nor do
        partial results that stay the identity, so that there are as many as for the longest.
        """
        if lanes > 1:
            block = lanes * TERMS_PER_LANE
            steps: list[int | Expr] = [block * BLOCKS_PER_BLOCK**2, block * BLOCKS_PER_BLOCK, block, 1]
        else:
            own = self.run_time_block(self.nominal[self.order[level]])
            steps = [PLAIN_BLOCK * BLOCKS_PER_BLOCK**2, PLAIN_BLOCK * BLOCKS_PER_BLOCK, own, 1]
        return self.run_time_levels(level, at, const(0), n, steps, lanes)

    def run_time_block(self, n: Expr) -> Expr:
        """What `plain_block` gives for a number; all of them, where the box is short."""
        count = quotient_up(n, const(PLAIN_BLOCK))
        block = select(op("gt", n, const(PLAIN_BLOCK * BLOCKS_PER_BLOCK)), const(PLAIN_BLOCK), quotient_up(n, count))
        if self.along is None:
            terms = const(1)
            for k in self.order:
                terms = terms * self.nominal[k]
            block = select(op("le", terms, const(PLAIN_LIMIT)), n, block)
        return self.emitter.name(op("max", block, const(1)), "b")

    def run_time_levels(self, level: int, at: dict[int, Expr], lo: Expr, hi: Expr, steps: Sequence[int | Expr],
                        lanes: int) -> Index:
        k, step = self.order[level], steps[0]
        if len(steps) == 1:
            return self.emitter.carry(lo, hi, self.identity,
                                      lambda i, s: self.merge(s, self.blocked(level + 1, {**at, k: i})),
                                      "red", 1, self.combine, lanes)

        def block(i: Expr, state: Index) -> Index:
            return self.merge(state, self.run_time_levels(level, at, i, op("min", i + step, hi), steps[1:], lanes))

        if isinstance(step, int):
            return self.emitter.carry(lo, hi, self.identity, block, "red", step, self.combine)
        return self.emitter.carry(0, quotient_up(hi - lo, step), self.identity,
                                  lambda i, s: block(self.emitter.name(lo + i * step, "b"), s), "red", 1, self.combine)

    def plain_block(self, n: Expr) -> int:
        """Terms in a block: where they are known to be few, blocks of about one size, as threads may share them."""
        if not n.is_const or n.payload > PLAIN_BLOCK * BLOCKS_PER_BLOCK:  # type: ignore[operator]
            return PLAIN_BLOCK
        count = -(-n.payload // PLAIN_BLOCK)  # type: ignore[operator]
        return -(-n.payload // max(count, 1)) or 1  # type: ignore[operator]

    def blocks(self, level: int, at: dict[int, Expr], lo: Expr, hi: Expr, steps: list[int], lanes: int) -> Index:
        k = self.order[level]
        if len(steps) == 1:
            return self.emitter.carry(lo, hi, self.identity,
                                      lambda i, s: self.merge(s, self.blocked(level + 1, {**at, k: i})),
                                      "red", 1, self.combine, lanes)
        step, n = steps[0], self.extents[k]
        whole = n.is_const and n.payload % step == 0  # type: ignore[operator]

        def block(i: Expr, state: Index) -> Index:
            end = i + step if whole else op("min", i + step, hi)
            return self.merge(state, self.blocks(level, at, i, end, steps[1:], lanes))

        return self.emitter.carry(lo, hi, self.identity, block, "red", step, self.combine)


def quotient_up(n: Expr, by: Expr) -> Expr:
    return op("quot", n + by - 1, by)

