"""MaskedValues: what `x[mask]` is while tracing. Its extent depends on data, so it is kept as all of `x`, with the mask.

Elementwise functions are computed everywhere, reductions under the mask, `x[mask] = ...` with the same mask is a select; so
most programs with masks need no array of unknown extent.  What does need one makes the trace start again, with the elements laid
side by side at that place (`compaction.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..ir.graph import Value
from ..ir.types import Dim, same_dims
from . import dispatch, integers, pytree, tracer
from .arrays import TracedArray, assign, check_writeable, dims_of, is_traced, new_array, operand, value_of
from .compaction import compacted, count_of, size_of
from .operators import BINARY, Operators
from .scalars import BoundMethod, TracedScalar
from .tracer import Restart
from .ufuncs import promotable
from .values import assume_not_repeated, broadcast, cast, repeats, shape_text
from .views import reshape_value

# A decision: the values picked by the mask at this place lie side by side.
COMPACT = "compact"


class MaskedValues(Operators):
    """The elements of `full` where `mask` holds, as a new array. The mask covers the axes from number `lead` on. `place`: where
    in the program the mask was applied."""

    __slots__ = ("full", "lead", "mask", "place")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, full: TracedArray, mask: Value, lead: int, place: Any) -> None:
        self.full, self.mask, self.lead, self.place = full, mask, lead, place

    @property
    def dtype(self) -> np.dtype:
        return self.full.dtype

    @property
    def ndim(self) -> int:
        return self.full.ndim - len(self.mask.dims) + 1

    @property
    def tail(self) -> tuple[Dim, ...]:
        return self.full.view.dims[self.lead + len(self.mask.dims):]

    @property
    def count(self) -> TracedScalar:
        """The number of elements that the mask picks."""
        return TracedScalar(count_of(self.mask))

    @property
    def shape(self) -> tuple:
        return (*self.full.shape[:self.lead], self.count, *self.full.shape[self.lead + len(self.mask.dims):])

    @property
    def size(self) -> Any:
        total: Any = self.count
        for d in (*self.full.shape[:self.lead], *self.full.shape[self.lead + len(self.mask.dims):]):
            total = total * d
        return total

    @property
    def condition(self) -> Value:
        """The mask, broadcast to all of `full`."""
        return broadcast(reshape_value(self.mask, (*self.mask.dims, *(1,) * len(self.tail))), self.full.view.dims)

    def same_selection(self, other: MaskedValues) -> bool:
        return self.mask is other.mask and self.lead == other.lead

    def __getattr__(self, name: str) -> Any:
        if name in _METHODS:
            return BoundMethod(_METHODS[name], self, name)
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(f"'numpy.ndarray' object has no attribute '{name}'")
        raise self.refusal()

    def refusal(self) -> BaseException:
        """What to raise for a use that needs the elements side by side: trace again, and lay them so from the start."""
        return Restart((COMPACT, self.place))

    def __getitem__(self, index: Any) -> Any:
        raise self.refusal()

    def __setitem__(self, index: Any, value: Any) -> None:
        raise self.refusal()

    def __iter__(self) -> Any:
        raise self.refusal()

    def __len__(self) -> int:
        raise self.refusal()

    def __bool__(self) -> bool:
        raise self.refusal()

    def __array_function__(self, function: Callable, types: Any, args: tuple, kwargs: dict) -> Any:
        return call_on_masked(function, args, kwargs)


def _in_place(ufunc: np.ufunc) -> Any:
    def method(self: MaskedValues, other: Any) -> MaskedValues:
        kind = other.dtype if isinstance(other, MaskedValues) else promotable(operand(other))
        ufunc.resolve_dtypes((self.dtype, kind, self.dtype))  # raises NumPy's UFuncTypeError
        result = elementwise(ufunc, (self, other), {})
        assign(self.full, result.full)
        return self

    return method


for _name, (_, _ufunc) in BINARY.items():
    setattr(MaskedValues, f"__i{_name}__", _in_place(_ufunc))


def spread(value: Value, mask: Value, message: str) -> Value:
    """A 1-d value with one element per True of the mask, as an array over the mask; ValueError if their number differs."""
    length = value.dims[0]
    count = count_of(mask)
    wanted = integers.as_value(length)
    equal = tracer.emit("py_equal", [count, wanted])
    value = tracer.emit("check", [value, equal, count], exception="ValueError", message=message)
    size = size_of(mask.dims)
    if (isinstance(length, int) and length == 0) or (isinstance(size, int) and size == 0):
        return tracer.builder().zeros(value.type.with_dims(mask.dims))  # type: ignore[union-attr]
    flat = reshape_value(mask, (size,))
    rank = tracer.emit("cumsum", [cast(flat, np.dtype(np.int64))], axis=0, reverse=False, exclusive=True)
    last = broadcast(cast(tracer.emit("py_subtract", [wanted, tracer.constant(1)]), np.dtype(np.int64)), rank.dims)
    place = tracer.emit("minimum", [rank, last])
    return reshape_value(tracer.emit("gather", [value, place], axes=(0,), position=0), mask.dims)


def _full_operand(x: Any, model: MaskedValues) -> Any:
    """An operand beside masked values, over all elements."""
    if isinstance(x, MaskedValues):
        if not x.same_selection(model):
            raise model.refusal()
        return x.full
    x = operand(x)
    dims = dims_of(x)
    if len(dims) <= len(model.tail):
        return x
    at_mask = dims[len(dims) - len(model.tail) - 1]
    if isinstance(at_mask, int) and at_mask == 1:
        lead = dims[:len(dims) - len(model.tail) - 1]
        if len(lead) > model.lead:
            raise model.refusal()  # of more axes, the result lies in NumPy's order of new arrays, not in that of `x[:, mask]`
        return new_array(reshape_value(value_of(x), (*lead, *(1,) * len(model.mask.dims), *dims[len(lead) + 1:])))
    if len(dims) == 1 and not model.tail and not model.lead and not repeats():
        counted = count_of(model.mask)
        pair = [counted, integers.as_value(at_mask)]
        assume_not_repeated([counted, *(d for d in dims if isinstance(d, Value))], tracer.emit("py_equal", pair))
        return new_array(spread(value_of(x), model.mask, "operands could not be broadcast together with shapes "
                                f"({{0}},) ({at_mask},) "))
    raise model.refusal()


def elementwise(ufunc: np.ufunc, args: tuple, kwargs: dict) -> Any:
    """A ufunc with masked values among its operands."""
    model = next(a for a in args if isinstance(a, MaskedValues))
    if kwargs.get("out") is not None or kwargs.get("where", True) is not True or len(args) > ufunc.nin:
        raise model.refusal()
    kwargs = {k: v for k, v in kwargs.items() if k not in ("out", "where")}
    inputs = [_full_operand(a, model) for a in args]
    if ufunc is np.power and inputs[1:] == [2]:
        ufunc, inputs = np.square, inputs[:1]
    elif ufunc is np.power:
        # Elements that the mask leaves out must not raise.
        one = new_array(tracer.builder().full(1, inputs[0].view.read().type)) if isinstance(inputs[0], TracedArray) else None
        if one is not None:
            inputs[0] = new_array(tracer.emit("where", [model.condition, inputs[0].view.read(), one.view.read()]))
    result = dispatch.call(ufunc, tuple(inputs), kwargs)
    behind = len(model.mask.dims) + len(model.tail)  # another operand may have more axes before those of the mask
    if isinstance(result, tuple):
        return tuple(MaskedValues(r, model.mask, r.ndim - behind, model.place) for r in result)
    return MaskedValues(result, model.mask, result.ndim - behind, model.place)


def read_masked(full: TracedArray, mask: Value, lead: int) -> MaskedValues | TracedArray:
    """x[mask]: a copy."""
    place = tracer.here()
    if (COMPACT, place) in tracer.current().decisions:
        return compacted(full.view.read(), mask, lead)
    return MaskedValues(new_array(full.view.read()), mask, lead, place)


def write_masked(target: TracedArray, mask: Value, lead: int, value: Any) -> None:
    """x[mask] = value, where `target` shows the axes that the mask covers from number `lead` on."""
    check_writeable(target.view)
    old = target.view.read()
    condition = broadcast(reshape_value(mask, (*mask.dims, *(1,) * (len(old.dims) - lead - len(mask.dims)))), old.dims)
    new = broadcast(_spread_value(value, target, mask, lead), old.dims)
    target.view.write(tracer.emit("where", [condition, new, old]))


def _spread_value(value: Any, target: TracedArray, mask: Value, lead: int) -> Value:
    model = MaskedValues(target, mask, lead, None)
    if isinstance(value, MaskedValues):
        if not value.same_selection(model):
            raise value.refusal()
        return cast(value.full.view.read(), target.dtype)
    v = value_of(operand(value), target.dtype)
    plain = not model.tail and not lead  # NumPy treats a mask over all axes by rules of its own
    if plain and len(v.dims) > 1:
        raise TypeError(f"NumPy boolean array indexing assignment requires a 0 or 1-dimensional input, input has {len(v.dims)} "
                        "dimensions")
    own = v.dims
    while len(own) > len(model.tail) + 1 and own[0] == 1:
        own = own[1:]
    v = reshape_value(v, own)
    if len(own) <= len(model.tail):
        _check_tail(own, model)
        return v
    at_mask = own[len(own) - len(model.tail) - 1]
    if isinstance(at_mask, int) and at_mask == 1:
        _check_tail(own[1:], model)
        return reshape_value(v, (*own[:len(own) - len(model.tail) - 1], *(1,) * len(mask.dims),
                                 *own[len(own) - len(model.tail):]))
    if plain:
        return spread(v, mask, f"NumPy boolean array indexing assignment cannot assign {at_mask} input values to the {{0}} "
                      "output values where the mask is true")
    raise tracer.unsupported(f"assigning values of shape {shape_text(own)} through a mask", "they do not fit")


def _check_tail(dims: tuple[Dim, ...], model: MaskedValues) -> None:
    tail = model.tail[len(model.tail) - len(dims):]
    if not all(d == 1 or same_dims((d,), (t,)) or not (isinstance(d, int) and isinstance(t, int))
               for d, t in zip(dims, tail, strict=True)):
        raise tracer.unsupported(f"assigning values of shape {shape_text(dims)} through a mask", "they do not fit")


# Functions of masked values --------------------------------------------------------------------------------------------

_REDUCTIONS = {"sum": np.sum, "prod": np.prod, "any": np.any, "all": np.all, "mean": np.mean, "std": np.std, "var": np.var,
               "max": np.max, "min": np.min}


def _reduction(name: str, function: Any) -> Callable[..., Any]:
    def reduce(x: MaskedValues, axis: Any = None, **kwargs: Any) -> Any:
        if axis not in (None, 0, (0,)) or (axis is not None and x.lead) or set(kwargs) - {"dtype", "ddof"}:
            raise x.refusal()
        axes = None if axis is None else tuple(range(len(x.mask.dims)))
        full = x.full
        if name in ("max", "min"):
            full = _guarded_extreme(x, "maximum" if name == "max" else "minimum")
            kwargs["initial"] = _neutral(x.dtype, name)
        where = new_array(x.condition)
        return dispatch.call(function, (full,), {"axis": axes, "where": where, **kwargs})

    return reduce


def _guarded_extreme(x: MaskedValues, name: str) -> TracedArray:
    some = tracer.emit("py_greater", [count_of(x.mask), tracer.constant(0)])
    value = tracer.emit("check", [x.full.view.read(), some], exception="ValueError",
                        message=f"zero-size array to reduction operation {name} which has no identity")
    return new_array(value)


def _neutral(dtype: np.dtype, name: str) -> Any:
    if dtype.kind == "f":
        return dtype.type(-np.inf if name == "max" else np.inf)
    if dtype.kind == "b":
        return np.bool(name == "min")
    info = np.iinfo(dtype)
    return dtype.type(info.min if name == "max" else info.max)


def _astype(x: MaskedValues, dtype: Any, **kwargs: Any) -> MaskedValues:
    return MaskedValues(new_array(cast(x.full.view.read(), np.dtype(dtype))), x.mask, x.lead, x.place)


def _copy(x: MaskedValues, order: str = "C") -> MaskedValues:
    return MaskedValues(new_array(x.full.view.read()), x.mask, x.lead, x.place)


def _size(x: MaskedValues, axis: int | None = None) -> Any:
    return x.size


_METHODS: dict[str, Callable[..., Any]] = {name: _reduction(name, f) for name, f in _REDUCTIONS.items()}
_METHODS |= {"astype": _astype, "copy": _copy}
_FUNCTIONS: dict[Any, Callable[..., Any]] = {f: _METHODS[name] for name, f in _REDUCTIONS.items()}
_FUNCTIONS |= {np.copy: _copy, np.size: _size, np.ndim: lambda x: x.ndim, np.shape: lambda x: x.shape, len: lambda x: x.shape[0]}


def call_on_masked(function: Any, args: tuple, kwargs: dict) -> Any:
    """A function with masked values among its arguments."""
    if isinstance(function, np.ufunc):
        return elementwise(function, args, kwargs)
    model = next((a for a in (*args, *kwargs.values()) if isinstance(a, MaskedValues)), None)
    if function in _FUNCTIONS and args and args[0] is model and model is not None:
        return _FUNCTIONS[function](*args, **kwargs)
    if model is None:
        model = next(a for a in pytree.flatten((args, kwargs), is_leaf=is_traced)[0] if isinstance(a, MaskedValues))
    raise model.refusal()


def holds_masked(args: tuple, kwargs: dict) -> bool:
    return any(isinstance(a, MaskedValues) for a in args) or any(isinstance(a, MaskedValues) for a in kwargs.values())


dispatch.implements(("masked", "ufunc"))(elementwise)
