"""Moving and filling matrices in strided memory, as LLVM text: what stands around LAPACK, which wants columns.

    copy(ptr to, i64 t0, i64 t1, ptr from, i64 f0, i64 f1, i64 m, i64 n)    strides in bytes
    fill(ptr to, i64 t0, i64 t1, i64 m, i64 n, double re, i64 parts)        every component of every element

Transposing goes by tiles of 8 by 8, in registers for real numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

from .writer import Int, Writer

TILE = 8
DECLARATIONS = """
declare i64 @llvm.smin.i64(i64, i64)
declare i64 @llvm.smax.i64(i64, i64)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """Elements of LAPACK's: its letter, their bytes, their LLVM type."""

    letter: str
    size: int
    element: str


KINDS = {"d": Kind("d", 8, "double"), "D": Kind("z", 16, "<2 x double>")}


def text(kind: Kind) -> str:
    return DECLARATIONS + _copy(kind) + _fill()


def _copy(kind: Kind) -> str:
    w = Writer("copy", "ptr to, i64 t0, i64 t1, ptr from, i64 f0, i64 f1, i64 m, i64 n")
    # The axis along which the result is contiguous comes first.
    turned = w.put(f"and i1 {w['t0'].differs(kind.size)}, {w['t1'].equals(kind.size)}")
    t0, t1 = w.choose(turned, w["t1"], w["t0"]), w.choose(turned, w["t0"], w["t1"])
    f0, f1 = w.choose(turned, w["f1"], w["f0"]), w.choose(turned, w["f0"], w["f1"])
    m, n = w.choose(turned, w["n"], w["m"]), w.choose(turned, w["m"], w["n"])
    packed = t0.equals(kind.size)
    with w.when(w.put(f"and i1 {packed}, {f0.equals(kind.size)}")):
        length = m * kind.size
        with w.loop(0, n) as j:
            ends = w.at("%to", j * t1), w.at("%from", j * f1)
            w.do(f"call void @llvm.memcpy.p0.p0.i64(ptr {ends[0]}, ptr {ends[1]}, i64 {length}, i1 false)")
        w.give("void")
    crossed = w.put(f"and i1 {packed}, {f1.equals(kind.size)}")
    with w.loop(0, n, TILE) as j0, w.loop(0, m, TILE) as i0:
        high, wide = w.least(i0 + TILE, m), w.least(j0 + TILE, n)
        whole = (high - i0 + (wide - j0)).equals(2 * TILE)
        quick = w.put(f"and i1 {whole}, {crossed}") if kind.size == 8 else "false"
        with w.when(quick):
            _turn_tile(w, w.at("%to", i0 * t0 + j0 * t1), t1, w.at("%from", i0 * f0 + j0 * f1), f0)
        with w.unless(quick), w.loop(j0, wide) as j, w.loop(i0, high) as i:
            x = w.load(kind.element, w.at("%from", i * f0 + j * f1))
            w.store(kind.element, x, w.at("%to", i * t0 + j * t1))
    return w.finish()


def _turn_tile(w: Writer, to: str, to_step: Int, source: str, step: Int) -> None:
    """Rows of the source become columns of the result."""
    vector = f"<{TILE} x double>"
    rows = [w.load(vector, w.at(source, step * k)) for k in range(TILE)]
    for half in (4, 2, 1):
        for k in range(TILE):
            if k & half:
                continue
            a, b = rows[k], rows[k + half]
            for place, shift in ((k, 0), (k + half, half)):
                lanes = ", ".join(f"i32 {lane + TILE - half + shift if lane & half else lane + shift}" for lane in range(TILE))
                rows[place] = w.put(f"shufflevector {vector} {a}, {vector} {b}, <{TILE} x i32> <{lanes}>")
    for k, row in enumerate(rows):
        w.store(vector, row, w.at(to, to_step * k))


def _fill() -> str:
    w = Writer("fill", "ptr to, i64 t0, i64 t1, i64 m, i64 n, double value, i64 parts")
    with w.loop(0, w["m"]) as i, w.loop(0, w["n"]) as j, w.loop(0, w["parts"]) as part:
        w.store("double", "%value", w.at("%to", i * w["t0"] + j * w["t1"] + part * 8))
    return w.finish()
