"""The functions of `scipy.special` that SciPy's own loops compute, with their derivatives.

Gamma and its kin: gamma, gammaln, loggamma, rgamma, gammasgn, psi, zeta, poch, beta, betaln, binom, the incomplete gammainc,
gammaincc, gammaincinv, gammainccinv, betainc, betaincc, betaincinv.  Error functions: erfinv, erfcinv, erfcx, erfi, dawsn,
ndtri, log_ndtr.  Bessel functions: i0, i0e, i1, i1e, iv, ive, j0, j1, jv, y0, y1, yn, yv, k0, k0e, k1, k1e, kn, kv, kve.
Integrals: exp1, expi, expn, ellipk, ellipe, spence.  Distributions: stdtr, stdtrit, chdtr, chdtrc, chdtri, fdtr, fdtrc, pdtr,
pdtrc.  exp10.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..builder import Builder
from ..graph import Value
from ..types import ArrayType
from .special_family import special, unknown

ROOT_PI = math.sqrt(math.pi)
ROOT_TWO_PI = math.sqrt(2 * math.pi)


class Calculus:
    """Arithmetic on values, so that derivatives read as formulas: `c(x) * c(y) + 1`."""

    __slots__ = ("ctx", "value")

    def __init__(self, ctx: Builder, value: Value) -> None:
        self.ctx, self.value = ctx, value

    def number(self, other: Any) -> Value:
        if isinstance(other, Calculus):
            return other.value
        return self.ctx.full(other, self.value.type)

    def __add__(self, other: Any) -> Calculus:
        return Calculus(self.ctx, self.ctx.add(self.value, self.number(other)))

    def __sub__(self, other: Any) -> Calculus:
        return Calculus(self.ctx, self.ctx.subtract(self.value, self.number(other)))

    def __mul__(self, other: Any) -> Calculus:
        return Calculus(self.ctx, self.ctx.multiply(self.value, self.number(other)))

    def __truediv__(self, other: Any) -> Calculus:
        return Calculus(self.ctx, self.ctx.divide(self.value, self.number(other)))

    def __pow__(self, other: Any) -> Calculus:
        return Calculus(self.ctx, self.ctx.power(self.value, self.number(other)))

    def __neg__(self) -> Calculus:
        return Calculus(self.ctx, self.ctx.negative(self.value))

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Any) -> Calculus:
        return Calculus(self.ctx, self.ctx.subtract(self.number(other), self.value))

    def __rtruediv__(self, other: Any) -> Calculus:
        return Calculus(self.ctx, self.ctx.divide(self.number(other), self.value))

    def apply(self, op: str, *others: Any) -> Calculus:
        """op(self, *others)"""
        return Calculus(self.ctx, self.ctx.emit(op, [self.value, *map(self.number, others)], {})[0])

    def under(self, op: str, order: Any) -> Calculus:
        """op(order, self), as Bessel functions are written."""
        return Calculus(self.ctx, self.ctx.emit(op, [self.number(order), self.value], {})[0])

    def unless(self, condition: Calculus, other: Any) -> Calculus:
        """`other` where the condition holds, else this."""
        return Calculus(self.ctx, self.ctx.emit("where", [condition.value, self.number(other), self.value], {})[0])


Slope = Callable[..., Calculus]


def slope(formula: Slope) -> Callable[..., Value]:
    """The partial that is the tangent times formula(*operands, result)."""

    def partial(ctx: Builder, t: Value, *values: Value) -> Value:
        like = values[-1].type
        assert isinstance(like, ArrayType)
        floats = [v if v.dtype == like.dtype else ctx.cast(v, dtype="f32" if like.dtype == np.float32 else "f64") for v in values]
        return ctx.multiply(t, formula(*(Calculus(ctx, v) for v in floats)).value)

    return partial


def _exp(x: Calculus) -> Calculus:
    return x.apply("exp")


def _log(x: Calculus) -> Calculus:
    return x.apply("log")


def _psi(x: Calculus) -> Calculus:
    return x.apply("psi")


def _sign(x: Calculus) -> Calculus:
    return x.apply("sign")


# Gamma and its kin -----------------------------------------------------------------------------------------------------

special("gamma", [slope(lambda x, y: y * _psi(x))])
special("gammaln", [slope(lambda x, y: _psi(x))])
special("loggamma", [slope(lambda x, y: _psi(x))])
special("rgamma", [slope(lambda x, y: -y * _psi(x))])
special("gammasgn", [None])
special("psi", [slope(lambda x, y: x.under("zeta", 2.0))])
special("zeta", [unknown("zeta", "its first operand"), slope(lambda s, q, y: -s * (s + 1.0).apply("zeta", q))], whole=(0,),
        domain=(2.0, 4.0))
special("poch", [slope(lambda z, m, y: y * (_psi(z + m) - _psi(z))), slope(lambda z, m, y: y * _psi(z + m))])
special("beta", [slope(lambda a, b, y: y * (_psi(a) - _psi(a + b))), slope(lambda a, b, y: y * (_psi(b) - _psi(a + b)))])
special("betaln", [slope(lambda a, b, y: _psi(a) - _psi(a + b)), slope(lambda a, b, y: _psi(b) - _psi(a + b))])
special("binom", [slope(lambda n, k, y: y * (_psi(n + 1.0) - _psi(n - k + 1.0))),
                  slope(lambda n, k, y: y * (_psi(n - k + 1.0) - _psi(k + 1.0)))], domain=(0.2, 0.9))


def _gamma_density(a: Calculus, x: Calculus) -> Calculus:
    return _exp((a - 1.0).apply("xlogy", x) - x - a.apply("gammaln"))


def _beta_density(a: Calculus, b: Calculus, x: Calculus) -> Calculus:
    return _exp((a - 1.0).apply("xlogy", x) + (b - 1.0).apply("xlog1py", -x) - a.apply("betaln", b))


def _with_shapes(name: str, count: int, formula: Slope, domain: tuple[float, float]) -> None:
    """A function of shape parameters and a last operand, in which alone it is differentiated."""
    shapes = [unknown(name, "its parameters")] * count
    special(name, [*shapes, slope(formula)], whole=tuple(range(count)), domain=domain)


_with_shapes("gammainc", 1, lambda a, x, y: _gamma_density(a, x), (1.0, 3.0))
_with_shapes("gammaincc", 1, lambda a, x, y: -_gamma_density(a, x), (1.0, 3.0))
_with_shapes("gammaincinv", 1, lambda a, p, x: 1.0 / _gamma_density(a, x), (0.1, 1.0))
_with_shapes("gammainccinv", 1, lambda a, p, x: -1.0 / _gamma_density(a, x), (0.1, 1.0))
_with_shapes("betainc", 2, lambda a, b, x, y: _beta_density(a, b, x), (0.1, 1.0))
_with_shapes("betaincc", 2, lambda a, b, x, y: -_beta_density(a, b, x), (0.1, 1.0))
_with_shapes("betaincinv", 2, lambda a, b, p, x: 1.0 / _beta_density(a, b, x), (0.1, 1.0))

# Error functions -------------------------------------------------------------------------------------------------------

special("erfinv", [slope(lambda x, y: _exp(y * y) * (ROOT_PI / 2))], domain=(-0.9, 0.9))
special("erfcinv", [slope(lambda x, y: _exp(y * y) * (-ROOT_PI / 2))], domain=(0.1, 1.9))
special("erfcx", [slope(lambda x, y: x * y * 2.0 - 2 / ROOT_PI)], domain=(-1.0, 3.0))
special("erfi", [slope(lambda x, y: _exp(x * x) * (2 / ROOT_PI))], domain=(-1.5, 1.5))
special("dawsn", [slope(lambda x, y: 1.0 - x * y * 2.0)], domain=(-3.0, 3.0))
special("ndtri", [slope(lambda p, y: _exp(y * y * 0.5) * ROOT_TWO_PI)], domain=(0.1, 0.9))
special("log_ndtr", [slope(lambda x, y: _exp(-(x * x * 0.5 + y)) * (1 / ROOT_TWO_PI))], domain=(-3.0, 3.0))

# Bessel functions ------------------------------------------------------------------------------------------------------


def _mean_of_neighbours(name: str, sign: float) -> Slope:
    """(f[v-1] + sign f[v+1]) / 2"""
    return lambda v, x, y: (x.under(name, v - 1.0) + x.under(name, v + 1.0) * sign) * 0.5


def _bessel(name: str, formula: Slope) -> None:
    special(name, [unknown(name, "its order"), slope(formula)], whole=(0,), domain=(1.0, 3.0))


special("i0", [slope(lambda x, y: x.apply("i1"))], domain=(-3.0, 3.0))
special("i1", [slope(lambda x, y: (x.apply("i0") + x.under("iv", 2.0)) * 0.5)], domain=(-3.0, 3.0))
special("i0e", [slope(lambda x, y: x.apply("i1e") - _sign(x) * y)])
special("i1e", [slope(lambda x, y: (x.apply("i0e") + x.under("ive", 2.0)) * 0.5 - _sign(x) * y)])
special("j0", [slope(lambda x, y: -x.apply("j1"))], domain=(-3.0, 3.0))
special("j1", [slope(lambda x, y: (x.apply("j0") - x.under("jv", 2.0)) * 0.5)], domain=(-3.0, 3.0))
special("y0", [slope(lambda x, y: -x.apply("y1"))])
special("y1", [slope(lambda x, y: (x.apply("y0") - x.under("yv", 2.0)) * 0.5)])
special("k0", [slope(lambda x, y: -x.apply("k1"))])
special("k1", [slope(lambda x, y: (x.apply("k0") + x.under("kv", 2.0)) * -0.5)])
special("k0e", [slope(lambda x, y: y - x.apply("k1e"))])
special("k1e", [slope(lambda x, y: y - (x.apply("k0e") + x.under("kve", 2.0)) * 0.5)])
_bessel("jv", _mean_of_neighbours("jv", -1.0))
_bessel("yv", _mean_of_neighbours("yv", -1.0))
_bessel("yn", _mean_of_neighbours("yv", -1.0))
_bessel("iv", _mean_of_neighbours("iv", 1.0))
_bessel("kv", lambda v, x, y: -_mean_of_neighbours("kv", 1.0)(v, x, y))
_bessel("kn", lambda v, x, y: -_mean_of_neighbours("kv", 1.0)(v, x, y))
_bessel("ive", lambda v, x, y: _mean_of_neighbours("ive", 1.0)(v, x, y) - _sign(x) * y)
_bessel("kve", lambda v, x, y: y - _mean_of_neighbours("kve", 1.0)(v, x, y))

# Integrals -------------------------------------------------------------------------------------------------------------

special("exp1", [slope(lambda x, y: -_exp(-x) / x)])
special("expi", [slope(lambda x, y: _exp(x) / x)])
special("expn", [unknown("expn", "its order"), slope(lambda n, x, y: -x.under("expn", n - 1.0))], whole=(0,), domain=(2.0, 3.0))
special("ellipk", [slope(lambda m, y: (m.apply("ellipe") - (1.0 - m) * y) / (m * (1.0 - m) * 2.0))], domain=(0.1, 0.9))
special("ellipe", [slope(lambda m, y: (y - m.apply("ellipk")) / (m * 2.0))], domain=(0.1, 0.9))
special("spence", [slope(lambda x, y: _log(x) / (1.0 - x))], domain=(1.2, 3.0))
special("exp10", [slope(lambda x, y: y * math.log(10.0))])

# Distributions ---------------------------------------------------------------------------------------------------------


def _student_density(df: Calculus, t: Calculus) -> Calculus:
    half = (df + 1.0) * 0.5
    scale = half.apply("gammaln") - (df * 0.5).apply("gammaln") - _log(df * math.pi) * 0.5
    return _exp(scale - half * (t * t / df).apply("log1p"))


def _fisher_density(n: Calculus, d: Calculus, x: Calculus) -> Calculus:
    z = n * x / (n * x + d)
    return _beta_density(n * 0.5, d * 0.5, z) * n * d / ((n * x + d) * (n * x + d))


_with_shapes("stdtr", 1, lambda df, t, y: _student_density(df, t), (1.0, 3.0))
_with_shapes("stdtrit", 1, lambda df, p, t: 1.0 / _student_density(df, t), (0.1, 1.0))
_with_shapes("chdtr", 1, lambda v, x, y: _gamma_density(v * 0.5, x * 0.5) * 0.5, (1.0, 3.0))
_with_shapes("chdtrc", 1, lambda v, x, y: _gamma_density(v * 0.5, x * 0.5) * -0.5, (1.0, 3.0))
_with_shapes("chdtri", 1, lambda v, p, x: -2.0 / _gamma_density(v * 0.5, x * 0.5), (0.1, 1.0))
_with_shapes("fdtr", 2, lambda n, d, x, y: _fisher_density(n, d, x), (1.0, 3.0))
_with_shapes("fdtrc", 2, lambda n, d, x, y: -_fisher_density(n, d, x), (1.0, 3.0))
_with_shapes("pdtr", 1, lambda k, m, y: -_gamma_density(k.apply("floor") + 1.0, m), (1.0, 3.0))
_with_shapes("pdtrc", 1, lambda k, m, y: _gamma_density(k.apply("floor") + 1.0, m), (1.0, 3.0))
