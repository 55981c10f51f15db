"""`scipy.special` over traced arrays: its ufuncs are ops of their own names, its Python functions are composed here.

SciPy's module is not imported for this: implementations are entered under ("scipy.special", name), and `dispatch` looks a
callable up by its name once the module is there.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...ir.ops.special_family import SPECIAL, scipy_function
from .. import tracer
from ..arrays import TracedArray, as_array, value_of, wrap
from ..dispatch import call, implements
from ..scalars import concrete
from ..ufuncs import LOOPS, call_ufunc
from ..values import cast
from .special_calls import call_scipy, has_complex


def _function(name: str) -> Any:
    return implements(("scipy.special", name))


def _ufunc(name: str) -> None:
    @_function(name)
    def implementation(*args: Any, **kwargs: Any) -> Any:
        ufunc = scipy_function(SPECIAL[name])
        LOOPS[ufunc] = (name,)
        if has_complex(args):
            return call_scipy(ufunc, *args, **kwargs)
        return call_ufunc(ufunc, *args, **kwargs)


# `zeta` is a Python function around a ufunc.
for _name in sorted(SPECIAL.keys() - {"zeta"}):
    _ufunc(_name)


def _alias(name: str, ufunc: np.ufunc) -> None:
    @_function(name)
    def implementation(*args: Any, **kwargs: Any) -> Any:
        return call(ufunc, args, kwargs)


for _name, _numpy in (("expm1", np.expm1), ("log1p", np.log1p), ("cbrt", np.cbrt), ("exp2", np.exp2), ("round", np.rint)):
    _alias(_name, _numpy)


def special(name: str, *args: Any) -> Any:
    """One of the ops, with SciPy's promotion."""
    ufunc = scipy_function(SPECIAL[name])
    LOOPS[ufunc] = (name,)
    return call_ufunc(ufunc, *args)


def _refuse_complex(x: Any, what: str) -> None:
    if has_complex((x,)):
        raise tracer.unsupported(f"scipy.special.{what} of complex numbers", "only its real form is compiled")


def _float_array(x: Any, what: str) -> TracedArray:
    _refuse_complex(x, what)
    x = as_array(x)
    return as_array(x, np.float64) if x.dtype.kind in "biu" else x


# Softmax and its kin ---------------------------------------------------------------------------------------------------


def _finite_or_zero(x: Any) -> Any:
    return call(np.where, (call(np.isfinite, (x,), {}), x, x.dtype.type(0)), {})


@_function("softmax")
def softmax(x: Any, axis: Any = None) -> Any:
    x = _float_array(x, "softmax")
    powers = call(np.exp, (x - call(np.max, (x,), {"axis": axis, "keepdims": True}),), {})
    return powers / call(np.sum, (powers,), {"axis": axis, "keepdims": True})


@_function("log_softmax")
def log_softmax(x: Any, axis: Any = None) -> Any:
    x = _float_array(x, "log_softmax")
    shifted = x - _finite_or_zero(call(np.max, (x,), {"axis": axis, "keepdims": True}))
    total = call(np.sum, (call(np.exp, (shifted,), {}),), {"axis": axis, "keepdims": True})
    return shifted - call(np.log, (total,), {})


@_function("logsumexp")
def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: Any = False, return_sign: Any = False) -> Any:
    """The greatest terms are taken out of the sum: their number m, and the others over m, go through log and log1p."""
    a = _float_array(a, "logsumexp")
    if b is not None:
        b = _float_array(b, "logsumexp")
        dtype = np.result_type(a.dtype, b.dtype)
        a, b = call(np.broadcast_arrays, (as_array(a, dtype), as_array(b, dtype)), {})
        a = call(np.where, (b == 0, dtype.type(-np.inf), a), {})
    every = {"axis": axis, "keepdims": True}
    kind = a.dtype.type
    greatest = call(np.max, (a,), every)
    is_greatest = a == greatest
    weights = kind(1) if b is None else b
    count = call(np.sum, (call(np.where, (is_greatest, weights, kind(0)), {}),), every)
    terms = call(np.exp, (a - _finite_or_zero(greatest),), {}) * weights
    rest = call(np.sum, (call(np.where, (is_greatest, kind(0), terms), {}),), every)
    share = call(np.where, (rest == 0, rest, rest / count), {})
    sign = call(np.sign, (share + kind(1),), {}) * call(np.sign, (count,), {})
    positive = call(np.where, (share < -1, -share - kind(2), share), {})
    result = call(np.log1p, (positive,), {}) + call(np.log, (call(np.abs, (count,), {}),), {}) + greatest
    if not concrete(return_sign, "return_sign") and b is not None:
        result = call(np.where, (sign < 0, kind(np.nan), result), {})
    found = [_dropped(r, axis, keepdims) for r in (result, sign)]
    return tuple(found) if concrete(return_sign, "return_sign") else found[0]


def _dropped(x: Any, axis: Any, keepdims: Any) -> Any:
    """Without the axes of extent 1, as a scalar if none is left."""
    if concrete(keepdims, "keepdims"):
        return x
    result = as_array(call(np.squeeze, (x,), {"axis": axis}))
    return wrap(result.view.read()) if not result.ndim else result


@_function("softplus")
def softplus(x: Any, **kwargs: Any) -> Any:
    return call(np.logaddexp, (0, x), kwargs)


# Gamma functions of whole numbers --------------------------------------------------------------------------------------


@_function("zeta")
def zeta(x: Any, q: Any = None, out: Any = None) -> Any:
    """Hurwitz's zeta function; Riemann's for q = 1, where x > 1."""
    return call_special_out("zeta", (x, 1.0 if q is None else q), out)


def call_special_out(name: str, args: tuple, out: Any) -> Any:
    ufunc = scipy_function(SPECIAL[name])
    LOOPS[ufunc] = (name,)
    return call_ufunc(ufunc, *args, out=out)


@_function("polygamma")
def polygamma(n: Any, x: Any) -> Any:
    """(-1)**(n + 1) n! zeta(n + 1, x), psi itself for n = 0."""
    n, x = as_array(n), as_array(x)
    order: Any = as_array(n, np.float64)
    sign = 1.0 - 2.0 * call(np.remainder, (order + 1.0, 2.0), {})
    terms = sign * special("gamma", order + 1.0) * special("zeta", order + 1.0, x)
    return call(np.where, (n == 0, special("psi", x), terms), {})


@_function("comb")
def comb(N: Any, k: Any, *, exact: Any = False, repetition: Any = False) -> Any:
    _refuse_exact("comb", exact)
    N, k = as_array(N), as_array(k)
    if concrete(repetition, "repetition"):
        return comb(N + k - 1, k)
    inside = (k <= N) & (N >= 0) & (k >= 0)
    return _scalar_if_single(call(np.where, (inside, special("binom", N, k), 0.0), {}))


@_function("perm")
def perm(N: Any, k: Any, exact: Any = False) -> Any:
    _refuse_exact("perm", exact)
    N, k = as_array(N), as_array(k)
    inside = (k <= N) & (N >= 0) & (k >= 0)
    return _scalar_if_single(call(np.where, (inside, special("poch", N - k + 1, k), 0.0), {}))


@_function("factorial")
def factorial(n: Any, exact: Any = False, extend: Any = "zero") -> Any:
    _refuse_exact("factorial", exact)
    n = as_array(n)
    if extend != "zero":
        raise tracer.unsupported("scipy.special.factorial with extend='complex'")
    kind = n.dtype if n.dtype.kind == "f" else np.dtype(np.float64)
    whole: Any = as_array(n, kind)
    value = cast(value_of(special("gamma", whole + kind.type(1))), kind)
    result = call(np.where, (whole < 0, kind.type(0), wrap(value)), {})
    return _scalar_if_single(result)


def _refuse_exact(name: str, exact: Any) -> None:
    if concrete(exact, "exact"):
        raise tracer.unsupported(f"scipy.special.{name}(exact=True) of run-time values", "Python's integers of any size have no "
                                 "compiled form", "exact=False")


def _scalar_if_single(x: Any) -> Any:
    x = as_array(x)
    return wrap(x.view.read()) if not x.ndim else x


@_function("multigammaln")
def multigammaln(a: Any, d: Any) -> Any:
    a, d = as_array(a), concrete(d, "the dimension")
    total = (d * (d - 1) * 0.25) * math.log(math.pi)
    for j in range(d):
        total = total + special("gammaln", a - j / 2.0)
    return total
