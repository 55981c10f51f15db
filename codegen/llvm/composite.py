"""Scalar operations that take more than one instruction, or one that depends on the types.

Each function emits an `Operation` and returns the result's operand.  Float to integer follows the x86 instructions that
NumPy's own casts compile to, without LLVM's undefined values: out of range gives the least integer of the register used,
which is 64 bits wide for 64-bit results, else 32 bits.  (NumPy's own casts to u32 depend on the layout of the array: this
is what contiguous ones get; f16 goes through 64 bits.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...ir.scalar import BITS, FLOATS, SIGNED
from .halves import extend, round_single
from .module import overload, spelled, type_of, vector_literal
from .operation import Operation, Writer


def call_intrinsic(w: Writer, name: str, dtype: str, lanes: int, operands: Sequence[str], extra: str = "") -> str:
    """A call of an intrinsic overloaded on the one type of its operands."""
    t = type_of(dtype, lanes)
    extra_types = [e.split()[0] for e in extra.split(",")[1:]]
    symbol = w.module.intrinsic(f"llvm.{name}.{overload(dtype, lanes)}", t, [t] * len(operands) + extra_types)
    return w.put(f"call {t} @{symbol}({', '.join(f'{t} {x}' for x in operands)}{extra})")


def negate(w: Writer, o: Operation) -> str:
    t, (x,) = o.type(o.source), o.operands
    if o.source == "f16":
        return _on_bits(w, o, f"xor {o.type('i16')} {{}}, {o.constant(-0x8000, 'i16')}")
    return w.put(f"fneg {t} {x}" if o.source in FLOATS else f"sub {t} {o.constant(0, o.source)}, {x}")


def _on_bits(w: Writer, o: Operation, instruction: str) -> str:
    """An integer instruction on the bits of a half."""
    half, short = o.type("f16"), o.type("i16")
    bits = w.put(f"bitcast {half} {o.operands[0]} to {short}")
    return w.put(f"bitcast {short} {w.put(instruction.format(bits))} to {half}")


def absolute(w: Writer, o: Operation) -> str:
    if o.source == "f16":
        return _on_bits(w, o, f"and {o.type('i16')} {{}}, {o.constant(0x7FFF, 'i16')}")
    if o.source in FLOATS:
        return call_intrinsic(w, "fabs", o.source, o.lanes, o.operands)
    if o.source in SIGNED:
        return call_intrinsic(w, "abs", o.source, o.lanes, o.operands, ", i1 false")
    return o.operands[0]


def invert(w: Writer, o: Operation) -> str:
    ones = o.constant(True if o.source == "i1" else -1, o.source)
    return w.put(f"xor {o.type(o.source)} {o.operands[0]}, {ones}")


def extremum(w: Writer, o: Operation) -> str:
    """NaN in either operand wins; of equal operands, the second."""
    if o.source not in FLOATS:
        return call_intrinsic(w, ("s" if o.source in SIGNED else "u") + o.name, o.source, o.lanes, o.operands)
    x, y = o.operands
    t, truth = o.type(o.source), o.type("i1")
    first = w.put(f"fcmp {'olt' if o.name == 'min' else 'ogt'} {t} {x}, {y}")
    best = w.put(f"select {truth} {first}, {t} {x}, {t} {y}")
    nan = w.put(f"fcmp uno {t} {x}, {x}")
    return w.put(f"select {truth} {nan}, {t} {x}, {t} {best}")


def extreme_number(w: Writer, o: Operation) -> str:
    """A number wins over a NaN; of equal operands, the second."""
    x, y = o.operands
    t, truth = o.type(o.source), o.type("i1")
    first = w.put(f"fcmp {'olt' if o.name == 'fmin' else 'ogt'} {t} {x}, {y}")
    best = w.put(f"select {truth} {first}, {t} {x}, {t} {y}")
    nan = w.put(f"fcmp uno {t} {y}, {y}")
    return w.put(f"select {truth} {nan}, {t} {x}, {t} {best}")


def multiply_high(w: Writer, o: Operation) -> str:
    bits = BITS[o.source]
    narrow, wide = o.type(o.source), spelled(f"i{2 * bits}", o.lanes)
    extend = "sext" if o.source in SIGNED else "zext"
    x, y = (w.put(f"{extend} {narrow} {v} to {wide}") for v in o.operands)
    product = w.put(f"mul {wide} {x}, {y}")
    count = f"splat (i{2 * bits} {bits})" if o.lanes else str(bits)
    high = w.put(f"lshr {wide} {product}, {count}")
    return w.put(f"trunc {wide} {high} to {narrow}")


def select(w: Writer, o: Operation) -> str:
    condition, x, y = o.operands
    t, truth = o.type(o.result), type_of("i1", 0 if o.one_condition else o.lanes)
    return w.put(f"select {truth} {condition}, {t} {x}, {t} {y}")


def reinterpret(w: Writer, o: Operation) -> str:
    before, after = o.type(o.source), o.type(o.result)
    return o.operands[0] if before == after else w.put(f"bitcast {before} {o.operands[0]} to {after}")


def quotient(w: Writer, o: Operation) -> str:
    """Vectors of up to 32 bits divide in floating point, exactly: what is left of a quotient that is not whole is more than
    the rounding error, as its significand has more bits than numerator and denominator."""
    signed, bits = o.source in SIGNED, BITS[o.source]
    t, (x, y) = o.type(o.source), o.operands
    if not _divides_in_floating_point(o):
        return w.put(f"{'sdiv' if signed else 'udiv'} {t} {x}, {y}")
    wide = o.type("f64" if bits == 32 else "f32")
    to_float, to_integer = ("sitofp", "fptosi") if signed else ("uitofp", "fptoui")
    a, b = (w.put(f"{to_float} {t} {v} to {wide}") for v in (x, y))
    return w.put(f"{to_integer} {wide} {w.put(f'fdiv {wide} {a}, {b}')} to {t}")


def _divides_in_floating_point(o: Operation) -> bool:
    """By a constant, LLVM multiplies."""
    return o.lanes > 0 and BITS[o.source] <= 32 and o.operands[1][0] == "%"


def remainder(w: Writer, o: Operation) -> str:
    t, (x, y) = o.type(o.source), o.operands
    if not _divides_in_floating_point(o):
        return w.put(f"{'srem' if o.source in SIGNED else 'urem'} {t} {x}, {y}")
    product = w.put(f"mul {t} {quotient(w, o)}, {y}")
    return w.put(f"sub {t} {x}, {product}")


# Conversions

def convert(w: Writer, o: Operation) -> str:
    """The value as the result type."""
    x, source, result = o.operands[0], o.source, o.result
    if source in FLOATS:
        if result in FLOATS:
            return _float_to_float(w, o)
        if result == "i1":
            if source == "f16":
                x, source = extend(w, o, x), "f32"
            return w.put(f"fcmp une {o.type(source)} {x}, {o.constant(0.0, source)}")
        return _float_to_integer(w, o)
    if result == "i1":
        return w.put(f"icmp ne {o.type(source)} {x}, {o.constant(0, source)}")
    if result in FLOATS:
        name = "sitofp" if source in SIGNED else "uitofp"
        step = "f32" if result == "f16" else result
        y = w.put(f"{name} {o.type(source)} {x} to {o.type(step)}")
        return y if step == result else round_single(w, o, y)
    return _resize(w, o, x, source, result)


def _resize(w: Writer, o: Operation, x: str, source: str, result: str) -> str:
    before = 1 if source == "i1" else BITS[source]
    if before == BITS[result]:
        return x
    name = "trunc" if before > BITS[result] else "sext" if source in SIGNED else "zext"
    return w.put(f"{name} {o.type(source)} {x} to {o.type(result)}")


def _float_to_float(w: Writer, o: Operation) -> str:
    x, source, result = o.operands[0], o.source, o.result
    if BITS[source] < BITS[result]:
        if source == "f16":
            x, source = extend(w, o, x), "f32"
        return x if source == result else w.put(f"fpext {o.type(source)} {x} to {o.type(result)}")
    if result == "f16":
        return round_single(w, o, _round_to_odd(w, o, x) if source == "f64" else x)
    return w.put(f"fptrunc {o.type(source)} {x} to {o.type(result)}")


def _round_to_odd(w: Writer, o: Operation, x: str) -> str:
    """f64 to f32 so that rounding the result again to f16 rounds as if once: an inexact result gets an odd last bit."""
    wide, narrow, bits, truth = o.type("f64"), o.type("f32"), o.type("i32"), o.type("i1")
    near = w.put(f"fptrunc {wide} {x} to {narrow}")
    back = w.put(f"fpext {narrow} {near} to {wide}")
    inexact = w.put(f"fcmp one {wide} {back}, {x}")
    size, true_size = (call_intrinsic(w, "fabs", "f64", o.lanes, (v,)) for v in (back, x))
    above = w.put(f"fcmp ogt {wide} {size}, {true_size}")
    word = w.put(f"bitcast {narrow} {near} to {bits}")
    down = w.put(f"sext {truth} {above} to {bits}")
    toward_zero = w.put(f"add {bits} {word}, {down}")
    odd = w.put(f"or {bits} {toward_zero}, {o.constant(1, 'i32')}")
    chosen = w.put(f"select {truth} {inexact}, {bits} {odd}, {bits} {word}")
    return w.put(f"bitcast {bits} {chosen} to {narrow}")


def _float_to_integer(w: Writer, o: Operation) -> str:
    x, source, result = o.operands[0], o.source, o.result
    if source == "f16":
        x, source = extend(w, o, x), "f32"
    if result == "u64" or (result == "u32" and o.source != "f16"):
        return _float_to_unsigned(w, o, x, source)
    register = "i64" if result in ("i64", "u32") else "i32"
    return _resize(w, o, _truncate(w, o, x, source, register), register, result)


def _truncate(w: Writer, o: Operation, x: str, source: str, register: str) -> str:
    """Toward zero; what does not fit gives the least integer."""
    t, truth, integer = o.type(source), o.type("i1"), o.type(register)
    limit = 2.0 ** (BITS[register] - 1)
    below = w.put(f"fcmp olt {t} {x}, {o.constant(limit, source)}")
    above = w.put(f"fcmp oge {t} {x}, {o.constant(-limit, source)}")
    fits = w.put(f"and {truth} {below}, {above}")
    y = w.put(f"fptosi {t} {x} to {integer}")
    return w.put(f"select {truth} {fits}, {integer} {y}, {integer} {o.constant(-int(limit), register)}")


def _float_to_unsigned(w: Writer, o: Operation, x: str, source: str) -> str:
    """The upper half of the range is moved down, converted as signed, and moved up again."""
    t, truth, integer, signed = o.type(source), o.type("i1"), o.type(o.result), "i" + o.result[1:]
    half = 2.0 ** (BITS[o.result] - 1)
    big = w.put(f"fcmp oge {t} {x}, {o.constant(half, source)}")
    less = w.put(f"fsub {t} {x}, {o.constant(half, source)}")
    low = w.put(f"select {truth} {big}, {t} {less}, {t} {x}")
    y = _truncate(w, o, low, source, signed)
    up = w.put(f"xor {integer} {y}, {o.constant(-int(half), signed)}")
    return w.put(f"select {truth} {big}, {integer} {up}, {integer} {y}")


# Operations on whole registers

def scale_by_power(w: Writer, o: Operation) -> str:
    """x * 2**n by AVX-512's instruction, register by register."""
    bits = BITS[o.source]
    if not o.lanes:
        t = type_of(o.source, 128 // bits)
        x, n = (w.put(f"insertelement {t} zeroinitializer, {o.type(o.source)} {v}, i32 0") for v in o.operands)
        return w.put(f"extractelement {t} {_scalef(w, o.source, 128 // bits, x, n)}, i32 0")
    return by_parts(w, o.source, o.lanes, o.operands, 128 // bits, 512 // bits,
                    lambda lanes, operands: _scalef(w, o.source, lanes, *operands))


def _scalef(w: Writer, dtype: str, lanes: int, x: str, n: str) -> str:
    width = lanes * BITS[dtype]
    t, mask = type_of(dtype, lanes), f"i{max(8, lanes)}"
    rounding = ["i32"] if width == 512 else []
    symbol = w.module.intrinsic(f"llvm.x86.avx512.mask.scalef.{'ps' if dtype == 'f32' else 'pd'}.{width}", t,
                                [t, t, t, mask, *rounding])
    current = ", i32 4" if rounding else ""
    return w.put(f"call {t} @{symbol}({t} {x}, {t} {n}, {t} zeroinitializer, {mask} -1{current})")


def by_parts(w: Writer, dtype: str, lanes: int, operands: Sequence[str], least: int, most: int,
             part: Callable[[int, list[str]], str]) -> str:
    """Apply `part` to vectors of between `least` and `most` lanes, and put the results together again."""
    if lanes < least:
        picks = [k if k < lanes else 0 for k in range(least)]
        wide = part(least, [shuffle(w, dtype, lanes, x, picks) for x in operands])
        return shuffle(w, dtype, least, wide, list(range(lanes)))
    if lanes <= most:
        return part(lanes, list(operands))
    half = lanes // 2
    low, high = (by_parts(w, dtype, half, [shuffle(w, dtype, lanes, x, list(range(k, k + half))) for x in operands],
                          least, most, part) for k in (0, half))
    return shuffle(w, dtype, half, low, list(range(lanes)), high)


def shuffle(w: Writer, dtype: str, lanes: int, x: str, picks: Sequence[int], y: str = "poison") -> str:
    t = type_of(dtype, lanes)
    return w.put(f"shufflevector {t} {x}, {t} {y}, <{len(picks)} x i32> {vector_literal(picks)}")


def call_library(w: Writer, o: Operation, symbol: str) -> str:
    """Call a C function of scalars once per lane."""
    t, full = type_of(o.source), o.type(o.source)
    w.module.external(symbol, t, [t] * len(o.operands))
    if not o.lanes:
        return w.put(f"call {t} @{symbol}({', '.join(f'{t} {x}' for x in o.operands)})")
    out = "poison"
    for k in range(o.lanes):
        items = [w.put(f"extractelement {full} {x}, i32 {k}") for x in o.operands]
        y = w.put(f"call {t} @{symbol}({', '.join(f'{t} {x}' for x in items)})")
        out = w.put(f"insertelement {full} {out}, {t} {y}, i32 {k}")
    return out


COMPOSITES: dict[str, Callable[[Writer, Operation], str]] = {
    "neg": negate, "abs": absolute, "not": invert, "min": extremum, "max": extremum, "fmin": extreme_number, "fmax": extreme_number,
    "mulhi": multiply_high, "quot": quotient, "rem": remainder,
    "scalef": scale_by_power, "select": select, "cast": convert, "bitcast": reinterpret,
}
