"""Row by row:  for par i: (for red k carry s: s += m[k, i]); out[i] = s   ->   for k: for par i: sums[i] += m[k, i]

Before: a few columns at a time are followed from the first row of an array to the last, each step onto another page of memory.
After: rows are read from end to end, four at a time, and what the columns carried lies in memory that stays near.  Each column
still combines its elements in the same order, so the result has the same bits.  Legal when the trips of the outer loop are
independent, as then they may take turns; wanted where the array is too large to stay near and nothing else reads it again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...ir.expr import Expr, const, load, op, substitute, var
from ...ir.loops import Alloc, Buffer, For, Let, LoopFunction, Stmt, Store, bodies, own_exprs, walk
from ...ir.scalar import BITS
from ..access import element_strides, loads_of
from .names import fresh_names
from .rewriting import map_exprs, replacing, used_names
from .row_blocks import Blocks, blocks_of

# Rows that are combined between a load and a store of what is carried.
ROWS = 4
# Columns whose carried scalars stay near; from how many bytes on a row is worth it, and an array is too large to stay near.
STRIP = 4096
MIN_ROW_BYTES = 64
MIN_BYTES = 1 << 19
MAX_STATEMENTS = 40


def sweep(function: LoopFunction) -> LoopFunction:
    _sweep_in(function.body, (), fresh_names(function, "w"))
    return function


def _sweep_in(body: list[Stmt], outer: tuple[str, ...], names: Iterator[str]) -> None:
    """outer: the variables of the parallel loops around."""
    k = 0
    while k < len(body):
        s = body[k]
        if isinstance(s, For) and _is_wanted(s, outer):
            new = _Whole(s, not outer, names).run()
            body[k:k + 1] = new
            k += len(new)
            continue
        k += 1
        if isinstance(s, For):
            _sweep_in(s.body, (*outer, s.var) if s.kind == "par" else outer, names)
        else:
            for inner in bodies(s):
                _sweep_in(inner, outer, names)


def _is_wanted(s: For, outer: tuple[str, ...]) -> bool:
    inner = list(walk(s.body))
    if s.kind != "par" or s.carried or s.step != 1 or len(inner) > MAX_STATEMENTS or not (s.lo.is_const and s.hi.is_const):
        return False
    if not all(isinstance(x, Let | Store) or (isinstance(x, For) and _may_be_swept(x)) for x in inner):
        return False
    loops = [x for x in inner if isinstance(x, For)]
    names = {x.var for x in loops}
    columns = _number(s.hi) - _number(s.lo)
    found = False
    for e in loads_of(e for x in inner for e in own_exprs(x)):
        form = element_strides(e.payload, e.args)  # type: ignore[arg-type]
        across = form.get(s.var, 0)
        if across is None or abs(across) > 2:
            return False
        rows = [k for k in names if form.get(k, 0) != 0]
        if across != 0 and rows:
            if not all(_is_far(e, form[k], k, columns * abs(across)) for k in rows) or not e.variables.issuperset(outer):
                return False
            found = True
    return found


def _may_be_swept(x: For) -> bool:
    return bool(x.carried) and x.kind in ("red", "seq") and x.until is None and x.lanes == 1 and not x.vector


def _is_far(e: Expr, stride: int | None, row: str, width: int) -> bool:
    """Does the load step, with variable `row`, from row to row of a large array, of which `width` elements are columns?"""
    buffer = e.payload
    assert isinstance(buffer, Buffer)
    size = BITS[buffer.dtype] // 8 or 1
    if stride is None or abs(stride) < width or width * size < MIN_ROW_BYTES:
        return False
    axes = [k for k, index in enumerate(e.args) if row in index.variables]
    return all(buffer.dims[k].is_const for k in axes) and bool(axes) and \
        max(int(buffer.dims[k].payload) for k in axes) * abs(stride) * size >= MIN_BYTES  # type: ignore[call-overload]


class _Columns:
    """The columns from `start` on, counted from the loop's first: `left` of them, at most `width`.

    Statements stand for one column each, which is the loop's variable; `over` makes the loop over all of them.  The scalars
    that others need lie in memory, one per column, and are read from there.
    """

    def __init__(self, loop: For, names: Iterator[str], start: Expr, left: Expr, width: int,
                 around: _Columns | None = None) -> None:
        self.loop, self.names, self.start, self.left, self.width, self.around = loop, names, start, left, width, around
        # A column's place among these, until the loop over them has its variable.
        self.position = var(next(names))
        self.memory: dict[Expr, Expr] = dict(around.memory) if around is not None else {}
        self.allocated: list[Stmt] = []

    def over(self, body: list[Stmt]) -> For:
        column = var(next(self.names))
        place = {var(self.loop.var): self.loop.lo + (self.start + column), self.position: column}
        if self.around is not None:
            place[self.around.position] = self.start + column
        map_exprs(body, replacing(place))
        return For(str(column.payload), const(0), self.left, body, "par", loc=self.loop.loc)

    def keep(self, name: Expr, value: Expr) -> Store:
        """Store a scalar, read from now on where it lies."""
        if name not in self.memory:
            buffer = Buffer(next(self.names), name.dtype, (const(self.width),))
            self.allocated.append(Alloc(buffer))
            self.memory[name] = load(buffer, (self.position,))
        place = self.memory[name]
        return Store(place.payload, place.args, value)  # type: ignore[arg-type]

    def read(self, e: Expr) -> Expr:
        return substitute(e, self.memory)

    def statements(self, body: Sequence[Stmt]) -> list[Stmt]:
        """Statements turned inside out: each gets a loop over the columns of its own."""
        out: list[Stmt] = []
        flat: list[Stmt] = []
        for s in body:
            if isinstance(s, For):
                out += [*self.across(flat), *self.rows(s)]
                flat = []
            else:
                flat.append(s)
        return [*out, *self.across(flat)]

    def across(self, flat: Sequence[Stmt]) -> list[Stmt]:
        """Statements without loops; those behind find the scalars that these name."""
        if not flat:
            return []
        own = {id(s) for s in flat}
        elsewhere = used_names([s for s in _one_by_one(self.loop.body) if id(s) not in own])
        body = [_with(s, self.memory) for s in flat]
        for s in flat:
            if isinstance(s, Let) and s.name in elsewhere:
                name = var(s.name, s.value.dtype)
                body.append(self.keep(name, name))
        return [self.over(body)]

    def rows(self, s: For) -> list[Stmt]:
        raise NotImplementedError


class _Whole(_Columns):
    """All columns of a loop.  alone: no parallel loop is around it, so that threads may share the rows."""

    def __init__(self, loop: For, alone: bool, names: Iterator[str]) -> None:
        count = _number(loop.hi) - _number(loop.lo)
        super().__init__(loop, names, const(0), const(count), count)
        self.alone = alone

    def run(self) -> list[Stmt]:
        body = self.statements(self.loop.body)
        return [*self.allocated, *body]

    def rows(self, s: For) -> list[Stmt]:
        blocks = blocks_of(s, self.names) if self.alone and s.kind == "red" else None
        if blocks is None:
            results = [var(c.result, c.dtype) for c in s.carried]
            return self.in_strips(s, {}, [self.keep(r, r) for r in results])
        return self.in_blocks(blocks)

    def in_blocks(self, blocks: Blocks) -> list[Stmt]:
        """Blocks of rows at the same time, then what they give, in the order of before."""
        rows = blocks.rows
        parts = [Buffer(next(self.names), c.dtype, (const(blocks.count), const(self.width))) for c in rows.carried]
        self.allocated += map(Alloc, parts)
        stores: list[Stmt] = [Store(b, (var(blocks.number), self.position), var(c.result, c.dtype))
                              for b, c in zip(parts, rows.carried, strict=True)]
        each = For(blocks.number, const(0), const(blocks.count), self.in_strips(rows, blocks.place, stores), "par", loc=rows.loc)
        together = blocks.combined([load(b, (blocks.which, self.position)) for b in parts])
        map_exprs([together], replacing(self.memory))
        results = [var(c.result, c.dtype) for c in together.carried]
        return [each, self.over([together, *(self.keep(r, r) for r in results)])]

    def in_strips(self, s: For, place: dict[Expr, Expr], behind: list[Stmt]) -> list[Stmt]:
        """The rows of a loop, in strips of columns; behind: what is done with the results of each.  place: of outer variables."""
        count = -(-self.width // STRIP)
        if count == 1:
            return _Strip(self, const(0), const(self.width), self.width).run(s, place, behind)
        width = -(-self.width // count // 64) * 64
        count = -(-self.width // width)
        number = var(next(self.names))
        start = number * width
        body = _Strip(self, start, op("min", self.left - start, const(width)), width).run(s, place, behind)
        return [For(str(number.payload), const(0), const(count), body, "par", loc=self.loop.loc)]


class _Strip(_Columns):
    """Columns whose carried scalars stay near."""

    def __init__(self, whole: _Whole, start: Expr, left: Expr, width: int) -> None:
        super().__init__(whole.loop, whole.names, start, left, width, whole)
        self.place: dict[Expr, Expr] = {}

    def run(self, s: For, place: dict[Expr, Expr], behind: list[Stmt]) -> list[Stmt]:
        self.place = place
        body = self.rows(s)
        body += self.across(behind)
        return [*self.allocated, *body]

    def rows(self, s: For) -> list[Stmt]:
        """The loop over rows outside; what it carries lies in memory."""
        start: list[Stmt] = [self.keep(var(c.name, c.dtype), self.read(substitute(c.init, self.place))) for c in s.carried]
        for c in s.carried:
            self.memory[var(c.result, c.dtype)] = self.memory[var(c.name, c.dtype)]
        out: list[Stmt] = [self.over(start)]
        lo, hi = substitute(s.lo, self.place), substitute(s.hi, self.place)
        if any(isinstance(x, For) for x in s.body):
            return [*out, For(s.var, lo, hi, self.statements([*s.body, *self.next(s, {})]), "seq", s.step, loc=s.loc)]
        if s.step != 1 or any(isinstance(x, Store) for x in s.body):
            return [*out, For(s.var, lo, hi, self.trips(s, 1, var(s.var)), "seq", s.step, loc=s.loc)]
        count = hi - lo
        middle = lo + op("quot", count, const(ROWS)) * ROWS
        first, rest = var(next(self.names)), var(next(self.names))
        out.append(For(str(first.payload), lo, middle, self.trips(s, ROWS, first), "seq", ROWS, loc=s.loc))
        if not (count.is_const and _number(count) % ROWS == 0):
            out.append(For(str(rest.payload), middle, hi, self.trips(s, 1, rest), "seq", loc=s.loc))
        return out

    def trips(self, s: For, count: int, first: Expr) -> list[Stmt]:
        """So many trips of a loop without loops inside, one after the other."""
        out: list[Stmt] = []
        names = [var(c.name, c.dtype) for c in s.carried]
        current = {v: v for v in names}
        for k in range(count):
            mapping = {**self.place, var(s.var): first + k, **current}
            for x in s.body:
                new = _with(x, mapping)
                if isinstance(new, Let):
                    new.name = next(self.names)
                    mapping[var(x.name, new.value.dtype)] = var(new.name, new.value.dtype)  # type: ignore[union-attr]
                out.append(new)
            *lets, = self.next(s, mapping)
            out += lets[:len(names)]
            current = {v: var(x.name, v.dtype) for v, x in zip(names, lets, strict=False)}  # type: ignore[union-attr]
        return self.across([*out, *lets[len(names):]])

    def next(self, s: For, mapping: dict[Expr, Expr]) -> list[Stmt]:
        """The next carried values, named, and then stored: they may be computed from each other's old ones."""
        lets = [Let(next(self.names), substitute(c.next, mapping)) for c in s.carried]  # type: ignore[arg-type]
        return [*lets, *(self.keep(var(c.name, c.dtype), var(x.name, c.dtype)) for c, x in zip(s.carried, lets, strict=True))]


def _with(s: Stmt, mapping: dict[Expr, Expr]) -> Stmt:
    """A copy, with expressions replaced; a store's place stays where it is."""
    if isinstance(s, Let):
        return Let(s.name, substitute(s.value, mapping))
    assert isinstance(s, Store)
    return Store(s.buffer, tuple(substitute(e, mapping) for e in s.index), substitute(s.value, mapping))


def _one_by_one(body: Sequence[Stmt]) -> Iterator[Stmt]:
    """Every statement, loops without their bodies."""
    for s in walk(list(body)):
        yield For(s.var, s.lo, s.hi, [], s.kind, s.step, s.carried) if isinstance(s, For) else s


def _number(e: Expr) -> int:
    assert isinstance(e.payload, int)
    return e.payload
