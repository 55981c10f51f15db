"""Python's module `math` on traced scalars, with Python's results and errors.

Each function is computed as a NumPy scalar (`numpy_scalar`) and becomes a Python number again; where Python raises
("math domain error", OverflowError) a check does, with the exception that Python itself gives for an operand outside.
Arguments without a traced value go to Python.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from . import dispatch, tracer
from .arrays import TracedArray, any_traced, as_array, value_of
from .builtin_functions import builtin
from .module_numbers import FLOAT, INT, as_float, as_int, call, enter, error_of, numpy_scalar, python_scalar, raise_unless
from .numpy_api.special import special
from .numpy_api.ufunc_methods import each
from .python_arithmetic import positive, to_whole
from .scalars import TracedScalar, to_kind
from .values import cast, cast_weak

_implementation: Callable[..., Any]
_python_function: Callable[..., Any]
_ufunc: Any


# Functions of one float ------------------------------------------------------------------------------------------------

# NumPy's function, and operands for which Python raises: where the result is no number, and where it is infinite.
_UNARY: dict[str, tuple[np.ufunc, float | None, float | None]] = {
    "sqrt": (np.sqrt, -1.0, None), "exp": (np.exp, None, 1e6), "exp2": (np.exp2, None, 1e6), "expm1": (np.expm1, None, 1e6),
    "log": (np.log, -1.0, 0.0), "log2": (np.log2, -1.0, 0.0), "log10": (np.log10, -1.0, 0.0), "log1p": (np.log1p, -2.0, -1.0),
    "sin": (np.sin, math.inf, None), "cos": (np.cos, math.inf, None), "tan": (np.tan, math.inf, None),
    "asin": (np.arcsin, 2.0, None), "acos": (np.arccos, 2.0, None), "atan": (np.arctan, None, None),
    "sinh": (np.sinh, None, 1e6), "cosh": (np.cosh, None, 1e6), "tanh": (np.tanh, None, None),
    "asinh": (np.arcsinh, None, None), "acosh": (np.arccosh, 0.0, None), "atanh": (np.arctanh, 2.0, 1.0),
    "cbrt": (np.cbrt, None, None), "degrees": (np.degrees, None, None), "radians": (np.radians, None, None),
    "ulp": (np.spacing, None, None)}


def _unary(name: str, ufunc: np.ufunc, no_number: float | None, infinite: float | None) -> None:
    python = getattr(math, name)

    def implementation(x: Any) -> TracedScalar:
        x = numpy_scalar(as_float(x))
        result = call(ufunc, call(np.fabs, x) if name == "ulp" else x)
        if name == "ulp":
            result = _selected(call(np.isinf, x), call(np.fabs, x), _at_largest(x, result))
        if no_number is not None:
            good = call(np.logical_or, call(np.isnan, x), call(np.logical_not, call(np.isnan, result)))
            result = raise_unless(result, good, error_of(python, no_number))
        if infinite is not None:
            good = call(np.logical_or, call(np.logical_not, call(np.isfinite, x)), call(np.logical_not, call(np.isinf, result)))
            result = raise_unless(result, good, error_of(python, infinite))
        return python_scalar(result)

    enter(python, implementation, None if name == "log" else 1)


def _selected(condition: Any, x: Any, y: Any) -> TracedScalar:
    values = [value_of(v, FLOAT) for v in (x, y)]
    return TracedScalar(tracer.emit("where", [cast(value_of(condition), np.dtype(bool)), *values]))


def _at_largest(x: TracedScalar, spacing: TracedScalar) -> TracedScalar:
    """The unit of the largest float, for which NumPy's is infinite."""
    return _selected(call(np.isinf, spacing), math.ulp(1.7e308), spacing)


for _name, _row in _UNARY.items():
    if hasattr(math, _name):
        _unary(_name, *_row)

_natural = dispatch.BUILTINS[math.log]


@builtin(math.log)
def log(x: Any, *base: Any) -> Any:
    """math.log(x) and math.log(x, base)."""
    if not base:
        return _natural(x)
    if not any_traced([x, *base]):
        return math.log(x, *base)
    return _natural(x) / _natural(base[0])


enter(math.fabs, lambda x: abs(as_float(x)), 1)
for _python_function, _ufunc in ((math.isnan, np.isnan), (math.isinf, np.isinf), (math.isfinite, np.isfinite)):
    enter(_python_function, lambda x, f=_ufunc: python_scalar(call(f, numpy_scalar(as_float(x))), "bool"), 1)


def _rounding(python: Callable, ufunc: np.ufunc) -> None:
    def implementation(x: Any) -> Any:
        if isinstance(x, TracedScalar) and x.kind in ("int", "bool"):
            return positive(x)
        return to_whole(call(ufunc, numpy_scalar(as_float(x))).value, None)

    enter(python, implementation, 1)


for _python_function, _ufunc in ((math.floor, np.floor), (math.ceil, np.ceil), (math.trunc, np.trunc)):
    _rounding(_python_function, _ufunc)


# Functions of several floats -------------------------------------------------------------------------------------------

for _python_function, _ufunc in ((math.atan2, np.arctan2), (math.copysign, np.copysign), (math.nextafter, np.nextafter)):
    enter(_python_function, lambda x, y, f=_ufunc: python_scalar(call(f, numpy_scalar(as_float(x)), numpy_scalar(as_float(y)))), 2)


def _infinite(x: Any) -> Any:
    return call(np.isinf, x)


def _no_number(*xs: Any) -> Any:
    found = call(np.isnan, xs[0])
    for x in xs[1:]:
        found = call(np.logical_or, found, call(np.isnan, x))
    return found


def power(x: Any, y: Any) -> TracedScalar:
    """math.pow: the float power, with ValueError for roots of negative numbers and poles, OverflowError beyond the range."""
    x, y = numpy_scalar(as_float(x)), numpy_scalar(as_float(y))
    result = call(np.power, x, y)
    finite = call(np.logical_and, call(np.isfinite, x), call(np.isfinite, y))
    pole = call(np.logical_and, call(np.logical_and, call(np.equal, x, 0.0), call(np.less, y, 0.0)), finite)
    root = call(np.logical_and, call(np.isnan, result), finite)
    result = raise_unless(result, call(np.logical_not, call(np.logical_or, pole, root)), error_of(math.pow, -1.0, 0.5))
    beyond = call(np.logical_and, _infinite(result), finite)
    return python_scalar(raise_unless(result, call(np.logical_not, beyond), error_of(math.pow, 10.0, 400.0)))


def fmod(x: Any, y: Any) -> TracedScalar:
    x, y = numpy_scalar(as_float(x)), numpy_scalar(as_float(y))
    result = call(np.fmod, x, y)
    good = call(np.logical_or, _no_number(x, y), call(np.logical_not, call(np.isnan, result)))
    return python_scalar(raise_unless(result, good, error_of(math.fmod, 1.0, 0.0)))


def remainder(x: Any, y: Any) -> TracedScalar:
    """IEEE's: x - y n for the whole n nearest to x / y, the even one of two."""
    x, y = numpy_scalar(as_float(x)), numpy_scalar(as_float(y))
    size, unit = call(np.fabs, x), call(np.fabs, y)
    rest = call(np.fmod, size, unit)
    other = unit - rest
    tie = rest - 2.0 * call(np.fmod, 0.5 * (size - rest), unit)
    near = _selected(call(np.less, rest, other), rest, _selected(call(np.greater, rest, other), -other, tie))
    signed = call(np.copysign, 1.0, x) * near
    result = _selected(call(np.logical_and, call(np.isfinite, x), _infinite(y)), x, signed)
    good = call(np.logical_or, _no_number(x, y), call(np.logical_not, call(np.isnan, result)))
    return python_scalar(raise_unless(result, good, error_of(math.remainder, 1.0, 0.0)))


def hypot(*coordinates: Any) -> TracedScalar:
    """The root of the sum of squares, scaled by the greatest coordinate."""
    xs = [call(np.fabs, numpy_scalar(as_float(x))) for x in coordinates]
    if len(xs) < 3:
        return python_scalar(call(np.hypot, xs[0], xs[-1] if len(xs) == 2 else 0.0))
    return python_scalar(_norm(xs))


def _norm(xs: list[TracedScalar]) -> TracedScalar:
    result = xs[0]
    for x in xs[1:]:
        result = call(np.hypot, result, x)
    return result


def dist(p: Any, q: Any) -> Any:
    p, q = list(p), list(q)
    if len(p) != len(q):
        raise ValueError("both points must have the same number of dimensions")
    floats: list[tuple[Any, Any]] = [(as_float(a), as_float(b)) for a, b in zip(p, q, strict=True)]
    return hypot(*(a - b for a, b in floats)) if p else 0.0


def is_close(a: Any, b: Any, *, rel_tol: Any = 1e-9, abs_tol: Any = 0.0) -> TracedScalar:
    return close_or_equal(numpy_scalar(as_float(a)), numpy_scalar(as_float(b)), rel_tol, abs_tol, math.isclose)


def close_or_equal(x: TracedScalar, y: TracedScalar, rel_tol: Any, abs_tol: Any, python: Callable) -> TracedScalar:
    for tolerance in (rel_tol, abs_tol):
        if not isinstance(tolerance, TracedScalar) and tolerance < 0:
            python(0.0, 0.0, rel_tol=rel_tol, abs_tol=abs_tol)  # raises Python's ValueError
    gap = call(np.absolute, call(np.subtract, x, y))
    relative, absolute = (numpy_scalar(as_float(t)) for t in (rel_tol, abs_tol))
    greatest = call(np.maximum, call(np.absolute, x), call(np.absolute, y))
    near = call(np.logical_or, call(np.less_equal, gap, relative * greatest), call(np.less_equal, gap, absolute))
    finite = call(np.logical_not, call(np.logical_or, call(np.isinf, x), call(np.isinf, y)))
    return python_scalar(call(np.logical_or, call(np.equal, x, y), call(np.logical_and, finite, near)), "bool")


def ldexp(x: Any, exponent: Any) -> TracedScalar:
    x, n = numpy_scalar(as_float(x)), as_int(exponent)
    limited = call(np.clip, numpy_scalar(n, INT), -5000, 5000)
    result = call(np.ldexp, x, limited)
    good = call(np.logical_or, _infinite(x), call(np.logical_not, _infinite(result)))
    return python_scalar(raise_unless(result, good, error_of(math.ldexp, 1.0, 5000)))


def frexp(x: Any) -> tuple[TracedScalar, TracedScalar]:
    mantissa, exponent = call(np.frexp, numpy_scalar(as_float(x)))
    return python_scalar(mantissa), to_kind(exponent, "int")


def modf(x: Any) -> tuple[TracedScalar, TracedScalar]:
    fraction, whole = call(np.modf, numpy_scalar(as_float(x)))
    return python_scalar(fraction), python_scalar(whole)


for _name, _implementation in (("pow", power), ("fmod", fmod), ("remainder", remainder), ("ldexp", ldexp)):
    enter(getattr(math, _name), _implementation, 2)
for _name, _implementation in (("hypot", hypot), ("dist", dist), ("isclose", is_close), ("frexp", frexp), ("modf", modf)):
    enter(getattr(math, _name), _implementation)


# Gamma and error functions ---------------------------------------------------------------------------------------------

enter(math.erf, lambda x: python_scalar(special("erf", numpy_scalar(as_float(x)))), 1)
enter(math.erfc, lambda x: python_scalar(special("erfc", numpy_scalar(as_float(x)))), 1)


def _is_pole(x: TracedScalar) -> Any:
    """Is x zero or a negative whole number?"""
    return call(np.logical_and, call(np.less_equal, x, 0.0), call(np.equal, call(np.floor, x), x))


def gamma(x: Any) -> TracedScalar:
    x = numpy_scalar(as_float(x))
    result = special("gamma", x)
    good = call(np.logical_not, _is_pole(x))  # of them is minus infinity
    result = raise_unless(result, good, error_of(math.gamma, 0.0))
    good = call(np.logical_or, call(np.logical_not, call(np.isfinite, x)), call(np.logical_not, _infinite(result)))
    return python_scalar(raise_unless(result, good, error_of(math.gamma, 200.0)))


def log_gamma(x: Any) -> TracedScalar:
    x = numpy_scalar(as_float(x))
    size = call(np.fabs, x)
    result = _selected(_infinite(x), math.inf, special("gammaln", x))
    result = _selected(call(np.less, size, 1e-300), -call(np.log, size), result)  # where SciPy's is infinite
    pole = call(np.logical_and, _is_pole(x), call(np.isfinite, x))
    result = raise_unless(result, call(np.logical_not, pole), error_of(math.lgamma, 0.0))
    good = call(np.logical_or, call(np.logical_not, call(np.isfinite, x)), call(np.logical_not, _infinite(result)))
    return python_scalar(raise_unless(result, good, error_of(math.lgamma, 1e308)))


enter(math.gamma, gamma, 1)
enter(math.lgamma, log_gamma, 1)


# Whole numbers ---------------------------------------------------------------------------------------------------------

_TOO_LARGE = OverflowError("the int needs more than 64 bits")


def _either(condition: Any, x: Any, y: Any) -> TracedScalar:
    """x if the condition holds, else y: ints."""
    return dispatch.FUNCTIONS["select"](condition, x, y)


def factorial(n: Any) -> Any:
    n = as_int(n)
    n = raise_unless(n, n >= 0, error_of(math.factorial, -1))
    n = raise_unless(n, n <= 20, _TOO_LARGE)
    products = as_array(np.array([math.factorial(k) for k in range(21)])).view.read()
    return python_scalar(TracedScalar(tracer.emit("gather", [products, cast(n.value, INT)], axes=(0,), position=0)), "int")


def _traced_int(x: Any) -> TracedScalar:
    x = as_int(x)
    return x if isinstance(x, TracedScalar) else TracedScalar(tracer.constant(x))


def _pair(python: Callable, n: Any, k: Any) -> tuple[TracedScalar, TracedScalar]:
    n, k = _traced_int(n), _traced_int(k)
    n = raise_unless(n, n >= 0, error_of(python, -1, 2))
    return n, raise_unless(k, k >= 0, error_of(python, 2, -1))


# With more factors than these a product is beyond 64 bits.
_MOST_FACTORS = {"comb": 33, "perm": 20}


def comb(n: Any, k: Any) -> Any:
    """n (n - 1) ... over k!, each step a whole number that is no larger than the result."""
    n, k = _pair(math.comb, n, k)
    count: Any = _either(k > n, 0, _either(k + k > n, n - k, k))
    count = raise_unless(count, count <= _MOST_FACTORS["comb"], _TOO_LARGE)
    return _either(k > n, 0, _repeated(count, lambda i, total: total // (i + 1) * (n - i) + total % (i + 1) * (n - i) // (i + 1)))


def _repeated(count: TracedScalar, step: Callable[[Any, Any], Any]) -> TracedScalar:
    """1, after step(i, it) for each i below the count."""
    one = tracer.constant(1)
    return TracedScalar(each(0, count.value, [one], lambda i, state: [
        step(TracedScalar(cast_weak(i, "int")), TracedScalar(state[0])).value])[0])


def perm(n: Any, k: Any = None) -> Any:
    if k is None:
        return factorial(n)
    n, k = _pair(math.perm, n, k)
    count: Any = _either(k > n, 0, k)
    count = raise_unless(count, count <= _MOST_FACTORS["perm"], _TOO_LARGE)
    return _either(k > n, 0, _repeated(count, lambda i, total: total * (n - i)))


def isqrt(n: Any) -> Any:
    """The float root, which is off by one at most."""
    n = as_int(n)
    n = raise_unless(n, n >= 0, error_of(math.isqrt, -1))
    root: Any = to_whole(call(np.floor, call(np.sqrt, numpy_scalar(n))).value, None)
    root = dispatch.BUILTINS[min](root, math.isqrt(2**63 - 1))
    root = _either(root * root > n, root - 1, root)
    above = dispatch.BUILTINS[min](root + 1, math.isqrt(2**63 - 1))
    return _either(above * above <= n, above, root)


def _of_all(ufunc: np.ufunc, empty: int) -> Callable[..., Any]:
    def implementation(*numbers: Any) -> Any:
        result: Any = abs(_traced_int(numbers[0])) if numbers else empty
        for x in numbers[1:]:
            result = python_scalar(call(ufunc, numpy_scalar(result, INT), numpy_scalar(abs(_traced_int(x)), INT)), "int")
        return result

    return implementation


for _name, _implementation in (("factorial", factorial), ("isqrt", isqrt)):
    enter(getattr(math, _name), _implementation, 1)
for _name, _implementation in (("comb", comb), ("perm", perm), ("gcd", _of_all(np.gcd, 0)), ("lcm", _of_all(np.lcm, 1))):
    enter(getattr(math, _name), _implementation)


# Sums and products -----------------------------------------------------------------------------------------------------


def exact_sum(numbers: Any) -> Any:
    """math.fsum: with what rounding takes from each partial sum, and from the sum of that, added at the end."""
    zero: Any = TracedScalar(tracer.constant(0.0))
    total, lost, tiny = zero, zero, zero
    for x in numbers:
        total, rest = _two_sum(total, as_float(x))
        lost, rest = _two_sum(lost, rest)
        tiny = tiny + rest
    return total + (lost + tiny)


def _two_sum(x: Any, y: Any) -> tuple[Any, Any]:
    """The rounded sum, and exactly what rounding took."""
    total = x + y
    part = total - x
    return total, (x - (total - part)) + (y - part)


@builtin(math.fsum)
def fsum(numbers: Any) -> Any:
    numbers = numbers if isinstance(numbers, TracedArray) else list(numbers)
    return exact_sum(numbers) if any_traced([numbers, *numbers] if isinstance(numbers, list) else [numbers]) else math.fsum(numbers)


@builtin(math.prod)
def product(numbers: Any, *, start: Any = 1) -> Any:
    for x in numbers:
        start = start * x
    return start
