"""Large reductions to few results: parts of the box first, side by side, then the parts.

The number of parts depends on sizes alone, so the result does not depend on how many threads share them.  `split` decides
whether an op is worth it and emits the nest of the parts; reading the op then combines them (`lower_reduce.reduction`).
"""

from __future__ import annotations

from ..ir.expr import const, op
from ..ir.graph import Op
from ..ir.loops import Alloc, Buffer
from ..ir.opdef import Reduction, Scalar, lowering
from ..ir.scalar import scalar_type
from .lower_context import Emitter, Index
from .lower_nest import nest
from .lower_reduce import combine_terms

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
    if not axes or not all(isinstance(d, int) for d in x.dims):
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


def _emit(emitter: Emitter, source: Op, rule: Reduction, axis: int, extent: int, length: int, parts: int) -> None:
    x, axes = source.operands[0], source.attrs["axes"]
    wide = rule.accumulate(scalar_type(x.dtype))
    dims = (const(parts), *emitter.dims(source.result))
    is_complex = x.dtype.kind == "c"
    buffer = Buffer(emitter.fresh("m"), wide, (*dims, const(2)) if is_complex else dims)
    emitter.emit(Alloc(buffer))

    def part(index: Index) -> Scalar:
        first = index[0] * length
        extents = [emitter.dim(x.dims[a]) for a in axes]
        which = axes.index(axis)
        extents[which] = const(length) if extent % length == 0 else op("min", extent - first, const(length))

        def moved(inner: Index) -> Index:
            return (*inner[:which], inner[which] + first, *inner[which + 1:])

        return combine_terms(emitter, source, rule, extents, index[1:], moved)

    nest(emitter, dims, buffer, lambda i: i, part)
    emitter.parts[source.result] = buffer
