"""A nest that reads the buffer it writes: made to behave as if all of it were read first.

The dependence test finds the reads that would see a value already overwritten; each is cured by the cheapest of: a scalar
read before the loop that carries the conflict (hoist), a copy of the few elements concerned (snapshot), a ring of rows that
are written back late, a temporary for the whole right-hand side.  Reads that only run ahead of the writes need no cure,
but order.  Start with `resolve`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..ir.depend import Access, Distance, accesses, carried_level, depend
from ..ir.expr import Expr, const, load, op, substitute, var
from ..ir.loops import Alloc, Buffer, For, If, Let, Stmt, Store
from .loops.rewriting import map_exprs, replacing
from .lower_context import Emitter, Index

# Rows that a ring may hold back.
RING_ROWS = 2


@dataclass(eq=False, slots=True)
class Overlap:
    """A nest to be resolved: `loops` (outermost first) around `inner`, whose stores to `buffer` are at `at`.

    place: the element of a full-sized temporary that belongs to an iteration; extents: that temporary's.
    """

    emitter: Emitter
    loops: list[For]
    inner: list[Stmt]
    buffer: Buffer
    at: Index
    place: Index
    extents: Index
    note: str

    @property
    def parts(self) -> Index:
        """The axis of complex parts, if there is one."""
        return self.buffer.dims[len(self.at):]

    def stores(self) -> list[Store]:
        return [s for s in self.inner if isinstance(s, Store) and s.buffer is self.buffer]


def resolve(overlap: Overlap, finish: Callable[[list[For], list[Stmt], dict[int, list[Stmt]]], None]) -> None:
    """Emit the nest, or nests.  finish(loops, inner, before) wraps one: before[k] stands in front of loop k."""
    conflicts = _conflicts(overlap)
    before: dict[int, list[Stmt]] = {}
    left = []
    for access, distance, level in conflicts:
        read = load(access.buffer, access.index)  # type: ignore[arg-type]
        if not (_hoist(overlap, access, read, level, before) or _snapshot(overlap, read)):
            left.append((access, distance))
    if not left:
        finish(overlap.loops, overlap.inner, before)
    elif _ring_depth(overlap, [d for _, d in left]):
        _ring(overlap, _ring_depth(overlap, [d for _, d in left]), finish, before)
    else:
        _temporary(overlap, finish, before)


def _conflicts(overlap: Overlap) -> list[tuple[Access, Distance, int]]:
    """The reads that may come after the write of what they read; the loops that carry other meetings lose their mark."""
    loops, names = overlap.loops, [f.var for f in overlap.loops]
    nest: list[Stmt] = overlap.inner
    for f in reversed(loops):
        f.body = nest
        nest = [f]
    found = [a for a in accesses(nest, overlap.emitter.known) if a.buffer is overlap.buffer]
    stores = [a for a in found if a.is_store]
    out = []
    seen: set[Expr] = set()
    for access in found:
        if access.is_store:
            continue
        for store in stores:
            distance = depend(store, access, names)
            if distance is None or all(d == 0 for d in distance):
                continue
            level = carried_level(distance)
            read = load(access.buffer, access.index)  # type: ignore[arg-type]
            if level is None:
                first = next(k for k, d in enumerate(distance) if d != 0)
                loops[first].kind = "simd"
            elif read not in seen:
                seen.add(read)
                out.append((access, distance, level))
    return out


def _hoist(overlap: Overlap, access: Access, read: Expr, level: int, before: dict[int, list[Stmt]]) -> bool:
    """path[i, k] in a nest over i, j: read once per i, before anything of row i is written."""
    outer = {f.var for f in overlap.loops[:level]}
    inside = _bound_inside(overlap)
    if (read.variables & inside) - outer:
        return False
    if not access.ranges.access_in_range(read.args, overlap.buffer.dims):
        return False
    name = overlap.emitter.fresh("h")
    before.setdefault(level, []).append(Let(name, read))
    map_exprs(overlap.inner, replacing({read: var(name, read.dtype)}))
    return True


def _bound_inside(overlap: Overlap) -> set[str]:
    names = {f.var for f in overlap.loops}
    pending = list(overlap.inner)
    while pending:
        s = pending.pop()
        if isinstance(s, Let):
            names.add(s.name)
        elif isinstance(s, For):
            names |= {s.var, *(c.name for c in s.carried), *(c.result for c in s.carried)}
            pending += s.body
        elif isinstance(s, If):
            names |= {y.result for y in s.yields}
            pending += s.then + s.other
    return names


def _snapshot(overlap: Overlap, read: Expr) -> bool:
    """path[k, :] in a nest over i, j: the row is copied first."""
    own = [f for f in overlap.loops if f.var in read.variables]
    inside = _bound_inside(overlap)
    if len(own) == len(overlap.loops) or read.variables & inside != {f.var for f in own}:
        return False
    emitter = overlap.emitter
    temporary = Buffer(emitter.fresh("m"), read.dtype, tuple(f.hi for f in own))
    emitter.emit(Alloc(temporary))
    emitter.notes.append(f"snapshot {temporary.name} of a part of {overlap.buffer.name}{overlap.note}")
    copies = [For(emitter.fresh("i"), f.lo, f.hi, [], "par") for f in own]
    renamed = {var(f.var): var(c.var) for f, c in zip(own, copies, strict=True)}
    body: list[Stmt] = [Store(temporary, tuple(var(c.var) for c in copies), substitute(read, renamed))]
    _emit_loops(emitter, copies, body)
    map_exprs(overlap.inner, replacing({read: load(temporary, tuple(var(f.var) for f in own))}))
    return True


def _emit_loops(emitter: Emitter, loops: list[For], body: list[Stmt]) -> None:
    if loops:
        loops[-1].vector = True
    for f in reversed(loops):
        f.body = body
        body = [f]
    emitter.body.extend(body)


def _ring_depth(overlap: Overlap, distances: list[Distance]) -> int:
    """How many rows must be held back; 0 if a ring does not serve."""
    first = [d[0] for d in distances]
    if len(overlap.loops) < 2 or any(isinstance(d, str) or not 0 <= d <= RING_ROWS for d in first):
        return 0
    if any(f.kind == "seq" for f in overlap.loops):
        return 0
    return max(1, *first)  # type: ignore[type-var, return-value]


def _ring(overlap: Overlap, depth: int, finish: Callable, before: dict[int, list[Stmt]]) -> None:
    """Rows wait in a ring of depth + 1 until no later row reads what they replace."""
    emitter, rows = overlap.emitter, overlap.loops[0]
    columns = overlap.loops[1:]
    ring = Buffer(emitter.fresh("m"), overlap.buffer.dtype,
                  (const(depth + 1), *(f.hi for f in columns), *overlap.parts))
    emitter.emit(Alloc(ring))
    emitter.notes.append(f"ring of {depth + 1} rows for {overlap.buffer.name}{overlap.note}")

    def slot(row: Expr) -> Expr:
        return op("rem", row, depth + 1)

    stores = overlap.stores()
    targets = [s.index for s in stores]
    own = tuple(var(f.var) for f in columns)
    lets = _needed_lets(overlap, targets)
    for s in stores:
        s.buffer, s.index = ring, (slot(var(rows.var)), *own, *s.index[len(overlap.at):])

    def write_back(row: Expr) -> list[Stmt]:
        copies = [For(emitter.fresh("i"), f.lo, f.hi, [], "par") for f in columns]
        renamed = {var(rows.var): row, **{var(f.var): var(c.var) for f, c in zip(columns, copies, strict=True)}}
        body = _renamed_lets(emitter, lets, renamed)
        for target in targets:
            tail = target[len(overlap.at):]
            body.append(Store(overlap.buffer, tuple(substitute(e, renamed) for e in target),
                              load(ring, (slot(row), *(var(c.var) for c in copies), *tail))))
        if copies:
            copies[-1].vector = True
        for f in reversed(copies):
            f.body = body
            body = [f]
        return body

    for f in overlap.loops:
        f.kind = "par"
    late = If(op("ge", var(rows.var), depth), write_back(var(rows.var) - depth))
    finish([rows], _wrapped(columns, overlap.inner, before) + [late], {0: before.get(0, [])})
    rows.kind = "seq"
    rows.threads = rows.vector = False
    rest = For(emitter.fresh("i"), op("max", rows.hi - depth, 0), rows.hi, [], "seq")
    rest.body = write_back(var(rest.var))
    emitter.emit(rest)


def _wrapped(columns: list[For], inner: list[Stmt], before: dict[int, list[Stmt]]) -> list[Stmt]:
    body = inner
    for k in reversed(range(len(columns))):
        columns[k].body = body
        body = [*before.get(k + 1, []), columns[k]]
    columns[-1].vector = True
    return body


def _needed_lets(overlap: Overlap, targets: list[Index]) -> list[Let]:
    """The named values that the places of the stores are computed from, in order."""
    wanted = {v for t in targets for e in t for v in e.variables}
    out: list[Let] = []
    for s in reversed(overlap.inner):
        if isinstance(s, Let) and s.name in wanted:
            wanted |= s.value.variables
            out.insert(0, s)
    return out


def _renamed_lets(emitter: Emitter, lets: list[Let], renamed: dict[Expr, Expr]) -> list[Stmt]:
    body: list[Stmt] = []
    for let in lets:
        name = emitter.fresh("t")
        body.append(Let(name, substitute(let.value, renamed)))
        renamed[var(let.name, let.value.dtype)] = var(name, let.value.dtype)
    return body


def _temporary(overlap: Overlap, finish: Callable, before: dict[int, list[Stmt]]) -> None:
    """The whole right-hand side first, then the stores."""
    emitter = overlap.emitter
    temporary = Buffer(emitter.fresh("m"), overlap.buffer.dtype, (*overlap.extents, *overlap.parts))
    emitter.emit(Alloc(temporary))
    emitter.notes.append(f"temporary {temporary.name}: {overlap.buffer.name} is read where it is written{overlap.note}")
    stores = overlap.stores()
    targets = [s.index for s in stores]
    lets = _needed_lets(overlap, targets)
    kinds = [f.kind for f in overlap.loops]
    for s in stores:
        s.buffer, s.index = temporary, (*overlap.place, *s.index[len(overlap.at):])
    for f in overlap.loops:
        f.kind = "par"
    finish(overlap.loops, overlap.inner, before)
    copies = [For(emitter.fresh("i"), f.lo, f.hi, [], "seq" if kind == "seq" else "par")
              for f, kind in zip(overlap.loops, kinds, strict=True)]
    renamed = {var(f.var): var(c.var) for f, c in zip(overlap.loops, copies, strict=True)}
    back = _renamed_lets(emitter, lets, renamed)
    for target in targets:
        tail = target[len(overlap.at):]
        back.append(Store(overlap.buffer, tuple(substitute(e, renamed) for e in target),
                          load(temporary, (*(substitute(e, renamed) for e in overlap.place), *tail))))
    finish(copies, back, {})
