"""The closed set of scalar operations: all that a code generator must know.

Everything the loop IR computes is an expression over these.  A row fixes the operand and result types and the exact
meaning, given as NumPy on arrays of the operand type, which is also how the loop evaluator runs it.  Operations marked
`math` are the mathematical functions: a target may have an instruction for one, or it asks `codegen` to decompose it
into the others.  Start with `SCALAR_OPS`; a test compares every target's table with it and names what is missing.

Scalar types are short strings: i1 (a truth value; one byte 0 or 1 in memory), i8 i16 i32 i64, u8 u16 u32 u64,
f16 f32 f64.  A complex number is two scalars; no scalar type holds one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

SIGNED = ("i8", "i16", "i32", "i64")
UNSIGNED = ("u8", "u16", "u32", "u64")
INTEGERS = SIGNED + UNSIGNED
FLOATS = ("f16", "f32", "f64")
SCALAR_TYPES = ("i1", *INTEGERS, *FLOATS)

BITS = {"i1": 8, **{t: int(t[1:]) for t in INTEGERS + FLOATS}}
NUMPY_DTYPE = {"i1": np.dtype(bool), **{t: np.dtype(f"{t[0]}{BITS[t] // 8}") for t in INTEGERS + FLOATS}}
SCALAR_OF_DTYPE = {d: t for t, d in NUMPY_DTYPE.items()}


def scalar_type(dtype: np.dtype) -> str:
    """The scalar type of one component of `dtype` (f32 for complex64)."""
    if dtype.kind == "c":
        return "f32" if dtype.itemsize == 8 else "f64"
    return SCALAR_OF_DTYPE[dtype.newbyteorder("=")]


def size_of(scalar: str) -> int:
    """Bytes of one element in memory."""
    return BITS[scalar] // 8


@dataclass(frozen=True, slots=True)
class ScalarOp:
    """One scalar operation.

    `types`: the operand types it is defined on; all operands have the same type unless `operands` says otherwise.
    `result`: "same" (as the first operand, or the second for `select`), or a scalar type, or "attr" (the target type
    is given where the expression is made).  `meaning` evaluates it on NumPy arrays.
    """

    name: str
    arity: int
    types: tuple[str, ...]
    result: str
    meaning: Callable[..., np.ndarray]
    math: bool = False
    operands: str = "same"


def _shift_left(x: np.ndarray, n: np.ndarray) -> np.ndarray:
    return np.left_shift(x, n)


def _truncated_quotient(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    q = np.floor_divide(x, y)
    return q + ((np.remainder(x, y) != 0) & ((x < 0) != (y < 0))).astype(x.dtype)


def _fma(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Rounds once, up to double rounding: f32 through f64, f64 through extended precision with what its product loses."""
    if x.dtype.itemsize <= 4:
        return (x.astype(np.float64) * y.astype(np.float64) + z.astype(np.float64)).astype(x.dtype)
    product = x * y
    (a, b), (c, d) = _halves(x), _halves(y)
    lost = ((a * c - product) + a * d + b * c) + b * d
    lost = np.where(np.isfinite(lost), lost, 0.0)
    return (product.astype(np.longdouble) + z + lost).astype(x.dtype)


def _halves(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two numbers of 26 bits whose sum is x (Dekker, 1971); NaN where x is too large for that."""
    shifted = x * 134217729.0
    high = shifted - (shifted - x)
    return high, x - high


def _high_product(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    bits = 8 * x.dtype.itemsize
    return np.vectorize(lambda a, b: (int(a) * int(b)) >> bits, otypes=[x.dtype])(x, y)


def _whole_power(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.power(x, np.maximum(y, 0))


def _bit_count(x: np.ndarray) -> np.ndarray:
    return np.bitwise_count(x.view(f"u{x.dtype.itemsize}")).astype(x.dtype)


def _count_leading_zeros(x: np.ndarray) -> np.ndarray:
    bits = 8 * x.dtype.itemsize
    u = x.view(f"u{x.dtype.itemsize}").astype(np.uint64)
    out = np.full(x.shape, bits, x.dtype)
    for k in range(bits):
        out = np.where((u >> np.uint64(k)) & np.uint64(1) != 0, x.dtype.type(bits - 1 - k), out)
    return out


_ANY_INT = INTEGERS
_ANY_FLOAT = FLOATS
_NUMBER = INTEGERS + FLOATS
_ALL = SCALAR_TYPES

_ROWS = [
    # Arithmetic. Integers wrap; floats are IEEE, never contracted.
    ScalarOp("add", 2, _NUMBER, "same", np.add),
    ScalarOp("sub", 2, _NUMBER, "same", np.subtract),
    ScalarOp("mul", 2, _NUMBER, "same", np.multiply),
    ScalarOp("div", 2, _ANY_FLOAT, "same", np.divide),
    # C's truncated division; the divisor is not 0 and the quotient fits (the caller's rule guards both).
    ScalarOp("quot", 2, _ANY_INT, "same", _truncated_quotient),
    ScalarOp("rem", 2, _ANY_INT, "same", lambda x, y: x - _truncated_quotient(x, y) * y),
    ScalarOp("fma", 3, ("f32", "f64"), "same", _fma),
    # A product and a sum: rounded once where the target does that at no cost, else twice.
    ScalarOp("muladd", 3, ("f32", "f64"), "same", lambda x, y, z: x * y + z),
    ScalarOp("neg", 1, _NUMBER, "same", np.negative),
    ScalarOp("abs", 1, _NUMBER, "same", np.abs),  # of the least signed integer: itself
    ScalarOp("sqrt", 1, _ANY_FLOAT, "same", np.sqrt),
    ScalarOp("copysign", 2, _ANY_FLOAT, "same", np.copysign),
    # A power that wraps; the exponent is not negative.
    ScalarOp("ipow", 2, _ANY_INT, "same", _whole_power),
    # High half of the double-width product, for exact integer and range-reduction work.
    ScalarOp("mulhi", 2, ("u32", "u64", "i32", "i64"), "same", _high_product),
    # Minimum and maximum as NumPy has them: a NaN in either operand wins.
    ScalarOp("min", 2, _NUMBER, "same", np.minimum),
    ScalarOp("max", 2, _NUMBER, "same", np.maximum),
    # The others, where a number wins over a NaN.
    ScalarOp("fmin", 2, _ANY_FLOAT, "same", np.fmin),
    ScalarOp("fmax", 2, _ANY_FLOAT, "same", np.fmax),
    # Rounding to an integral float.
    ScalarOp("floor", 1, _ANY_FLOAT, "same", np.floor),
    ScalarOp("ceil", 1, _ANY_FLOAT, "same", np.ceil),
    ScalarOp("trunc", 1, _ANY_FLOAT, "same", np.trunc),
    ScalarOp("rint", 1, _ANY_FLOAT, "same", np.rint),
    # x * 2**n with one rounding; n is an integral float of x's type (as AVX-512's vscalef takes it).
    ScalarOp("scalef", 2, ("f32", "f64"), "same", lambda x, n: np.ldexp(x, np.clip(n, -5000, 5000).astype(np.int32))),
    # Comparison: ordered, false for NaN, but for `ne`, which is true.
    *(ScalarOp(n, 2, _ALL, "i1", f) for n, f in dict(
        lt=np.less, le=np.less_equal, gt=np.greater, ge=np.greater_equal, eq=np.equal, ne=np.not_equal).items()),
    # Bits. Shift counts are in range (the caller's rule guards them); `shr` keeps the sign of a signed operand.
    ScalarOp("and", 2, ("i1", *_ANY_INT), "same", np.bitwise_and),
    ScalarOp("or", 2, ("i1", *_ANY_INT), "same", np.bitwise_or),
    ScalarOp("xor", 2, ("i1", *_ANY_INT), "same", np.bitwise_xor),
    ScalarOp("not", 1, ("i1", *_ANY_INT), "same", np.invert),
    ScalarOp("shl", 2, _ANY_INT, "same", _shift_left),
    ScalarOp("shr", 2, _ANY_INT, "same", np.right_shift),
    ScalarOp("popcount", 1, _ANY_INT, "same", _bit_count),
    ScalarOp("clz", 1, _ANY_INT, "same", _count_leading_zeros),
    # Choice: condition, value if true, value if false. Both sides are evaluated.
    ScalarOp("select", 3, _ALL, "same", np.where, operands="select"),
    # Conversion as C and NumPy have it; out-of-range float to integer gives what the x86 instruction gives.
    ScalarOp("cast", 1, _ALL, "attr", lambda x, to: x.astype(NUMPY_DTYPE[to])),
    ScalarOp("bitcast", 1, _NUMBER, "attr", lambda x, to: x.view(NUMPY_DTYPE[to])),
    # Mathematical functions of real arguments, to the ulp stated in the accuracy table.
    *(ScalarOp(n, 1, ("f32", "f64"), "same", f, math=True) for n, f in dict(
        exp=np.exp, exp2=np.exp2, expm1=np.expm1, log=np.log, log2=np.log2, log10=np.log10, log1p=np.log1p,
        sin=np.sin, cos=np.cos, tan=np.tan, asin=np.arcsin, acos=np.arccos, atan=np.arctan,
        sinh=np.sinh, cosh=np.cosh, tanh=np.tanh, asinh=np.arcsinh, acosh=np.arccosh, atanh=np.arctanh,
        cbrt=np.cbrt).items()),
    ScalarOp("pow", 2, ("f32", "f64"), "same", np.power, math=True),
    ScalarOp("atan2", 2, ("f32", "f64"), "same", np.arctan2, math=True),
    ScalarOp("hypot", 2, ("f32", "f64"), "same", np.hypot, math=True),
    ScalarOp("fmod", 2, ("f32", "f64"), "same", np.fmod, math=True),  # exact
]

SCALAR_OPS: dict[str, ScalarOp] = {row.name: row for row in _ROWS}


def identity_of(combine: str, scalar: str) -> bool | int | float:
    """What `combine` leaves every value of this type as it is with: -0.0 for sums, since 0.0 + -0.0 is 0.0."""
    if combine in ("fmin", "fmax"):
        return float("nan")
    if combine in ("min", "max"):
        if scalar in FLOATS:
            return float("inf") if combine == "min" else -float("inf")
        if scalar == "i1":
            return combine == "min"
        bound = np.iinfo(NUMPY_DTYPE[scalar])
        return int(bound.max if combine == "min" else bound.min)
    if combine == "and":
        return True if scalar == "i1" else -1 if scalar in SIGNED else (1 << BITS[scalar]) - 1
    if combine == "add" and scalar in FLOATS:
        return -0.0
    one_or_zero = 1 if combine == "mul" else 0
    return bool(one_or_zero) if scalar == "i1" else float(one_or_zero) if scalar in FLOATS else one_or_zero
