"""Addresses, loads and stores.

An address is a chain of offsets from the buffer's pointer, what changes least first and the constant last, so that the
outer part leaves the loops and the constant becomes a displacement.  Along a vector loop an access is one vector
(elements next to each other, forwards or backwards), two vectors picked apart (every second element), one scalar (the
same element), or a gather or scatter.  Start with `Memory.access`.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from itertools import product
from math import prod

from ...ir.expr import Expr, op
from ...ir.loops import Buffer
from ...ir.quotients import joined
from ...ir.scalar import size_of
from .linear import linear_form
from .module import MEMORY_TYPE, spelled, type_of, vector_literal
from .scopes import Replicated, Scopes, Value

# Bytes: of a cache line; how far before they are loaded lines are asked for, which is what a loop computes on while one comes from
# memory; and of an array that a core's own caches may hold.
LINE = 64
FETCHED_AHEAD = 4096
CACHED = 1 << 21


@dataclass(slots=True)
class Access:
    """Where a load or store goes: `pointer` is the first lane's element in each copy.

    stride: elements from lane to lane (0 too where nothing varies by lane), or None: then `offsets` are vectors of
    element offsets from `pointer`.  start, constant: the address without constants, and the constant of the index.
    """

    pointer: Value
    stride: int | None
    offsets: Value | None
    loop: Replicated | None
    start: Value
    constant: int


@dataclass(slots=True)
class _Offset:
    """The terms of an element offset: values with factors, constants, and how it moves along replicated loops."""

    parts: list[tuple[Value, int]]
    constant: int
    moves: dict[Replicated, int]
    runtime_moves: list[tuple[Replicated, Value, int]]
    scattered: list[tuple[Value, int]]


class Memory(Scopes):
    """Emits accesses to buffers."""

    pointers: dict[Buffer, Value]

    @abstractmethod
    def value(self, e: Expr) -> Value:
        """The emitted value of an expression."""

    # Addresses

    def base_pointer(self, buffer: Buffer) -> Value:
        if buffer.place == "const" and buffer not in self.pointers:
            self.pointers[buffer] = Value((self.module.constant(buffer.data or (), buffer.dtype),))
        return self.pointers[buffer]

    def access(self, buffer: Buffer, index: tuple[Expr, ...]) -> Access:
        offset = self._offset(buffer, index)
        element = MEMORY_TYPE[buffer.dtype]
        pointer = self.base_pointer(buffer)
        for value, factor in sorted(offset.parts, key=lambda p: (p[0].depth, len(p[0].by))):
            pointer = self._advance(pointer, value, factor, element)
        vector = self.vector_loop
        steps = None
        for loop, stride, factor in offset.runtime_moves:
            copies = Value(tuple(str(self._first(loop, c) * factor) for c in range(loop.copies)), 0, 0, (loop,))
            pointer = self._advance(pointer, self._times(copies, stride), 1, element)
            if loop is vector:
                step = self._times(Value((str(factor * loop.step),)), stride)
                steps = step if steps is None else self._sum(steps, step)
        start, pointer = pointer, self._displace(pointer, offset, element)
        if vector is None or not (steps or offset.scattered or vector in offset.moves):
            return Access(pointer, 0, None, None, start, offset.constant)
        unit = offset.moves.get(vector, 0) * vector.step
        if steps is None and not offset.scattered:
            return Access(pointer, unit, None, vector if unit else None, start, offset.constant)
        return Access(pointer, None, self._lane_offsets(unit, steps, offset.scattered, vector), vector, start, offset.constant)

    def _offset(self, buffer: Buffer, index: tuple[Expr, ...]) -> _Offset:
        offset = _Offset([], 0, {}, [], [])
        terms: dict[Expr, int] = {}
        for i, stride in joined(index, buffer.strides):
            scale = int(stride.payload) if stride.is_const else None  # type: ignore[call-overload]
            for term, factor in linear_form(i).items():
                if scale is not None:
                    if term is None:
                        offset.constant += factor * scale
                    else:
                        terms[term] = terms.get(term, 0) + factor * scale
                elif term is None:
                    terms[stride] = terms.get(stride, 0) + factor
                elif term.kind == "var" and term.payload in self.trips:
                    base, loop = self.trips[term.payload]
                    terms_value = self._times(base, self.value(stride))
                    offset.parts.append((terms_value, factor))
                    offset.runtime_moves.append((loop, self.value(stride), factor))
                else:
                    product = op("mul", term, stride)
                    terms[product] = terms.get(product, 0) + factor
        for term, factor in terms.items():
            self._add_term(offset, term, factor)
        return offset

    def _add_term(self, offset: _Offset, term: Expr, factor: int) -> None:
        if not factor:
            return
        if term.kind == "var" and term.payload in self.trips:
            base, loop = self.trips[term.payload]
            offset.parts.append((base, factor))
            offset.moves[loop] = offset.moves.get(loop, 0) + factor
            return
        value = self.value(term)
        (offset.scattered if value.lanes else offset.parts).append((value, factor))

    def _first(self, loop: Replicated, copy: int) -> int:
        """How far a copy's first trip is from the first copy's."""
        return copy * (loop.lanes or 1) * loop.step

    def _times(self, a: Value, b: Value) -> Value:
        return self._elementwise("mul", a, b)

    def _sum(self, a: Value, b: Value) -> Value:
        return self._elementwise("add", a, b)

    def _elementwise(self, name: str, a: Value, b: Value) -> Value:
        """Arithmetic on i64 addresses parts."""
        lanes, depth, by = max(a.lanes, b.lanes), max(a.depth, b.depth), self.varying((a, b))
        left, right = (self.spread(self.widened(x, "i64", lanes), by) for x in (a, b))
        t = type_of("i64", lanes)
        operands = tuple(self.once(depth, f"{name} {t} {x}, {y}") for x, y in zip(left, right, strict=True))
        return Value(operands, depth, lanes, by)

    def _advance(self, pointer: Value, value: Value, factor: int, element: str) -> Value:
        if factor != 1:
            value = self._times(value, Value((str(factor),)))
        depth, by = max(pointer.depth, value.depth), self.varying((pointer, value))
        operands = tuple(self.once(depth, f"getelementptr {element}, ptr {p}, i64 {v}")
                         for p, v in zip(self.spread(pointer, by), self.spread(value, by), strict=True))
        return Value(operands, depth, 0, by)

    def _displace(self, pointer: Value, offset: _Offset, element: str) -> Value:
        """Add the constants: that of the index, and each copy's."""
        by = tuple(r for r in self.replicated if r in pointer.by or offset.moves.get(r))
        operands = []
        for p, copies in zip(self.spread(pointer, by), product(*(range(r.copies) for r in by)), strict=True):
            moved = (self._first(r, copy) * offset.moves.get(r, 0) for r, copy in zip(by, copies, strict=True))
            c = offset.constant + sum(moved)
            operands.append(self.once(pointer.depth, f"getelementptr {element}, ptr {p}, i64 {c}") if c else p)
        return Value(tuple(operands), pointer.depth, 0, by)

    def _lane_offsets(self, unit: int, steps: Value | None, scattered: list[tuple[Value, int]], loop: Replicated) -> Value:
        """Element offsets of the lanes."""
        ramp = range(loop.lanes)
        total = Value((vector_literal([k * unit for k in ramp], "i64"),), 0, loop.lanes)
        if steps is not None:
            lane = Value((vector_literal(list(ramp), "i64"),), 0, loop.lanes)
            total = self._sum(total, self._times(self.widened(steps, "i64", loop.lanes), lane))
        for value, factor in scattered:
            total = self._sum(total, self._times(value, Value((str(factor),))) if factor != 1 else value)
        return total

    def element(self, depth: int, dtype: str, pointer: str, index: str) -> str:
        """The address of one element of an array."""
        return self.once(depth, f"getelementptr {MEMORY_TYPE[dtype]}, ptr {pointer}, i64 {index}")

    # Loads

    def load(self, buffer: Buffer, index: tuple[Expr, ...]) -> Value:
        access = self.access(buffer, index)
        self._fetch_ahead(buffer, access)
        pointer, loop = access.pointer, access.loop
        lanes = loop.lanes if loop else 0
        inputs = [v for v in (pointer, access.offsets, loop.mask if loop else None) if v is not None]
        by = self.varying(inputs)
        depth = self.load_placement(max(v.depth for v in inputs), buffer)
        pointers = self.spread(pointer, by)
        masks = self.spread(loop.mask, by) if loop and loop.mask else ("",) * len(pointers)
        if access.offsets is not None:
            offsets = self.spread(access.offsets, by)
            raw = [self._gather(depth, buffer.dtype, p, f"<{lanes} x i64> {o}", lanes, m)
                   for p, o, m in zip(pointers, offsets, masks, strict=True)]
        else:
            raw = [self._load_one(depth, buffer.dtype, p, access.stride or 0, lanes, m)
                   for p, m in zip(pointers, masks, strict=True)]
        return Value(tuple(self._from_memory(depth, buffer.dtype, r, lanes) for r in raw), depth, lanes, by)

    def load_word(self, buffer: Buffer, index: tuple[Expr, ...], count: int) -> Value | None:
        """The bits of `count` elements from this one on as one number; None where lanes' words do not follow each other."""
        access = self.access(buffer, index)
        pointer, loop = access.pointer, access.loop
        if loop is not None and (access.stride != count or loop.mask is not None):
            return None
        lanes, size = loop.lanes if loop else 0, size_of(buffer.dtype)
        depth = self.load_placement(pointer.depth, buffer)
        t = spelled(f"i{8 * size * count}", lanes)
        return Value(tuple(self.put(depth, f"load {t}, ptr {p}, align {size}") for p in pointer.operands), depth, lanes, pointer.by)

    def _fetch_ahead(self, buffer: Buffer, access: Access) -> None:
        """Ask for the cache lines that later trips load one after the other, each line once."""
        loop, size = access.loop, size_of(buffer.dtype)
        if loop is None or not loop.fetches or loop.mask is not None or access.stride != 1 or not beyond_caches(buffer):
            return
        first, lines = access.constant * size // LINE, max(loop.copies * loop.lanes * size // LINE, 1)
        name = self.module.intrinsic("llvm.prefetch.p0", "void", ["ptr", "i32", "i32", "i32"])
        for p in access.start.operands:
            for line in range(first, first + lines):
                key = ("fetched", p, line)
                if self.recall(key) is None:
                    self.remember(key, Value((p,), self.depth))
                    ahead = self.once(self.depth, f"getelementptr i8, ptr {p}, i64 {line * LINE + FETCHED_AHEAD}")
                    self.do(f"call void @{name}(ptr {ahead}, i32 0, i32 3, i32 1)")

    def _from_memory(self, depth: int, dtype: str, operand: str, lanes: int) -> str:
        if dtype != "i1":
            return operand
        zero = "zeroinitializer" if lanes else "0"
        return self.put(depth, f"icmp ne {spelled('i8', lanes)} {operand}, {zero}")

    def _load_one(self, depth: int, dtype: str, pointer: str, stride: int, lanes: int, mask: str) -> str:
        element = MEMORY_TYPE[dtype]
        if not lanes:
            return self.put(depth, f"load {element}, ptr {pointer}")
        if stride == 1:
            return self._load_vector(depth, dtype, pointer, lanes, mask)
        if stride == -1:
            first = self.once(depth, f"getelementptr {element}, ptr {pointer}, i64 {1 - lanes}")
            back = self._reversed(depth, "i1", mask, lanes) if mask else ""
            return self._reversed(depth, element, self._load_vector(depth, dtype, first, lanes, back), lanes)
        if stride == 2 and not mask:
            return self._load_even(depth, dtype, pointer, lanes)
        ramp = vector_literal([k * stride for k in range(lanes)], "i32")
        return self._gather(depth, dtype, pointer, f"<{lanes} x i32> {ramp}", lanes, mask)

    def _load_vector(self, depth: int, dtype: str, pointer: str, lanes: int, mask: str) -> str:
        element, size = MEMORY_TYPE[dtype], size_of(dtype)
        t = spelled(element, lanes)
        if not mask:
            return self.put(depth, f"load {t}, ptr {pointer}, align {size}")
        name = self.module.intrinsic(f"llvm.masked.load.{self._overload(dtype, lanes)}.p0", t,
                                     ["ptr", "i32", f"<{lanes} x i1>", t])
        return self.put(depth, f"call {t} @{name}(ptr {pointer}, i32 {size}, <{lanes} x i1> {mask}, {t} zeroinitializer)")

    def _load_even(self, depth: int, dtype: str, pointer: str, lanes: int) -> str:
        """Every second element, reading no further than the last one: the second vector begins one element early."""
        element = MEMORY_TYPE[dtype]
        t = spelled(element, lanes)
        low = self._load_vector(depth, dtype, pointer, lanes, "")
        next_pointer = self.once(depth, f"getelementptr {element}, ptr {pointer}, i64 {lanes - 1}")
        high = self._load_vector(depth, dtype, next_pointer, lanes, "")
        half = lanes // 2
        picks = vector_literal([2 * k for k in range(half)] + [lanes + 1 + 2 * k for k in range(lanes - half)])
        return self.put(depth, f"shufflevector {t} {low}, {t} {high}, <{lanes} x i32> {picks}")

    def _reversed(self, depth: int, element: str, operand: str, lanes: int) -> str:
        t = spelled(element, lanes)
        picks = vector_literal(list(range(lanes - 1, -1, -1)))
        return self.put(depth, f"shufflevector {t} {operand}, {t} poison, <{lanes} x i32> {picks}")

    def _gather(self, depth: int, dtype: str, pointer: str, offsets: str, lanes: int, mask: str) -> str:
        element = MEMORY_TYPE[dtype]
        t = spelled(element, lanes)
        pointers = self.put(depth, f"getelementptr {element}, ptr {pointer}, {offsets}")
        name = self.module.intrinsic(f"llvm.masked.gather.{self._overload(dtype, lanes)}.v{lanes}p0", t,
                                     [f"<{lanes} x ptr>", "i32", f"<{lanes} x i1>", t])
        return self.put(depth, f"call {t} @{name}(<{lanes} x ptr> {pointers}, i32 {size_of(dtype)}, "
                               f"<{lanes} x i1> {mask or 'splat (i1 true)'}, {t} zeroinitializer)")

    def _overload(self, dtype: str, lanes: int) -> str:
        return f"v{lanes}{dtype if dtype[0] == 'f' else MEMORY_TYPE[dtype]}"

    # Stores

    def store(self, buffer: Buffer, access: Access, value: Value) -> None:
        """Store `value` in every copy (and lane), here."""
        loop, dtype = access.loop, buffer.dtype
        lanes = loop.lanes if loop else 0
        by = self.replicated_tuple
        value = self.widened(value, dtype, lanes)
        pointers, operands = self.spread(access.pointer, by), self.spread(value, by)
        masks = self.spread(loop.mask, by) if loop and loop.mask else ("",) * len(pointers)
        offsets = self.spread(access.offsets, by) if access.offsets is not None else ("",) * len(pointers)
        for p, x, m, o in zip(pointers, operands, masks, offsets, strict=True):
            x = self._to_memory(dtype, x, lanes)
            if o:
                self._scatter(dtype, p, x, f"<{lanes} x i64> {o}", lanes, m)
            else:
                self._store_one(dtype, p, x, access.stride or 0, lanes, m)

    def _to_memory(self, dtype: str, operand: str, lanes: int) -> str:
        if dtype != "i1":
            return operand
        return self.put(self.depth, f"zext {type_of('i1', lanes)} {operand} to {spelled('i8', lanes)}")

    @property
    def replicated_tuple(self) -> tuple[Replicated, ...]:
        return tuple(self.replicated)

    def _store_one(self, dtype: str, pointer: str, operand: str, stride: int, lanes: int, mask: str) -> None:
        element = MEMORY_TYPE[dtype]
        if not lanes:
            self.do(f"store {element} {operand}, ptr {pointer}")
        elif stride == 1:
            self._store_vector(dtype, pointer, operand, lanes, mask)
        elif stride == -1:
            first = self.once(self.depth, f"getelementptr {element}, ptr {pointer}, i64 {1 - lanes}")
            back = self._reversed(self.depth, "i1", mask, lanes) if mask else ""
            self._store_vector(dtype, first, self._reversed(self.depth, element, operand, lanes), lanes, back)
        else:
            ramp = vector_literal([k * stride for k in range(lanes)], "i32")
            self._scatter(dtype, pointer, operand, f"<{lanes} x i32> {ramp}", lanes, mask)

    def _store_vector(self, dtype: str, pointer: str, operand: str, lanes: int, mask: str) -> None:
        t, size = spelled(MEMORY_TYPE[dtype], lanes), size_of(dtype)
        if not mask:
            self.do(f"store {t} {operand}, ptr {pointer}, align {size}")
            return
        name = self.module.intrinsic(f"llvm.masked.store.{self._overload(dtype, lanes)}.p0", "void",
                                     [t, "ptr", "i32", f"<{lanes} x i1>"])
        self.do(f"call void @{name}({t} {operand}, ptr {pointer}, i32 {size}, <{lanes} x i1> {mask})")

    def _scatter(self, dtype: str, pointer: str, operand: str, offsets: str, lanes: int, mask: str) -> None:
        element = MEMORY_TYPE[dtype]
        t = spelled(element, lanes)
        pointers = self.put(self.depth, f"getelementptr {element}, ptr {pointer}, {offsets}")
        name = self.module.intrinsic(f"llvm.masked.scatter.{self._overload(dtype, lanes)}.v{lanes}p0", "void",
                                     [t, f"<{lanes} x ptr>", "i32", f"<{lanes} x i1>"])
        self.do(f"call void @{name}({t} {operand}, <{lanes} x ptr> {pointers}, i32 {size_of(dtype)}, "
                f"<{lanes} x i1> {mask or 'splat (i1 true)'})")


def beyond_caches(buffer: Buffer) -> bool:
    """May the array be more than a core's own caches hold?"""
    extents = [int(d.payload) for d in buffer.dims if d.is_const]  # type: ignore[call-overload]
    return buffer.place != "const" and (len(extents) < len(buffer.dims) or prod(extents) * size_of(buffer.dtype) > CACHED)


def offset_stride(buffer: Buffer, index: tuple[Expr, ...], name: str) -> int | None:
    """By how many elements the access moves per unit of the variable; None when that is not a constant."""
    total = 0
    for i, stride in joined(index, buffer.strides):
        for term, factor in linear_form(i).items():
            if term is None or name not in term.variables:
                continue
            if term.kind != "var" or not stride.is_const:
                return None
            total += factor * int(stride.payload)  # type: ignore[call-overload]
    return total
