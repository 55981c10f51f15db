"""Carried scalars:  for i: b[i] = f(b[i - 1])   ->   c = b[lo - 1]; for i, carrying c: c = f(c); b[i] = c

Before: a loop reads back what its previous trip has stored.  After: the value stays in a register.  Legal when the load
MUST meet the store of the trip before (not merely may), nothing else stores to the buffer in the loop, and the load is in
range in the first trip.  A cell that does not move with the loop is stored once, after it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...ir.depend import Access, accesses, depend, must_meet
from ...ir.expr import Expr, load, substitute, var
from ...ir.loops import Carried, For, Let, LoopFunction, Raise, Stmt, Store, While, walk
from ...ir.ranges import Ranges, function_ranges
from .names import bound_names, fresh_names
from .nests import rewrite_loops
from .rewriting import map_exprs, replacing


def carry(function: LoopFunction) -> LoopFunction:
    names = fresh_names(function, "q")
    rewrite_loops(function.body, function_ranges(function), lambda s, r: _carry_in(s, r, names))
    return function


def _carry_in(loop: For, ranges: Ranges, names: Iterator[str]) -> list[Stmt] | None:
    """Carry what can be; the statements that take the loop's place, or None if nothing changed."""
    if loop.kind != "seq" or any(isinstance(s, For | While) for s in walk(loop.body)):
        return None
    behind: list[Stmt] = []
    for store in [s for s in loop.body if isinstance(s, Store)]:
        found = _carried_load(loop, store, ranges)
        if found is None:
            continue
        _carry_one(loop, store, found, names)
        if _may_store_after(loop, store, ranges):
            loop.body.remove(store)
            behind.append(Store(store.buffer, store.index, var(loop.carried[-1].result, store.buffer.dtype)))
    return [loop, *behind]


def _carried_load(loop: For, store: Store, ranges: Ranges) -> Expr | None:
    """A load that surely reads what the trip before stored here."""
    found = accesses([loop], ranges)
    same = [a for a in found if a.buffer is store.buffer]
    stores = [a for a in same if a.is_store]
    if len(stores) != 1:
        return None
    for a in same:
        if a.is_store or not must_meet(stores[0], a, loop.var, 1) or not _starts_in_range(a, loop, ranges):
            continue
        # The same load may stand again behind the store.
        alike = [b for b in same if not b.is_store and b.index == a.index]
        if not any(_meets_now(stores[0], b, loop) for b in alike):
            return load(store.buffer, a.index)  # type: ignore[arg-type]
    return None


def _meets_now(store: Access, read: Access, loop: For) -> bool:
    """Is the load behind the store in the body, and may it read what this very trip has stored?"""
    index = {id(s): k for k, s in enumerate(loop.body)}
    at_read, at_store = index.get(id(read.statement)), index.get(id(store.statement))
    if at_read is not None and at_store is not None and at_read <= at_store:
        return False
    d = depend(store, read, (loop.var,))
    return d is not None and (d[0] == 0 or not isinstance(d[0], int))


def _starts_in_range(read: Access, loop: For, ranges: Ranges) -> bool:
    """Is the load in range in the first trip, where it now stands before the loop, even if there is no trip?"""
    assert read.index is not None
    mapping = {var(loop.var): loop.lo}
    index = [substitute(e, mapping) for e in read.index]
    bound = bound_names([loop])
    if any(e.variables & bound or e.buffers for e in index):
        return False
    return ranges.access_in_range(index, read.buffer.dims)


def _carry_one(loop: For, store: Store, read: Expr, names: Iterator[str]) -> None:
    name, result, value = next(names), next(names), next(names)
    first = substitute(read, {var(loop.var): loop.lo})
    carried = var(name, read.dtype)
    change = replacing({read: carried})
    map_exprs(loop.body, change)
    for c in loop.carried:
        c.next = change(c.next) if c.next is not None else None
    loop.body.insert(loop.body.index(store), Let(value, store.value))
    store.value = var(value, read.dtype)
    loop.carried.append(Carried(name, first, store.value, result))


def _may_store_after(loop: For, store: Store, ranges: Ranges) -> bool:
    """Is the cell the same in every trip, and does nothing else in the loop look at it?"""
    if any(isinstance(s, Raise) for s in walk(loop.body)):
        return False
    bound = bound_names([loop])
    if any(e.variables & bound or e.buffers for e in store.index):
        return False
    found = accesses([loop], ranges)
    at = next(k for k, a in enumerate(found) if a.statement is store and a.is_store)
    # What the loop itself loads before its body is where it starts; behind the body, what it carries on.
    others = [a for k, a in enumerate(found) if k != at and a.buffer is store.buffer and (a.statement is not loop or k > at)]
    return all(depend(found[at], a, (loop.var,)) is None for a in others)
