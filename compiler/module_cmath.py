"""Python's module `cmath` on traced scalars, with Python's results and errors; as `module_math`."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from . import dispatch, tracer
from .arrays import any_traced, value_of
from .builtin_functions import builtin
from .module_math import close_or_equal
from .module_numbers import (
    COMPLEX,
    as_complex,
    as_float,
    as_scalar,
    call,
    enter,
    error_of,
    numpy_scalar,
    python_scalar,
    raise_unless,
)
from .scalars import TracedScalar

_python_function: Callable[..., Any]
_ufunc: Any

_COMPLEX: dict[str, tuple[np.ufunc, complex | None, complex | None]] = {
    "exp": (np.exp, complex(0, math.inf), 1e6 + 0j), "log": (np.log, None, 0j), "log10": (np.log10, None, 0j),
    "sqrt": (np.sqrt, None, None), "sin": (np.sin, complex(math.inf, 0), 1e6j), "cos": (np.cos, complex(math.inf, 0), 1e6j),
    "tan": (np.tan, complex(math.inf, 0), None), "sinh": (np.sinh, complex(0, math.inf), 1e6 + 0j),
    "cosh": (np.cosh, complex(0, math.inf), 1e6 + 0j), "tanh": (np.tanh, complex(0, math.inf), None),
    "asin": (np.arcsin, None, None), "acos": (np.arccos, None, None), "atan": (np.arctan, None, 1j),
    "asinh": (np.arcsinh, None, None), "acosh": (np.arccosh, None, None), "atanh": (np.arctanh, None, 1 + 0j)}


def _complex_unary(name: str, ufunc: np.ufunc, no_number: complex | None, infinite: complex | None) -> None:
    python = getattr(cmath, name)

    def implementation(x: Any) -> TracedScalar:
        z = numpy_scalar(as_complex(x), COMPLEX)
        result = call(ufunc, z)
        if no_number is not None:
            good = call(np.logical_or, call(np.isnan, z), call(np.logical_not, call(np.isnan, result)))
            result = raise_unless(result, good, error_of(python, no_number))
        if infinite is not None:
            good = call(np.logical_or, call(np.logical_not, call(np.isfinite, z)), call(np.isfinite, result))
            result = raise_unless(result, good, error_of(python, infinite))
        return python_scalar(result, "complex")

    enter(python, implementation, None if name == "log" else 1)


for _name, _complex_row in _COMPLEX.items():
    _complex_unary(_name, *_complex_row)

_natural_complex = dispatch.BUILTINS[cmath.log]


@builtin(cmath.log)
def complex_log(x: Any, *base: Any) -> Any:
    """cmath.log(x) and cmath.log(x, base)."""
    if not base:
        return _natural_complex(x)
    if not any_traced([x, *base]):
        return cmath.log(x, *base)
    return _natural_complex(x) / _natural_complex(base[0])


def phase(x: Any) -> TracedScalar:
    z = as_complex(x)
    return python_scalar(call(np.arctan2, numpy_scalar(z.imag), numpy_scalar(z.real)))


def polar(x: Any) -> tuple[TracedScalar, TracedScalar]:
    return abs(as_complex(x)), phase(x)  # type: ignore[arg-type]


def rect(r: Any, phi: Any) -> TracedScalar:
    r, phi = numpy_scalar(as_float(r)), numpy_scalar(as_float(phi))
    parts = [value_of(r * call(f, phi)) for f in (np.cos, np.sin)]
    return python_scalar(TracedScalar(tracer.emit("complex", parts)), "complex")


@dispatch.implements("complex of parts")
def complex_of_parts(real: Any = 0.0, imag: Any = 0.0) -> TracedScalar:
    """complex(real, imag): real + imag * 1j, but parts that are not there are not added."""
    (re, beside), (im, above) = _parts(real), _parts(imag)
    parts = [value_of(re if above is None else re - above), value_of(im if beside is None else im + beside)]
    return python_scalar(TracedScalar(tracer.emit("complex", parts)), "complex")


def _parts(x: Any) -> tuple[Any, Any]:
    """The real part, and the imaginary one of a complex number."""
    x = as_scalar(x)
    kind = x.value.dtype.kind if isinstance(x, TracedScalar) else "c" if isinstance(x, complex) else "f"
    if kind != "c":
        return numpy_scalar(as_float(x)), None
    z = as_complex(x)
    return numpy_scalar(z.real), numpy_scalar(z.imag)


def complex_is_close(a: Any, b: Any, *, rel_tol: Any = 1e-9, abs_tol: Any = 0.0) -> TracedScalar:
    a, b = (numpy_scalar(as_complex(z), COMPLEX) for z in (a, b))
    return close_or_equal(a, b, rel_tol, abs_tol, cmath.isclose)


enter(cmath.phase, phase, 1)
enter(cmath.polar, polar, 1)
enter(cmath.rect, rect, 2)
enter(cmath.isclose, complex_is_close)
for _python_function, _ufunc in ((cmath.isnan, np.isnan), (cmath.isinf, np.isinf), (cmath.isfinite, np.isfinite)):
    enter(_python_function, lambda x, f=_ufunc: python_scalar(call(f, numpy_scalar(as_complex(x), COMPLEX)), "bool"), 1)
