"""What a statement's text tells before it is emitted: what it stores, what varies with a loop, how wide it may run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ...ir.expr import Expr
from ...ir.loops import Alloc, Call, For, If, Let, Raise, Stmt, Store, While, bodies, own_exprs, walk
from ...ir.scalar import SCALAR_OPS, size_of
from .memory import offset_stride

# Work, counted in scalar operations: that of a mathematical function, of a library call, and a guess at trip counts.
MATH_WORK = 12
CALL_WORK = 1 << 18
UNKNOWN_TRIPS = 64
# Of a vector of 512 bits: the cycles that the divider takes for a quotient and for a square root, and the operations of a quotient
# by multiplication, of which the other units do two in a cycle.
QUOTIENT, ROOT, QUOTIENT_OPERATIONS = 16, 24, 19
# The least work of a trip for which later loads are asked for ahead of time.
FETCHED_FROM = 8


def may_leave(body: Sequence[Stmt]) -> bool:
    """Whether these statements may leave the function."""
    return any(isinstance(s, Raise) for s in walk(list(body)))


def varying_names(body: Sequence[Stmt], seeds: Iterable[str]) -> set[str]:
    """The names bound in `body` whose values depend on `seeds`, and the seeds."""
    names = set(seeds)
    while True:
        before = len(names)
        for s in walk(list(body)):
            _add_varying(s, names)
        if len(names) == before:
            return names


def _add_varying(s: Stmt, names: set[str]) -> None:
    if isinstance(s, Let):
        if s.value.variables & names:
            names.add(s.name)
    elif isinstance(s, If):
        for y in s.yields:
            if (s.cond.variables | y.then.variables | y.other.variables) & names:
                names.add(y.result)
    elif isinstance(s, For | While):
        apart = lanes_part(s, names)
        if apart and isinstance(s, For):
            names.add(s.var)
        for c in s.carried:
            inputs = c.init.variables | (c.next.variables if c.next is not None else frozenset())
            if apart or inputs & names or c.name in names:
                names.update((c.name, c.result))


def lanes_part(s: For | While, names: set[str]) -> bool:
    """Whether the loop may end at another trip where the values of `names` are others."""
    if isinstance(s, While):
        return bool(s.cond.variables & names)
    return bool((s.lo.variables | s.hi.variables) & names) or s.until in names


def replicable(loop: For, vector: bool) -> bool:
    """Whether trips of the loop can be emitted side by side (in a vector, or as copies of the body).

    All trips take one path: nothing inside may leave, allocate, or loop on what varies from trip to trip.  In a vector
    they may branch on it and loop on it, if the arms and bodies are straight: those run under masks.
    """
    names = varying_names(loop.body, {loop.var})
    for s in walk(loop.body):
        if isinstance(s, Alloc | Raise | Call) or (isinstance(s, While) and not (vector and is_straight([*s.test, *s.body]))):
            return False
        if isinstance(s, If) and s.cond.variables & names and not (vector and is_straight([*s.then, *s.other])):
            return False
        if isinstance(s, For) and lanes_part(s, names) and not (vector and s.lanes == 1 and is_straight(s.body)):
            return False
        if isinstance(s, For) and vector and s.lanes > 1 and not replicable(s, vector=False):
            return False  # its partial results stand side by side as copies
        if isinstance(s, Store) and vector:
            touched = frozenset().union(*(i.variables for i in s.index)) if s.index else frozenset()
            if not touched & names or (offset_stride(s.buffer, s.index, loop.var) == 0 and touched & names == {loop.var}):
                return False
    return True


def is_straight(body: Sequence[Stmt]) -> bool:
    """Whether these statements, and those in their branches, neither loop nor leave."""
    return all(isinstance(s, Let | Store | If) for s in walk(list(body)))


def data_exprs(body: Sequence[Stmt], counts: Mapping[str, Expr] | None = None) -> Iterator[Expr]:
    """The expressions computed as data, every one once; not those that only make up indices.

    counts: carried scalars for which not the next value but this expression is computed.
    """
    seen: set[Expr] = set()
    for s in walk(list(body)):
        roots = [s.value] if isinstance(s, Let | Store) else list(own_exprs(s)) if not isinstance(s, For) else [
            (counts or {}).get(c.name, c.next) for c in s.carried if c.next is not None]  # type: ignore[misc]
        waiting = [r for r in roots if r not in seen]
        while waiting:
            e = waiting.pop()
            if e in seen:
                continue
            seen.add(e)
            yield e
            if e.kind == "op":
                waiting.extend(e.args)


def element_size(body: Sequence[Stmt], names: set[str], counts: Mapping[str, Expr] | None = None) -> int:
    """The element size, in bytes, that vectors should be filled with: the one of most of the work that varies."""
    sizes: Counter[int] = Counter()
    for e in data_exprs(body, counts):
        if e.variables & names and e.dtype != "i1" and e.kind in ("op", "load"):
            weight = 8 if e.kind == "op" and SCALAR_OPS[e.payload].math else 1  # type: ignore[index]
            sizes[4 if e.dtype == "f16" else size_of(e.dtype)] += weight
    for s in walk(list(body)):
        if isinstance(s, Store) and s.buffer.dtype != "i1":
            sizes[size_of(s.buffer.dtype)] += 1
    if not sizes:
        return 1
    total, widest = sum(sizes.values()), max(sizes)
    while sizes[widest] * 4 < total and any(k < widest for k in sizes):
        del sizes[widest]
        widest = max(sizes)
    return widest


def waits_for_divider(s: For) -> bool:
    """Whether vectors of this loop's trips, computing f64 quotients by the divider, wait for it longer than their other operations
    and those of quotients by multiplication would take."""
    names = varying_names([s], {s.var})
    quotients = roots = others = 0
    for e in data_exprs([s]):
        if e.kind != "op" or not e.variables & names:
            continue
        if SCALAR_OPS[str(e.payload)].math:
            return False
        quotients += e.payload == "div" and e.dtype == "f64" and bool(e.args[1].variables & names)
        roots += e.payload == "sqrt"
        others += 1
    divided = max(QUOTIENT * quotients + ROOT * roots, others / 2)
    multiplied = max(ROOT * roots, (others + QUOTIENT_OPERATIONS * quotients) / 2)
    return quotients > 0 and multiplied < divided


def hides_no_loads(s: For) -> bool:
    """Does a trip compute so much that the processor, while it waits for a load, has none of the next loads in sight?"""
    return sum(_operations(e) for e in data_exprs([s])) >= FETCHED_FROM


def carried_at_once(body: Sequence[Stmt]) -> int:
    """The most scalars that any loop inside carries."""
    return max((len(s.carried) for s in walk(list(body)) if isinstance(s, For | While)), default=0)


def own_work(s: Stmt) -> int:
    """The operations of one statement itself."""
    if isinstance(s, Call):
        return CALL_WORK
    if isinstance(s, For | While | If):
        return 1
    return sum(_operations(e) for e in data_exprs([s])) + isinstance(s, Store | Let)


def _operations(e: Expr) -> int:
    """Those of an expression itself, without its operands'."""
    if e.kind == "op":
        return MATH_WORK if SCALAR_OPS[str(e.payload)].math else 1
    return int(e.kind == "load")


def likely_trips(s: For) -> int:
    """The number of trips, at least 1, where the bounds are constants; else a guess."""
    if not (s.lo.is_const and s.hi.is_const):
        return UNKNOWN_TRIPS
    lo, hi = (int(e.payload) for e in (s.lo, s.hi))  # type: ignore[call-overload]
    return max(len(range(lo, hi, s.step)), 1)


def least_work(body: Sequence[Stmt]) -> int:
    """A guess, rather too low, at the operations of these statements; loops of unknown length count for few trips."""
    total = 0
    for s in body:
        trips = likely_trips(s) if isinstance(s, For) else 1
        total += own_work(s) + trips * sum(least_work(inner) for inner in bodies(s))
    return total
