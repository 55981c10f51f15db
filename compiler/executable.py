"""Binds native code to arrays: what fills each word of the call, which results are new, what an error means.

The order of the words is that of `passes.lower`: the array parameters, the new results, then the scalar parameters.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..ir.errors import AssumptionError
from ..ir.expr import Expr
from ..ir.graph import Function, Output, Value
from ..ir.types import ArrayType, Type, WeakType
from ..runtime.calls import Calls
from ..runtime.entry import NewArray, Slot
from .known import Known, expression, named
from .pipeline import Native
from .raising import native_error
from .sources import Extent, Source

# Elements of the arguments and results together beyond which other Python threads may run during the call.
GIL_ELEMENTS = 16384

# Per output, its extents.
Shapes = Mapping[int, Sequence[int | Known]]


class Overlap(Exception):
    """An array that the compiled code writes shares memory with another argument."""


class Executable:
    """Runs a compiled function on the values of its parameters."""

    def __init__(self, function: Function, native: Native, shapes: Shapes | None = None,
                 inputs: Sequence[Source] = ()) -> None:
        """shapes: the extents of outputs that follow from run-time extents of the arguments, which come from `inputs`."""
        self._native = native
        self._errors = native.loops.errors
        # Where the values of parameters stand: extents are read from their arrays.
        place = places_of(function)
        self._into = tuple(None if o.into is None else place[o.into] for o in function.outputs)
        self._all_new = all(k is None for k in self._into)
        self._written = sorted({k for k in self._into if k is not None})
        self.assumes = any(e.exception == AssumptionError.__name__ for e in self._errors)
        self._arrays = [place[k] for k, p in enumerate(function.parameters) if p.strides is not None]
        fresh = [k for k, o in enumerate(function.outputs) if o.into is None]
        self._allocate = allocation(function, native, shapes or {}, place, inputs) if shapes or native.loops.room else None
        self._count = len(shapes or ())
        # Which of the new arrays are made here, and not by the entry.
        self._made_here = [k in (shapes or ()) for k in fresh]
        new = [new_array(function.block.yields[k], function.outputs[k]) for k in fresh if k not in (shapes or ())]
        elements = sum(_size(v.type.dims) for v in [*function.block.args, *function.block.yields])  # type: ignore[union-attr]
        elements += GIL_ELEMENTS if len(place) < len(function.parameters) else 0
        self._entry: Callable[..., Any] = native.device.entry(
            native.function, slots_of(function, self._made_here, native.loops.room is not None), new,
            native.loops.arena_bytes, native.loops.worker_bytes,
            native.may_be_long or elements >= GIL_ELEMENTS)

    @property
    def entry(self) -> Callable[..., Any] | None:
        """What runs it on values of its parameters, if nothing is to be done before and after but for errors."""
        return self._entry if self._all_new and self._allocate is None and not self.assumes else None

    @property
    def calls(self) -> Calls:
        return self._native.device.calls

    def error(self, record: bytes) -> BaseException:
        """The exception that the entry's error record stands for."""
        return native_error(self._errors, record)

    def run(self, values: Sequence[Any]) -> Sequence[Any]:
        """One array per output; of those written into an argument, that argument."""
        if self._written and overlaps(values, self._written, self._arrays):
            raise Overlap
        saved = [np.array(values[k]) for k in self._written] if self.assumes else []
        if self._allocate is None:
            outputs = self._entry(*values)
        else:
            made = self._allocate(values)
            outputs = self._entry(*values, *made)
            if type(outputs) is not bytes:
                outputs = self._merged(outputs, made[:self._count])
        if type(outputs) is bytes:
            raise self._restoring(self.error(outputs), values, saved)
        if self._all_new:
            return outputs
        fresh = iter(outputs)
        return [next(fresh) if k is None else values[k] for k in self._into]

    def _merged(self, outputs: Sequence[Any], made: Sequence[Any]) -> Sequence[Any]:
        """All new arrays, in order."""
        if not outputs:
            return made
        theirs, own = iter(outputs), iter(made)
        return [next(own) if here else next(theirs) for here in self._made_here]

    def _restoring(self, error: BaseException, values: Sequence[Any], saved: Sequence[np.ndarray]) -> BaseException:
        """The error; where another version is to run instead, arrays that were written hold again what they held."""
        if isinstance(error, AssumptionError):
            for k, x in zip(self._written, saved, strict=True):
                values[k][...] = x
        return error


def overlaps(values: Sequence[Any], written: Sequence[int], arrays: Sequence[int]) -> bool:
    """Does a written array share memory with another argument? (Its strides, which the trace has seen, tell of itself.)"""
    for w in written:
        a = values[w]
        for k in arrays:
            if k != w and np.may_share_memory(a, values[k]) and _share(a, values[k]):
                return True
    return False


def _share(a: np.ndarray, b: np.ndarray) -> bool:
    try:
        return np.shares_memory(a, b, max_work=100_000)  # type: ignore[arg-type]  # the stubs allow -1 and 0 only
    except np.exceptions.TooHardError:
        return True


def places_of(function: Function) -> dict[int, int]:
    """Where the value of each parameter stands among the values of a call, which leave out extents."""
    given = [k for k, p in enumerate(function.parameters) if p.extent_of is None]
    return {k: place for place, k in enumerate(given)}


def slots_of(function: Function, made_here: Sequence[bool] = (), has_room: bool = False) -> list[Slot]:
    """What fills each word of the native call. made_here: new arrays that come after the parameters' values; after them comes
    the memory for temporaries of run-time size, if there are any."""
    arrays, scalars, place = [], [], places_of(function)
    for k, (p, v) in enumerate(zip(function.parameters, function.block.args, strict=True)):
        if p.extent_of is not None:
            array, axis = p.extent_of
            scalars.append(Slot("extent", place[array], axis))
        elif p.strides is not None:
            arrays.append(Slot("data", place[k]))
        else:
            scalars += scalar_slots(v.type, place[k])
    ours, theirs = itertools.count(len(place)), itertools.count()
    count = sum(1 for o in function.outputs if o.into is None)
    new = [Slot("data", next(ours)) if here else Slot("output", next(theirs)) for here in made_here or [False] * count]
    return [*arrays, *new, *scalars, *([Slot("data", next(ours))] if has_room else [])]


def allocation(function: Function, native: Native, shapes: Shapes, place: Mapping[int, int], inputs: Sequence[Source],
               ) -> Callable[[Sequence[Any]], tuple[np.ndarray, ...]]:
    """A function of the parameters' values that makes the new arrays whose extents follow from them, and the room for
    temporaries whose sizes do."""
    position = {s: place[k] for k, s in enumerate(inputs) if k in place}
    names: dict[str, Any] = {"empty": np.empty}

    def value_of(source: Source) -> str:
        if isinstance(source, Extent):
            return f"v[{position[source.base]}].shape[{source.axis}]"
        return f"v[{position[source]}]"

    made = []
    for k, dims in sorted(shapes.items()):
        texts = [str(d) if isinstance(d, int) else expression(d, value_of, names) for d in dims]
        layout, dtype = function.outputs[k].layout, function.block.yields[k].dtype
        order = tuple(layout) if layout is not None else tuple(range(len(dims)))
        text = f"empty(({', '.join(texts[a] for a in order)},), {named(dtype, names)})"
        back = tuple(order.index(a) for a in range(len(dims)))
        made.append(text if back == tuple(range(len(dims))) else f"{text}.transpose({back})")
    if native.loops.room is not None:
        given = _scalar_texts(function, native, place)
        shared, each = (python_text(e, given) for e in native.loops.room)
        workers = named(native.device.pool, names)
        each = "" if native.loops.room[1].is_const else f" + {each} * {workers}.capacity"
        made.append(f"empty({shared}{each}, {named(np.dtype(np.uint8), names)})")
    exec(compile(f"def allocate(v): return ({', '.join(made)},)", "<allocation>", "exec"), names)
    return names["allocate"]


def _scalar_texts(function: Function, native: Native, place: Mapping[int, int]) -> dict[str, str]:
    """Python source for the numbers that the native function is given, in the order of its scalars."""
    texts: list[str] = []
    for k, (p, v) in enumerate(zip(function.parameters, function.block.args, strict=True)):
        if p.extent_of is not None:
            texts.append(f"v[{place[p.extent_of[0]]}].shape[{p.extent_of[1]}]")
        elif p.strides is None:
            texts += [f"int(v[{place[k]}])"] * len(scalar_slots(v.type, k))
    return dict(zip([name for name, _ in native.loops.scalars], texts, strict=False))


_PYTHON_TEXT = {"add": "({} + {})", "sub": "({} - {})", "mul": "({} * {})", "neg": "(-{})", "max": "max({}, {})",
                "min": "min({}, {})", "and": "({} & {})"}


def python_text(e: Expr, given: Mapping[str, str]) -> str:
    """Python source that computes the size of a block of memory (`passes.rooms`)."""
    if e.kind == "var":
        return given[str(e.payload)]
    return str(e.payload) if e.is_const else _PYTHON_TEXT[str(e.payload)].format(*[python_text(a, given) for a in e.args])


def scalar_slots(type: Type, index: int) -> list[Slot]:
    """The words of one scalar argument: one, or two of a complex number."""
    if isinstance(type, WeakType):
        kinds = {"bool": ("int",), "int": ("int",), "float": ("float",), "complex": ("real", "imag")}[type.kind]
        return [Slot(kind, index) for kind in kinds]
    assert isinstance(type, ArrayType)
    parts = 2 if type.dtype.kind == "c" else 1
    return [Slot(f"bits{8 * type.dtype.itemsize // parts}", index, part) for part in range(parts)]


def new_array(value: Value, output: Output) -> NewArray:
    """The array that an output is returned in."""
    dtype, dims = value.type.dtype, value.type.dims  # type: ignore[union-attr]
    shape: tuple[Any, ...] = tuple(dims)
    if output.layout is None or output.layout == tuple(range(len(shape))):
        return NewArray(dtype, shape)
    strides, step = [0] * len(shape), dtype.itemsize
    for axis in reversed(output.layout):
        strides[axis] = step
        step *= max(shape[axis], 1)
    return NewArray(dtype, shape, tuple(strides))


def _size(dims: tuple) -> int:
    n = 1
    for d in dims:
        n *= d if isinstance(d, int) else 1
    return n
