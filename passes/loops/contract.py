"""Contraction of temporaries:  alloc t[n, m]; for i: ... t[i, j] ...   ->   for i: alloc t[m]; ... t[j] ...

Before: a temporary over all trips of a loop.  After: one trip's worth, inside the loop (each thread has its own).  Legal
when every access of the temporary is inside that one loop and its index along an axis is the loop's variable itself: then
no trip sees another's cells.
"""

from __future__ import annotations

from ...ir.expr import Expr, var
from ...ir.loops import Alloc, Buffer, Call, For, LoopFunction, Stmt, Store, own_exprs, walk
from .rewriting import loads_in, map_exprs, moving_loads, touched


def contract(function: LoopFunction) -> LoopFunction:
    _contract_body(function.body)
    return function


def _contract_body(body: list[Stmt]) -> None:
    k = 0
    while k < len(body):
        s = body[k]
        if isinstance(s, Alloc) and _contract_one(body, k, s.buffer):
            continue
        k += 1
    for s in body:
        if isinstance(s, For):
            _contract_body(s.body)


def _contract_one(body: list[Stmt], k: int, buffer: Buffer) -> bool:
    """Move the temporary allocated at position k into the only loop that uses it, without that loop's axis."""
    users = [s for s in body[k + 1:] if buffer in touched([s])]
    loop = users[0] if len(users) == 1 else None
    if not isinstance(loop, For) or len(buffer.dims) < 2:
        return False
    here = var(loop.var)
    indices = _indices(loop, buffer)
    if indices is None:
        return False
    axis = next((a for a in range(len(buffer.dims)) if all(i[a] is here for i in indices)), None)
    if axis is None:
        return False
    small = Buffer(buffer.name, buffer.dtype, _without(buffer.dims, axis))
    for s in walk(loop.body):
        if isinstance(s, Store) and s.buffer is buffer:
            s.buffer, s.index = small, _without(s.index, axis)
    change = moving_loads(buffer, small, lambda index: _without(index, axis))
    map_exprs([loop], change)
    loop.body.insert(0, Alloc(small))
    del body[k]
    return True


def _without(xs: tuple[Expr, ...], axis: int) -> tuple[Expr, ...]:
    return xs[:axis] + xs[axis + 1:]


def _indices(loop: For, buffer: Buffer) -> list[tuple[Expr, ...]] | None:
    """The index of every access in the loop, its head included; None if a library routine touches the buffer."""
    out: list[tuple[Expr, ...]] = []
    for s in walk([loop]):
        if isinstance(s, Call) and (buffer in s.reads or buffer in s.writes):
            return None
        if isinstance(s, Store) and s.buffer is buffer:
            out.append(s.index)
        for e in own_exprs(s):
            out += [x.args for x in loads_in(e) if x.payload is buffer]
    return out
