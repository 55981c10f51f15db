"""Sibling fusion:  for i: A; for i: B   ->   for i: A; B

Before: nests one after another.  After: neighbours over one range that share memory are one nest, and so are two that are
apart where the second touches what the first stores, so that what the first writes is still near when the second reads it.
Legal when nothing that B's trip i touches is touched by A in a later trip, with at least one of the two a store; between
parallel loops the two must meet in the same trip only, so that the fused loop stays parallel.  What stands between the two
moves before them; it must have nothing to do with the first.
"""

from __future__ import annotations

from ...ir.depend import Access, accesses, depend
from ...ir.expr import var
from ...ir.loops import Alloc, Buffer, Call, Carried, For, Let, LoopFunction, Raise, Stmt, While, bodies, stored_buffers, walk
from ...ir.ranges import Ranges, function_ranges
from .rewriting import map_exprs, replacing, touched, used_names

# Statements and accesses beyond which a fused body is not worth its registers.
MAX_STATEMENTS = 60
MAX_ACCESSES = 80
# How far back a loop looks for one to join.
MAX_BETWEEN = 24


def fuse(function: LoopFunction) -> LoopFunction:
    function.body = _fuse_body(function.body, function_ranges(function))
    return function


def _fuse_body(body: list[Stmt], ranges: Ranges) -> list[Stmt]:
    out: list[Stmt] = []
    facts: dict[Stmt, _Facts] = {}
    known = ranges
    for s in body:
        if not (isinstance(s, For) and _fuse_with_earlier(out, s, ranges, facts)):
            out.append(s)
        if isinstance(s, Let):
            known = known.with_let(s)
    for s in out:
        if isinstance(s, For):
            s.body = _fuse_body(s.body, known.with_loop(s))
        else:
            for inner in bodies(s):
                inner[:] = _fuse_body(inner, known)
    return out


class _Facts:
    """What a statement reads and writes, and whether it may raise."""

    def __init__(self, s: Stmt) -> None:
        self.touched, self.stored, self.names = touched([s]), stored_buffers([s]), used_names([s])
        self.raises = any(isinstance(x, Raise) for x in walk([s]))

    def may_precede(self, p: For, of_p: _Facts) -> bool:
        """May this statement as well run before `p`, which it follows?  If it raises, what `p` stores is then not stored."""
        return not (of_p.stored & self.touched or of_p.touched & self.stored or {c.result for c in p.carried} & self.names
                    or (self.raises and not all(b.is_private for b in of_p.stored)))


def _fuse_with_earlier(out: list[Stmt], s: For, ranges: Ranges, facts: dict[Stmt, _Facts]) -> bool:
    """Fuse `s` into a loop of `out`, if what stands between may as well run before that loop: the last loop, or an earlier one
    that stores what `s` touches."""
    def of(x: Stmt) -> _Facts:
        if x not in facts:
            facts[x] = _Facts(x)
        return facts[x]

    neighbours = True
    for at in range(len(out) - 1, max(len(out) - 1 - MAX_BETWEEN, -1), -1):
        p, between = out[at], out[at + 1:]
        if isinstance(p, For) and _alike(p, s) and (of(p).touched if neighbours else of(p).stored) & of(s).touched:
            free = all(of(b).may_precede(p, of(p)) for b in between)
            if free and _may_follow(p, s, _with_lets(ranges, [*out[:at], *between])):
                out[at:] = [*between, p]
                _append(p, s)
                del facts[p]
                return True
        neighbours &= isinstance(p, Alloc | Let)
    return False


def _with_lets(ranges: Ranges, body: list[Stmt]) -> Ranges:
    for s in body:
        if isinstance(s, Let):
            ranges = ranges.with_let(s)
    return ranges


def _alike(p: For, s: For) -> bool:
    """The same trips, run in the same way, and nothing that leaves either loop early."""
    if p.lo is not s.lo or p.hi is not s.hi or p.step != s.step or p.kind != s.kind:
        return False
    if p.vector != s.vector or p.lanes != s.lanes or p.jam != s.jam:
        return False
    both = [*walk(p.body), *walk(s.body)]
    if len(both) > MAX_STATEMENTS or any(isinstance(x, Raise | While | Call) for x in both):
        return False
    return p.kind in ("par", "red") or not (p.carried or s.carried)


def _may_follow(p: For, s: For, ranges: Ranges) -> bool:
    results = {c.result for c in p.carried}
    # What `p` carries on is computed behind the bodies of both.
    read_last = {b for c in p.carried if c.next is not None for b in c.next.buffers}
    if results & used_names([s]) or read_last & stored_buffers(s.body):
        return False
    trial = For(p.var, s.lo, s.hi, s.body, s.kind, s.step, s.carried)
    # Renaming is undone by the caller's `_append` doing it again, or here when fusion is refused.
    _rename(trial.body, trial.carried, s.var, p.var)
    ok = independent(accesses([p], ranges), accesses([trial], ranges), p)
    _rename(trial.body, trial.carried, p.var, s.var)
    return ok


def _rename(body: list[Stmt], carried: list[Carried], old: str, new: str) -> None:
    change = replacing({var(old): var(new)})
    map_exprs(body, change)
    for c in carried:
        c.next = change(c.next) if c.next is not None else None


def independent(first: list[Access], second: list[Access], p: For) -> bool:
    """Does nothing that trip i of a loop like `p` touches second touch what a later trip touches first (parallel: any other)?"""
    if len(first) + len(second) > MAX_ACCESSES:
        return False
    by_buffer: dict[Buffer, list[Access]] = {}
    for a in first:
        by_buffer.setdefault(a.buffer, []).append(a)
    for b in second:
        for a in by_buffer.get(b.buffer, ()):
            if not (a.is_store or b.is_store):
                continue
            distance = depend(a, b, (p.var,))
            if distance is None:
                continue
            d = distance[0]
            if not isinstance(d, int) or d < 0 or (d > 0 and p.kind != "seq"):
                return False
    return True


def _append(p: For, s: For) -> None:
    _rename(s.body, s.carried, s.var, p.var)
    p.body += s.body
    p.carried += s.carried
    p.threads = p.threads or s.threads
