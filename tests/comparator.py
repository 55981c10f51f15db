"""The one comparator: a plain run of a NumPy program against a compiled one.

`observe` runs a function on fresh arguments and records all that a caller can see: results, mutated arguments, the
exception.  `difference` compares two observations bit for bit: types, dtypes, shapes, strides, values (a NaN equals a
NaN, -0.0 differs from 0.0).  Where the program uses operations that are only accurate to some ulp (transcendentals, sums,
products of matrices), bits may differ; then `explained` runs NumPy's own program again with those operations perturbed by
the stated ulp (`perturb.py`), and a mismatch counts unless NumPy's own answer moves as far.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

# How much further than NumPy's own perturbed runs a value may lie; the perturbed runs are few, so they sample the spread.
SPREAD_FACTOR = 4.0


@dataclass
class Observation:
    """result: what was returned; arguments: as the call left them; error: (exception type name, message) or None."""

    result: Any = None
    arguments: tuple = ()
    error: tuple[str, str] | None = None
    identities: tuple = field(default=())


def observe(function: Callable, make_arguments: Callable[[], tuple]) -> Observation:
    """Call `function` on fresh arguments."""
    arguments = make_arguments()
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = function(*arguments)
        except Exception as e:  # the exception is what is being observed
            return Observation(None, arguments, (type(e).__name__, str(e)))
    same = tuple((i, j) for i, r in enumerate(leaves(result)) for j, a in enumerate(leaves(arguments))
                 if r is a and isinstance(r, np.ndarray))
    return Observation(result, arguments, None, same)


def leaves(x: Any) -> Iterator[Any]:
    if isinstance(x, dict):
        for k in x:
            yield from leaves(x[k])
    elif isinstance(x, list | tuple | deque):
        for e in x:
            yield from leaves(e)
    elif has_attributes(x):
        yield from leaves(vars(x))
    else:
        yield x


def has_attributes(x: Any) -> bool:
    """Is this an object of the program's own, seen by its attributes?"""
    return hasattr(x, "__dict__") and not callable(x) and not isinstance(x, np.ndarray | np.generic | dict | list | tuple)


def structure(x: Any) -> Any:
    if isinstance(x, dict):
        return type(x).__name__, *[(k, structure(v)) for k, v in x.items()]
    if has_attributes(x):
        return type(x).__name__, structure(vars(x))
    if isinstance(x, list | tuple | deque):
        return (type(x).__name__, *[structure(v) for v in x])
    if isinstance(x, np.ndarray | np.generic):
        return type(x).__name__, x.dtype.str, x.shape
    return type(x).__name__


def significant_strides(x: np.ndarray) -> tuple:
    """Strides along axes where they can be observed: extents above 1 in a non-empty array."""
    return tuple(s for s, d in zip(x.strides, x.shape) if d > 1) if x.size else ()


def bits_equal(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray | np.generic):
        return _array_bits_equal(np.asarray(a), np.asarray(b))
    if isinstance(a, float) and isinstance(b, float):
        return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))
    if isinstance(a, complex) and isinstance(b, complex):
        return bits_equal(a.real, b.real) and bits_equal(a.imag, b.imag)
    return bool(a == b) if not callable(a) else a is b


def _array_bits_equal(a: np.ndarray, b: np.ndarray) -> bool:
    if a.dtype.kind == "c":
        return _array_bits_equal(a.real, b.real) and _array_bits_equal(a.imag, b.imag)
    if a.dtype.kind == "f":
        same = (a == b) & (np.signbit(a) == np.signbit(b))
        return bool(np.all(same | (np.isnan(a) & np.isnan(b))))
    return bool(np.array_equal(a, b))


def difference(got: Observation, want: Observation, values: bool = True) -> str | None:
    """What differs, in words; None if nothing does. With values=False only kinds, shapes and layouts are compared."""
    if (got.error is None) != (want.error is None) or (got.error and got.error[0] != want.error[0]):
        return f"raised {got.error}, NumPy {want.error}"
    if got.error is not None:
        return None
    for label, g, w in (("result", got.result, want.result), ("arguments", got.arguments, want.arguments)):
        if structure(g) != structure(w):
            return f"{label}: {structure(g)}, NumPy {structure(w)}"
        for k, (x, y) in enumerate(zip(leaves(g), leaves(w))):
            if isinstance(y, np.ndarray):
                if significant_strides(x) != significant_strides(y):
                    return f"{label} leaf {k}: strides {x.strides}, NumPy {y.strides}, shape {y.shape}"
                if x.flags.writeable != y.flags.writeable:
                    return f"{label} leaf {k}: writeable {x.flags.writeable}, NumPy {y.flags.writeable}"
            if values and not bits_equal(x, y):
                return f"{label} leaf {k}: values differ: {show_difference(x, y)}"
    if got.identities != want.identities:
        return f"results that are arguments: {got.identities}, NumPy {want.identities}"
    return None


def unjoined(got: Any, want: Any) -> Any:
    """`got` with Python scalars where it has NumPy scalars of the same value and `want` has Python scalars."""
    if type(got) is type(want) and isinstance(want, list | tuple) and len(got) == len(want):
        items = [unjoined(g, w) for g, w in zip(got, want)]
        return type(want)(items)
    if type(got) is type(want) is dict and got.keys() == want.keys():
        return {k: unjoined(g, want[k]) for k, g in got.items()}
    if isinstance(got, np.generic) and type(want) in (bool, int, float, complex) and bits_equal(np.asarray(got).astype(
            type(want))[()], np.asarray(want)[()]) and got == want:
        return want
    return got


def show_difference(x: Any, y: Any) -> str:
    if not isinstance(y, np.ndarray | np.generic):
        return f"{x!r}, NumPy {y!r}"
    a, b = np.atleast_1d(np.asarray(x)), np.atleast_1d(np.asarray(y))
    bad = [i for i in np.ndindex(b.shape) if not bits_equal(a[i], b[i])][:3]
    return "; ".join(f"at {i}: {a[i]!r}, NumPy {b[i]!r}" for i in bad)


def explained(got: Observation, want: Observation, perturbed: list[Observation]) -> str | None:
    """None when every value of `got` lies within the spread of NumPy's own answers under perturbation, else what does not."""
    runs = [p for p in perturbed if p.error is None]
    if len(runs) < len(perturbed) or got.error is not None or want.error is not None:
        # NumPy's own program raises or not depending on rounding: nothing can be demanded.
        return None if len({o.error and o.error[0] for o in (want, *perturbed)}) > 1 else difference(got, want)
    shape_problem = difference(got, want, values=False)
    if shape_problem:
        return shape_problem
    for label in ("result", "arguments"):
        columns = zip(leaves(getattr(got, label)), leaves(getattr(want, label)),
                      *[leaves(getattr(p, label)) for p in runs])
        for k, (g, w, *others) in enumerate(columns):
            if not bits_equal(g, w):
                problem = outside_spread(g, w, others)
                if problem:
                    return f"{label} leaf {k}: {problem}"
    return None


def outside_spread(g: Any, w: Any, others: list) -> str | None:
    """Elementwise: is g further from w than SPREAD_FACTOR times the furthest of the others?"""
    w_, g_ = np.asarray(w), np.asarray(g)
    o_ = [np.asarray(o) for o in others]
    if any(o.shape != w_.shape for o in o_):
        return None
    if w_.dtype.kind == "c":
        return outside_spread(g_.real, w_.real, [o.real for o in o_]) or outside_spread(g_.imag, w_.imag, [o.imag for o in o_])
    with np.errstate(all="ignore"):
        if w_.dtype.kind != "f":
            ok = (g_ == w_) | np.any([o != w_ for o in o_], axis=0)
        else:
            wide, low = w_.astype(np.float64), np.finfo(w_.dtype)
            gap = np.abs(g_.astype(np.float64) - wide)
            spread = np.max([np.abs(o.astype(np.float64) - wide) for o in o_], axis=0)
            # A handful of ulps is granted outright; results near the overflow and underflow limits move in jumps.
            grant = 4 * np.spacing(np.abs(w_)).astype(np.float64) + float(low.smallest_subnormal) * 4
            unstable = np.any([_other_kind(o, w_) for o in o_], axis=0)
            ok = (gap <= SPREAD_FACTOR * spread + grant) | unstable | (np.isnan(g_) & np.isnan(w_)) | (g_ == w_)
    if np.all(ok):
        return None
    i = tuple(np.argwhere(~np.atleast_1d(ok))[0])
    pick = [np.atleast_1d(o)[i] for o in o_]
    return f"at {i}: {np.atleast_1d(g_)[i]!r}, NumPy {np.atleast_1d(w_)[i]!r}, NumPy perturbed {pick[:4]}"


def _other_kind(o: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Where one is finite and the other is not, or where they are other things beyond the finite: a NaN, an infinity."""
    return (np.isfinite(o) != np.isfinite(w)) | (np.isnan(o) != np.isnan(w)) | (np.isinf(o) & np.isinf(w) & (o != w))


def fresh(arguments: tuple) -> Callable[[], tuple]:
    """Makes deep copies of `arguments` that keep layout, aliasing among them, and read-only flags."""
    return lambda: copy_arguments(arguments)


def copy_arguments(arguments: tuple) -> tuple:
    bases: dict[int, np.ndarray] = {}
    made: dict[int, Any] = {}

    def root(x: np.ndarray) -> np.ndarray:
        while isinstance(x.base, np.ndarray | _Frame):
            x = x.base if isinstance(x.base, np.ndarray) else x.base.keep
        return x

    def go(x: Any) -> Any:
        if isinstance(x, np.ndarray):
            if id(x) not in made:
                made[id(x)] = array(x)
            return made[id(x)]
        if not isinstance(x, dict | list | tuple | deque) and not has_attributes(x):
            return x
        if id(x) not in made:
            made[id(x)] = fill(x)
        return made[id(x)]

    def array(x: np.ndarray) -> np.ndarray:
        base = root(x)
        if id(base) not in bases:
            bases[id(base)] = copy.deepcopy(base) if base.flags.writeable else _thawed(base)
        new = bases[id(base)]
        if base is x:
            view = new
        else:
            offset = x.__array_interface__["data"][0] - base.__array_interface__["data"][0]
            view = np.ndarray(x.shape, x.dtype, new.view(), offset, x.strides) if (
                new.flags.c_contiguous and offset >= 0 and x.size) else _reframe(x, base, new)
        if not x.flags.writeable and view.flags.writeable:
            if view is new:
                view = new.view() if base is not x else new
            view.flags.writeable = False
        return view

    def fill(x: Any) -> Any:
        if isinstance(x, tuple):
            return type(x)(*map(go, x)) if hasattr(x, "_fields") else type(x)(map(go, x))
        new = copy.copy(x)
        if isinstance(x, dict):
            new.update((k, go(v)) for k, v in x.items())
        elif isinstance(x, list | deque):
            for k, v in enumerate(x):
                new[k] = go(v)
        else:
            vars(new).update((k, go(v)) for k, v in vars(x).items())
        return new

    return tuple(go(a) for a in arguments)


def _thawed(x: np.ndarray) -> np.ndarray:
    y = copy.deepcopy(x)
    y.flags.writeable = True
    return y


def _reframe(x: np.ndarray, base: np.ndarray, new: np.ndarray) -> np.ndarray:
    """x is a view of base; the same view of `new`, which has base's layout."""
    shift = x.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    start = new.__array_interface__["data"][0] + shift
    return np.asarray(_Frame(new, {"shape": x.shape, "typestr": x.dtype.str, "strides": x.strides, "data": (start, False),
                                   "version": 3}))


class _Frame:
    """Memory of the array `keep`, seen as another array."""

    def __init__(self, keep: np.ndarray, interface: dict) -> None:
        self.keep, self.__array_interface__ = keep, interface
