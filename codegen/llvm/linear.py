"""Integer expressions as sums: what an address is made of."""

from __future__ import annotations

from ...ir.expr import Expr


def linear_form(e: Expr) -> dict[Expr | None, int]:
    """`e` as a sum of terms with integer factors; the term None is the constant 1.

    i + 2 * (j - 3) is {i: 1, j: 2, None: -6}.  Valid modulo 2**64, as i64 arithmetic is.
    """
    total: dict[Expr | None, int] = {}
    _add(e, 1, total)
    return {t: f for t, f in total.items() if f}


def _add(e: Expr, factor: int, total: dict[Expr | None, int]) -> None:
    if e.is_const:
        total[None] = total.get(None, 0) + factor * e.payload  # type: ignore[operator]
    elif e.kind == "op" and e.payload in ("add", "sub"):
        _add(e.args[0], factor, total)
        _add(e.args[1], factor if e.payload == "add" else -factor, total)
    elif e.kind == "op" and e.payload == "neg":
        _add(e.args[0], -factor, total)
    elif e.kind == "op" and e.payload == "mul" and (e.args[0].is_const or e.args[1].is_const):
        k, x = e.args if e.args[0].is_const else e.args[::-1]
        _add(x, factor * k.payload, total)  # type: ignore[operator]
    else:
        total[e] = total.get(e, 0) + factor
