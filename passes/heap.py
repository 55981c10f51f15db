"""Temporaries whose size nothing bounds before the function runs: they get memory of their own, as large as they turn out.

Before: a loop program with `Alloc`s.  After: each buffer of unknown greatest size has a `base`, the name of its address,
which a call of `heap_reserve` in front of its `Alloc` binds; memory is kept from trip to trip of a loop, grows as needed,
and is given back where the function ends or raises.  Loops around such an `Alloc` run on one thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Set

from ..ir.expr import Expr, const, op, var
from ..ir.loops import Alloc, Buffer, Call, ErrorSite, For, If, Let, LoopFunction, Raise, Stmt, Store, bodies, walk
from ..ir.ranges import Ranges, function_ranges
from ..ir.scalar import size_of

# No more bytes than this are set aside for what may turn out to need few.
MOST_SET_ASIDE = 1 << 30
MEMORY_ERROR = ErrorSite("MemoryError", "no memory for a temporary", None)


def heap(function: LoopFunction, rooms: Set[Buffer] = frozenset()) -> LoopFunction:
    """Give temporaries of unbounded size memory when they are reached, but for those that have room elsewhere."""
    found: list[tuple[list[Stmt], Alloc]] = []
    _find(function.body, function_ranges(function), found, rooms)
    if not found:
        return function
    # Per temporary: the address of its block, and the block's size.
    blocks = Buffer("heap_blocks", "i64", (const(2 * len(found)),))
    if MEMORY_ERROR not in function.errors:
        function.errors.append(MEMORY_ERROR)
    release = Call("heap_release", (), (blocks,), (const(0), const(len(found))))
    _release_before_raises(function.body, release)
    for k, (body, alloc) in enumerate(found):
        name = f"heap_address{k}"
        alloc.buffer.base = name
        reserve = Call("heap_reserve", (), (blocks,), (const(2 * k), _bytes(alloc.buffer)), name)
        out_of_memory = If(var(name).equals(0), [release, Raise(function.errors.index(MEMORY_ERROR))])
        at = body.index(alloc)
        body[at:at] = [reserve, out_of_memory]
    empty: list[Stmt] = [Store(blocks, (const(k),), const(0)) for k in range(2 * len(found))]
    function.body[:0] = [Alloc(blocks), *empty]
    function.body.append(release)
    return function


def largest(buffer: Buffer, ranges: Ranges) -> int | None:
    """The greatest number of bytes that `buffer` may need; None if that is not known, or no more than what a dtype can count."""
    count = 1
    for d in buffer.dims:
        most = ranges.interval(d)[1]
        if most is None:
            return None
        count *= max(most, 0)
    size = count * size_of(buffer.dtype)
    return None if size > MOST_SET_ASIDE and not all(d.is_const for d in buffer.dims) else size


def within(s: Stmt, ranges: Ranges) -> Iterator[tuple[list[Stmt], Ranges]]:
    """The bodies of `s` and what is known there."""
    if isinstance(s, For):
        yield s.body, ranges.with_loop(s)
    elif isinstance(s, If):
        yield s.then, ranges.with_condition(s.cond)
        yield s.other, ranges.with_condition(s.cond, False)
    else:
        yield from ((inner, ranges) for inner in bodies(s))


def _find(body: list[Stmt], ranges: Ranges, found: list[tuple[list[Stmt], Alloc]], rooms: Set[Buffer]) -> bool:
    """Collect the temporaries of unbounded size; were there any?"""
    before = len(found)
    for s in body:
        if isinstance(s, Alloc) and s.buffer not in rooms and largest(s.buffer, ranges) is None:
            found.append((body, s))
        if isinstance(s, Let) and s.value.dtype in ("i64", "i1"):
            ranges = ranges.with_let(s)
        for inner, known in within(s, ranges):
            if _find(inner, known, found, rooms) and isinstance(s, For):
                s.threads = s.vector = False
    return len(found) > before


def _release_before_raises(body: list[Stmt], release: Call) -> None:
    for s in body:
        if isinstance(s, For) and s.threads and any(isinstance(o, Raise) for o in walk(s.body)):
            # Another thread may still be using what is given back.
            s.threads = False
        for inner in bodies(s):
            _release_before_raises(inner, release)
    for at in reversed([k for k, s in enumerate(body) if isinstance(s, Raise)]):
        body.insert(at, release)


def _bytes(buffer: Buffer) -> Expr:
    count = const(size_of(buffer.dtype))
    for d in buffer.dims:
        count = count * op("max", d, 0)
    return count
