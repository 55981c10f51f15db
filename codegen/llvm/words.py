"""Numbers put together of smaller ones that lie side by side in memory: they are loaded at once.

    cast(x[i]) | cast(x[i + 1]) << 8 | cast(x[i + 2]) << 16 | cast(x[i + 3]) << 24      ->      the 32 bits at x[i]

Arrays seen as a wider dtype are read so (`ir/ops/reinterpretation.py`).  Memory is little-endian.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...ir.expr import Expr
from ...ir.loops import Buffer
from ...ir.scalar import BITS
from .linear import linear_form


@dataclass(frozen=True, slots=True)
class Word:
    """`count` elements of a buffer from the one at `index` on, along its last axis."""

    buffer: Buffer
    index: tuple[Expr, ...]
    count: int


def word_of(e: Expr) -> Word | None:
    """What `e` puts together, if that is a word."""
    if e.kind != "op" or e.payload != "or" or e.dtype[0] != "u":
        return None
    parts: dict[int, Expr] = {}
    for term in _terms(e):
        shift, part = _shifted(term)
        found = _element(part)
        if found is None or shift in parts:
            return None
        parts[shift] = found
    first = parts.get(0)
    if first is None:
        return None
    buffer, size = first.payload, BITS[first.dtype]
    if len(parts) * size != BITS[e.dtype] or not (buffer.strides[-1].is_const and buffer.strides[-1].payload == 1):
        return None
    last = linear_form(first.args[-1])
    for k in range(1, len(parts)):
        other = parts.get(k * size)
        if other is None or other.payload is not buffer or other.args[:-1] != first.args[:-1]:
            return None
        if not _is_ahead(linear_form(other.args[-1]), last, k):
            return None
    return Word(buffer, first.args, len(parts))


def _terms(e: Expr) -> list[Expr]:
    out, waiting = [], [e]
    while waiting:
        x = waiting.pop()
        if x.kind == "op" and x.payload == "or":
            waiting += x.args
        else:
            out.append(x)
    return out


def _shifted(e: Expr) -> tuple[int, Expr]:
    if e.kind == "op" and e.payload == "shl" and e.args[1].is_const:
        return int(e.args[1].payload), e.args[0]  # type: ignore[call-overload]
    return 0, e


def _element(e: Expr) -> Expr | None:
    """The load whose bits, as an unsigned integer, `e` is."""
    if e.kind != "op" or e.payload != "cast" or e.dtype[0] != "u":
        return None
    (x,) = e.args
    if x.kind == "op" and x.payload in ("bitcast", "cast") and x.dtype == f"u{BITS[x.args[0].dtype]}":
        (x,) = x.args
    elif x.dtype[0] != "u":
        return None
    return x if x.kind == "load" and len(x.args) > 0 else None


def _is_ahead(form: dict[Expr | None, int], of: dict[Expr | None, int], k: int) -> bool:
    return {**form, None: form.get(None, 0) - k} == {None: 0, **of}
