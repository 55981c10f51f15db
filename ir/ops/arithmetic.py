"""Arithmetic that is exact to the last bit: add, subtract, multiply, divide, negative, positive, square, reciprocal,
absolute, fabs, sign, sqrt, root_of_squares.

Integers wrap.  Identities are stated only where they hold for every float, signed zeros included.
"""

from __future__ import annotations

import numpy as np

from ..builder import Builder
from ..expr import Expr, op, select
from ..graph import Value
from . import complex_formulas
from .families import elementwise, evaluate_by_name, infer_from_loop, jvp_from, transpose_from, ufunc_op
from .pointwise import by_kind, is_nan, is_signed, number, scalar


def _pass(ctx: Builder, t: Value, *rest: Value) -> Value:
    return t


def _negate(ctx: Builder, t: Value, *rest: Value) -> Value:
    return ctx.negative(t)


ufunc_op(
    np.add, by_kind(scalar("add"), integer=scalar("add"), boolean=scalar("or"), complex=complex_formulas.add),
    [_pass, _pass], transpose=transpose_from(_pass, _pass), traits=["commutative", "linear"])

ufunc_op(
    np.subtract, by_kind(scalar("sub"), integer=scalar("sub"), complex=complex_formulas.subtract),
    [_pass, _negate], transpose=transpose_from(_pass, _negate), traits=["linear"], identity=0)

ufunc_op(
    np.multiply, by_kind(scalar("mul"), integer=scalar("mul"), boolean=scalar("and"), complex=complex_formulas.multiply),
    [lambda ctx, t, x, y, r: ctx.multiply(t, y), lambda ctx, t, x, y, r: ctx.multiply(x, t)],
    transpose=transpose_from(lambda ctx, ct, x, y: ctx.multiply(ct, y), lambda ctx, ct, x, y: ctx.multiply(ct, x),
                             jointly=False),
    traits=["commutative"], identity=1)

ufunc_op(
    np.divide, by_kind(scalar("div"), complex=complex_formulas.divide),
    [lambda ctx, t, x, y, r: ctx.divide(t, y), lambda ctx, t, x, y, r: ctx.negative(ctx.divide(ctx.multiply(t, r), y))],
    transpose=transpose_from(lambda ctx, ct, x, y: ctx.divide(ct, y), None), identity=1, domain=(0.5, 3.0))

ufunc_op(
    np.negative, by_kind(scalar("neg"), integer=scalar("neg"), complex=complex_formulas.negative),
    [_negate], transpose=transpose_from(_negate), traits=["linear", "involution"])

ufunc_op(
    np.positive, by_kind(lambda x: x, integer=lambda x: x, complex=lambda x: x),
    [_pass], transpose=transpose_from(_pass), traits=["linear", "idempotent"])

ufunc_op(
    np.square, by_kind(lambda x: x * x, integer=lambda x: x * x, complex=complex_formulas.square),
    [lambda ctx, t, x, y: ctx.multiply(t, ctx.multiply(x, 2))])


def _integer_reciprocal(x: Expr) -> Expr:
    """1 / x truncated; for 0, what the machine makes of infinity as an integer."""
    of_zero = {"i32": -2**31, "i64": -2**63}.get(x.dtype, 0)
    unit = x.equals(1) | x.equals(-1) if is_signed(x) else x.equals(1)
    return select(x.equals(0), number(of_zero, x), select(unit, x, 0))


ufunc_op(
    np.reciprocal, by_kind(lambda x: 1.0 / x, integer=_integer_reciprocal, complex=complex_formulas.reciprocal),
    [lambda ctx, t, x, y: ctx.negative(ctx.multiply(t, ctx.multiply(y, y)))], domain=(0.5, 3.0))


def _absolute_tangent(ctx: Builder, t: Value, x: Value, y: Value) -> Value:
    """Real: t where x >= 0, else -t.  Complex: t along x; zero at zero."""
    if x.dtype.kind != "c":
        return ctx.where(ctx.greater_equal(x, ctx.zeros(x.type)), t, ctx.negative(t))
    divisor = ctx.where(ctx.equal(y, 0), ctx.full(1, y.type), y)
    return ctx.divide(ctx.real(ctx.multiply(t, ctx.conjugate(x))), divisor)


def _integer_absolute(x: Expr) -> Expr:
    return op("abs", x) if is_signed(x) else x


ufunc_op(
    np.absolute, by_kind(scalar("abs"), integer=_integer_absolute, boolean=lambda x: x, complex=complex_formulas.absolute),
    [_absolute_tangent], traits=["idempotent"])

ufunc_op(np.fabs, by_kind(scalar("abs")), [_absolute_tangent], traits=["idempotent"])


def _real_sign(x: Expr) -> Expr:
    """-1, 0 (never -0) or 1; NaN stays."""
    value = select(x > 0, number(1, x), select(x < 0, number(-1, x), number(0, x)))
    return select(is_nan(x), x, value)


def _integer_sign(x: Expr) -> Expr:
    positive = select(x > 0, number(1, x), number(0, x))
    return select(x < 0, number(-1, x), positive) if is_signed(x) else positive


def _sign_tangent(ctx: Builder, primals: list[Value], tangents: list, results: list[Value], attrs: dict) -> list:
    """Real: constant.  Complex, s = x/|x|: the part of t across x, over |x|; zero at zero."""
    (x,), (t,), (s,) = primals, tangents, results
    if x.dtype.kind != "c" or t is None:
        return [None]
    modulus = ctx.absolute(x)
    divisor = ctx.where(ctx.equal(modulus, 0), ctx.full(1, modulus.type), modulus)
    across = ctx.divide(ctx.imag(ctx.multiply(ctx.conjugate(s), t)), divisor)
    return [ctx.multiply(s, ctx.complex(ctx.zeros(across.type), across))]


ufunc_op(np.sign, by_kind(_real_sign, integer=_integer_sign, complex=complex_formulas.sign), _sign_tangent)

ufunc_op(
    np.sqrt, by_kind(scalar("sqrt"), complex=complex_formulas.square_root),
    # Infinite at 0, as the derivative is.
    [lambda ctx, t, x, y: ctx.divide(t, ctx.multiply(y, 2))], domain=(0.1, 3.0))


def _root_tangent(ctx: Builder, t: Value, x: Value, y: Value) -> Value:
    """Of a length or a spread: zero at zero, where it has a kink."""
    none = ctx.equal(y, 0)
    slope = ctx.divide(t, ctx.multiply(ctx.where(none, ctx.full(1, y.type), y), 2))
    return ctx.where(none, ctx.zeros(y.type), slope)


elementwise("root_of_squares", 1, infer=infer_from_loop(np.sqrt), evaluate=evaluate_by_name("sqrt"), lower=by_kind(scalar("sqrt")),
            jvp=jvp_from([_root_tangent]), dtypes=("f16", "f32", "f64"), domain=(0.1, 3.0),
            doc="The square root of a sum of squares.")
