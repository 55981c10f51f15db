"""Division with a whole quotient: floor_divide, remainder, fmod, modf_fraction, gcd, lcm.

Integers: dividing by zero gives 0, and the one quotient that does not fit wraps.  Floats follow NumPy's algorithm step by
step, since the quotient is rounded before its floor is taken.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..expr import Expr, cast, op, select, var
from ..graph import Op
from ..loops import Carried, While
from ..opdef import LowerContext, Statements
from ..scalar import BITS
from .families import (
    NO_TANGENT,
    elementwise,
    evaluate_by_name,
    infer_from_loop,
    jvp_from,
    ufunc_op,
    zero_tangent,
)
from .pointwise import by_kind, is_inf, is_signed, number


def safe_divisor(y: Expr) -> Expr:
    """`y` where dividing by it is defined for every dividend, else 1."""
    unsafe = y.equals(0) | y.equals(-1) if is_signed(y) else y.equals(0)
    return select(unsafe, number(1, y), y)


def _power_of_two(y: Expr) -> int | None:
    """k if y is the constant 2**k."""
    value = y.payload if y.is_const else 0
    return value.bit_length() - 1 if value > 0 and value & (value - 1) == 0 else None  # type: ignore


def floor_quotient(x: Expr, y: Expr) -> Expr:
    """floor(x / y) of integers, with NumPy's answers where it does not exist."""
    k = _power_of_two(y)
    if k is not None:
        return op("shr", x, k)
    d = safe_divisor(y)
    q = op("quot", x, d)
    if is_signed(x):
        r = x - q * d
        q = q - cast(r.differs(0) & ((r ^ d) < 0), x.dtype)
        q = select(y.equals(-1), -x, q)
    return select(y.equals(0), 0, q)


def floor_remainder(x: Expr, y: Expr) -> Expr:
    """x - y floor(x / y): has the sign of y."""
    if _power_of_two(y) is not None:
        return x & (y - 1)
    d = safe_divisor(y)
    r = op("rem", x, d)
    if is_signed(x):
        r = select(r.differs(0) & ((r ^ d) < 0), r + d, r)
        return select(y.equals(0) | y.equals(-1), 0, r)
    return select(y.equals(0), 0, r)


def _truncated_remainder(x: Expr, y: Expr) -> Expr:
    r = op("rem", x, safe_divisor(y))
    zero = y.equals(0) | y.equals(-1) if is_signed(x) else y.equals(0)
    return select(zero, 0, r)


def float_divmod(x: Expr, y: Expr) -> tuple[Expr, Expr]:
    """Quotient and remainder for y != 0."""
    mod = op("fmod", x, y)
    quotient = (x - mod) / y
    inexact = mod.differs(0.0)
    opposite = inexact & ((y < 0.0) ^ (mod < 0.0))
    quotient = select(opposite, quotient - 1.0, quotient)
    remainder = select(opposite, mod + y, select(inexact, mod, op("copysign", number(0.0, y), y)))
    floor = op("floor", quotient)
    snapped = select((quotient - floor) > 0.5, floor + 1.0, floor)
    return select(quotient.differs(0.0), snapped, op("copysign", number(0.0, x), x / y)), remainder


def _float_floor(x: Expr, y: Expr) -> Expr:
    return select(y.equals(0.0), x / y, float_divmod(x, y)[0])


def _float_remainder(x: Expr, y: Expr) -> Expr:
    return select(y.equals(0.0), op("fmod", x, y), float_divmod(x, y)[1])


ufunc_op(np.floor_divide, by_kind(_float_floor, integer=floor_quotient), zero_tangent, domain=(0.5, 9.0))

ufunc_op(
    np.remainder, by_kind(_float_remainder, integer=floor_remainder),
    [lambda ctx, t, x, y, r: t, lambda ctx, t, x, y, r: ctx.negative(ctx.multiply(t, ctx.floor_divide(x, y)))],
    domain=(0.5, 9.0))

ufunc_op(
    np.fmod, by_kind(lambda x, y: op("fmod", x, y), integer=_truncated_remainder),
    [lambda ctx, t, x, y, r: t, lambda ctx, t, x, y, r: ctx.negative(ctx.multiply(t, ctx.trunc(ctx.divide(x, y))))],
    domain=(0.5, 9.0))


def _fraction(x: Expr) -> Expr:
    """x without its whole part, with x's sign; 0 for infinities."""
    return op("copysign", select(is_inf(x), number(0.0, x), x - op("trunc", x)), x)


elementwise(
    "modf_fraction", 1, infer=infer_from_loop(np.modf), evaluate=evaluate_by_name("modf", 0),
    lower=by_kind(_fraction), jvp=jvp_from([lambda ctx, t, x, y: t]), dtypes=("f16", "f32", "f64"),
    doc="The first result of np.modf; the second is trunc.")


# Common divisors: a loop runs per element, so these are not scalar formulas ---------------------------------------------

def _common_divisor(ctx: LowerContext, x: Expr, y: Expr) -> Expr:
    """The greatest common divisor of two values of an unsigned type.

    Stein's binary algorithm (J. Comput. Phys. 1, 1967): it needs no division, which vectors of integers lack.  `a` stays odd
    and takes the smaller number, `b` the difference, whose factors 2 do not matter.  It ends early at 1, which divides all.
    """
    top = number(1 << (BITS[x.dtype] - 1), x)

    def twos(v: Expr) -> Expr:
        """How often 2 divides v; one time less than v has bits for 0."""
        v = v | top
        return op("popcount", op("not", v) & (v - 1))

    first, second = select(x.equals(0), y, x), select(x.equals(0), number(0, x), y)
    a, b, result = ctx.fresh("a"), ctx.fresh("b"), ctx.fresh("gcd")
    va, vb = var(a, x.dtype), var(b, x.dtype)
    odd = op("shr", vb, twos(vb))
    smaller, larger = op("min", va, odd), op("max", va, odd)
    ctx.emit(While([Carried(a, op("shr", first, twos(first)), smaller, result),
                    Carried(b, second, larger - smaller, ctx.fresh("zero"))],
                   [], vb.differs(0) & va.differs(1), []))
    return op("shl", var(result, x.dtype), twos(x | y))


def _divisor_loops(finish: Callable[[Expr, Expr, Expr], Expr]) -> Statements:
    """Stores finish(gcd, |x|, |y|) for every element."""

    def fill(ctx: LowerContext, op_: Op) -> None:
        dims = ctx.dims(op_.result)

        def nest(index: tuple[Expr, ...]) -> None:
            if len(index) < len(dims):
                with ctx.loop(0, dims[len(index)]) as i:
                    nest((*index, i))
                return
            x, y = (ctx.let(_magnitude(ctx.read(k, index))) for k in (0, 1))  # type: ignore[arg-type]
            dtype = ctx.out().dtype
            ctx.store(ctx.out(), index, cast(finish(_common_divisor(ctx, x, y), x, y), dtype))  # type: ignore[arg-type]

        nest(())

    return Statements(fill, reads_once=True)


def _magnitude(x: Expr) -> Expr:
    """|x| as an unsigned number, which holds the least integer's too."""
    return cast(op("abs", x), f"u{BITS[x.dtype]}") if is_signed(x) else x


def _multiple(divisor: Expr, x: Expr, y: Expr) -> Expr:
    return op("quot", x, select(divisor.equals(0), 1, divisor)) * y


ufunc_op(np.gcd, _divisor_loops(lambda divisor, x, y: divisor), zero_tangent, transpose=NO_TANGENT,
         traits=["commutative"])
ufunc_op(np.lcm, _divisor_loops(_multiple), zero_tangent, transpose=NO_TANGENT, traits=["commutative"])
