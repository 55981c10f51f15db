"""Tracing a function into a block of its own, so that a transformation can work on it.

`subtrace(f, leaves, rebuild)` runs `f` with stand-ins for the moving `leaves` of its arguments; the block takes their
values, captures all else, and yields what the function returned and the order of its effects.  Writes to arrays from outside
act on private copies: afterwards every storage holds what it held before.  Start there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ir.errors import UnsupportedError
from ..ir.graph import Block, Value
from ..ir.types import ArrayType, WeakType, same_dims
from . import hooks, pytree, tracer
from .arrays import TracedArray, is_traced, new_array, value_of
from .choice import Choice
from .masked_values import MaskedValues
from .records import is_number, unpacked
from .results import same_contents
from .run_time_lists import RunTimeList
from .scalars import TracedScalar
from .staging import inside
from .state import Either, Tentative, Undefined
from .values import cast
from .views import Storage, view_of

Leaf = Any  # a traced array or scalar, or a number


@dataclass(eq=False, slots=True)
class Subtrace:
    """block: takes the moving leaves, yields the traced leaves of the result and then the order of effects.
    result: the result's leaves; structure: their tree; places: which of them the block yields.
    arguments: the storages of the stand-ins for arrays, None for others; written: the storages around the function that it
    wrote, with what they held before and after."""

    block: Block
    result: list[Any]
    structure: pytree.TreeDef
    places: list[int]
    arguments: list[Storage | None]
    written: list[tuple[Storage, Value, Value]]

    def rebuilt(self, values: Sequence[Value]) -> Any:
        """The result with its traced leaves made of `values`."""
        leaves = list(self.result)
        for k, v in zip(self.places, values, strict=False):
            leaves[k] = like(self.result[k], v)
        return self.structure.unflatten(leaves)


def like(leaf: Leaf, value: Value) -> Any:
    """`value` as NumPy would give it where `leaf` stands: an array, a NumPy scalar, a Python scalar."""
    return new_array(value) if isinstance(leaf, (TracedArray, np.ndarray)) else TracedScalar(value)


def leaf_value(leaf: Leaf) -> Value:
    return value_of(leaf)


def subtrace(f: Callable[..., Any], leaves: Sequence[Leaf], rebuild: Callable[[list[Any]], tuple[tuple, dict]],
             stand_in: Callable[[Leaf, Block], Any] | None = None) -> Subtrace:
    """Trace f(*args, **kwargs), where rebuild(stand-ins of `leaves`) gives args and kwargs.

    stand_in(leaf, block) makes the argument of the block that stands for a leaf; without it, a copy of the leaf.
    """
    block = Block()
    written: list[tuple[Storage, Value, Value]] = []
    with inside(block, once=True), _private(written):
        stand_ins = [(stand_in or _stand_in)(x, block) for x in leaves]
        args, kwargs = rebuild(stand_ins)
        result = hooks.call(f, args, kwargs)
        if stand_in is None:
            _refuse_shared(leaves, stand_ins, (args, kwargs))
        order = tracer.current().order.value
        found, structure = pytree.flatten(unpacked(_joined(result)), is_leaf=is_traced)
        found = [_settled(x) if isinstance(x, Choice) else x for x in found]
        for x in found:
            if isinstance(x, (Either, Tentative, Undefined)):
                raise _undecided()
            if isinstance(x, MaskedValues):
                raise x.refusal()
            if isinstance(x, RunTimeList):
                raise tracer.unsupported("a transformation of a function that returns a list which a loop or branch made longer",
                                         "its length is known only at run time", "return np.array(list)")
        places = [k for k, x in enumerate(found) if is_traced(x)]
        block.yields = [*(leaf_value(found[k]) for k in places), order]
    block.owner = None
    storages = [x.view.storage if isinstance(x, TracedArray) else None for x in stand_ins]
    return Subtrace(block, found, structure, places, storages, written)


def _refuse_shared(leaves: Sequence[Leaf], stand_ins: Sequence[Any], given: Any) -> None:
    """A function that writes to one of two arguments that are one array would see that in the other: copies would not."""
    others = [x.view.storage for x in (*leaves, *pytree.flatten(given, is_leaf=is_traced)[0]) if isinstance(x, TracedArray)]
    for leaf, x in zip(leaves, stand_ins, strict=True):
        if isinstance(leaf, TracedArray) and x.view.storage.written and others.count(leaf.view.storage) > 1:
            raise tracer.unsupported("the derivative of a function that writes to its argument",
                                     "another argument is the same array", "pass a copy")


def _undecided() -> UnsupportedError:
    return tracer.unsupported("the derivative of this function", "the type of what it returns depends on run-time values",
                              "return numbers and arrays of one type and shape on every path")


def _joined(x: Any) -> Any:
    """The result of a function that returns at several places, where these agree in structure and types."""
    if not isinstance(x, Either):
        return x
    if not isinstance(x.condition, TracedScalar):
        return _joined(x.then if x.condition else x.other)
    if x.other is None:
        # Some path may end without a `return`: that is found out when the program runs.
        return _reached(x.condition.value, _joined(x.then))
    (first, tree), (second, other) = (pytree.flatten(_joined(side), is_leaf=is_traced) for side in (x.then, x.other))
    if tree != other:
        raise _undecided()
    return tree.unflatten([_chosen(x.condition.value, a, b) for a, b in zip(first, second, strict=True)])


def _reached(condition: Value, x: Any) -> Any:
    leaves, tree = pytree.flatten(x, is_leaf=is_traced)
    if not all(map(is_number, leaves)):
        raise _undecided()
    message = "a function that is differentiated returned None"
    return tree.unflatten([like(y, tracer.emit("check", [leaf_value(y), condition], exception="TypeError", message=message))
                           for y in leaves])


def _chosen(condition: Value, x: Any, y: Any) -> Any:
    if not (is_number(x) and is_number(y)):
        if x is y:
            return x
        raise _undecided()
    a, b = _of_one_type([leaf_value(x), leaf_value(y)])
    if not same_dims(a.dims, b.dims):
        raise _undecided()
    model = y if isinstance(y, (TracedArray, np.ndarray)) else x
    return like(model, tracer.emit("where", [tracer.builder().broadcast_to(condition, a.dims), a, b]))


def _settled(x: Choice) -> Any:
    """One of several numbers, as a number of the type that holds them all."""
    options = [_settled(o) if isinstance(o, Choice) else o for o in x.options]
    if not all(map(is_number, options)):
        raise _undecided()
    last, *rest = reversed(list(enumerate(options)))
    joined = last[1]
    for k, option in rest:
        joined = _chosen(tracer.emit("py_equal", [x.tag.value, tracer.constant(k)]), option, joined)
    return joined


_WEAK: dict[str, Any] = {"bool": np.bool_, "int": np.int64, "float": np.float64, "complex": np.complex128}


def _of_one_type(values: Sequence[Value]) -> list[Value]:
    """The values, converted to the type that holds them all, as in an array of them."""
    if all(isinstance(v.type, WeakType) for v in values):
        kind = max((v.type.kind for v in values), key=list(_WEAK).index)  # type: ignore[union-attr]
        return [v if v.type == WeakType(kind) else tracer.emit("cast", [v], dtype=str(WeakType(kind))) for v in values]
    dtype = np.result_type(*(_WEAK[v.type.kind] if isinstance(v.type, WeakType) else v.dtype for v in values))
    return [cast(v, dtype) for v in values]


def _stand_in(x: Leaf, block: Block) -> Any:
    """A new argument of the block, as what stands for a copy of `x`."""
    value = leaf_value(x)
    argument = block.add_arg(value.type, value.name)
    if isinstance(x, TracedArray):
        return TracedArray(view_of(Storage(argument, x.view.strides)))
    return TracedScalar(argument, x.known if isinstance(x, TracedScalar) else None)


@contextmanager
def _private(written: list[tuple[Storage, Value, Value]]) -> Iterator[None]:
    """Afterwards every storage holds what it did before; `written` gets those that changed.  What else outlives the function
    must not be changed."""
    trace = tracer.current()
    before = {s: (s.value, s.written) for s in trace.storages}
    bindings = dict(trace.bindings)
    contents = {key: c.twin.copy() for key, c in trace.containers.items() if not isinstance(c.twin, RunTimeList)}
    try:
        yield
    finally:
        for s in trace.storages:
            value, was_written = before.get(s, (s.parameter, False))
            if value is not None:
                if s.value is not value:
                    written.append((s, value, s.value))
                s.value, s.written = value, was_written
    changed = [source for source, x in trace.bindings.items() if bindings.get(source, trace) is not x]
    changed += [c.source for key, c in trace.containers.items()
                if not isinstance(c.twin, RunTimeList) and not same_contents(c.twin, contents.get(key, c.before))]
    if changed:
        raise tracer.unsupported(f"setting {changed[0]} in a function that is differentiated", "its derivative does not exist "
                                 "outside of it", "return the value: has_aux=True lets a function return more than the result")


def described(x: Leaf) -> str:
    """The type of a leaf, for messages."""
    t = leaf_value(x).type
    return t.kind if isinstance(t, WeakType) else f"{t.dtype}{list(t.dims)}" if isinstance(t, ArrayType) else str(t)
