"""Copies and fills of consecutive elements:  for par i in 0..n: y[i] = x[i + 3]   ->   memcpy

The C library's copy does not read the memory that it overwrites, and knows when to bypass the caches.
"""

from __future__ import annotations

import struct

from ...ir.expr import Expr
from ...ir.loops import For, Stmt, Store
from ...ir.scalar import FLOATS, size_of
from .flatten import flattened
from .memory import offset_stride
from .nests import Nests, constant_trips
from .scopes import Value

# Below so many bytes a loop is as fast as the call.
LEAST = 512


class Copies(Nests):
    """Emits loops that only copy or fill."""

    def for_statement(self, s: For) -> None:
        flat = flattened(s) or s
        if self.vector_loop is None and not self.replicated and is_copy(flat):
            s = flat
            lo, hi = self.uniform(s.lo), self.uniform(s.hi)
            size = min(size_of(x.buffer.dtype) for x in s.body if isinstance(x, Store))
            trips = constant_trips(lo, hi, 1)
            if trips is None or trips * size >= LEAST:
                self._copy(s, lo, hi, trips)
                return
        super().for_statement(s)

    def _copy(self, s: For, lo: str, hi: str, trips: int | None) -> None:
        self.environment[s.var] = Value((lo,), self.depth)
        count = str(trips) if trips is not None else self._trips_or_none(lo, hi)
        for x in s.body:
            assert isinstance(x, Store)
            to = self.access(x.buffer, x.index).pointer.operands[0]
            size = self.put(self.depth, f"mul i64 {count}, {size_of(x.buffer.dtype)}")
            if x.value.kind == "load":
                given = self.access(x.value.payload, x.value.args).pointer.operands[0]  # type: ignore[arg-type]
                name = self.module.intrinsic("llvm.memcpy.p0.p0.i64", "void", ["ptr", "ptr", "i64", "i1"])
                self.do(f"call void @{name}(ptr {to}, ptr {given}, i64 {size}, i1 false)")
            else:
                name = self.module.intrinsic("llvm.memset.p0.i64", "void", ["ptr", "i8", "i64", "i1"])
                self.do(f"call void @{name}(ptr {to}, i8 {repeated_byte(x.value)}, i64 {size}, i1 false)")
            self.touch((x.buffer,))

    def _trips_or_none(self, lo: str, hi: str) -> str:
        count = self.trip_count(lo, hi, 1)
        some = self.once(self.depth, f"icmp sgt i64 {count}, 0")
        return self.once(self.depth, f"select i1 {some}, i64 {count}, i64 0")


def is_copy(s: For) -> bool:
    """Does the loop only store consecutive elements, each read from a like place or one byte again and again?"""
    if s.kind != "par" or s.step != 1 or s.carried or s.jam > 1 or not s.body or not all(isinstance(x, Store) for x in s.body):
        return False
    stored = {x.buffer for x in s.body if isinstance(x, Store)}
    return all(_is_run(x, s.var) and not stored & _read(x) for x in s.body)


def _read(x: Stmt) -> frozenset:
    assert isinstance(x, Store)
    return x.value.buffers.union(*(e.buffers for e in x.index))


def _is_run(x: Stmt, name: str) -> bool:
    assert isinstance(x, Store)
    if offset_stride(x.buffer, x.index, name) != 1:
        return False
    if x.value.kind == "load":
        return x.value.dtype == x.buffer.dtype and offset_stride(x.value.payload, x.value.args, name) == 1  # type: ignore[arg-type]
    return repeated_byte(x.value) is not None


def repeated_byte(e: Expr) -> int | None:
    """The byte that a constant is made of, if all its bytes are the same."""
    if not e.is_const:
        return None
    value = e.payload
    if e.dtype in FLOATS:
        return 0 if struct.pack("d", value) == bytes(8) else None
    if e.dtype == "i1":
        return int(bool(value))
    assert isinstance(value, int)
    data = (value % (1 << 64)).to_bytes(8, "little")[:int(e.dtype[1:]) // 8]
    return data[0] if len(set(data)) == 1 else None
