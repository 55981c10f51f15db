"""x[index] and x[index] = value: NumPy's rules for basic and advanced indexing.

`parse` turns a user's index into one item per axis of the array; basic items alone make a view (`basic_view`); with index
arrays or masks it is `advanced.py`'s.  Constant indices are checked here; run-time ones by the op `check_index`, whose
result the access uses.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ir.builder import Slot
from ..ir.graph import Value
from ..ir.types import DTYPE_NAMES, Dim
from ..ir.viewmap import Axis, wrap_index
from . import dispatch, integers, spans, tracer
from .arrays import TracedArray, any_traced, as_array, assign, constant_array, index_value, known_constant, new_array, truth_operand
from .operators import Operators
from .scalars import TracedScalar, concrete, to_kind, to_python
from .spans import Span
from .values import cast
from .views import View

_INVALID = ("only integers, slices (`:`), ellipsis (`...`), numpy.newaxis (`None`) and integer or boolean arrays are valid "
            "indices")


@dataclass(frozen=True, slots=True)
class NewAxis:
    """None in an index."""


@dataclass(frozen=True, slots=True)
class At:
    """One position along an axis: an int, already counted from the front, or a run-time value yet to be checked."""

    position: int | Value


# Loops of so many trips are written out where that makes views of slices with run-time steps.
FEW_TRIPS = 32


@dataclass(frozen=True, slots=True, eq=False)
class Indices:
    """An integer index array for one axis, or a mask over as many axes as it has. is_slice: in place of a slice."""

    array: TracedArray
    is_slice: bool = False

    @property
    def is_mask(self) -> bool:
        return self.array.dtype == np.dtype(bool)


Item = NewAxis | At | Span | Indices


def parse(index: Any, dims: Sequence[Dim]) -> list[Item]:
    """The items of an index into an array of extents `dims`, an ellipsis written out."""
    raw = [n for e in (index if isinstance(index, tuple) else (index,)) for n in _expanded(e)]
    _check_known_masks(index, dims)
    used = sum(_axes_used(e) for e in raw)
    if sum(e is Ellipsis for e in raw) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    if used > len(dims):
        raise IndexError(f"too many indices for array: array is {len(dims)}-dimensional, but {used} were indexed")
    if not any(e is Ellipsis for e in raw):
        raw.append(Ellipsis)
    place = next(k for k, e in enumerate(raw) if e is Ellipsis)
    raw[place:place + 1] = [slice(None)] * (len(dims) - used)
    items: list[Item] = []
    axis = 0
    for e in raw:
        items.append(_item(e, axis, dims))
        axis += _axes_used(e)
    return items


def _known_mask(e: Any) -> np.ndarray | None:
    """A mask with axes whose values are known while tracing."""
    if isinstance(e, TracedArray) and e.dtype.kind == "b":
        e = known_constant(e)
    if isinstance(e, list) and not any_traced(e) and e:
        e = np.asarray(e)
    return e if isinstance(e, np.ndarray) and e.dtype.kind == "b" and e.ndim else None


def _expanded(e: Any) -> list[Any]:
    """The entries of an index that `e` stands for: a known mask is the positions of its truths."""
    mask = _known_mask(e)
    return [_normal(e)] if mask is None else [constant_array(p) for p in mask.nonzero()]


def _check_known_masks(index: Any, dims: Sequence[Dim]) -> None:
    """IndexError where a known mask does not fit the axes that it covers."""
    entries = list(index) if isinstance(index, tuple) else [index]
    if any(e is Ellipsis for e in entries):
        place = next(k for k, e in enumerate(entries) if e is Ellipsis)
        used = sum(_width(e) for e in entries)
        entries[place:place + 1] = [slice(None)] * max(len(dims) - used, 0)
    axis = 0
    for e in entries:
        mask = _known_mask(e)
        if mask is not None:
            for k, (m, d) in enumerate(zip(mask.shape, dims[axis:], strict=False)):
                if isinstance(d, int) and d != m:
                    raise IndexError(f"boolean index did not match indexed array along axis {axis + k}; size of axis is {d} "
                                     f"but size of corresponding boolean axis is {m}")
        axis += _width(e)


def _width(e: Any) -> int:
    """How many axes an entry of an index covers."""
    if e is None or e is Ellipsis:
        return 0
    mask = _known_mask(e)
    return mask.ndim if mask is not None else _axes_used(e)


def _normal(e: Any) -> Any:
    """One entry of an index: None, Ellipsis, slice, an int, a traced int, or a traced array."""
    if e is None or e is Ellipsis or isinstance(e, slice):
        return e
    if isinstance(e, TracedArray):
        if e.ndim == 0 and e.dtype.kind in "iu":
            return e[()]
        return e
    if isinstance(e, TracedScalar):
        return _normal_scalar(e)
    if isinstance(e, (bool, np.bool)):
        return as_array(np.array(e))
    if isinstance(e, (list, np.ndarray)):
        array = as_array(e) if not isinstance(e, list) or any_traced(e) else as_array(_list_index(e))
        return array if array.ndim or array.dtype.kind == "b" else array[()]
    if isinstance(e, Operators):
        raise e.refusal()  # type: ignore[attr-defined]
    try:
        return operator.index(e)
    except TypeError:
        raise IndexError(_INVALID) from None


def _normal_scalar(e: TracedScalar) -> Any:
    if e.value.dtype.kind == "b":
        return as_array(e)
    if e.value.dtype.kind not in "iu":
        raise IndexError(_INVALID)
    return e


def _list_index(e: list) -> np.ndarray:
    array = np.asarray(e)
    return array.astype(np.intp) if array.size == 0 else array


def _axes_used(e: Any) -> int:
    if e is None or e is Ellipsis:
        return 0
    return e.ndim if isinstance(e, TracedArray) and e.dtype == np.dtype(bool) else 1


def _item(e: Any, axis: int, dims: Sequence[Dim]) -> Item:
    if e is None:
        return NewAxis()
    if isinstance(e, slice):
        return _span(e, dims[axis])
    if isinstance(e, TracedArray):
        if e.dtype.kind not in "iub":
            raise IndexError("arrays used as indices must be of integer (or boolean) type")
        return Indices(e)
    if isinstance(e, TracedScalar):
        return At(e.value)
    extent = dims[axis]
    return At(wrap_index(e, axis, extent)) if isinstance(extent, int) else At(tracer.constant(e))


def _span(s: slice, extent: Dim) -> Span | Indices:
    if isinstance(s.step, TracedScalar) and s.step.known is None:
        return _stepped(s, extent)
    step = concrete(s.step, "a slice step")
    start, stop, step = _bound(s.start), _bound(s.stop), 1 if step is None else operator.index(step)
    if step == 0:
        raise ValueError("slice step cannot be zero")
    if all(b is None or isinstance(b, int) for b in (start, stop)) and isinstance(extent, int):
        first, last, stride = slice(start, stop, step).indices(extent)
        length = len(range(first, last, stride))
        return Span(first if length else 0, length, stride)
    return spans.run_time_span(start, stop, step, extent)


def _stepped(s: slice, extent: Dim) -> Indices:
    """A slice with a run-time step, which must be positive, as the positions that it picks.

    A loop of few trips that decides the step is written out instead: then the slice is a view.
    """
    tracer.unroll_for(s.step.value, FEW_TRIPS)
    value = index_value(to_kind(s.step, "int"))
    step = value
    if not integers.at_most(1, value):
        tracer.unroll_for(s.step.value)
        positive = tracer.emit("py_greater", [value, tracer.constant(0)])
        step = tracer.emit("check", [value, positive], exception="UnsupportedError",
                           message="a slice with a run-time step that is not positive has no compiled form")
    span = spans.run_time_span(_bound(s.start), _bound(s.stop), 1, extent)
    more = integers.add(span.length, 1, -1)
    count = tracer.emit("py_floor_divide", [integers.as_value(integers.add(more, step)), step])
    integers.set_bounds(count, [integers.form_of(0)], [integers.form_of(span.length)])
    positions = tracer.emit("iota", [count], dims=(Slot(0),), axis=0, dtype="i64")
    builder = tracer.builder()
    factor, first = (builder.broadcast_to(cast(integers.as_value(v), positions.dtype), positions.dims)
                     for v in (step, span.start))
    return Indices(new_array(tracer.emit("add", [tracer.emit("multiply", [positions, factor]), first])), True)


def _bound(e: Any) -> Dim | None:
    """A slice bound: an int, or a run-time one. What follows from arguments alone is specialised."""
    if e is None:
        return None
    e = e[()] if isinstance(e, TracedArray) and e.ndim == 0 else e
    if isinstance(e, TracedScalar) and e.value.dtype.kind in "iub":
        return operator.index(concrete(e, "a slice bound")) if e.known is not None else index_value(to_kind(e, "int"))
    try:
        return operator.index(e)
    except TypeError:
        raise TypeError("slice indices must be integers or None or have an __index__ method") from None


def checked(position: int | Value, axis: int, extent: Dim) -> int | Value:
    """A position counted from the front; a run-time one is checked where the program runs, unless it is surely in range."""
    if isinstance(position, int):
        return position
    index = index_value(to_kind(TracedScalar(position), "int"))
    form, size = integers.form_of(index), integers.form_of(extent)
    one = integers.form_of(1)
    if integers.is_nonnegative(form) and integers.is_nonnegative(size.plus(form, -1).plus(one, -1)):
        return integers.int_of_form(form)
    from_end = size.plus(form)
    if integers.is_nonnegative(form.scaled(-1).plus(one, -1)) and integers.is_nonnegative(from_end):
        return integers.int_of_form(from_end)
    found = integers.remember(("index", form.key, size.key, axis), lambda: checked_value(index, axis, extent))
    integers.set_bounds(found, [integers.form_of(0)], [size.plus(one, -1)])
    return found


def checked_value(indices: Value, axis: int, extent: Dim) -> Value:
    """Indices counted from the front, or IndexError for the first that is out of range."""
    if isinstance(extent, Value):
        return tracer.emit("check_index", [indices, extent], axis=axis, extent=Slot(1))
    return tracer.emit("check_index", [indices], axis=axis, extent=extent)


def basic_view(view: View, items: Sequence[Item]) -> View:
    """The view that basic items make."""
    axes: list[Axis] = []
    dims: list[Dim] = []
    starts: list[Value] = []
    terms: tuple[tuple[int, int], ...]
    for item in items:
        if isinstance(item, NewAxis):
            dims.append(1)
            continue
        if isinstance(item, At):
            start, terms = checked(item.position, len(axes), view.dims[len(axes)]), ()
        else:
            assert isinstance(item, Span)
            start, terms = item.start, ((item.step, len(dims)),)
            dims.append(item.length)
        if isinstance(start, Value):
            starts.append(start)
            axes.append(Axis(Slot(len(starts) - 1), terms))
        else:
            axes.append(Axis(start, terms))
    return view.affine(tuple(axes), starts, dims)


def is_basic(items: Sequence[Item]) -> bool:
    return not any(isinstance(i, Indices) for i in items)


def _is_full_integer(index: Any, items: Sequence[Item]) -> bool:
    """Does this index pick one element, and not through an ellipsis (which gives a 0-d view)?"""
    entries = index if isinstance(index, tuple) else (index,)
    return all(isinstance(i, At) for i in items) and not any(e is Ellipsis for e in entries)


@dispatch.implements(operator.getitem)
def getitem(x: Any, index: Any) -> Any:
    """x[index]"""
    if isinstance(x, TracedScalar):
        x = as_array(x)
    items = parse(index, x.view.dims)
    if not is_basic(items):
        return dispatch.call(("advanced", "get"), (x, items), {})
    view = basic_view(x.view, items)
    if _is_full_integer(index, items):
        return TracedScalar(view.read())
    return TracedArray(view)


def _as_element(value: Any, dtype: np.dtype) -> Any:
    """What NumPy makes of an array, or list, with axes that is assigned to one element: a truth, or an error."""
    is_list = isinstance(value, (list, tuple))
    if dtype.kind == "b":
        return len(value) > 0 if is_list else truth_operand(as_array(value))
    if dtype.kind == "c":
        raise TypeError("must be real number, not list" if is_list else
                        "only 0-dimensional arrays can be converted to Python scalars")
    if is_list and dtype.kind in "iu":
        raise TypeError("int() argument must be a string, a bytes-like object or a real number, not 'list'")
    raise ValueError("setting an array element with a sequence.")


@dispatch.implements(operator.setitem)
def setitem(x: TracedArray, index: Any, value: Any) -> None:
    """x[index] = value"""
    if not x.view.writeable:
        raise ValueError("assignment destination is read-only")
    items = parse(index, x.view.dims)
    if not is_basic(items):
        dispatch.call(("advanced", "set"), (x, items, value), {})
        return
    if _is_full_integer(index, items) and isinstance(value, (TracedArray, np.ndarray, list, tuple)) and as_array(value).ndim:
        value = _as_element(value, x.dtype)
    assign(TracedArray(basic_view(x.view, items)), _as_python_int(value, x.dtype))


def _as_python_int(value: Any, dtype: np.dtype) -> Any:
    """NumPy assigns a scalar to signed integers as Python's int, which must be in range; 0-d arrays, and unsigned ones, wrap."""
    if dtype.kind != "i" or not isinstance(value, (np.number, TracedScalar)):
        return value
    if isinstance(value, np.number):
        return int(value.real)
    own = value.value.dtype
    if value.kind is not None or own.kind == "b" or np.can_cast(own, dtype):
        return value
    number = tracer.emit("real", [value.value]) if own.kind == "c" else value.value
    return TracedScalar(tracer.emit("py_cast", [number], dtype=DTYPE_NAMES[dtype]))


@dispatch.implements_method("item")
def item(x: Any, *index: Any) -> Any:
    """x.item(): a Python scalar."""
    x = as_array(x)
    if index:
        if len(index) == 1 and isinstance(index[0], tuple):
            index = index[0]
        if len(index) == 1 and x.ndim != 1:
            x, index = dispatch.METHODS["ravel"](x), index
        return to_python(x[tuple(index)])
    if any(d != 1 for d in x.view.dims):
        raise ValueError("can only convert an array of size 1 to a Python scalar")
    return to_python(x[(0,) * x.ndim])
