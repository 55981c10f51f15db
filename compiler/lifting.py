"""Lifting: putting traced objects in the place of what a function is given or reads from outside.

Arrays and NumPy scalars become inputs, wherever they come from.  Python scalars among the arguments become inputs with a
`Known`; read from elsewhere they stay Python values, guarded.  Lists, dicts and other containers are copied with lifted
elements; what the function does to the copy is later done to the original.  Functions, modules and classes are guarded by
identity.  Other objects stay themselves: their attributes are lifted one by one when they are read (`read_attribute`).

One object is lifted once, so sharing is kept.
"""

from __future__ import annotations

import copy
import sys
import types
from collections import deque
from collections.abc import Iterator
from enum import Enum
from typing import Any

import numpy as np

from ..ir.graph import Value
from ..ir.types import PY_INT, ArrayType, Dim, WeakType
from . import integers, pytree, tracer
from .aliasing import united_view
from .arrays import TracedArray, is_traced
from .contents import ContentsGuard, Snapshot, contents, is_seen_by_contents
from .known import (
    IdentityGuard,
    KnownInput,
    LayoutGuard,
    SameObject,
    SourceGuard,
    StructureGuard,
    TypeGuard,
    array_layout,
)
from .library import is_library_module
from .run_time_lists import GROWS, RunTimeList
from .scalars import PYTHON_SCALARS, TracedScalar
from .signature import Static
from .sources import Attribute, Child, Extent, Item, Source
from .strides import AnyStride
from .tracer import Restart
from .values import check_dtype
from .views import Storage, packed_strides, view_of

_BY_IDENTITY = (types.ModuleType, type, types.BuiltinFunctionType, types.MethodType, np.ufunc, types.MethodWrapperType,
                types.WrapperDescriptorType, types.MethodDescriptorType, types.GetSetDescriptorType)
_BY_VALUE = (str, bytes, type(None), np.dtype, range, slice, type(Ellipsis))

# A decision: Python scalars among the arguments are run-time values, whatever that costs.
RUN_TIME_SCALARS = "run-time scalars"


def lift(x: Any, source: Source, in_key: bool = False) -> Any:
    """What stands for `x`, found at `source`, in the trace. in_key: the signature already tells its type and layout."""
    trace = tracer.current()
    if is_traced(x):
        return x
    found = trace.lifted.get(id(x))
    if found is not None and found[0] is x and not isinstance(x, (*PYTHON_SCALARS, str)):
        if not in_key and source != found[2]:
            trace.guard(SameObject(source, found[2]))
        return found[1]
    lifted = _lift(x, source, in_key)
    trace.lifted[id(x)] = (x, lifted, source)
    return lifted


def _lift(x: Any, source: Source, in_key: bool) -> Any:
    trace = tracer.current()
    if type(x) is Static:
        return x.value
    if isinstance(x, np.ndarray):
        return _lift_array(x, source, in_key)
    if isinstance(x, np.generic):
        if not in_key:
            trace.guard(TypeGuard(source, type(x)))
        value = trace.add_input(source, ArrayType(check_dtype(x.dtype, f"{source}, a number")), str(source))
        return TracedScalar(value, KnownInput(x, source))
    if type(x) in PYTHON_SCALARS:
        if in_key and not (type(x) is int and not -(2**63) <= x < 2**63):
            value = trace.add_input(source, WeakType(type(x).__name__), str(source))
            if (RUN_TIME_SCALARS,) in trace.decisions:
                return TracedScalar(value)
            known = trace.facts.known[value] = KnownInput(x, source)
            return TracedScalar(value, known)
        trace.guard(SourceGuard(source, x))
        return x
    if isinstance(x, _BY_VALUE):
        if not in_key:
            trace.guard(SourceGuard(source, x))
        return x
    if isinstance(x, types.FunctionType):
        trace.guard(IdentityGuard(source, x, x.__code__))
        return x
    if isinstance(x, _BY_IDENTITY):
        trace.guard(IdentityGuard(source, x))
        return x
    if pytree.is_container(type(x)):
        return _lift_container(x, source, in_key)
    if not in_key:
        trace.guard(TypeGuard(source, type(x)))
    if isinstance(x, Iterator) and is_library_module(sys.modules.get(type(x).__module__)):
        raise tracer.unsupported(f"{source}, a {type(x).__name__}", "what it gives next differs from call to call",
                                 "pass a list of what it gives")
    if is_seen_by_contents(x):
        held = contents(x)
        trace.guard(ContentsGuard(source, held))
        trace.snapshots.append((Snapshot(x, held), source))
    elif isinstance(x, Enum):
        trace.guard(IdentityGuard(source, x))
    trace.origins[id(x)] = (x, source)
    return x


def _lift_array(x: np.ndarray, source: Source, in_key: bool) -> TracedArray:
    trace = tracer.current()
    if type(x) is not np.ndarray:
        raise tracer.unsupported(f"{source}, a {type(x).__module__}.{type(x).__name__}",
                                 "subclasses of ndarray are not compiled", "pass numpy.asarray(x)")
    why = _unusual_memory(x)
    if why is not None:
        raise tracer.unsupported(f"{source}, {why}", "it has no compiled form",
                                 "pass a copy: x.astype(x.dtype.newbyteorder('='))" if not x.dtype.isnative else "pass a copy")
    check_dtype(x.dtype, f"{source}, an array")
    if not in_key:
        trace.guard(LayoutGuard(source, array_layout(x)))
    view = united_view(x, source)
    if view is None:
        dims, strides, layout = _extents(x, source)
        value = trace.add_input(source, ArrayType(x.dtype, dims), str(source))
        view = view_of(Storage(value, strides, source, x.flags.writeable, layout))
    elif trace.shapes is not None:
        raise tracer.unsupported("arrays that share memory, with run-time extents")
    twin = TracedArray(view)
    trace.twins[id(twin)] = tracer.Twin(twin, twin.view, source)
    return twin


def _extents(x: np.ndarray, source: Source) -> tuple[tuple[Dim, ...], tuple[AnyStride | None, ...], tuple[int, ...] | None]:
    """The extents of an argument, some of them run-time values, its strides, and the order of its axes if these follow."""
    trace = tracer.current()
    numbers = trace.shapes.numbers.get(id(x)) if trace.shapes is not None else None
    fixed = {n for d in trace.decisions if d[0] == tracer.SPECIALISED for n in d[1]}
    if numbers is None or all(n is None or n in fixed for n in numbers):
        return x.shape, x.strides, None
    dims: list[Dim] = []
    for axis, (n, extent) in enumerate(zip(numbers, x.shape, strict=True)):
        dims.append(extent if n is None or n in fixed else _symbol(n, extent, source, axis))
    if x.ndim == 1:
        return tuple(dims), x.strides, None
    layout = tuple(range(x.ndim)) if x.flags.c_contiguous else tuple(range(x.ndim))[::-1]
    return tuple(dims), packed_strides(dims, x.dtype, layout), layout


def _symbol(number: int, extent: int, source: Source, axis: int) -> Value:
    """The run-time value of an extent: one for all extents of that number."""
    trace = tracer.current()
    found = next((v for v, (n, _) in trace.facts.symbols.items() if n == number), None)
    if found is None:
        place = Extent(source, axis, number)
        found = trace.add_input(place, PY_INT, str(place))
        trace.facts.symbols[found] = (number, KnownInput(extent, place))
        integers.set_bounds(found, [integers.form_of(2)], [])
    return found


def _unusual_memory(x: np.ndarray) -> str | None:
    """What keeps compiled code from reading an array's memory as elements of its dtype."""
    if x.dtype.fields is not None:
        return "a structured array"
    if not x.flags.aligned:
        return "an unaligned array"
    if not x.dtype.isnative:
        return "a byte-swapped array"
    # Complex numbers may lie at odd multiples of their parts' size: in a field of a structured array.
    if any(s % x.itemsize for s, d in zip(x.strides, x.shape, strict=True) if d != 1):
        return "an array whose strides are no multiples of its elements' size"
    return None


def _lift_container(x: Any, source: Source, in_key: bool) -> Any:
    trace = tracer.current()
    if not in_key:
        keys = tuple(x) if isinstance(x, dict) else len(pytree.children(x))
        trace.guard(StructureGuard(source, type(x), keys))
    if isinstance(x, (dict, list, deque)):
        # A copy that the function may change; entered first, so that a cycle finds it.
        twin = copy.copy(x)
        trace.lifted[id(x)] = (x, twin, source)
        for k in list(x) if isinstance(x, dict) else range(len(x)):
            twin[k] = lift(x[k], Item(source, k), in_key)
        if type(x) is list and all(isinstance(e, (TracedScalar, *PYTHON_SCALARS)) for e in twin):
            twin = _growable(twin, source)
            trace.lifted[id(x)] = (x, twin, source)
        trace.containers[id(twin)] = tracer.Container(x, twin, source, copy.copy(twin))
        return twin
    place = Item if isinstance(x, tuple) else Child
    return pytree.with_children(x, [lift(v, place(source, k), in_key) for k, v in enumerate(pytree.children(x))])


def _growable(items: Any, source: Source) -> Any:
    """A list of the caller's, which the function may make longer; one that grows is there before any loop or branch."""
    trace = tracer.current()
    place = f"the caller's {source}"
    if (GROWS, place) in trace.decisions:
        if trace.depth:
            raise Restart(("preload", source))
        return RunTimeList(place, items)
    trace.lists[id(items)] = (items, place, 0, 0)
    return items


def read_attribute(owner: Any, name: str, source: Source) -> Any:
    """owner.name, for an object found at `source`."""
    return lift(getattr(owner, name), Attribute(source, name))
