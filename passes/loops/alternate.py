"""Arrays in turn:  while ..: alloc m; m = u; u[1..n] = f(m)   ->   b[0] = u; while .. carry p: b[1 - p, 1..n] = f(b[p])

Before: each trip of a loop copies an array and makes the next state from the copy.  After: two arrays take turns at being
the state, and there is no copy; behind the loop the last state goes to where it belongs.  Cells that the trip does not
surely store to before it reads them are still copied, unless nothing in the loop stores to them: then both arrays have them
from the start.  Legal when the copy is whole, every access is an access of single elements, and nobody sees the array if
the loop raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ...ir.expr import Expr, const, load, op, var
from ...ir.loops import Alloc, Buffer, Call, Carried, For, LoopFunction, Raise, Stmt, Store, While, own_exprs, walk
from ...ir.ranges import Ranges, after, function_ranges, inside
from .names import bound_names, fresh_names
from .nests import rewrite_bodies
from .rewriting import loads_in, map_exprs, moving_loads, touched

# A loop that surely makes fewer trips is not worth the copies before and behind it.
MIN_TRIPS = 4

# Per axis, the first cell and the one behind the last.
Box = list[tuple[Expr, Expr]]


def alternate(function: LoopFunction) -> LoopFunction:
    names = fresh_names(function, "turn")

    def rewrite(body: list[Stmt], k: int, ranges: Ranges) -> int:
        found = _find(body[k], ranges)
        if found is None:
            return 1
        before, behind = _rewrite(found, names)
        body[k:k + 1] = [*before, body[k], *behind]
        return len(before)

    rewrite_bodies(function.body, function_ranges(function), rewrite)
    return function


@dataclass(eq=False, slots=True)
class _Turn:
    """In `loop`, statement `at` copies `state` to `old`; `box` of the state is then stored to before it is read.

    constant: no other cell of the state changes in the loop.
    """

    loop: For | While
    at: int
    state: Buffer
    old: Buffer
    box: Box
    constant: bool


def _find(loop: Stmt, ranges: Ranges) -> _Turn | None:
    if isinstance(loop, For):
        few = op("sub", loop.hi, loop.lo)
        if loop.kind != "seq" or (few.is_const and abs(few.payload) < MIN_TRIPS * abs(loop.step)):  # type: ignore[operator]
            return None
    elif not isinstance(loop, While):
        return None
    known = inside(loop, ranges)[-1]
    for at, s in enumerate(loop.body):
        copied = _copied(s)
        if copied is not None:
            found = _turn(loop, at, *copied, known)
            if found is not None:
                return found
        known = after(s, known)
    return None


def _copied(s: Stmt) -> tuple[Buffer, Buffer] | None:
    """What a nest copies, and to where, if it copies all of an array and does nothing else."""
    loops = []
    while isinstance(s, For) and len(s.body) == 1 and s.kind == "par" and s.step == 1 and not s.carried:
        loops.append(s)
        s = s.body[0]
    if not isinstance(s, Store) or s.value.kind != "load" or s.value.args != s.index:
        return None
    state, old = s.value.payload, s.buffer
    assert isinstance(state, Buffer)
    if state.dims != old.dims or state.strides != old.strides or state is old or state.dtype != old.dtype:
        return None
    runs = {f.var: f for f in loops}
    for e, n in zip(s.index, old.dims, strict=True):
        f = runs.pop(str(e.payload), None) if e.kind == "var" else None
        whole = f.lo.payload == 0 and f.hi is n if f is not None and f.lo.is_const else e is const(0) and n is const(1)
        if not whole:
            return None
    return (state, old) if not runs else None


def _turn(loop: For | While, at: int, state: Buffer, old: Buffer, ranges: Ranges) -> _Turn | None:
    inner = list(walk([loop]))
    own = {s.buffer for s in loop.body[:at] if isinstance(s, Alloc)}
    if old not in own or state.readonly or any(isinstance(s, Alloc) and s.buffer is state for s in inner):
        return None
    if any(isinstance(s, Call) and {state, old} & {*s.reads, *s.writes} for s in inner):
        return None
    if not state.is_private and any(isinstance(s, Raise) for s in inner):
        return None
    if any(d.variables & bound_names([loop]) or d.buffers for d in state.dims):
        return None
    rest = loop.body[at + 1:]
    for s in rest:
        if state in touched([s]):
            box = _overwritten_box(s, state, ranges)
            if box is None:
                return None
            stores = [x for x in inner if isinstance(x, Store) and x.buffer in (state, old)]
            moving = any(e.variables & bound_names([loop]) for side in box for e in side)
            return _Turn(loop, at, state, old, box, len(stores) == 2 and not moving)
        ranges = after(s, ranges)
    return None


def _overwritten_box(s: Stmt, state: Buffer, ranges: Ranges) -> Box | None:
    """Cells that `s` surely stores to, reading none of the array."""
    if any(e.payload is state for x in walk([s]) for own in own_exprs(x) for e in loads_in(own)):
        return None
    loops: list[For] = []
    while isinstance(s, For) and s.step == 1 and not s.carried and s.until is None and len(s.body) == 1:
        loops.append(s)
        s = s.body[0]
    if not isinstance(s, Store):
        return None
    bound, unused, box = {f.var for f in loops}, {f.var: f for f in loops}, []
    for e, n in zip(s.index, state.dims, strict=True):
        form = ranges.linear(e)
        name = next((x for x in bound if x in form.terms), None)
        rest = form.without(name) if name is not None else form
        if name is None:
            lo, hi = e, e + 1
        elif name in unused and form.terms[name] == 1 and rest.is_constant:
            f = unused.pop(name)
            lo, hi = f.lo + rest.constant, f.hi + rest.constant
        else:
            return None
        if lo.buffers or hi.buffers or (lo.variables | hi.variables) & bound:
            return None
        sides = (ranges.linear(lo), ranges.linear(hi) - ranges.linear(lo), ranges.linear(n) - ranges.linear(hi))
        if not all(map(ranges.is_nonnegative, sides)):
            return None
        box.append((lo, hi))
    return box if not unused else None


def _rewrite(turn: _Turn, names: Iterator[str]) -> tuple[list[Stmt], list[Stmt]]:
    """Change the loop; what comes before it and behind it."""
    loop, state, old = turn.loop, turn.state, turn.old
    name, result = next(names), next(names)
    now, then = var(name), op("sub", const(1), var(name))
    both = Buffer(next(names), state.dtype, (const(2), *state.dims))
    before, behind = loop.body[:turn.at], loop.body[turn.at + 1:]
    before = [s for s in before if not (isinstance(s, Alloc) and s.buffer is old)]
    tests = loop.test if isinstance(loop, While) else []
    _move([*tests, *before], state, both, now)
    if isinstance(loop, While):
        loop.cond = moving_loads(state, both, lambda index: (now, *index))(loop.cond)
    _move(behind, state, both, then)
    _move(behind, old, both, now)
    for c in loop.carried:
        for b, half in ((state, then), (old, now)):
            assert c.next is not None
            c.next = moving_loads(b, both, lambda index, half=half: (half, *index))(c.next)  # type: ignore[misc]
    kept = [] if turn.constant else _outside(both, now, then, turn.box, names)
    loop.body[:] = [*before, *kept, *behind]
    loop.carried.append(Carried(name, const(0), then, result))
    whole = [(const(0), n) for n in state.dims]
    sides = (0, 1) if turn.constant else (0,)
    enter = _nest(whole, names, lambda at: [Store(both, (const(k), *at), load(state, at)) for k in sides])
    leave = _nest(whole, names, lambda at: [Store(state, at, load(both, (var(result), *at)))])
    return [Alloc(both), *enter], leave


def _move(body: Sequence[Stmt], old: Buffer, new: Buffer, half: Expr) -> None:
    """Accesses of `old` become accesses of one half of `new`."""
    map_exprs(body, moving_loads(old, new, lambda index: (half, *index)))
    for s in walk(list(body)):
        if isinstance(s, Store) and s.buffer is old:
            s.buffer, s.index = new, (half, *s.index)


def _outside(both: Buffer, now: Expr, then: Expr, box: Box, names: Iterator[str]) -> list[Stmt]:
    """Copy what lies around the box from one half to the other."""
    out: list[Stmt] = []
    for k, (lo, hi) in enumerate(box):
        n = both.dims[k + 1]
        for side in ((const(0), lo), (hi, n)):
            if side[0] is not side[1]:
                around = [*box[:k], side, *((const(0), d) for d in both.dims[k + 2:])]
                out += _nest(around, names, lambda at: [Store(both, (then, *at), load(both, (now, *at)))])
    return out


def _nest(box: Box, names: Iterator[str], stores: Callable[[tuple[Expr, ...]], list[Stmt]]) -> list[Stmt]:
    """stores(index) for every index in the box."""
    loops = [For(next(names), lo, hi, kind="par") for lo, hi in box]
    inner: list[Stmt] = stores(tuple(var(f.var) for f in loops))
    for f in reversed(loops):
        f.body = inner
        inner = [f]
    return inner
