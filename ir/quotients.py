"""Indices of memory seen in other extents: a quotient and a remainder that make up one number again.

Element p of a matrix read as a vector is x[quot(p, n), rem(p, n)]; where rows lie n elements apart that is simply element p.
"""

from __future__ import annotations

from collections.abc import Sequence

from .expr import Expr


def joined(index: Sequence[Expr], strides: Sequence[Expr]) -> list[tuple[Expr, Expr]]:
    """Pairs of an index and its stride whose products sum to the same offset, with as few divisions as may be."""
    pairs = list(zip(index, strides, strict=True))
    while (found := _joinable(pairs)) is not None:
        high, low = found
        pairs[low] = (pairs[low][0].args[0], pairs[low][1])
        del pairs[high]
    return pairs


def _joinable(pairs: Sequence[tuple[Expr, Expr]]) -> tuple[int, int] | None:
    """The places of quot(p, n) * (s * n) and rem(p, n) * s."""
    for low, (i, s) in enumerate(pairs):
        if i.kind == "op" and i.payload == "rem" and i.args[1].is_const and s.is_const:
            for high, (j, t) in enumerate(pairs):
                apart = t.is_const and t.payload == s.payload * i.args[1].payload  # type: ignore[operator]
                if apart and j.kind == "op" and j.payload == "quot" and j.args[0] is i.args[0] and _same(j.args[1], i.args[1]):
                    return high, low
    return None


def _same(a: Expr, b: Expr) -> bool:
    return a.is_const and a.payload == b.payload
