"""Generators that choose among things, or deal things out: choice, permuted, multinomial, dirichlet.

What is drawn, and in which order, is in `random_algorithms.py`, which is traced like the caller's code; here are the arguments,
what NumPy says of wrong ones, and the shapes of results.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..ir.graph import Value
from ..ir.types import Dim
from . import dispatch, integers, random_algorithms, tracer
from .arrays import TracedArray, dims_of, new_array, operand, value_of
from .dispatch import call
from .extents import shape_dims
from .generators import DRAWS, LEGACY_DRAWS, TracedGenerator
from .numpy_api.axes import one_axis
from .random_draws import are_numbers, draw, in_probability, require
from .random_order import at_places, is_vector, shuffled_order
from .scalars import TracedScalar
from .values import cast_weak

_F64 = np.dtype(np.float64)
_I64 = np.dtype(np.int64)


def _run(f: Callable[..., Any], *args: Any) -> Any:
    return dispatch.FUNCTIONS["call"](f, args, {})


def _number(d: Dim) -> Any:
    return TracedScalar(d) if isinstance(d, Value) else d


def _product(dims: tuple[Dim, ...]) -> Any:
    return math.prod(_number(d) for d in dims)


def _checked(value: TracedArray, ok: Any, message: str) -> TracedArray:
    return new_array(tracer.emit("check", [value_of(value), value_of(ok)], exception="ValueError", message=message))


def _places(generator: TracedGenerator) -> Callable[[Any], Any]:
    """Whole numbers from 0 to each of some others."""
    return lambda last: new_array(draw(generator, "below", [value_of(last, _I64)], dims_of(last), _I64))


def _reordered(places: Any) -> TracedArray:
    return new_array(tracer.emit("swapped", [value_of(places)]))


# --- choice ------------------------------------------------------------------------------------------------------------


class _Choice:
    """The arguments of a call: of how many things, of how many there are, how many to take."""

    def __init__(self, generator: TracedGenerator, a: Any, size: Any, axis: int) -> None:
        self.generator, self.size = generator, size
        self.axis = one_axis(axis, a.ndim) if is_vector(a) else 0
        self.a = a if is_vector(a) else None
        self.n: Any = a if self.a is None else _number(a.view.dims[self.axis])
        self.dims = () if size is None else shape_dims(size)

    def taken(self, found: Any) -> Any:
        """What is at these places, which are as many as asked for."""
        if self.size is None:
            found = TracedScalar(cast_weak(value_of(found if isinstance(found, TracedScalar) else found.reshape(())), "int"))
            return found if self.a is None else self.a[at_places(found, self.axis)]
        found = found if len(self.dims) == 1 else call(np.reshape, (found, tuple(_number(d) for d in self.dims)), {})
        return found if self.a is None else self.a[at_places(found, self.axis)]


def _is_count(a: Any) -> bool:
    return (type(a) is int and a > 0) or (isinstance(a, TracedScalar) and a.kind == "int")


# What NumPy says of wrong weights: the new generators, and the old ones.
_WRONG = {False: ("a and p must have same size", "Probabilities contain NaN", "Probabilities are not non-negative",
                  "Probabilities do not sum to 1. See Notes section of docstring for more information.",
                  "Cannot take a larger sample than population when replace is False"),
          True: ("'a' and 'p' must have same size", "probabilities contain NaN", "probabilities are not non-negative",
                 "probabilities do not sum to 1", "Cannot take a larger sample than population when 'replace=False'")}


def _weights(p: Any, n: Any, legacy: bool) -> Any:
    """The chances, checked."""
    size, not_numbers, negative, total, _ = _WRONG[legacy]
    single = isinstance(p, TracedArray) and p.dtype.kind == "f"
    tolerance = max(np.sqrt(np.finfo(p.dtype if single else _F64).eps), np.sqrt(np.finfo(_F64).eps))
    p = call(np.asarray, (p, _F64), {})
    have = _number(p.view.dims[0])
    if isinstance(n, int) and isinstance(have, int):
        if n != have:
            raise ValueError(size)
    elif value_of(n) is not value_of(have):
        p = _checked(p, n == have, size)
    added = p.sum()
    p = _checked(p, ~np.isnan(added), not_numbers)
    p = _checked(p, ~call(np.any, (p < 0,), {}), negative)
    return _checked(p, abs(added - 1.0) <= tolerance, total)


def _choice(generator: TracedGenerator, a: Any, size: Any = None, replace: bool = True, p: Any = None, axis: int = 0,
            shuffle: bool = True) -> Any:
    known = type(replace) is bool and type(axis) is int and type(shuffle) is bool
    if not known or not (_is_count(a) or is_vector(a)) or (p is not None and not _is_vector_of_numbers(p)) or (
            isinstance(size, tuple) and not size):
        return NotImplemented
    if type(a) is not int and not is_vector(a):
        some = "a must be greater than 0" if generator.legacy else "a must be a positive integer"
        wanted = 1 if size is None else _product(shape_dims(size))
        count: Any = a
        a = _checked_number(a, (count > 0) | (wanted == 0), f"{some} unless no samples are taken")
    if p is None and replace:
        return _any_of(generator, a, size, axis)
    chosen = _Choice(generator, a, size, axis)
    if isinstance(chosen.n, int) and chosen.n == 0:
        return NotImplemented
    weights = None if p is None else _weights(p, chosen.n, generator.legacy)

    def uniform(dims: tuple[Dim, ...] = ()) -> Value:
        return draw(generator, "standard_uniform", [], dims, _F64)

    if replace:
        drawn = uniform(chosen.dims)
        return chosen.taken(_run(random_algorithms.weighted_places, weights, new_array(drawn)))
    count = _product(chosen.dims)
    chosen.n = _enough(chosen.n, count, generator.legacy)
    if weights is not None:
        return chosen.taken(_run(random_algorithms.weighted_sample, weights, count, lambda: TracedScalar(uniform())))
    if generator.legacy:
        return chosen.taken(LEGACY_DRAWS["permutation"](generator, chosen.n)[:count])
    part = 50 if shuffle else 20
    return chosen.taken(_run(random_algorithms.sample, chosen.n, count, _places(generator), _reordered, not shuffle, part))


def _is_vector_of_numbers(p: Any) -> bool:
    return are_numbers([p], "biuf") and len(dims_of(call(np.asarray, (p,), {}))) == 1


def _enough(n: Any, count: Any, legacy: bool) -> Any:
    """n, of which as many can be taken."""
    if isinstance(n, int) and isinstance(count, int):
        if count > n:
            raise ValueError(_WRONG[legacy][4])
        return n
    if integers.at_most(*(x if isinstance(x, int) else value_of(x) for x in (count, n))):
        return n
    return _checked_number(n, n >= count, _WRONG[legacy][4])


def _checked_number(n: Any, ok: Any, message: str) -> Any:
    return TracedScalar(tracer.emit("check", [integers.as_value(n) if isinstance(n, int) else value_of(n), value_of(ok)],
                                    exception="ValueError", message=message))


def _any_of(generator: TracedGenerator, a: Any, size: Any, axis: int) -> Any:
    whole = LEGACY_DRAWS["randint"] if generator.legacy else DRAWS["integers"]
    if not is_vector(a):
        return whole(generator, 0, a, size, int if size is None else np.int64)
    if generator.legacy and a.ndim != 1:
        raise ValueError("a must be 1-dimensional")
    k = one_axis(axis, a.ndim)
    n = a.view.dims[k]
    if isinstance(n, int) and n == 0:
        return NotImplemented
    count = _number(n)
    if not isinstance(n, int) and not integers.at_most(1, n):
        name = "'a'" if generator.legacy else "a"
        some = (count > 0) | (_product(() if size is None else shape_dims(size)) == 0)
        count = _checked_number(count, some, f"{name} cannot be empty unless no samples are taken")
    return a[at_places(whole(generator, 0, count, size, np.int64), k)]


# --- others ------------------------------------------------------------------------------------------------------------


def _permuted(generator: TracedGenerator, x: Any, axis: Any = None, out: Any = None) -> Any:
    if not is_vector(x) or out is not None or type(axis) not in (int, type(None)):
        return NotImplemented
    x = call(np.copy, (x,), {})  # in x's own order, in which a shuffle of all its elements goes
    if not x.view.is_c_contiguous:
        return NotImplemented if x.ndim != 2 else _permuted(generator, x.T, None if axis is None else 1 - one_axis(axis, 2)).T
    if not all(isinstance(d, int) and d > 0 for d in x.view.dims):
        return NotImplemented
    if axis is None:
        return _shuffled_rows(generator, x.reshape((1, -1))).reshape(x.shape)
    k = one_axis(axis, x.ndim)
    last = call(np.moveaxis, (x, k, -1), {})
    rows = _shuffled_rows(generator, last.reshape((-1, last.shape[-1])))
    return call(np.ascontiguousarray, (call(np.moveaxis, (rows.reshape(last.shape), -1, k), {}),), {})


def _shuffled_rows(generator: TracedGenerator, rows: TracedArray) -> TracedArray:
    return _run(random_algorithms.shuffled_rows, rows, lambda: shuffled_order(generator, rows.shape[1]))


def _multinomial(generator: TracedGenerator, n: Any, pvals: Any, size: Any = None) -> Any:
    if not are_numbers([n], "biu") or not are_numbers([pvals], "biuf"):
        return NotImplemented
    weights = call(np.asarray, (pvals, _F64), {})
    if weights.ndim != 1 or dims_of(operand(n)) or not all(isinstance(d, int) and d > 0 for d in weights.view.dims):
        return NotImplemented
    weights = new_array(in_probability(value_of(weights), "pvals"))
    weights = _checked(weights, weights[:-1].sum() <= 1.0 + 1e-12, "sum(pvals[:-1]) > 1.0")
    number = TracedScalar(require(value_of(n, _F64), "n", "not negative"))
    dims = () if size is None else shape_dims(size)
    rows = _product(dims)
    numbers = call(np.full, (rows, number, _I64), {})
    table = call(np.broadcast_to, (weights, (rows, weights.shape[0])), {})

    def binomial(k: Any, chance: Any) -> TracedScalar:
        return TracedScalar(draw(generator, "binomial", [value_of(k, _I64), value_of(chance, _F64)], (), _I64))

    return _shaped(_run(random_algorithms.counts, numbers, table, binomial), dims, weights)


def _shaped(rows: TracedArray, dims: tuple[Dim, ...], like: TracedArray) -> Any:
    return call(np.reshape, (rows, (*(_number(d) for d in dims), *like.shape)), {})


def _dirichlet(generator: TracedGenerator, alpha: Any, size: Any = None) -> Any:
    if not are_numbers([alpha], "biuf"):
        return NotImplemented
    alpha = call(np.asarray, (alpha, _F64), {})
    if alpha.ndim != 1 or not all(isinstance(d, int) and d > 0 for d in alpha.view.dims):
        return NotImplemented
    alpha = _checked(alpha, ~call(np.any, (alpha < 0,), {}), "alpha < 0")
    dims = () if size is None else shape_dims(size)

    def beta(a: Any, b: Any) -> TracedScalar:
        return TracedScalar(draw(generator, "beta", [value_of(a, _F64), value_of(b, _F64)], (), _F64))

    def gamma(shapes: TracedArray, rows: Any) -> TracedArray:
        whole = call(np.broadcast_to, (shapes, (rows, shapes.shape[0])), {})
        return new_array(draw(generator, "standard_gamma", [value_of(whole)], dims_of(whole), _F64))

    return _shaped(_run(random_algorithms.parts_of_one, alpha, _product(dims), beta, gamma), dims, alpha)


DRAWS.update(choice=_choice, permuted=_permuted, multinomial=_multinomial, dirichlet=_dirichlet)
LEGACY_DRAWS["choice"] = lambda generator, a, size=None, replace=True, p=None: _choice(generator, a, size, replace, p)
