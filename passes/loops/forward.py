"""Store forwarding:  b[i] = v; ... b[i] ...   ->   t = v; b[i] = t; ... t ...

Before: a value is written to a temporary and read back in the same trip.  After: it is read from a register; a temporary
that nothing reads any more is gone with its stores.  Legal when the load stands behind the store in the same body (or in a
loop or branch there), at the identical index, and no other store to the buffer lies in that body behind the first.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...ir.expr import Expr, load, nodes, var
from ...ir.loops import Alloc, Call, Let, LoopFunction, Stmt, Store, own_exprs, stored_buffers, walk
from .names import fresh_names
from .rewriting import all_bodies, map_exprs, replacing


def forward(function: LoopFunction) -> LoopFunction:
    names = fresh_names(function, "w")
    for body in list(all_bodies(function.body)):
        _forward_in(body, names)
    _drop_unread(function)
    return function


def _forward_in(body: list[Stmt], names: Iterator[str]) -> None:
    k = 0
    while k < len(body):
        s = body[k]
        if isinstance(s, Store):
            k += _forward_store(body, k, s, names)
        k += 1


def _forward_store(body: list[Stmt], k: int, s: Store, names: Iterator[str]) -> int:
    """Forward one store; the number of statements put before it."""
    behind = body[k + 1:]
    if s.buffer in stored_buffers(behind):
        return 0
    place = load(s.buffer, s.index)
    if not any(_mentions(e, place) for x in walk(behind) for e in own_exprs(x)):
        return 0
    # What the index is made of must not change between the store and the load, nor by the store itself.
    if any(b is s.buffer or b in stored_buffers(behind) for e in s.index for b in e.buffers):
        return 0
    added = 0
    if s.value.kind not in ("var", "const"):
        name = next(names)
        body.insert(k, Let(name, s.value))
        s.value = var(name, s.value.dtype)
        added = 1
    map_exprs(behind, replacing({place: s.value}))
    return added


def _mentions(e: Expr, place: Expr) -> bool:
    """Is the load `place` a part of `e`?"""
    return place.buffers <= e.buffers and any(x is place for x in nodes([e]))


def _drop_unread(function: LoopFunction) -> None:
    """Remove temporaries that are written and never read."""
    while True:
        read = {b for s in walk(function.body) for e in own_exprs(s) for b in e.buffers}
        for s in walk(function.body):
            if isinstance(s, Call):
                read.update(s.reads, s.writes)
        dead = {s.buffer for s in walk(function.body) if isinstance(s, Alloc) and s.buffer not in read}
        if not dead:
            return
        for body in all_bodies(function.body):
            body[:] = [s for s in body if not (isinstance(s, Alloc | Store) and s.buffer in dead)]
