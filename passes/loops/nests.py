"""Visiting loops from the inside out, with what is known where each stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ...ir.depend import Access, Distance, accesses, depend
from ...ir.loops import Alloc, Buffer, For, Let, Stmt, bodies, stored_buffers, walk
from ...ir.ranges import Ranges, inside, through

# What a pass does at a place of a body, given what is known there; it returns how many statements from there on are done with.
Rewrite = Callable[[list[Stmt], int, Ranges], int]
Visit = Callable[[For, Ranges], "list[Stmt] | None"]


def rewrite_bodies(body: list[Stmt], ranges: Ranges, rewrite: Rewrite) -> None:
    """Offer every place of `body`, and of the bodies in it before, to `rewrite`; it returns how many statements are done with."""
    k = 0
    while k < len(body):
        for inner, known in zip(bodies(body[k]), inside(body[k], ranges), strict=True):
            rewrite_bodies(inner, known, rewrite)
        done = rewrite(body, k, ranges)
        ranges = through(body[k:k + done], ranges)
        k += done


def rewrite_loops(body: list[Stmt], ranges: Ranges, visit: Visit) -> None:
    """Call `visit` on every loop, inner ones first; what it returns takes the loop's place."""
    def rewrite(body: list[Stmt], k: int, ranges: Ranges) -> int:
        s = body[k]
        new = visit(s, ranges) if isinstance(s, For) else None
        if new is None:
            return 1
        body[k:k + 1] = new
        return len(new)

    rewrite_bodies(body, ranges, rewrite)


def place_behind(body: list[Stmt], k: int) -> int | None:
    """The place of the next statement, past allocations and values that may as well be computed before this one."""
    written = stored_buffers([body[k]])
    for at in range(k + 1, len(body)):
        s = body[at]
        if not isinstance(s, Alloc) and not (isinstance(s, Let) and not s.value.buffers & written):
            return at
    return None


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


def distances(loop: For, ranges: Ranges, variables: Sequence[str], local: frozenset[Buffer] = frozenset(),
              ) -> Iterator[tuple[Access, Access, Distance]]:
    """Every way in which two accesses of a loop's body may meet in one cell, by distance along `variables`; what is allocated
    in the body, and `local`, is each trip's own."""
    found = accesses([loop], ranges)
    for a, b in conflicts(found, found, own_buffers(loop) | local):
        d = depend(a, b, variables)
        if d is not None:
            yield a, b, d


def own_buffers(loop: For) -> frozenset[Buffer]:
    """Temporaries that each trip of the loop has for itself."""
    return frozenset(s.buffer for s in walk(loop.body) if isinstance(s, Alloc))
