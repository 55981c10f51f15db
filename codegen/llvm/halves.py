"""Half precision on processors that cannot convert it: the conversions to and from single precision on the bits.

Elsewhere they are LLVM's own instructions.
"""

from __future__ import annotations

from .operation import Operation, Writer


def extend(w: Writer, o: Operation, x: str) -> str:
    """f16 to f32, exactly."""
    half, single = o.type("f16"), o.type("f32")
    if w.target.half:
        return w.put(f"fpext {half} {x} to {single}")
    word, truth = o.type("i32"), o.type("i1")
    short = w.put(f"bitcast {half} {x} to {o.type('i16')}")
    bits = w.put(f"zext {o.type('i16')} {short} to {word}")
    size = w.put(f"and {word} {bits}, {o.constant(0x7FFF, 'i32')}")
    sign = w.put(f"shl {word} {w.put(f'xor {word} {bits}, {size}')}, {o.constant(16, 'i32')}")
    # The exponent's bias differs by 112; a product also makes subnormals normal.
    moved = w.put(f"shl {word} {size}, {o.constant(13, 'i32')}")
    scaled = w.put(f"fmul {single} {w.put(f'bitcast {word} {moved} to {single}')}, {o.constant(2.0 ** 112, 'f32')}")
    finite = w.put(f"bitcast {single} {scaled} to {word}")
    special = w.put(f"or {word} {moved}, {o.constant(0x7F800000, 'i32')}")
    is_special = w.put(f"icmp uge {word} {size}, {o.constant(0x7C00, 'i32')}")
    chosen = w.put(f"select {truth} {is_special}, {word} {special}, {word} {finite}")
    signed = w.put(f"or {word} {chosen}, {sign}")
    return w.put(f"bitcast {word} {signed} to {single}")


def round_single(w: Writer, o: Operation, x: str) -> str:
    """f32 to f16, to the nearest, ties to even."""
    half, single = o.type("f16"), o.type("f32")
    if w.target.half:
        return w.put(f"fptrunc {single} {x} to {half}")
    word, truth, short = o.type("i32"), o.type("i1"), o.type("i16")
    bits = w.put(f"bitcast {single} {x} to {word}")
    size = w.put(f"and {word} {bits}, {o.constant(0x7FFFFFFF, 'i32')}")
    sign = w.put(f"lshr {word} {w.put(f'xor {word} {bits}, {size}')}, {o.constant(16, 'i32')}")
    # Normal results: add half a unit less one, and one more where the last bit kept is odd.
    last = w.put(f"lshr {word} {size}, {o.constant(13, 'i32')}")
    odd = w.put(f"and {word} {last}, {o.constant(1, 'i32')}")
    biased = w.put(f"add {word} {size}, {o.constant(0xFFF - (112 << 23), 'i32')}")
    normal = w.put(f"lshr {word} {w.put(f'add {word} {biased}, {odd}')}, {o.constant(13, 'i32')}")
    # Subnormal results: an addition of 1/2 rounds at the bit of 2**-24.
    magnitude = w.put(f"bitcast {word} {size} to {single}")
    shifted = w.put(f"fadd {single} {magnitude}, {o.constant(0.5, 'f32')}")
    tiny = w.put(f"sub {word} {w.put(f'bitcast {single} {shifted} to {word}')}, {o.constant(0x3F000000, 'i32')}")
    is_tiny = w.put(f"icmp ult {word} {size}, {o.constant(113 << 23, 'i32')}")
    is_nan = w.put(f"icmp ugt {word} {size}, {o.constant(0x7F800000, 'i32')}")
    is_large = w.put(f"icmp uge {word} {size}, {o.constant(0x47800000, 'i32')}")
    special = w.put(f"select {truth} {is_nan}, {word} {o.constant(0x7E00, 'i32')}, {word} {o.constant(0x7C00, 'i32')}")
    finite = w.put(f"select {truth} {is_tiny}, {word} {tiny}, {word} {normal}")
    chosen = w.put(f"select {truth} {is_large}, {word} {special}, {word} {finite}")
    signed = w.put(f"or {word} {chosen}, {sign}")
    return w.put(f"bitcast {short} {w.put(f'trunc {word} {signed} to {short}')} to {half}")
