"""Binds native code to arrays: what fills each word of the call, which results are new, what an error means.

The order of the words is that of `passes.lower`: the array parameters, the new results, then the scalar parameters.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..ir.errors import AssumptionError
from ..ir.expr import Expr
from ..ir.graph import Function, Output, Value
from ..ir.types import ArrayType, Type, WeakType
from ..runtime.calls import Calls
from ..runtime.entry import NewArray, Slot
from ..runtime.sizes import Size, fits
from . import extent_programs
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
        computed = computed_sizes(function, native, shapes or {}, place, inputs)
        here = {} if computed is not None else shapes or {}
        arrays, room = computed or ({}, None)
        self._allocate = allocation(function, native, here, place, inputs) if here or (native.loops.room and room is None) else None
        self._count = len(here)
        # Which of the new arrays are made here, and not by the entry.
        self._made_here = [k in here for k in fresh]
        new = [arrays.get(k) or new_array(function.block.yields[k], function.outputs[k]) for k in fresh if k not in here]
        self._entry: Callable[..., Any] = native.device.entry(
            native.function, slots_of(function, self._made_here, native.loops.room is not None, room is not None), new,
            native.loops.arena_bytes, native.loops.worker_bytes, native.may_be_long or is_large(function, place, arrays), room)

    @property
    def entry(self) -> Callable[..., Any] | None:
        """What runs it on values of its parameters, if nothing is to be done before and after but for errors.

        Where arguments are written, one has to ask before whether any `meet`.
        """
        return self._entry if self._allocate is None and not self.assumes else None

    @property
    def new_outputs(self) -> list[int]:
        """The outputs that the entry gives."""
        return [k for k, into in enumerate(self._into) if into is None]

    @property
    def may_meet(self) -> bool:
        """Might an argument that is written share memory with another?"""
        return bool(self._written) and len(self._arrays) > 1

    def meet(self, values: Sequence[Any]) -> bool:
        return overlaps(values, self._written, self._arrays)

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


def slots_of(function: Function, made_here: Sequence[bool] = (), has_room: bool = False, entry_has_it: bool = False) -> list[Slot]:
    """What fills each word of the native call. made_here: new arrays that come after the parameters' values; after them comes
    the memory for temporaries of run-time size, if there are any, unless the entry has it."""
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
    room = [Slot("room", 0) if entry_has_it else Slot("data", next(ours))] if has_room else []
    return [*arrays, *new, *scalars, *room]


def computed_sizes(function: Function, native: Native, shapes: Shapes, place: Mapping[int, int], inputs: Sequence[Source],
                   ) -> tuple[dict[int, NewArray], Size | None] | None:
    """What the entry computes at each call, in place of `allocation`: these outputs, and the room in bytes; None if it cannot."""
    position = {s: place[k] for k, s in enumerate(inputs) if k in place}
    arrays, room = dict[int, NewArray](), None
    for k, dims in shapes.items():
        sizes = [extent_programs.of_known(d, position.get) for d in dims]
        if not all(n is not None and fits(n) for n in sizes):
            return None
        arrays[k] = laid_out(function.block.yields[k].dtype, sizes, function.outputs[k].layout)  # type: ignore[arg-type]
    if native.loops.room is not None:
        given = _scalar_sizes(function, native, place)
        shared, each = (extent_programs.of_expression(e, given) for e in native.loops.room)
        if shared is None or each is None:
            return None
        room = ("add", shared, ("mul", each, ("workers",)))
        if not fits(room):
            return None
    return arrays, room


def _scalar_sizes(function: Function, native: Native, place: Mapping[int, int]) -> dict[str, Size]:
    """Those of the numbers that the native function is given which are extents."""
    sizes: list[Size | None] = []
    for k, (p, v) in enumerate(zip(function.parameters, function.block.args, strict=True)):
        if p.extent_of is not None:
            sizes.append(("extent", place[p.extent_of[0]], p.extent_of[1]))
        elif p.strides is None:
            sizes += [None] * len(scalar_slots(v.type, k))
    names = [name for name, _ in native.loops.scalars]
    return {name: size for name, size in zip(names, sizes, strict=False) if size is not None}


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
    return laid_out(value.type.dtype, value.type.dims, output.layout)  # type: ignore[union-attr, arg-type]


def laid_out(dtype: np.dtype, shape: Sequence[Size], layout: Sequence[int] | None) -> NewArray:
    """A new array with the axes in this order in memory."""
    if layout is None or tuple(layout) == tuple(range(len(shape))):
        return NewArray(dtype, tuple(shape))
    strides: list[Size] = [0] * len(shape)
    step: Size = dtype.itemsize
    for axis in reversed(layout):
        strides[axis], n = step, shape[axis]
        step = step * max(n, 1) if isinstance(step, int) and isinstance(n, int) else ("mul", step, ("max", n, 1))
    return NewArray(dtype, tuple(shape), tuple(strides))


def is_large(function: Function, place: Mapping[int, int], computed: Mapping[int, NewArray]) -> bool | Size:
    """Shall other Python threads run during the call? Where extents are run-time values, that is found out at each call."""
    block = function.block
    fixed = sum(_size(v.type.dims) for v in [*block.args, *block.yields])  # type: ignore[union-attr]
    if fixed >= GIL_ELEMENTS or len(place) == len(function.parameters):
        return fixed >= GIL_ELEMENTS
    shapes = [o.shape for o in computed.values()]
    for k, (p, v) in enumerate(zip(function.parameters, block.args, strict=True)):
        if p.strides is not None:
            dims = v.type.dims  # type: ignore[union-attr]
            shapes.append(tuple(d if isinstance(d, int) else ("extent", place[k], axis) for axis, d in enumerate(dims)))
    total: Size = fixed
    for shape in shapes:
        if not all(isinstance(n, int) for n in shape):
            total = ("add", total, functools.reduce(lambda x, y: ("mul", x, y), shape))
    truth = ("ge", total, GIL_ELEMENTS)
    return truth if fits(truth) else True


def _size(dims: tuple) -> int:
    """The number of elements, or 1 if that is not known."""
    return math.prod(d if isinstance(d, int) else 1 for d in dims)
