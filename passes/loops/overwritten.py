"""Dead fills:  for i in 0..n: y[i] = 0; y[0] = a; for i in 1..n: y[i] = f(y[i - 1])   ->   without the first loop

Before: an array is filled, and then every cell is written again, as code does that makes its results with `np.zeros`.
After: the fill is gone.  Legal when the stores behind it surely reach every cell, nothing reads a cell before, and nobody
would see the array if an error or Ctrl-C came in between.  Along one axis the stores may come piece by piece, from the
front or from the back; a piece may read what earlier trips of its own loop have stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...ir.linear import Linear, number, variable
from ...ir.loops import Buffer, Call, For, LoopFunction, Stmt, Store, bodies, own_exprs, walk
from ...ir.ranges import Ranges, function_ranges
from .names import bound_names
from .nests import after, inside
from .rewriting import loads_in, stored, touched


@dataclass(frozen=True, slots=True)
class Axis:
    """The cells lo..hi along one axis; loop: the variable that runs over them, with what is added to it."""

    lo: Linear
    hi: Linear
    loop: For | None = None
    shift: int = 0


def overwritten(function: LoopFunction) -> LoopFunction:
    _clean(function.body, function_ranges(function))
    return function


def _clean(body: list[Stmt], ranges: Ranges) -> None:
    k = 0
    while k < len(body):
        s = body[k]
        buffer = _filled(s)
        if buffer is not None and buffer.is_private and _Progress(buffer, ranges).covers(
                body[k + 1:k + 1 + MOST_STATEMENTS]):
            del body[k]
            continue
        for inner, known in zip(bodies(s), inside(s, ranges), strict=True):
            _clean(inner, known)
        ranges = after(s, ranges)
        k += 1


def _filled(s: Stmt) -> Buffer | None:
    """The array that this nest stores to, if it does nothing else."""
    while isinstance(s, For) and len(s.body) == 1 and not s.carried:
        s = s.body[0]
        if isinstance(s, Store):
            return s.buffer
    return None


# How far behind a fill its cover is looked for.
MOST_STATEMENTS = 64


class _Progress:
    """How far an array is surely written along one axis, in all of the others: before `front` and from `back` on."""

    def __init__(self, buffer: Buffer, ranges: Ranges) -> None:
        self.buffer, self.ranges = buffer, ranges
        self.axis: int | None = None
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
        pieces = [(k, box[k]) for box in boxes for k in [self._next_piece(box)] if k is not None]
        if not self._reads_written(s, pieces):
            return False
        self.whole = any(all(self._is_full(k, a) for k, a in enumerate(box)) for box in boxes)
        if not self.whole and pieces:
            self.axis, piece = pieces[0]
            front, back = self.ends[self.axis]
            front, back = (piece.hi, back) if piece.lo.same(front) else (front, piece.lo)
            self.ends[self.axis] = front, back
            self.whole = front.same(back)
        return True

    def _box(self, store: Store, loops: tuple[For, ...], s: Stmt) -> list[Axis] | None:
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
        return out

    def _runs(self, f: For) -> bool:
        """Is there surely a trip?"""
        least = self.ranges.least(self.ranges.linear(f.hi) - self.ranges.linear(f.lo))
        return f.step == 1 and least is not None and least > 0

    def _is_full(self, k: int, a: Axis) -> bool:
        return a.lo.same(number(0)) and a.hi.same(self.ranges.linear(self.buffer.dims[k]))

    def _next_piece(self, box: list[Axis]) -> int | None:
        """The axis along which this box goes on where a written part ends, if it is whole along the others."""
        partial = [k for k, a in enumerate(box) if not self._is_full(k, a)]
        if len(partial) != 1 or self.axis not in (None, partial[0]):
            return None
        (k,) = partial
        front, back = self.ends[k]
        return k if box[k].lo.same(front) or box[k].hi.same(back) else None

    def _reads_written(self, s: Stmt, pieces: list[tuple[int, Axis]]) -> bool:
        """Is every load of the array one of a cell that was written before `s`, or in earlier trips of its only piece?"""
        if any(isinstance(x, Call) and self.buffer in (*x.reads, *x.writes) for x in walk([s])):
            return False  # a library routine may read all of it
        loads = [e.args for x in walk([s]) for own in own_exprs(x) for e in loads_in(own) if e.payload is self.buffer]
        if not loads:
            return True
        within = bound_names([s])
        for index in loads:
            if self.axis is not None and self._is_written(self.ranges.linear(index[self.axis]), within):
                continue
            if len(pieces) != 1:
                return False
            k, piece = pieces[0]
            if piece.loop is not s or piece.loop is None or piece.loop.kind == "par":
                return False
            ahead = self.ranges.linear(index[k]) - variable(piece.loop.var) - piece.shift
            # The piece must begin at the end whose cells the loop meets first.
            front, back = self.ends[k]
            begins = piece.lo.same(front) if piece.loop.step > 0 else piece.hi.same(back)
            if not begins or not ahead.is_constant or ahead.constant * piece.loop.step >= 0:
                return False
        return True

    def _is_written(self, at: Linear, within: set[str]) -> bool:
        """Was the cell surely written before the statement that binds the names `within`?"""
        assert self.axis is not None
        front, back = self.ends[self.axis]
        return not at.uses(within) and (self.ranges.is_nonnegative(front - at - 1) or self.ranges.is_nonnegative(at - back))


def _sure_stores(s: Stmt, buffer: Buffer, loops: tuple[For, ...]) -> Iterator[tuple[Store, tuple[For, ...]]]:
    """The stores to `buffer` that happen in every trip of the loops around them, all of which `s` begins."""
    if isinstance(s, Store) and s.buffer is buffer:
        yield s, loops
    elif isinstance(s, For) and s.until is None and buffer in stored([s]):
        for x in s.body:
            yield from _sure_stores(x, buffer, (*loops, s))
