"""NumPy's random generators in compiled code: the caller's, and those that the function makes.

A generator is the address of its C state.  The caller's is an input, read at each call, and its lock is held meanwhile; one
that the function makes (`default_rng(seed)`) is made when the program gets there.  Draws are effects, in the program's order,
so the stream, and the state afterwards, are NumPy's.  `random_draws.py` has the methods that are drawn natively; every other
method is called on the generator itself, as a Python function, when the program gets there.

Start with `method_call`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..ir import generators
from ..ir.types import PY_INT, ArrayType, Dim, Type, WeakType
from . import pytree, tracer
from .arrays import TracedArray, dims_of, is_traced, new_array, operand
from .choice import first_choice, spread
from .effects import host_call
from .extents import shape_dims
from .scalars import TracedScalar
from .sources import Fixed, Source
from .text import Deferred
from .values import common_dims

# Methods that are drawn natively: (generator, *args, **kwargs) -> result, or NotImplemented for what they leave to Python.
DRAWS: dict[str, Callable[..., Any]] = {}
# The same for a RandomState.
LEGACY_DRAWS: dict[str, Callable[..., Any]] = {}

_CONTINUOUS = frozenset((
    "beta", "chisquare", "exponential", "f", "gamma", "gumbel", "laplace", "logistic", "lognormal", "noncentral_chisquare",
    "noncentral_f", "normal", "pareto", "power", "rayleigh", "standard_cauchy", "standard_exponential", "standard_gamma",
    "standard_normal", "standard_t", "triangular", "uniform", "vonmises", "wald", "weibull", "random", "random_sample", "rand",
    "randn", "ranf", "sample"))
_DISCRETE = frozenset((
    "binomial", "geometric", "hypergeometric", "logseries", "negative_binomial", "poisson", "zipf", "integers", "randint"))


GENERATORS = (np.random.Generator, np.random.RandomState)


class TracedGenerator:
    """A generator while tracing. `legacy`: a RandomState; `address`: a traced Python int."""

    def __init__(self, address: TracedScalar, legacy: bool) -> None:
        self.address, self.legacy = address, legacy

    def __getattr__(self, name: str) -> Any:
        kind = np.random.RandomState if self.legacy else np.random.Generator
        if name.startswith("_") or not callable(getattr(kind, name, None)):
            raise AttributeError(f"{kind.__name__!r} object has no attribute {name!r} in compiled code")
        return Method(self, name)


class Method:
    """A method of a generator, to be called."""

    def __init__(self, generator: TracedGenerator, name: str) -> None:
        self.generator, self.name = generator, name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return method_call(self.generator, self.name, args, kwargs)


def _rebuilt(legacy: Any, children: Sequence[Any]) -> Any:
    """A traced generator from its traced address; the generator itself from the address that a call has returned."""
    (address,) = children
    return TracedGenerator(address, legacy) if is_traced(address) else generators.generator_at(int(address))


pytree.register(TracedGenerator, lambda g: ((g.address,), g.legacy), _rebuilt)


class StateAddress(Source):
    """The address of the state of the generator found at `base`."""

    __slots__ = ("base",)

    def __init__(self, base: Source) -> None:
        self.base = base

    def read(self, call: Any) -> int:
        return generators.address_of(self.base.read(call))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StateAddress) and self.base == other.base

    def __hash__(self) -> int:
        return hash((StateAddress, self.base))

    def __str__(self) -> str:
        return f"state of {self.base}"


def traced_generator(generator: generators.Generator) -> TracedGenerator:
    """What stands for a real generator that tracing has met: an input of the program."""
    trace = tracer.current()
    trace.draws = True
    found = trace.origins.get(id(generator))
    # A module's own generator is the one and only.
    source = found[1] if found is not None else Fixed(generator, "numpy.random")
    place = StateAddress(source)
    for known, value in trace.inputs:
        if known == place:
            return TracedGenerator(TracedScalar(value), isinstance(generator, np.random.RandomState))
    value = trace.add_input(place, PY_INT, "generator")
    return TracedGenerator(TracedScalar(value), isinstance(generator, np.random.RandomState))


def method_call(generator: TracedGenerator, name: str, args: tuple, kwargs: dict) -> Any:
    """generator.name(*args, **kwargs)"""
    if first_choice((args, kwargs)) is not None:
        return spread(lambda *a, **k: method_call(generator, name, a, k), *args, **kwargs)
    native = (LEGACY_DRAWS if generator.legacy else DRAWS).get(name)
    if native is not None and (not generator.legacy or generators.legacy_place()):
        result = native(generator, *args, **kwargs)
        if result is not NotImplemented:
            return result
    return _by_python(generator, name, args, kwargs)


# --- methods called as Python functions --------------------------------------------------------------------------------


def _by_python(generator: TracedGenerator, name: str, args: tuple, kwargs: dict) -> Any:
    if name == "shuffle":
        return _shuffle(generator, *args, **kwargs)
    if name == "seed":
        call_method(generator, name, args, kwargs, [])
        return None
    out = kwargs.get("out")
    if out is not None:
        kwargs = {**kwargs, "out": None}
        if name != "permuted":
            kwargs["size"] = tuple(dims_of(out))
    types = _result_types(name, args, kwargs)
    (value,) = call_method(generator, name, args, kwargs, types)
    result = TracedScalar(value) if not value.dims and not _is_sized(kwargs, name, args) else new_array(value)
    if out is not None:
        operand(out).view.write(value)
        return out
    return result


def _is_sized(kwargs: dict, name: str, args: tuple) -> bool:
    return _size(name, args, kwargs) is not None


def call_method(generator: TracedGenerator, name: str, args: tuple, kwargs: dict, types: Sequence[Type]) -> list[Any]:
    """Call the generator's own method at run time; its results are of these types."""

    def run(address: int, *values: Any) -> list[Any]:
        with generators.unlocked(address) as real:
            result = deferred(getattr(real, name), values)
        return [result] if types else []

    call = Deferred(lambda *a, **k: (a, k), *args, **kwargs)

    def deferred(method: Callable[..., Any], values: Sequence[Any]) -> Any:
        a, k = call.run(values)
        return method(*a, **k)

    return host_call(f"random.{name}", run, [generator.address, *call.values], types, once=False)


def _size(name: str, args: tuple, kwargs: dict) -> Any:
    """The argument `size`, wherever it stands; None if it is not given."""
    if name in ("rand", "randn"):
        return args or None
    if "size" in kwargs:
        return kwargs["size"]
    place = _PLACES.get(name, -1)
    return args[place] if 0 <= place < len(args) else None


_PLACES = {**{n: 0 for n in ("random", "standard_cauchy", "standard_exponential", "standard_normal", "random_sample", "ranf",
                             "sample", "tomaxint")},
           **{n: 1 for n in ("chisquare", "geometric", "logseries", "pareto", "poisson", "power", "rayleigh", "standard_gamma",
                             "standard_t", "weibull", "zipf", "exponential", "choice", "dirichlet")},
           **{n: 2 for n in ("beta", "binomial", "f", "gamma", "gumbel", "laplace", "logistic", "lognormal", "normal",
                             "negative_binomial", "noncentral_chisquare", "uniform", "vonmises", "wald", "integers", "randint",
                             "multinomial", "multivariate_normal", "multivariate_hypergeometric")},
           **{n: 3 for n in ("hypergeometric", "noncentral_f", "triangular")}}


_DTYPE_PLACES = {"integers": 3, "randint": 3, "standard_gamma": 2, "random": 1, "standard_normal": 1, "standard_exponential": 1}


def _dtype(name: str, args: tuple, kwargs: dict) -> Any:
    """The argument `dtype`, or what it is if it is not given; None for methods without one."""
    place = _DTYPE_PLACES.get(name)
    if place is None:
        return None
    default = int if name == "randint" else np.int64 if name == "integers" else np.float64
    return kwargs.get("dtype", args[place] if len(args) > place else default)


def _result_types(name: str, args: tuple, kwargs: dict) -> list[Type]:
    """The type of what a method returns."""
    size = _size(name, args, kwargs)
    sized = () if size is None else shape_dims(size)
    if name in _CONTINUOUS or name in _DISCRETE:
        given = _dtype(name, args, kwargs)
        dtype = np.dtype(given if given is not None else np.float64 if name in _CONTINUOUS else np.int64)
        parameters = [a for a in (*args, *(v for k, v in kwargs.items() if k in _PARAMETERS)) if a is not size]
        dims = sized if size is not None else common_dims(*(_dims(p) for p in parameters if not isinstance(p, type)))
        if size is None and not dims and (name not in ("integers", "randint") or given in (int, bool)):
            return [WeakType("float" if name in _CONTINUOUS else "bool" if given is bool else "int")]
        return [ArrayType(dtype, dims)]
    first = args[0] if args else next(iter(kwargs.values()), None)
    whole = operand(first) if not isinstance(first, (int, TracedScalar, type(None))) else None
    dims = tuple(dims_of(whole)) if whole is not None else ()
    dtype = whole.dtype if isinstance(whole, TracedArray) else np.dtype(np.int64)
    if name in ("permutation", "permuted"):
        return [ArrayType(dtype, dims if whole is not None else shape_dims(first))]
    if name == "choice":
        axis = kwargs.get("axis", args[4] if len(args) > 4 else 0)
        rest = (*dims[:axis], *dims[axis + 1:])
        if size is None and not rest:
            return [WeakType("int") if whole is None else ArrayType(dtype)]
        return [ArrayType(dtype, (*rest[:axis], *sized, *rest[axis:]))]
    if name in ("multivariate_hypergeometric", "dirichlet", "multivariate_normal"):
        kind = np.int64 if name == "multivariate_hypergeometric" else np.float64
        return [ArrayType(np.dtype(kind), (*sized, *dims[-1:]))]
    if name == "multinomial":
        count, weights = (_dims(kwargs[k] if k in kwargs else args[at]) for at, k in enumerate(("n", "pvals")))
        return [ArrayType(np.dtype(np.int64), (*(sized if size is not None else common_dims(count, weights[:-1])), *weights[-1:]))]
    if name == "tomaxint":
        return [ArrayType(np.dtype(np.int64), sized) if size is not None else WeakType("int")]
    raise tracer.unsupported(f"numpy.random's {name}", "it has no compiled form", "call it outside and pass what it returns")


def _dims(parameter: Any) -> tuple[Dim, ...]:
    """The extents of a parameter, which may be a list."""
    return tuple(dims_of(operand(parameter) if isinstance(parameter, (list, tuple)) else parameter))


_PARAMETERS = frozenset(("a", "b", "n", "p", "df", "scale", "dfnum", "dfden", "shape", "loc", "ngood", "nbad", "nsample", "mean",
                         "sigma", "nonc", "lam", "left", "mode", "right", "low", "high", "mu", "kappa"))


def _shuffle(generator: TracedGenerator, x: Any, axis: int = 0) -> None:
    """In place, as the generator's own method does it, so that the draws are the same."""
    if not isinstance(x, TracedArray):
        raise tracer.unsupported(f"shuffling a {type(x).__name__}", "only arrays are shuffled", "shuffle an array of indices")
    view = x.view
    view_type = ArrayType(x.dtype, tuple(dims_of(x)))

    def run(address: int, values: np.ndarray) -> list[Any]:
        with generators.unlocked(address) as real:
            real.shuffle(values, *([axis] if axis else []))  # type: ignore[call-arg]  # RandomState has no axis
        return [values]

    (value,) = host_call("random.shuffle", run, [generator.address, x], [view_type], once=False)
    if not view.writeable:
        raise ValueError("array is read-only")
    view.write(value)


# --- generators made by the function -----------------------------------------------------------------------------------


def _made(make: Callable[..., Any], legacy: bool) -> Callable[..., TracedGenerator]:
    def traced(*args: Any, **kwargs: Any) -> TracedGenerator:
        call = Deferred(make, *args, **kwargs)
        tracer.current().draws = True

        def run(*values: Any) -> list[Any]:
            return [generators.add(call.run(values))]

        (address,) = host_call("random generator", run, call.values, [PY_INT], once=False)
        return TracedGenerator(TracedScalar(address), legacy)

    return traced


def _default_rng(*args: Any, **kwargs: Any) -> TracedGenerator:
    first = args[0] if args else kwargs.get("seed")
    if isinstance(first, TracedGenerator):
        return first
    if isinstance(first, np.random.Generator):
        return traced_generator(first)
    return _made(np.random.default_rng, False)(*args, **kwargs)


# The generator of the functions of `numpy.random` itself.
_MODULE = np.random.normal.__self__  # type: ignore[attr-defined]
_MAKERS: dict[Any, Callable[..., TracedGenerator]] = {
    np.random.default_rng: _default_rng, np.random.RandomState: _made(np.random.RandomState, True),
    np.random.seed: lambda seed=None: method_call(traced_generator(_MODULE), "seed", (seed,), {})}


def random_function(f: Any) -> Callable[..., Any] | None:
    """What a function of `numpy.random`, or a generator's method, does in compiled code; None for other functions."""
    owner = getattr(f, "__self__", None)
    if isinstance(owner, GENERATORS):
        return Method(traced_generator(owner), f.__name__)
    try:
        return _MAKERS.get(f)
    except TypeError:
        return None
