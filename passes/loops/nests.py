"""Visiting loops from the inside out, with what is known where each stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ...ir.depend import Access, Distance, accesses, depend
from ...ir.loops import Alloc, Buffer, For, If, Let, Stmt, While, bodies
from ...ir.ranges import Ranges

Visit = Callable[[For, Ranges], "list[Stmt] | None"]


def after(s: Stmt, ranges: Ranges) -> Ranges:
    """What is known behind `s` in the same body."""
    if isinstance(s, Let):
        return ranges.with_let(s)
    if isinstance(s, For | While):
        return ranges.with_names(c.result for c in s.carried if c.result)
    if isinstance(s, If):
        return ranges.with_names(y.result for y in s.yields)
    return ranges


def inside(s: Stmt, ranges: Ranges) -> list[Ranges]:
    """What is known in each body of `s`."""
    if isinstance(s, For):
        return [ranges.with_loop(s)]
    if isinstance(s, If):
        return [ranges.with_condition(s.cond, True), ranges.with_condition(s.cond, False)]
    if isinstance(s, While):
        inner = ranges.with_names(c.name for c in s.carried)
        return [inner, inner]
    return []


def rewrite_loops(body: list[Stmt], ranges: Ranges, visit: Visit) -> None:
    """Call `visit` on every loop, inner ones first; what it returns takes the loop's place."""
    k = 0
    while k < len(body):
        s = body[k]
        for inner, known in zip(bodies(s), inside(s, ranges), strict=True):
            rewrite_loops(inner, known, visit)
        if isinstance(s, For):
            new = visit(s, ranges)
            if new is not None:
                body[k:k + 1] = new
                for n in new:
                    ranges = after(n, ranges)
                k += len(new)
                continue
        ranges = after(s, ranges)
        k += 1


def conflicts(first: Sequence[Access], second: Sequence[Access], local: frozenset[Buffer] = frozenset(),
              ) -> Iterator[tuple[Access, Access]]:
    """Pairs that touch one buffer, at least one of them storing; `local` buffers are each trip's own."""
    by_buffer: dict[Buffer, list[Access]] = {}
    for a in second:
        by_buffer.setdefault(a.buffer, []).append(a)
    for a in first:
        if a.buffer not in local:
            for b in by_buffer.get(a.buffer, ()):
                if a.is_store or b.is_store:
                    yield a, b


def distances(loop: For, ranges: Ranges, variables: Sequence[str]) -> Iterator[tuple[Access, Access, Distance]]:
    """Every way in which two accesses of a loop's body may meet in one cell, by distance along `variables`."""
    found = accesses([loop], ranges)
    for a, b in conflicts(found, found, own_buffers(loop)):
        d = depend(a, b, variables)
        if d is not None:
            yield a, b, d


def own_buffers(loop: For) -> frozenset[Buffer]:
    """Temporaries that each trip of the loop has for itself."""
    return frozenset(s.buffer for s in loop.body if isinstance(s, Alloc))
