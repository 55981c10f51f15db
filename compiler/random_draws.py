"""The generator's methods that compiled code draws natively: one row, or one function, per method.

normal, uniform, exponential and gamma shift and scale what is drawn, as NumPy's C code does, so that they have derivatives.
What a method does not handle here it leaves (NotImplemented) to the generator's own method, which also raises NumPy's errors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ir.builder import dim_template
from ..ir.graph import Value
from ..ir.types import DTYPE_NAMES, Dim
from . import tracer
from .arrays import TracedArray, dims_of, new_array, operand, value_of
from .extents import shape_dims
from .generators import DRAWS, LEGACY_DRAWS, TracedGenerator
from .scalars import TracedScalar, is_weak
from .values import broadcast, cast, cast_weak, common_dims

_F64 = np.dtype(np.float64)
_I64 = np.dtype(np.int64)
_DEFAULT: Any = object()


def draw(generator: TracedGenerator, function: str, parameters: Sequence[Value], dims: Sequence[Dim], dtype: np.dtype) -> Value:
    """The op: numbers of extents `dims`, in the program's order."""
    function = f"legacy_{function}" if generator.legacy else function
    order = tracer.current().order
    extents = [d for d in dims if isinstance(d, Value)]
    operands = [order.value, value_of(generator.address), *parameters]
    state, result = tracer.emit_all("draw", [*operands, *extents], function=function, dtype=DTYPE_NAMES[dtype],
                                    dims=dim_template(dims, len(operands)))
    order.value, order.written = state, True
    return result


def _finish(value: Value, size: Any, kind: str) -> Any:
    """A Python number where no size was asked for and no parameter is an array."""
    return new_array(value) if size is not None or value.dims else TracedScalar(cast_weak(value, kind))


def are_numbers(parameters: Sequence[Any], kinds: str) -> bool:
    """Real numbers or arrays of them, of these kinds."""
    return all(_kind(operand(p) if isinstance(p, (list, tuple, np.ndarray)) else p) in kinds for p in parameters)


def _kind(x: Any) -> str:
    """The kind of a number's dtype; "O" for what is no number."""
    if is_weak(x):
        name = x.kind if isinstance(x, TracedScalar) else type(x).__name__
        return {"bool": "b", "int": "i", "float": "f"}.get(name or "", "c")
    return x.dtype.kind if isinstance(x, (np.generic, TracedArray, TracedScalar)) else "O"


def _dims(size: Any, parameters: Sequence[Any]) -> tuple[Dim, ...]:
    shapes = [dims_of(operand(p)) for p in parameters]
    if size is None:
        return common_dims(*shapes) if shapes else ()
    dims = shape_dims(size)
    wanted = common_dims(dims, *shapes)
    if len(wanted) != len(dims) or any(w is not d and w != d for w, d in zip(wanted, dims, strict=True)):
        raise ValueError(f"Output size {tuple(dims)} is not compatible with broadcast dimensions of inputs {tuple(wanted)}.")
    return dims


def _given(parameters: Sequence[Any], dims: Sequence[Dim], dtypes: Sequence[np.dtype]) -> list[Value]:
    """Parameters of rank 0, or of the extents of the result."""
    values = [value_of(operand(p), d) for p, d in zip(parameters, dtypes, strict=True)]
    return [broadcast(v, dims) if v.dims else v for v in values]


# --- what parameters may be --------------------------------------------------------------------------------------------

# kind -> (what must hold of x, message for a number, message for an array)
_Rule = tuple[Callable[[Any], Any], str, str]
# The largest mean whose Poisson numbers fit an int64, as NumPy has it.
_MOST = float(np.iinfo(np.int64).max - np.sqrt(np.iinfo(np.int64).max) * 10)
_OUT_OF_RANGE = "{0} <= 0, {0} > 1 or {0} contains NaNs"
_RULES: dict[str, _Rule] = {
    "not negative": (lambda x: np.isnan(x) | ~np.signbit(x), "{} < 0", "{} < 0"),
    "positive": (lambda x: ~(x <= 0), "{} <= 0", "{} <= 0"),
    "probability": (lambda x: (x >= 0) & (x <= 1), "{0} < 0, {0} > 1 or {0} is NaN", "{0} < 0, {0} > 1 or {0} contains NaNs"),
    "above 0, to 1": (lambda x: (x > 0) & (x <= 1), _OUT_OF_RANGE, _OUT_OF_RANGE),
    "below 1": (lambda x: (x >= 0) & (x < 1), "{0} < 0, {0} >= 1 or {0} is NaN", "{0} < 0, {0} >= 1 or {0} contains NaNs"),
    "above 1": (lambda x: x > 1, "{0} <= 1 or {0} is NaN", "{0} <= 1 or {0} contains NaNs"),
    "rate": (lambda x: x >= 0, "{0} < 0 or {0} is NaN", "{0} < 0 or {0} contains NaNs"),
    "above 0": (lambda x: x > 0, "{0} <= 0 or {0} is NaN", "{0} <= 0 or {0} contains NaNs"),
    "small": (lambda x: ~(x > _MOST), "{} value too large", "{} value too large"),
}


def in_probability(value: Value, name: str) -> Value:
    return require(value, name, "probability")


def require(value: Value, name: str, kind: str) -> Value:
    holds, one, many = _RULES[kind]
    x = new_array(value) if value.dims else TracedScalar(value)
    ok = value_of(holds(x))
    if ok.dims:
        ok = tracer.emit("reduce_and", [ok], axes=tuple(range(len(ok.dims))))
    return tracer.emit("check", [value, ok], exception="ValueError", message=(many if value.dims else one).format(name))


# --- distributions drawn as they are -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Row:
    """names, defaults (or _DEFAULT for none) and rules of the parameters; kind of the Python number."""

    parameters: tuple[tuple[str, Any, tuple[str, ...]], ...]
    kind: str = "float"


def _row(*parameters: tuple, kind: str = "float") -> _Row:
    return _Row(tuple((n, d, (r,) if isinstance(r, str) else r) for n, d, r in parameters), kind)


_NEEDED = _DEFAULT
_LOCATION = ("loc", 0.0, ())
_SCALE = ("scale", 1.0, "not negative")
_ROWS: dict[str, _Row] = {
    "beta": _row(("a", _NEEDED, "positive"), ("b", _NEEDED, "positive")),
    "chisquare": _row(("df", _NEEDED, "positive")),
    "f": _row(("dfnum", _NEEDED, "positive"), ("dfden", _NEEDED, "positive")),
    "gumbel": _row(_LOCATION, _SCALE),
    "laplace": _row(_LOCATION, _SCALE),
    "logistic": _row(_LOCATION, _SCALE),
    "lognormal": _row(("mean", 0.0, ()), ("sigma", 1.0, "not negative")),
    "pareto": _row(("a", _NEEDED, "positive")),
    "power": _row(("a", _NEEDED, "positive")),
    "rayleigh": _row(_SCALE),
    "standard_cauchy": _row(),
    "triangular": _row(("left", _NEEDED, ()), ("mode", _NEEDED, ()), ("right", _NEEDED, ())),
    "standard_t": _row(("df", _NEEDED, "positive")),
    "vonmises": _row(("mu", _NEEDED, ()), ("kappa", _NEEDED, "not negative")),
    "wald": _row(("mean", _NEEDED, "positive"), ("scale", _NEEDED, "positive")),
    "weibull": _row(("a", _NEEDED, "not negative")),
    "noncentral_chisquare": _row(("df", _NEEDED, "positive"), ("nonc", _NEEDED, "not negative")),
    "noncentral_f": _row(("dfnum", _NEEDED, "positive"), ("dfden", _NEEDED, "positive"), ("nonc", _NEEDED, "not negative")),
    "poisson": _row(("lam", 1.0, ("rate", "small")), kind="int"),
    "geometric": _row(("p", _NEEDED, "above 0, to 1"), kind="int"),
    "logseries": _row(("p", _NEEDED, "below 1"), kind="int"),
    "zipf": _row(("a", _NEEDED, "above 1"), kind="int"),
    "negative_binomial": _row(("n", _NEEDED, "above 0"), ("p", _NEEDED, "above 0, to 1"), kind="int"),
}
# What a RandomState draws as a Generator does.
_AS_EVER = ("gumbel", "laplace", "logistic", "poisson", "triangular")


def _bound(name: str, row: _Row, args: tuple, kwargs: dict) -> tuple[list[Any], Any]:
    """The parameters and the size of a call."""
    names = [n for n, _, _ in row.parameters] + ["size"]
    if len(args) > len(names):
        raise TypeError(f"{name}() takes at most {len(names)} positional arguments ({len(args)} given)")
    given = dict(zip(names, args, strict=False))
    for k, v in kwargs.items():
        if k not in names or k in given:
            raise TypeError(f"{name}() got an unexpected keyword argument '{k}'" if k not in names else
                            f"{name}() got multiple values for keyword argument '{k}'")
        given[k] = v
    for n, default, _ in row.parameters:
        if given.setdefault(n, default) is _DEFAULT:
            raise TypeError(f"{name}() missing a required argument: '{n}'")
    return [given[n] for n in names[:-1]], given.get("size")


def _distribution(name: str, row: _Row) -> Callable[..., Any]:
    def method(generator: TracedGenerator, *args: Any, **kwargs: Any) -> Any:
        parameters, size = _bound(name, row, args, kwargs)
        if not are_numbers(parameters, "biuf"):
            return NotImplemented
        dims = _dims(size, parameters)
        values = _checked(row, _given(parameters, dims, [_F64] * len(parameters)))
        values[-1:] = [_in_relation(name, values)] if name in _RELATIONS else values[-1:]
        dtype = _F64 if row.kind == "float" else _I64
        return _finish(draw(generator, name, values, dims, dtype), size, row.kind)

    return method


# What must hold among the parameters: the message, and what must not be.
_RELATIONS: dict[str, tuple[tuple[str, Callable[..., Any]], ...]] = {
    "triangular": (("left > mode", lambda left, mode, right: left > mode), ("mode > right", lambda left, mode, right: mode > right),
                   ("left == right", lambda left, mode, right: left == right)),
    "negative_binomial": (("n too large or p too small, see Generator.negative_binomial Notes",
                           lambda n, p: (1 - p) / p * (n + 10 * np.sqrt(n)) > _MOST),),
    "hypergeometric": (("both ngood and nbad must be less than 1000000000", lambda good, bad, n: (good >= 10**9) | (bad >= 10**9)),
                       ("ngood + nbad < nsample", lambda good, bad, n: good + bad < n)),
}


def _in_relation(name: str, values: Sequence[Value]) -> Value:
    """The last parameter, checked together with the others."""
    whole = [new_array(v) if v.dims else TracedScalar(v) for v in values]
    last = values[-1]
    for message, wrong in _RELATIONS[name]:
        ok = value_of(~wrong(*whole))
        if ok.dims:
            ok = tracer.emit("reduce_and", [ok], axes=tuple(range(len(ok.dims))))
        last = tracer.emit("check", [last, ok], exception="ValueError", message=message)
    return last


def _checked(row: _Row, values: list[Value]) -> list[Value]:
    for k, (name, _, rules) in enumerate(row.parameters):
        for rule in rules:
            values[k] = require(values[k], name, rule)
    return values


DRAWS.update({name: _distribution(name, row) for name, row in _ROWS.items()})
LEGACY_DRAWS.update({name: DRAWS[name] for name in _AS_EVER})


# --- distributions that shift and scale --------------------------------------------------------------------------------


def _scaled(name: str, row: _Row, function: str, combine: Callable[..., Any], legacy: str = "") -> None:
    def method(generator: TracedGenerator, *args: Any, **kwargs: Any) -> Any:
        parameters, size = _bound(name, row, args, kwargs)
        if not are_numbers(parameters, "biuf"):
            return NotImplemented
        dims = _dims(size, parameters)
        values = _checked(row, _given(parameters, dims, [_F64] * len(parameters)))
        own = values[:1] if function == "standard_gamma" else []
        drawn = draw(generator, legacy if generator.legacy else function, own, dims, _F64)
        build = tracer.builder()
        return _finish(combine(build, drawn, *(broadcast(v, dims) for v in values)), size, "float")

    DRAWS[name] = method
    if legacy:
        LEGACY_DRAWS[name] = method


_scaled("normal", _row(_LOCATION, _SCALE), "standard_normal", lambda b, z, loc, scale: b.add(loc, b.multiply(scale, z)), "gauss")
_scaled("exponential", _row(_SCALE), "standard_exponential", lambda b, e, scale: b.multiply(scale, e), "standard_exponential")
_scaled("gamma", _row(("shape", _NEEDED, "not negative"), _SCALE), "standard_gamma",
        lambda b, g, shape, scale: b.multiply(scale, g))


def _uniform(generator: TracedGenerator, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
    if not are_numbers([low, high], "biuf"):
        return NotImplemented
    dims, build = _dims(size, [low, high]), tracer.builder()
    start, stop = _given([low, high], dims, [_F64, _F64])
    if start.dims or stop.dims:
        start, stop = broadcast(start, dims), broadcast(stop, dims)
    width = build.subtract(stop, start)
    finite = build.isfinite(width)
    one = not width.dims
    if not one:
        finite = tracer.emit("reduce_and", [finite], axes=tuple(range(len(width.dims))))
    message = "high - low range exceeds valid bounds" if one and not generator.legacy else "Range exceeds valid bounds"
    width = tracer.emit("check", [width, finite], exception="OverflowError", message=message)
    width = width if generator.legacy else require(width, "high - low", "not negative")
    drawn = draw(generator, "standard_uniform", [], dims, _F64)
    return _finish(build.add(broadcast(start, dims), build.multiply(broadcast(width, dims), drawn)), size, "float")


DRAWS["uniform"] = LEGACY_DRAWS["uniform"] = _uniform


# --- standard distributions, with dtype= and out= ----------------------------------------------------------------------


def _standard(name: str, function: str) -> None:
    def method(generator: TracedGenerator, size: Any = None, dtype: Any = np.float64, *rest: Any, **kwargs: Any) -> Any:
        kind = np.dtype(dtype)
        unknown = rest or kwargs.keys() - {"out", "method"} or kwargs.get("method", "zig") != "zig"
        if kind not in (np.float64, np.float32) or unknown:
            return NotImplemented
        out = kwargs.get("out")
        if out is None:
            return _finish(draw(generator, function, [], _dims(size, []), kind), size, "float")
        if not isinstance(out, TracedArray) or size is not None or out.dtype != kind or not out.view.is_c_contiguous:
            return NotImplemented
        out.view.write(draw(generator, function, [], dims_of(out), kind))
        return out

    DRAWS[name] = method


_standard("random", "standard_uniform")
_standard("standard_normal", "standard_normal")
_standard("standard_exponential", "standard_exponential")


def _standard_gamma(generator: TracedGenerator, shape: Any, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
    if out is not None or np.dtype(dtype) != np.float64:
        return NotImplemented
    return _gamma_of_one(generator, shape, size)


def _legacy_standard(function: str) -> Callable[..., Any]:
    return lambda generator, size=None: _finish(draw(generator, function, [], _dims(size, []), _F64), size, "float")


LEGACY_DRAWS.update({name: _legacy_standard("standard_uniform") for name in ("random", "random_sample")})
LEGACY_DRAWS.update(
    standard_normal=_legacy_standard("gauss"), standard_exponential=_legacy_standard("standard_exponential"),
    rand=lambda generator, *extents: LEGACY_DRAWS["random_sample"](generator, extents or None),
    randn=lambda generator, *extents: LEGACY_DRAWS["standard_normal"](generator, extents or None))

_gamma_of_one = _distribution("standard_gamma", _row(("shape", _NEEDED, "not negative")))
DRAWS["standard_gamma"] = _standard_gamma


# --- integers ----------------------------------------------------------------------------------------------------------


def _integers(generator: TracedGenerator, low: Any, high: Any = None, size: Any = None, dtype: Any = np.int64,
              endpoint: bool = False) -> Any:
    kind, both = np.dtype(dtype), high is not None
    if not both:
        low, high = 0, low
    if kind.kind not in "iu" or kind == np.uint64 or not (_is_index(low) and _is_index(high)):
        return NotImplemented
    dims = _dims(size, [])
    low, high = _as_int(low), _as_int(high)
    last = high if endpoint else high - 1
    build, info = tracer.builder(), np.iinfo(kind)
    first, final = (cast(value_of(x), _I64) for x in (low, last))
    if not (isinstance(low, int) and isinstance(last, int) and info.min <= low <= last <= info.max):
        low_ok, last_ok, in_order = (value_of(c) for c in (low >= int(info.min), last <= int(info.max), low <= last))
        comparison = "low > high" if endpoint else "low >= high"
        if not both:
            comparison = "high < 0" if endpoint else "high <= 0"
        for ok, message in ((low_ok, f"low is out of bounds for {kind.name}"), (last_ok, f"high is out of bounds for {kind.name}"),
                            (in_order, comparison)):
            if 0 not in dims:
                final = tracer.emit("check", [final, ok], exception="ValueError", message=message)
    span = build.subtract(final, first)
    value = draw(generator, "bounded", [first, span], dims, kind)
    if size is not None:
        return new_array(value)
    return TracedScalar(cast_weak(value, "int") if dtype is int else value)


def _is_index(x: Any) -> bool:
    """A number of an integer type; a Python int must fit an int64 with room to spare."""
    if type(x) is int:
        return -2**62 < x < 2**62
    return isinstance(x, TracedScalar) and (x.kind == "int" or (x.kind is None and x.dtype.kind in "iu" and x.dtype != np.uint64))


def _as_int(x: Any) -> Any:
    return x if type(x) is int or x.kind == "int" else TracedScalar(cast_weak(x.value, "int"))


def _binomial(generator: TracedGenerator, n: Any, p: Any, size: Any = None) -> Any:
    if not (are_numbers([n], "biu") and are_numbers([p], "biuf")):
        return NotImplemented
    dims = _dims(size, [n, p])
    count, chance = _given([n, p], dims, [_I64, _F64])
    build = tracer.builder()
    counted = require(build.cast(count, dtype="f64"), "n", "not negative")
    chance = require(chance, "p", "probability")
    # What follows hangs on the check.
    count = build.cast(counted, dtype="i64")
    return _finish(draw(generator, "binomial", [count, chance], dims, _I64), size, "int")


def _randint(generator: TracedGenerator, low: Any, high: Any = None, size: Any = None, dtype: Any = int) -> Any:
    if dtype is bool or np.dtype(dtype).kind not in "iu":
        return NotImplemented
    return _integers(generator, low, high, size, dtype)


def _hypergeometric(generator: TracedGenerator, ngood: Any, nbad: Any, nsample: Any, size: Any = None) -> Any:
    parameters = [ngood, nbad, nsample]
    if not are_numbers(parameters, "biu"):
        return NotImplemented
    dims, build = _dims(size, parameters), tracer.builder()
    values = _given(parameters, dims, [_I64] * 3)
    values[2] = _in_relation("hypergeometric", values)
    for k, name in enumerate(("ngood", "nbad", "nsample")):
        values[k] = build.cast(require(build.cast(values[k], dtype="f64"), name, "not negative"), dtype="i64")
    return _finish(draw(generator, "hypergeometric", values, dims, _I64), size, "int")


DRAWS["integers"] = _integers
DRAWS["binomial"] = _binomial
DRAWS["hypergeometric"] = _hypergeometric
LEGACY_DRAWS["randint"] = _randint

