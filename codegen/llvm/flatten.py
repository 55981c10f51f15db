"""Rows one after the other:  for i < n: for j < m: x[i, j] = ...   ->   for p < n * m: x[0, p] = ...

Of arrays whose rows lie next to each other in memory; p runs beyond a row, which for an address is the next row.  Short rows would
leave part of their last vector empty, and a load across it would wait for the masked store before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...ir.expr import Expr, const, substitute, var
from ...ir.loops import Buffer, For, Let, Stmt, Store
from .memory import offset_stride

# Rows of more elements stay: what their ends cost is little.
LONGEST_ROW = 256


def flattened(s: For) -> For | None:
    """One vector loop over the elements of all rows, if `s` runs over rows and its body over a row's elements."""
    if s.kind != "par" or s.step != 1 or s.carried or s.vector or s.jam > 1 or len(s.body) != 1:
        return None
    row = s.body[0]
    if not isinstance(row, For):
        return None
    row = flattened(row) or row
    if row.kind != "par" or row.step != 1 or row.carried or not row.vector or not (row.lo.is_const and row.lo.payload == 0):
        return None
    if not row.hi.is_const or not 0 < int(row.hi.payload) <= LONGEST_ROW or not _is_flat(row.body, s.var, row.var, row.hi):  # type: ignore[call-overload]
        return None
    first = {var(s.var): const(0)}
    return replace(row, lo=s.lo * row.hi, hi=s.hi * row.hi, body=[_with(x, first) for x in row.body])


def _is_flat(body: Sequence[Stmt], outer: str, inner: str, count: Expr) -> bool:
    """Do these statements use the two variables in places of memory only, where a step of the outer is `count` of the inner?"""
    names, seen = {outer, inner}, set[Expr]()

    def is_place(buffer: Buffer, index: Sequence[Expr]) -> bool:
        far, near = (offset_stride(buffer, tuple(index), name) for name in (outer, inner))
        return far is not None and near is not None and far == near * count.payload  # type: ignore[operator]

    def follows(e: Expr) -> bool:
        if e in seen or not e.variables & names:
            return True
        seen.add(e)
        if e.kind == "load":
            return is_place(e.payload, e.args)  # type: ignore[arg-type]
        return e.kind != "var" and all(map(follows, e.args))

    return all((isinstance(s, Let) and follows(s.value))
               or (isinstance(s, Store) and is_place(s.buffer, s.index) and follows(s.value)) for s in body)


def _with(s: Stmt, mapping: dict[Expr, Expr]) -> Stmt:
    if isinstance(s, Let):
        return replace(s, value=substitute(s.value, mapping))
    assert isinstance(s, Store)
    return replace(s, index=tuple(substitute(i, mapping) for i in s.index), value=substitute(s.value, mapping))
