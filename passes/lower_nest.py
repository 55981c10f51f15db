"""One loop nest: `buffer[where(i)] = value(i)` for all i in a box, as if every value were read before any is stored.

Loops stand in the order of the destination's strides, the contiguous axis innermost.  Where the values read the buffer
that is written, `overlap` decides how.  Start with `nest`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..ir.expr import Expr, const, nodes, var
from ..ir.loops import Buffer, Call, For, If, Let, Raise, Stmt, Store, While, bodies, own_exprs, walk
from ..ir.opdef import Scalar
from ..ir.ranges import Ranges
from .access import element_strides, form_of, loads_of
from .lower_context import Emitter, Index
from .overlap import Overlap, resolve
from .work import THREADS_FROM, UNKNOWN_TRIPS, cost, trips, work

NEAR = (0, 1, 2, -1, -2)
# Operations that pay for one element that a vector has to pick up by itself.
GATHER_COST = 6
# Sums in registers that rows side by side may keep, and the most rows.
MOST_SUMS = 16
MOST_ROWS = 8
# So many times the work of other loops takes the same time in such rows.
ROWS_GAIN = 8


def nest(emitter: Emitter, dims: Index, buffer: Buffer, where: Callable[[Index], Index],
         value: Callable[[Index], Scalar], note: str = "") -> None:
    """Emit the nest."""
    loops = [For(emitter.fresh("i"), const(0), d, [], "par") for d in dims]
    index = tuple(const(0) if _is_one(d) else var(f.var) for d, f in zip(dims, loops, strict=True))
    inner: list[Stmt] = []
    saved = emitter.vector_axis
    with emitter.forgetting(), emitter.inside(inner, *loops):
        at = tuple(where(index))
        order = _loop_order(loops, buffer, at)
        emitter.vector_axis = _vector_axis(order)
        result = value(index)
        emitter.store(buffer, at, result)
    emitter.vector_axis = saved
    if not _is_injective(at, loops):
        for f in order:
            f.kind = "seq"

    def finish(around: list[For], body: list[Stmt], before: dict[int, list[Stmt]]) -> None:
        emitter.body.extend(wrap(around, body, before, emitter.known))

    if _reads_elsewhere(inner, buffer, at):
        resolve(Overlap(emitter, order, inner, buffer, at, index, dims, note), finish)
    else:
        finish(order, inner, {})


def _is_one(d: Expr) -> bool:
    return d.is_const and d.payload == 1


def _loop_order(loops: list[For], buffer: Buffer, at: Index) -> list[For]:
    """The loops that run more than once, outermost first: the further a variable moves the store, the further out."""
    form = element_strides(buffer, at[:len(buffer.dims)] + (const(0),) * (len(buffer.dims) - len(at)))
    running = [f for f in loops if not _is_one(f.hi)]
    strides = [form.get(f.var, 0) for f in running]
    if any(s is None for s in strides):
        return running
    order = sorted(range(len(running)), key=lambda k: -abs(strides[k]))  # type: ignore[arg-type]
    return [running[k] for k in order]


def _vector_axis(order: list[For]) -> str | None:
    return order[-1].var if order and not (order[-1].hi.is_const and order[-1].hi.payload < 4) else None  # type: ignore[operator]


def _is_injective(at: Index, loops: list[For]) -> bool:
    """Does each loop variable stand in some index, alone or as a digit of it, so that no element is stored twice?"""
    told: set[str] = set()
    last = {f.var: f.hi.payload - 1 if f.hi.is_const else None for f in loops}  # type: ignore[operator]
    for e in at:
        form = form_of(e)
        if form is not None:
            moving = {v: c for v, c in form.items() if v in last and c != 0}
            if len(moving) == 1 or _are_digits(moving, last):
                told.update(moving)
    return all(f.var in told or _is_one(f.hi) for f in loops)


def _are_digits(factors: Mapping[str, int | None], last: Mapping[str, int | None]) -> bool:
    """Does each variable move the index further than those with smaller factors do together?"""
    reach = 0
    for v, c in sorted(factors.items(), key=lambda item: abs(item[1] or 0)):
        end = last[v]
        if c is None or end is None or abs(c) <= reach:
            return False
        reach += abs(c) * end
    return True


def _reads_elsewhere(inner: list[Stmt], buffer: Buffer, at: Index) -> bool:
    """Does the nest read an element of `buffer` other than the one that it stores?"""
    for e in loads_of(e for s in walk(inner) for e in own_exprs(s)):
        if e.payload is buffer and e.args[:len(at)] != at:
            return True
    return False


def wrap(order: Sequence[For], inner: list[Stmt], before: dict[int, list[Stmt]], known: Ranges) -> list[Stmt]:
    """The loops around `inner`, marked for vectors and threads; before[k] stands in front of loop k."""
    body = inner
    for k in reversed(range(len(order))):
        order[k].body = body
        body = [*before.get(k, []), order[k]]
    mark(order, inner, known)
    return body


def mark(order: Sequence[For], inner: list[Stmt], known: Ranges) -> None:
    """The innermost parallel loop runs in vectors if its accesses allow; the outermost on threads if there is enough work."""
    if not order:
        return
    last = order[-1]
    if last.kind == "par" and not any(isinstance(s, Call | If | Raise) or (
            isinstance(s, For | While) and not _only_computes(s)) for s in walk(inner)):
        within = known
        for f in order:
            within = within.with_loop(f)
        scattered = gathers(inner, last.var, within)
        last.vector = scattered is not None and scattered * GATHER_COST <= cost(inner, within)
    if order[0].kind == "par" and work(order, inner, known) >= THREADS_FROM:
        order[0].threads = True


def _only_computes(loop: For | While) -> bool:
    """A reduction, or a loop in order that carries scalars and stores nothing.

    Lanes that leave a `while` early wait for the others: that does not pay where they must take turns, to divide integers.
    """
    if isinstance(loop, While):
        inner = [*loop.test, *loop.body]
        return all(isinstance(s, Let) for s in inner) and not any(
            e.payload in ("quot", "rem") and e.dtype[0] != "f" for e in nodes(e for s in (loop, *inner) for e in own_exprs(s)))
    if loop.vector:
        return False
    return loop.kind == "red" or (loop.kind == "seq" and all(isinstance(s, Let | For) for s in walk(loop.body)))


def mark_all(body: list[Stmt], known: Ranges, inside: bool = False) -> None:
    """Mark every nest in `body`; `inside` threads already, a loop starts none."""
    for s in body:
        if isinstance(s, Let) and s.value.dtype == "i64":
            known = known.with_let(s)
        if not isinstance(s, For):
            for b in bodies(s):
                mark_all(b, known, inside)
            continue
        order, inner = [s], s.body
        while order[-1].kind == "par" and len(inner) == 1 and isinstance(inner[0], For) and inner[0].kind == "par":
            order.append(inner[0])
            inner = inner[0].body
        if s.kind == "par":
            mark(order, inner, known)
            order[0].threads = order[0].threads and not inside
        within = known
        for f in order:
            within = within.with_loop(f)
        mark_all(inner, within, inside or order[0].threads)
        if len(order) == 1 or order[-1].vector:
            _mark_rows(order[-2:] if len(order) > 1 else order, inner)
            if order[0].threads and order[-2:][0].jam > 1:
                order[0].threads = work(order, inner, known) >= ROWS_GAIN * THREADS_FROM


def _mark_rows(order: list[For], inner: list[Stmt]) -> None:
    """Rows side by side, where a sum over them reads what does not depend on the row: each such load then serves them all."""
    rows = order[0]
    columns = [order[1]] if len(order) > 1 else [s for s in inner if isinstance(s, For) and s.vector and s.kind == "par"]
    if rows.kind != "par" or rows.carried or rows.jam != 1 or not any(_shares_loads(c, rows.var) for c in columns):
        return
    widest = max(-(-_trips(c) // 8) for c in columns)
    most = max(2, min(MOST_ROWS, MOST_SUMS // min(widest, 4)))
    trips = _trips(rows)
    rows.jam = next((k for k in range(most, most // 2, -1) if trips % k == 0), min(most, trips))


def _shares_loads(columns: For, row: str) -> bool:
    """Does a loop that adds up, inside this vector loop, load what varies with the column but not with the row?"""
    moved = {row}
    for s in walk(columns.body):
        if isinstance(s, For) and s.carried:
            if any(columns.var in e.variables and not e.variables & moved for e in loads_of(own_exprs(s))):
                return True
    return False


def _trips(s: For) -> int:
    return max(len(range(s.lo.payload, s.hi.payload, s.step)), 1) if s.lo.is_const and s.hi.is_const else UNKNOWN_TRIPS  # type: ignore[arg-type]


def gathers(body: list[Stmt], name: str, known: Ranges) -> int | None:
    """How many loads, per trip of the loop over `name`, would pick up elements one by one; None if a store would."""
    total = 0
    for s in body:
        if isinstance(s, Store) and not _is_near(s.buffer, s.index, name):
            return None
        total += sum(not _is_near(e.payload, e.args, name) for e in loads_of(own_exprs(s)))  # type: ignore[arg-type]
        for inner, within, count in _inside(s, known):
            inside = gathers(inner, name, within)
            if inside is None:
                return None
            total += count * inside
    return total


def _inside(s: Stmt, known: Ranges) -> list[tuple[list[Stmt], Ranges, int]]:
    """The bodies of a loop, what is known there, and how often they run."""
    if isinstance(s, For):
        return [(s.body, known.with_loop(s), trips(s, known))]
    return [(b, known, UNKNOWN_TRIPS) for b in (s.test, s.body)] if isinstance(s, While) else []


def _is_near(buffer: Buffer, index: Index, name: str) -> bool:
    return element_strides(buffer, index).get(name, 0) in NEAR
