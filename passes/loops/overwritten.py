"""Dead fills:  for i in 0..n: y[i] = 0; y[0] = a; for i in 1..n: y[i] = f(y[i - 1])   ->   without the first loop

Before: an array is filled, and then every cell is written again, as code does that makes its results with `np.zeros`.
After: the fill is gone.  Legal when the stores behind it surely reach every cell, nothing reads a cell before, and nobody
would see the array if an error or Ctrl-C came in between.  Along each axis the stores may come piece by piece, from the
front or from the back: a first row, a first column, then all the rest.  A piece may read what earlier trips of its own
loops have stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...ir.expr import Expr
from ...ir.linear import Linear, number, variable
from ...ir.loops import Buffer, Call, For, LoopFunction, Stmt, Store, own_exprs, stored_buffers, walk
from ...ir.ranges import Ranges, after, function_ranges
from .names import bound_names
from .nests import rewrite_bodies
from .rewriting import loads_in, touched


@dataclass(frozen=True, slots=True)
class Axis:
    """The cells lo..hi along one axis; loop: the variable that runs over them, with what is added to it."""

    lo: Linear
    hi: Linear
    loop: For | None = None
    shift: int = 0


def overwritten(function: LoopFunction) -> LoopFunction:
    rewrite_bodies(function.body, function_ranges(function), _clean)
    return function


def _clean(body: list[Stmt], k: int, ranges: Ranges) -> int:
    buffer = _filled(body[k])
    rest = body[k + 1:k + 1 + MOST_STATEMENTS]
    if buffer is None or not buffer.is_private or not _Progress(buffer, ranges).covers(rest):
        return 1
    del body[k]
    return 0


def _filled(s: Stmt) -> Buffer | None:
    """The array that this nest stores to, if it does nothing else."""
    while isinstance(s, For) and len(s.body) == 1 and not s.carried:
        s = s.body[0]
        if isinstance(s, Store):
            return s.buffer
    return None


# How far behind a fill its cover is looked for.
MOST_STATEMENTS = 64


@dataclass(frozen=True, slots=True)
class Box:
    """The cells that a store reaches, axis by axis; loops: those around it, outermost first."""

    axes: list[Axis]
    loops: tuple[For, ...]


class _Progress:
    """How far an array is surely written: along each axis all cells before one place, and from another one on."""

    def __init__(self, buffer: Buffer, ranges: Ranges) -> None:
        self.buffer, self.ranges = buffer, ranges
        self.ends: dict[int, tuple[Linear, Linear]] = {
            k: (number(0), ranges.linear(d)) for k, d in enumerate(buffer.dims)}
        self.whole = False

    def covers(self, rest: list[Stmt]) -> bool:
        """Do these statements write all of it before any of them reads it?"""
        for s in rest:
            if self.buffer in touched([s]) and not self._statement(s):
                return False
            if self.whole:
                return True
            self.ranges = after(s, self.ranges)
        return False

    def _statement(self, s: Stmt) -> bool:
        """Note what `s` writes; False if it may read what is not written."""
        boxes = [box for box in (self._box(store, loops, s) for store, loops in _sure_stores(s, self.buffer, ()))
                 if box is not None]
        if not self._reads_written(s, boxes):
            return False
        for box in boxes:
            k = self._next_piece(box)
            if k is not None:
                (front, back), piece = self.ends[k], box.axes[k]
                self.ends[k] = (piece.hi, back) if self._reaches(piece.lo, front) else (front, piece.lo)
            self.whole = self.whole or self._is_rest(box) or any(front.same(back) for front, back in self.ends.values())
        return True

    def _box(self, store: Store, loops: tuple[For, ...], s: Stmt) -> Box | None:
        """The cells that the store reaches, if they are a box whose sides are known before `s`."""
        used: set[str] = set()
        within = bound_names([s])
        out = []
        for e in store.index:
            form = self.ranges.linear(e)
            loop = next((f for f in loops if f.var in form.terms), None)
            if loop is None:
                out.append(Axis(form, form + 1))
            else:
                rest = form.without(loop.var)
                if form.terms[loop.var] != 1 or abs(loop.step) != 1 or loop.var in used or not rest.is_constant:
                    return None
                used.add(loop.var)
                lo, hi = self.ranges.linear(loop.lo), self.ranges.linear(loop.hi)
                lo, hi = (lo, hi) if loop.step > 0 else (hi + 1, lo + 1)
                out.append(Axis(lo + rest.constant, hi + rest.constant, loop, rest.constant))
        if any(f.var not in used and not self._runs(f) for f in loops):
            return None
        if any(x.uses(within) or any(x.atoms[t].buffers for t in x.terms) for a in out for x in (a.lo, a.hi)):
            return None
        return Box(out, loops)

    def _runs(self, f: For) -> bool:
        """Is there surely a trip?"""
        least = self.ranges.least(self.ranges.linear(f.hi) - self.ranges.linear(f.lo))
        return f.step == 1 and least is not None and least > 0

    def _reaches(self, lo: Linear, front: Linear) -> bool:
        return lo.same(front) or self.ranges.is_nonnegative(front - lo)

    def _is_rest_along(self, k: int, a: Axis) -> bool:
        """Does the box leave no cell out between the written parts of an axis?"""
        front, back = self.ends[k]
        return self._reaches(a.lo, front) and self._reaches(back, a.hi)

    def _is_rest(self, box: Box) -> bool:
        return all(self._is_rest_along(k, a) for k, a in enumerate(box.axes))

    def _next_piece(self, box: Box) -> int | None:
        """The axis along which this box goes on where a written part ends, if it leaves nothing out along the others."""
        partial = [k for k, a in enumerate(box.axes) if not self._is_rest_along(k, a)]
        if len(partial) != 1:
            return None
        (k,) = partial
        front, back = self.ends[k]
        a = box.axes[k]
        return k if a.lo.same(front) or a.hi.same(back) else None

    def _reads_written(self, s: Stmt, boxes: list[Box]) -> bool:
        """Is every load of the array one of a cell that was written before `s`, or in earlier trips of its only piece?"""
        if any(isinstance(x, Call) and self.buffer in (*x.reads, *x.writes) for x in walk([s])):
            return False  # a library routine may read all of it
        loads = [e.args for x in walk([s]) for own in own_exprs(x) for e in loads_in(own) if e.payload is self.buffer]
        for index in loads:
            if any(self._is_written(k, self.ranges.linear(e)) for k, e in enumerate(index)):
                continue
            if len(boxes) != 1 or not (self._is_behind(s, boxes[0], index) or self._is_earlier(boxes[0], index)):
                return False
        return True

    def _is_behind(self, s: Stmt, box: Box, index: tuple[Expr, ...]) -> bool:
        """Is the load, along the axis of the piece, of a cell that the outermost loop has passed?"""
        k = self._next_piece(box)
        k = next((k for k, a in enumerate(box.axes) if a.loop is s), None) if k is None and self._is_rest(box) else k
        if k is None or box.axes[k].loop is not s:
            return False
        assert isinstance(s, For)
        piece = box.axes[k]
        ahead = self.ranges.linear(index[k]) - variable(s.var) - piece.shift
        # The piece must begin at the end whose cells the loop meets first.
        front, back = self.ends[k]
        begins = self._reaches(piece.lo, front) if s.step > 0 else self._reaches(back, piece.hi)
        return s.kind == "seq" and begins and ahead.is_constant and ahead.constant * s.step < 0

    def _is_earlier(self, box: Box, index: tuple[Expr, ...]) -> bool:
        """Is the load of a cell that an earlier trip stores to, or of one around a box that is all the rest?"""
        if not self._is_rest(box) or any(f.kind != "seq" for f in box.loops):
            return False
        ahead = {}
        for a, e in zip(box.axes, index, strict=True):
            distance = self.ranges.linear(e) - (variable(a.loop.var) + a.shift if a.loop is not None else a.lo)
            # Where a box is one cell wide, and all the rest, its neighbours were written before: `_is_written` has seen that.
            if not distance.is_constant:
                return False
            if a.loop is not None:
                ahead[a.loop.var] = distance.constant * a.loop.step
        return next((ahead[f.var] for f in box.loops if ahead.get(f.var)), 0) < 0

    def _is_written(self, k: int, at: Linear) -> bool:
        """Was the cell surely written before? (Nothing is known here of names that the statement itself binds.)"""
        front, back = self.ends[k]
        return self.ranges.is_nonnegative(front - at - 1) or self.ranges.is_nonnegative(at - back)


def _sure_stores(s: Stmt, buffer: Buffer, loops: tuple[For, ...]) -> Iterator[tuple[Store, tuple[For, ...]]]:
    """The stores to `buffer` that happen in every trip of the loops around them, all of which `s` begins."""
    if isinstance(s, Store) and s.buffer is buffer:
        yield s, loops
    elif isinstance(s, For) and s.until is None and buffer in stored_buffers([s]):
        for x in s.body:
            yield from _sure_stores(x, buffer, (*loops, s))
