"""From traced objects back to Python: recipes that build a call's result, and effects on the caller's objects.

`Recipes` walks what the function returned and decides what the native code must output; the recipe classes rebuild it at
each call.  Sharing is kept: what was one object while tracing is one object in the result, and arrays over one storage are
views of one buffer.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ir.graph import Output, Value, defining_block
from ..ir.types import WeakType, same_dims
from . import integers, pytree, tracer
from .array_form import Spaced, Stepped
from .arrays import TracedArray, new_array
from .changed_containers import SetContents, SetElements
from .choice import Choice
from .compaction import compacted
from .effects import host_call
from .growing import PYTHON_TYPES, Appended
from .known import Known
from .list_elements import EmptyOf, Fixed, ListOf, PooledOf, PoolOf, leaves_of
from .masked_values import MaskedValues
from .padding import memory_of, padded, unpadded
from .pooled_lists import PooledList
from .run_time_lists import RunTimeList
from .scalars import TracedScalar
from .sources import Attribute, Source
from .state import Either, Tentative, Undefined
from .text import TracedText
from .traced import Build, Effect, Recipe
from .view_results import ViewOf
from .views import Storage


@dataclass(frozen=True, slots=True)
class Constant:
    """A Python object, as it is."""

    value: Any

    def build(self, state: Build) -> Any:
        return self.value


@dataclass(frozen=True, slots=True)
class FromCall:
    """The caller's own object."""

    source: Source

    def build(self, state: Build) -> Any:
        return self.source.read(state.call)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A NumPy scalar, or with `kind` a Python one."""

    output: int
    kind: type | None

    def build(self, state: Build) -> Any:
        x = np.asarray(state.outputs[self.output])[()]
        return x if self.kind is None else self.kind(x)


@dataclass(frozen=True, slots=True)
class ElementOf:
    """An element of an array of rank 1, or with `kind` a Python number."""

    array: Recipe
    index: int
    kind: type | None

    def build(self, state: Build) -> Any:
        x = self.array.build(state)[self.index]
        return x if self.kind is None else self.kind(x)


@dataclass(frozen=True, slots=True)
class NewArray:
    """A buffer that the native code filled."""

    output: int

    def build(self, state: Build) -> Any:
        return state.outputs[self.output]


# A copy of so few bytes takes no longer than memory cut to its size.
MOST_COPIED = 4096


def is_cut(whole: np.ndarray, part: np.ndarray) -> bool:
    """Are these the first elements of memory that a call made, worth keeping where they are?"""
    return part.nbytes > MOST_COPIED and part.shape[1:] == whole.shape[1:] and whole.flags.owndata and whole.flags.c_contiguous


@dataclass(frozen=True, slots=True)
class FirstOf:
    """The first elements of a buffer, as an array of their own with its axes in the order `layout`."""

    whole: Recipe
    dims: tuple[int | Recipe, ...]
    layout: tuple[int, ...] | None

    def build(self, state: Build) -> Any:
        key = id(self)
        if key not in state.made:
            extents = [d if isinstance(d, int) else int(d.build(state)) for d in self.dims]
            whole = self.whole.build(state)
            part = whole[tuple(map(slice, extents))]
            if self.layout is None and is_cut(whole, part):
                # Nothing else refers to this memory: what is behind the part is given back.
                whole.resize(part.shape, refcheck=False)
                state.made[key] = whole
            elif self.layout is None:
                state.made[key] = part.copy("C")
            else:
                back = [self.layout.index(k) for k in range(len(extents))]
                state.made[key] = part.transpose(self.layout).copy("C").transpose(back)
        return state.made[key]


class Delivered:
    """An array whose size nothing bounds before the program runs: the program hands it over when it is done, with its axes in
    the order `layout`."""

    def __init__(self, layout: tuple[int, ...] | None) -> None:
        self._here = threading.local()
        self._back = None if layout is None else [layout.index(k) for k in range(len(layout))]

    def receive(self, array: np.ndarray) -> list[Any]:
        self._here.array = array if self._back is None else array.transpose(self._back)
        return []

    def build(self, state: Build) -> Any:
        key = id(self)
        if key not in state.made:
            state.made[key] = self._here.array
            del self._here.array
        return state.made[key]


@dataclass(frozen=True, slots=True)
class Alternative:
    """One of two arrays, by a truth value that the native code returns."""

    condition: int
    then: Recipe
    other: Recipe

    def build(self, state: Build) -> Any:
        return (self.then if bool(np.asarray(state.outputs[self.condition])[()]) else self.other).build(state)


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of several objects, by a number that the native code returns."""

    tag: int
    options: tuple[Recipe, ...]

    def build(self, state: Build) -> Any:
        return self.options[int(np.asarray(state.outputs[self.tag])[()])].build(state)


@dataclass(frozen=True, slots=True)
class Picked:
    """The rows of an array where a mask holds."""

    full: Recipe
    mask: Recipe
    lead: int

    def build(self, state: Build) -> Any:
        full, mask = self.full.build(state), self.mask.build(state)
        return full[(*(slice(None),) * self.lead, mask)]


@dataclass(frozen=True, slots=True)
class Text:
    """Text made of run-time values."""

    text: TracedText
    values: tuple[Recipe, ...]

    def build(self, state: Build) -> Any:
        return self.text.run([v.build(state) for v in self.values])


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A container built while tracing. A mutable one is built once per call, however often it occurs."""

    cls: type
    rest: Hashable
    children: tuple[Recipe, ...]

    def build(self, state: Build) -> Any:
        key = id(self)
        if key not in state.made:
            state.made[key] = pytree.assemble(self.cls, self.rest, [c.build(state) for c in self.children])
        return state.made[key]


@dataclass(frozen=True, slots=True)
class RebuiltObject:
    """An object made while tracing, with its attributes."""

    cls: type
    attributes: dict[str, Recipe]

    def build(self, state: Build) -> Any:
        key = id(self)
        if key not in state.made:
            made: Any = object.__new__(self.cls)
            state.made[key] = made
            made.__dict__.update({k: r.build(state) for k, r in self.attributes.items()})
        return state.made[key]


@dataclass(frozen=True, slots=True)
class Once:
    """An array or object that occurs several times: built at its first use."""

    inner: Recipe

    def build(self, state: Build) -> Any:
        key = id(self)
        if key not in state.made:
            state.made[key] = self.inner.build(state)
        return state.made[key]


@dataclass(frozen=True, slots=True)
class SetPlace:
    """An attribute, global or closure variable gets a value."""

    source: Source
    value: Recipe

    def prepare(self, state: Build) -> Callable[[], None]:
        return functools.partial(self.source.writer(state.call), self.value.build(state))


class Recipes:
    """Makes recipes, and collects what the native code has to output for them."""

    def __init__(self) -> None:
        self.values: list[Value] = []
        self.outputs: list[Output] = []
        self._of_value: dict[int, int] = {}
        self._pools: dict[str, PoolOf] = {}
        self._of_storage: dict[Storage, Recipe] = {}
        self.shapes: dict[int, tuple[int | Known, ...]] = {}
        # The array that is the buffer itself; others over the same storage are views of it.
        self._owners: dict[Storage, TracedArray] = {}
        self._memo: dict[int, tuple[Any, Recipe]] = {}

    def _output(self, value: Value, output: Output) -> int:
        self.values.append(value)
        self.outputs.append(output)
        return len(self.values) - 1

    def recipe(self, x: Any) -> Recipe:
        """How to build what `x` stands for."""
        found = self._memo.get(id(x))
        if found is not None and found[0] is x:
            return found[1]
        made = self._make(x)
        self._memo[id(x)] = (x, made)
        return made

    def _make(self, x: Any) -> Recipe:
        trace = tracer.current()
        if isinstance(x, Appended):
            return ElementOf(self.recipe(x.array), x.index, PYTHON_TYPES.get(x.weak))
        if isinstance(x, TracedScalar):
            return Scalar(self._scalar(x.value), x.python_type if x.kind else None)
        if isinstance(x, TracedArray):
            return self._array(x)
        if isinstance(x, Either):
            if not isinstance(x.condition, TracedScalar):
                return self.recipe(x.then if x.condition else x.other)
            return Alternative(self._scalar(x.condition.value), self.recipe(x.then), self.recipe(x.other))
        if isinstance(x, Choice):
            return OneOf(self._scalar(x.tag.value), tuple(map(self.recipe, x.options)))
        if isinstance(x, TracedText):
            return Text(x, tuple(self.recipe(v) for v in x.values))
        if id(x) in trace.containers:
            return FromCall(trace.containers[id(x)].source)
        if isinstance(x, RunTimeList):
            return self._elements(x)
        if isinstance(x, MaskedValues) and len(x.full.view.dims) == len(x.mask.dims):
            return self.recipe(compacted(x.full.view.read(), x.mask))
        if isinstance(x, MaskedValues):
            return Once(Picked(self.recipe(x.full), self.recipe(new_array(x.mask)), x.lead))
        if id(x) in trace.origins:
            return FromCall(trace.origins[id(x)][1])
        if type(x) is not type(None) and pytree.is_container(type(x)):
            children = tuple(self.recipe(c) for c in pytree.children(x))
            if type(x) is tuple and all(isinstance(c, Constant) for c in children):
                return Constant(x)
            return Rebuilt(type(x), pytree.rest(x), children)
        if hasattr(x, "__dict__") and not isinstance(x, type) and any(self._is_made(v) for v in vars(x).values()):
            return RebuiltObject(type(x), {k: self.recipe(v) for k, v in vars(x).items()})
        return Constant(x)

    def _is_made(self, x: Any) -> bool:
        return not isinstance(self.recipe(x), Constant)

    def _scalar(self, value: Value) -> int:
        if id(value) not in self._of_value:
            self._of_value[id(value)] = self._output(value, Output())
        return self._of_value[id(value)]

    def _elements(self, x: RunTimeList) -> Recipe:
        if isinstance(x, PooledList):
            return PooledOf(self._pool(x.place), Scalar(self._scalar(x.number.value), int))
        return self._list(x) if x.holding is not None else EmptyOf(x.as_python)

    def _list(self, x: RunTimeList) -> ListOf:
        assert x.holding is not None
        x.settle()
        columns = tuple([self.recipe(x.column(k).copy()) for k in range(len(x.columns))])
        tags = None if x.tags is None else self.recipe(x.tag_column().copy())
        pools = {leaf.pool: self._pool(leaf.pool) for k in x.holding.kinds for leaf in leaves_of(k) if leaf.pool}
        return ListOf(columns, tags, Scalar(self._scalar(x.length_value()), int), x.holding.kinds, x.as_python, pools)

    def _pool(self, name: str) -> PoolOf:
        if name not in self._pools:
            pool = tracer.current().pools[name]
            elements = self._list(pool) if pool.holding is not None else ListOf((), None, Constant(0), (Fixed(None),), list, {})
            self._pools[name] = PoolOf(elements, *(self.recipe(new_array(s.value)) for s in (pool.starts, pool.lengths)))
        return self._pools[name]

    def _array(self, x: TracedArray) -> Recipe:
        twin = tracer.current().twins.get(id(x))
        if twin is not None:
            return FromCall(twin.source)
        view = x.view
        base = self._storage(view.storage)
        whole = view.steps == view.storage.seen and isinstance(
            base, (NewArray, Spaced, Stepped, FirstOf, Delivered, Alternative)) and view.writeable
        if whole and self._owners.setdefault(view.storage, x) is x:
            return base
        numbers = tuple((self._numbers(getattr(s, "starts", ())), self._numbers(getattr(s, "dims", ()))) for s in view.steps)
        return Once(ViewOf(base, view.steps, numbers, view.writeable))  # type: ignore[arg-type]

    def _numbers(self, values: Sequence[int | Value]) -> tuple:
        return tuple(v if isinstance(v, int) else Scalar(self._scalar(v), int if isinstance(v.type, WeakType) else None)
                     for v in values)

    def _storage(self, storage: Storage) -> Recipe:
        """The buffer: the caller's for an argument, else one that the native code fills."""
        if storage not in self._of_storage:
            if storage.source is not None:
                self._of_storage[storage] = FromCall(storage.source)
            else:
                made = self._new(storage)
                self._of_storage[storage] = made if storage.step is None else Stepped(made, self._numbers([storage.step])[0])
                for taken, array in tracer.current().alternatives.get(storage, ()):
                    if defining_block(taken) is tracer.current().block:
                        self._of_storage[storage] = Alternative(
                            self._scalar(taken), self.recipe(array), self._of_storage[storage])
        return self._of_storage[storage]

    def _new(self, storage: Storage) -> Recipe:
        """A new buffer; of one whose extents are run-time values, the first elements of the greatest that there may be."""
        value = storage.value
        dims = storage.seen[0].dims if storage.seen else value.dims  # type: ignore[union-attr]
        if all(isinstance(d, int) for d in dims):
            filled = NewArray(self._output(value, Output(layout=storage.layout)))
            return Spaced(filled, storage.strides) if storage.spaced else filled  # type: ignore[arg-type]
        known = [d if isinstance(d, int) else integers.facts().following(d) for d in value.dims]
        if None not in known:
            whole = same_dims(dims, value.dims)
            number = self._output(value, Output(layout=storage.layout if whole else None))
            self.shapes[number] = tuple(known)  # type: ignore[arg-type]
            return NewArray(number) if whole else FirstOf(NewArray(number), self._numbers(dims), storage.layout)
        rooms = [integers.upper_bound(d) for d in value.dims]
        if None in rooms:
            delivered, packed = Delivered(storage.layout), unpadded(value, dims)
            if storage.layout is not None:
                packed = tracer.emit("transpose", [packed], axes=storage.layout)
            host_call("result", delivered.receive, [packed], (), once=False)
            return delivered
        if not all(isinstance(d, int) for d in value.dims):
            at_hand = memory_of(value)
            value = at_hand if at_hand is not None and all(isinstance(d, int) for d in at_hand.dims) else padded(value, rooms)  # type: ignore[arg-type]
        return FirstOf(NewArray(self._output(value, Output())), self._numbers(dims), storage.layout)

    def write_back(self, storages: Sequence[Storage], position: dict[int, int]) -> None:
        """Output the new contents of the caller's arrays that were written. position: id of parameter -> its number."""
        for s in storages:
            if s.parameter is not None and s.value is not s.parameter:
                self._output(s.value, Output(into=position[id(s.parameter)]))

    def effects(self) -> list[Effect]:
        """What to do to the caller's containers and names."""
        trace = tracer.current()
        out: list[Effect] = []
        for c in list(trace.containers.values()):
            if isinstance(c.twin, RunTimeList):
                out.append(SetElements(c.source, self._elements(c.twin)))
            elif not same_contents(c.twin, c.before):
                if isinstance(c.twin, dict):
                    out.append(SetContents(c.source, tuple(c.twin), tuple(
                        None if k in c.before and c.before[k] is v else self.recipe(v) for k, v in c.twin.items())))
                else:
                    out.append(SetContents(c.source, None, tuple(map(self.recipe, c.twin))))
        for twin in trace.twins.values():
            if twin.array.view is not twin.view:
                tracer.specialise(*(d for d in twin.array.view.dims if isinstance(d, Value)))
                out.append(SetPlace(Attribute(twin.source, "shape"), Constant(twin.array.view.dims)))
        for source, value in trace.bindings.items():
            if isinstance(value, Tentative):
                raise tracer.unsupported(f"setting {source} on some paths only", "it did not exist before")
            if not isinstance(value, Undefined) and trace.preloaded.get(source, self) is not value:
                out.append(SetPlace(source, self.recipe(value)))
        return out


def same_contents(a: Any, b: Any) -> bool:
    """The same objects in the same order."""
    if len(a) != len(b):
        return False
    if isinstance(a, dict):
        return all(k is j and v is w for (k, v), (j, w) in zip(a.items(), b.items(), strict=True))
    return all(v is w for v, w in zip(a, b, strict=True))
