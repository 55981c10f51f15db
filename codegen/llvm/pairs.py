"""Elements that lie in pairs, as the parts of complex numbers do: loaded together and picked apart, or woven and stored.

A buffer of pairs has a last axis of extent 2 and stride 1.  Where a vector loop walks such pairs, one after the other,
both parts come from the same two whole vectors, which are loaded once.

To pick the parts apart, numbers must cross from one half of a vector to the other, which is slow.  Where a loop touches nothing
but pairs, the order of its lanes does not matter: then parts are picked and woven within 16 bytes.
"""

from __future__ import annotations

from ...ir.expr import Expr, const
from ...ir.loops import Buffer, For, Let, Stmt, Store
from ...ir.scalar import size_of
from .memory import Access, Memory, offset_stride
from .module import MEMORY_TYPE, spelled, vector_literal
from .scopes import Replicated, Value


def is_part(buffer: Buffer, index: tuple[Expr, ...]) -> bool:
    """Whether this access is to a known part of a pair."""
    return bool(index) and index[-1].is_const and _is_constant(buffer.dims[-1], 2) and _is_constant(buffer.strides[-1], 1)


def _is_constant(e: Expr, value: int) -> bool:
    return e.is_const and e.payload == value


def are_both_parts(first: Stmt, second: Stmt) -> bool:
    """Whether two stores write the two parts of one pair, in order, the second regardless of the first."""
    if not (isinstance(first, Store) and isinstance(second, Store)) or first.buffer is not second.buffer:
        return False
    if not (is_part(first.buffer, first.index) and is_part(second.buffer, second.index)):
        return False
    ordered = first.index[-1].payload == 0 and second.index[-1].payload == 1
    return ordered and first.index[:-1] == second.index[:-1] and first.buffer not in second.value.buffers


def is_of_pairs(s: For) -> bool:
    """Is all that varies with the loop parts of pairs that lie one after the other, both of which are loaded or stored?"""
    if s.kind != "par" or s.carried or not all(isinstance(x, Let | Store) for x in s.body):
        return False
    varying = {s.var} | {x.name for x in s.body if isinstance(x, Let)}
    sizes, seen = set(), set[Expr]()

    def is_place(buffer: Buffer, index: tuple[Expr, ...]) -> bool:
        sizes.add(size_of(buffer.dtype))
        names = {n for e in index for n in e.variables}
        return is_part(buffer, index) and not (varying - {s.var}) & names and offset_stride(buffer, index, s.var) == 2

    def fits(e: Expr) -> bool:
        if e in seen or not e.variables & varying:
            return True
        seen.add(e)
        if e.kind == "load":
            return is_place(e.payload, e.args)  # type: ignore[arg-type]
        return e.payload != s.var if e.kind == "var" else all(map(fits, e.args))

    stores = [k for k, x in enumerate(s.body) if isinstance(x, Store)]
    together = all(are_both_parts(s.body[k], s.body[j]) and j == k + 1 for k, j in zip(stores[::2], stores[1::2], strict=False))
    return (together and len(stores) % 2 == 0 and all(fits(x.value) for x in s.body if isinstance(x, Let | Store))
            and all(is_place(x.buffer, x.index) for x in s.body if isinstance(x, Store)) and len(sizes) == 1)


def order_of_lanes(lanes: int, size: int, shuffled: bool) -> list[int]:
    """Which pair of two whole vectors each lane has: if shuffled, that which the same 16 bytes of one of them hold."""
    each = 16 // size
    if not shuffled or lanes % each:
        return list(range(lanes))
    half = each // 2
    return [k // each * half + k % half + (lanes // 2 if k % each >= half else 0) for k in range(lanes)]


class Pairs(Memory):
    """Emits accesses to buffers, pairs together."""

    def load(self, buffer: Buffer, index: tuple[Expr, ...]) -> Value:
        access = self.pair_access(buffer, index)
        if access is None:
            return super().load(buffer, index)
        assert access.loop is not None
        loop, lanes, pointer = access.loop, access.loop.lanes, access.pointer
        depth = self.load_placement(max(pointer.depth, loop.mask.depth if loop.mask else 0), buffer)
        masks = self._woven_masks(loop, pointer)
        element = MEMORY_TYPE[buffer.dtype]
        t, part = spelled(element, lanes), int(index[-1].payload)  # type: ignore[call-overload]
        picks = vector_literal([2 * k + part for k in order_of_lanes(lanes, size_of(buffer.dtype), loop.shuffled)])
        out = []
        for p, mask in zip(pointer.operands, masks, strict=True):
            low, high = (self._half(depth, buffer, p, h, lanes, mask[h]) for h in (0, 1))
            raw = self.put(depth, f"shufflevector {t} {low}, {t} {high}, <{lanes} x i32> {picks}")
            out.append(self._from_memory(depth, buffer.dtype, raw, lanes))
        return Value(tuple(out), depth, lanes, pointer.by)

    def pair_access(self, buffer: Buffer, index: tuple[Expr, ...]) -> Access | None:
        """Where the pairs begin, if a vector loop walks them one after the other."""
        if self.vector_loop is None or not is_part(buffer, index):
            return None
        access = self.access(buffer, (*index[:-1], const(0)))
        return access if access.offsets is None and access.stride == 2 else None

    def _half(self, depth: int, buffer: Buffer, pointer: str, half: int, lanes: int, mask: str) -> str:
        """The first or the second vector of a run of pairs."""
        key, buffers = ("half", pointer, half, lanes), frozenset((buffer,))
        known = self.recall(key, buffers)
        if known is not None and known.depth <= depth:
            return known.operands[0]
        at = self.element(depth, buffer.dtype, pointer, str(half * lanes)) if half else pointer
        value = Value((self._load_vector(depth, buffer.dtype, at, lanes, mask),), depth, lanes)
        return self.remember(key, value, buffers).operands[0]

    def _woven_masks(self, loop: Replicated, pointer: Value) -> list[tuple[str, str]]:
        """For each pointer, the masks of the two vectors of pairs."""
        if loop.mask is None:
            return [("", "")] * len(pointer.operands)
        order = list(range(loop.lanes))
        woven = {m: self._woven(loop.mask.depth, "i1", m, m, order) for m in loop.mask.operands}
        return [woven[m] for m in self.spread(loop.mask, pointer.by)]

    def _woven(self, depth: int, element: str, x: str, y: str, order: list[int]) -> tuple[str, str]:
        """x0 y0 x1 y1 ..., as two vectors; order: which number the elements of each lane have."""
        lanes = len(order)
        t = spelled(element, lanes)
        halves = []
        for h in (0, 1):
            picks = [order.index(k // 2 + h * lanes // 2) + (lanes if k % 2 else 0) for k in range(lanes)]
            halves.append(self.once(depth, f"shufflevector {t} {x}, {t} {y}, <{lanes} x i32> {vector_literal(picks)}"))
        return halves[0], halves[1]

    def store_pairs(self, buffer: Buffer, access: Access, first: Value, second: Value) -> None:
        """Store both parts of every pair, here."""
        loop, by, dtype = access.loop, self.replicated_tuple, buffer.dtype
        assert loop is not None
        lanes, depth = loop.lanes, self.depth
        pointer = access.pointer._replace(operands=self.spread(access.pointer, by), by=by)
        order = order_of_lanes(lanes, size_of(dtype), loop.shuffled)
        parts = [self.spread(self.widened(v, dtype, lanes), by) for v in (first, second)]
        for p, x, y, mask in zip(pointer.operands, *parts, self._woven_masks(loop, pointer), strict=True):
            re, im = (self._to_memory(dtype, v, lanes) for v in (x, y))
            for h, vector in enumerate(self._woven(depth, MEMORY_TYPE[dtype], re, im, order)):
                at = self.element(depth, dtype, p, str(h * lanes)) if h else p
                self._store_vector(dtype, at, vector, lanes, mask[h])
