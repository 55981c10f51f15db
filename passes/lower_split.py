"""Large reductions to few results: parts of the box first, side by side, then the parts.

The number of parts depends on sizes alone, so the result does not depend on how many threads share them.  `split` decides
whether an op is worth it and emits the nest of the parts; reading the op then combines them (`lower_reduce.reduction`).
"""

from __future__ import annotations

from ..ir.expr import Expr, const, op, select
from ..ir.graph import Op
from ..ir.loops import Alloc, Buffer
from ..ir.opdef import Reduction, Scalar, lowering
from ..ir.scalar import scalar_type
from .lower_context import Emitter, Index
from .lower_nest import nest
from .lower_reduce import combine_terms, quotient_up, start_of

# From how many terms on, up to how many results, and into how many parts.
SPLIT_FROM = 1 << 16
MOST_RESULTS = 16
PARTS = 32
# The length of a part is a multiple of this, so that only the last one is ragged.
GRAIN = 512


def split(emitter: Emitter, source: Op) -> None:
    """Emit the parts of a reduction, if it is large and leaves few results."""
    rule = lowering(source)
    if not isinstance(rule, Reduction):
        return
    x, axes = source.operands[0], source.attrs["axes"]
    if not axes:
        return
    if not all(isinstance(d, int) for d in x.dims):
        _split_at_run_time(emitter, source, rule)
        return
    terms, results = 1, 1
    for a, d in enumerate(x.dims):
        assert isinstance(d, int)
        terms, results = (terms * d, results) if a in axes else (terms, results * d)
    if terms < SPLIT_FROM or results > MOST_RESULTS:
        return
    axis = max(axes, key=lambda a: x.dims[a])
    extent = int(x.dims[axis])  # type: ignore[arg-type]
    length = -(-extent // PARTS)
    if length >= GRAIN:
        length = -(-length // GRAIN) * GRAIN
    parts = -(-extent // length)
    if parts < 2:
        return
    _emit(emitter, source, rule, axis, extent, length, parts)


def _split_at_run_time(emitter: Emitter, source: Op, rule: Reduction) -> None:
    """The same parts for extents that the caller's arrays decide: along the longest axis, one part where terms are few.

    There is room for all parts; those not used hold the identity, which changes no result.
    """
    x, axes = source.operands[0], source.attrs["axes"]
    results = 1
    for d in source.result.dims:
        results *= d if isinstance(d, int) else MOST_RESULTS + 1
    extents = [emitter.dim(x.dims[a]) for a in axes]
    moving = [e for e in extents if not e.is_const]
    if results > MOST_RESULTS or not moving or not all(
            emitter.known.interval(e)[1] is None and emitter.known.may_be_large(e) for e in moving):
        return
    buffer = _parts_buffer(emitter, source, rule, PARTS)
    start = start_of(source, rule)
    nest(emitter, (const(PARTS), *emitter.dims(source.result)), buffer, lambda i: i, lambda i: start)
    terms = const(results)
    for e in extents:
        terms = terms * e
    large = emitter.name(op("ge", terms, const(SPLIT_FROM)), "large")
    for k, extent in enumerate(extents):
        longest = [op("gt" if j < k else "ge", extent, e) for j, e in enumerate(extents) if j != k]
        with emitter.condition(longest):
            even = quotient_up(extent, const(PARTS))
            whole = select(op("ge", even, const(GRAIN)), quotient_up(even, const(GRAIN)) * GRAIN, even)
            length = emitter.name(op("max", select(large, whole, extent), const(1)), "length")
            count = emitter.name(quotient_up(extent, length), "parts")
            _fill(emitter, source, rule, buffer, axes[k], length, count)
    emitter.parts[source.result] = buffer


def _parts_buffer(emitter: Emitter, source: Op, rule: Reduction, parts: int) -> Buffer:
    x = source.operands[0]
    dims = (const(parts), *emitter.dims(source.result))
    buffer = Buffer(emitter.fresh("m"), rule.accumulate(scalar_type(x.dtype)), (*dims, const(2)) if x.dtype.kind == "c" else dims)
    emitter.emit(Alloc(buffer))
    return buffer


def _emit(emitter: Emitter, source: Op, rule: Reduction, axis: int, extent: int, length: int, parts: int) -> None:
    buffer = _parts_buffer(emitter, source, rule, parts)
    _fill(emitter, source, rule, buffer, axis, const(length), const(parts), extent % length == 0)
    emitter.parts[source.result] = buffer


def _fill(emitter: Emitter, source: Op, rule: Reduction, buffer: Buffer, axis: int, length: Expr, parts: Expr,
          even: bool = False) -> None:
    """Compute the parts, each of `length` elements along an axis, the last one perhaps shorter."""
    x, axes = source.operands[0], source.attrs["axes"]

    def part(index: Index) -> Scalar:
        first = index[0] * length
        if not length.is_const:
            # So that the elements of a part are seen to lie side by side, and those of different parts not to.
            first = emitter.name(first, "first")
            if emitter.vector_axis == index[0].payload:
                emitter.vector_axis = None
        extents = [emitter.dim(x.dims[a]) for a in axes]
        which = axes.index(axis)
        extents[which] = length if even else op("min", extents[which] - first, length)

        def moved(inner: Index) -> Index:
            return (*inner[:which], inner[which] + first, *inner[which + 1:])

        nominal = [*extents[:which], length, *extents[which + 1:]]
        return combine_terms(emitter, source, rule, extents, index[1:], moved, nominal)

    nest(emitter, (parts, *emitter.dims(source.result)), buffer, lambda i: i, part)
