"""`vmap`: a function of one lane as a function of many lanes at once.

The result, and what happens to arrays and outputs, is that of a loop over the lanes whose results are stacked.  The function
is traced once, for one lane, into a block (`subtrace.py`), from which `passes/vectorize.py` makes the program of all lanes.
Start with `vmap`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..ir.builder import Builder
from ..ir.graph import Block, Value
from ..ir.types import ArrayType, Dim, WeakType
from ..ir.walk import captured
from ..passes.vectorize import vectorize_block
from . import pytree, tracer
from .arrays import TracedArray, is_traced, new_array, operand
from .derivatives import Transformed
from .records import is_number
from .scalars import TracedScalar
from .subtrace import Subtrace, leaf_value, subtrace
from .values import cast
from .views import Storage, view_of


def vmap(f: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0) -> Callable[..., Any]:
    """A function that applies `f` to every lane of its arguments and stacks the results.

    in_axes: which axis of each argument numbers the lanes; None for an argument that all lanes share.  One for all
    arguments, or a tuple with one per positional argument, each of which may be a tree that begins like the argument.
    Arguments given by name have their lanes along axis 0.  out_axes: where the lanes stand in the results, likewise; None
    for a result that does not differ.  An array that `f` writes is written lane by lane.

    ValueError if the extents of the lanes differ, or if no argument has lanes.

        row_norms = treadle.vmap(np.linalg.norm)
        per_example = treadle.vmap(treadle.grad(loss), in_axes=(None, 0, 0))
    """

    def traced(*args: Any, **kwargs: Any) -> Any:
        mapped = Mapped(args, kwargs, in_axes)
        sub = subtrace(f, [x for x, _ in mapped.lanes], mapped.rebuild, mapped.stand_in)
        return _stacked(sub, mapped, out_axes)

    return Transformed(f, traced, ("vmap", repr(in_axes), repr(out_axes)))


class Mapped:
    """The arguments of a call: `lanes` are the leaves that have lanes, with their axes; `size` is the number of lanes."""

    def __init__(self, args: tuple, kwargs: dict, in_axes: Any) -> None:
        if isinstance(in_axes, list):
            in_axes = tuple(in_axes)
        if isinstance(in_axes, tuple) and len(in_axes) != len(args):
            raise ValueError(f"vmap in_axes has {len(in_axes)} entries for {len(args)} positional arguments")
        self.leaves, self.tree = pytree.flatten((args, kwargs), is_leaf=is_traced)
        per_argument = in_axes if isinstance(in_axes, tuple) else (in_axes,) * len(args)
        axes = [a for x, axis in zip(args, per_argument, strict=True) for a in axes_of(axis, x, "in_axes")]
        axes += [0] * (len(self.leaves) - len(axes))
        self.axes = [None if a is None else _axis_of(x, a) for x, a in zip(self.leaves, axes, strict=True)]
        self.lanes = [(x, a) for x, a in zip(self.leaves, self.axes, strict=True) if a is not None]
        if not self.lanes:
            raise ValueError("vmap must have at least one argument with lanes: every axis in in_axes is None")
        self.size = _common_extent(self.lanes)
        self._pending = iter(self.lanes)

    def rebuild(self, stand_ins: Sequence[Any]) -> tuple[tuple, dict]:
        new = iter(stand_ins)
        return self.tree.unflatten([x if a is None else next(new) for x, a in zip(self.leaves, self.axes, strict=True)])

    def stand_in(self, leaf: Any, block: Block) -> Any:
        """What stands for one lane of a leaf: what indexing it gives."""
        _, axis = next(self._pending)
        value = leaf_value(leaf)
        argument = block.add_arg(ArrayType(value.dtype, without(value.dims, axis)), value.name)
        if len(value.dims) == 1:
            return TracedScalar(argument)
        view = operand(leaf).view
        return TracedArray(view_of(Storage(argument, without(view.strides, axis), writeable=view.writeable)))


def without(items: Sequence[Any], k: int) -> tuple:
    return (*items[:k], *items[k + 1:])


def axes_of(prefix: Any, tree: Any, what: str) -> list[int | None]:
    """One axis per leaf of `tree`; `prefix` is a tree of axes that begins like it."""
    if prefix is None or (isinstance(prefix, (int, np.integer)) and not isinstance(prefix, bool)):
        return [None if prefix is None else int(prefix)] * len(pytree.flatten(tree, is_leaf=is_traced)[0])
    if not pytree.is_container(type(prefix)):
        raise TypeError(f"vmap {what} must be integers, None or trees of them, not a {type(prefix).__name__}")
    if not pytree.is_container(type(tree)) or len(pytree.children(prefix)) != len(pytree.children(tree)):
        raise ValueError(f"vmap {what} does not begin like the tree it is for: {prefix!r}")
    if isinstance(prefix, dict):
        if set(prefix) != set(tree):
            raise ValueError(f"vmap {what} has the keys {list(prefix)}, not {list(tree)}")
        return [a for k in tree for a in axes_of(prefix[k], tree[k], what)]
    pairs = zip(pytree.children(prefix), pytree.children(tree), strict=True)
    return [a for p, t in pairs for a in axes_of(p, t, what)]


def _axis_of(leaf: Any, axis: int) -> int:
    """`axis` counted from the front."""
    if not is_number(leaf):
        raise TypeError(f"vmap takes arrays apart, not a {type(leaf).__name__}; give it None in in_axes")
    rank = len(leaf_value(leaf).dims)
    if not -rank <= axis < rank:
        raise ValueError(f"vmap was asked for lanes along axis {axis} of an argument of rank {rank}; give it None in in_axes "
                         "to share it")
    return axis % rank


def _common_extent(lanes: Sequence[tuple[Any, int]]) -> Dim:
    extents = [leaf_value(x).dims[axis] for x, axis in lanes]
    for n in extents:
        if n is not extents[0] and n != extents[0]:
            raise ValueError(f"vmap got different numbers of lanes: {', '.join(map(str, extents))}")
    return extents[0]


def _stacked(sub: Subtrace, mapped: Mapped, out_axes: Any) -> Any:
    """The result of all lanes; arrays that the function wrote are written."""
    builder = tracer.builder()
    _check_separate(sub, mapped)
    loc = builder.loc
    values = [_lanes_first(leaf_value(x), axis) for x, axis in mapped.lanes]
    arguments = [(k, s) for k, s in enumerate(sub.arguments) if s is not None and s.value is not sub.block.args[k]]
    results = len(sub.places)
    shared = {before: after for _, before, after in sub.written}
    sub.block.yields = [*_at_return(sub, shared), *(s.value for _, s in arguments), *(after for _, _, after in sub.written)]
    got, varying = vectorize_block(builder, sub.block, values, [True] * len(values), mapped.size, shared)
    builder.loc = loc
    for (k, _), new, varies in zip(arguments, got[results:], varying[results:], strict=False):
        x, axis = mapped.lanes[k]
        operand(x).view.write(_lanes_at(new if varies else _repeated(new, mapped.size), axis))
    for (storage, _, _), new in zip(sub.written, got[results + len(arguments):], strict=True):
        storage.value, storage.written = new, True
    axes = axes_of(out_axes, sub.structure.unflatten(sub.result), "out_axes")
    leaves = list(sub.result)
    for k, leaf in enumerate(leaves):
        value, varies = (got[sub.places.index(k)], varying[sub.places.index(k)]) if k in sub.places else (None, False)
        leaves[k] = _result(leaf, value, varies, axes[k], mapped.size)
    return sub.structure.unflatten(leaves)


def _at_return(sub: Subtrace, shared: dict[Value, Value]) -> list[Value]:
    """What a lane returns; an array that all lanes write, as it is when that lane returns."""
    inner = Builder(sub.block)
    last = set(shared.values())
    return [inner.emit("copy", [v])[0] if v in last else v for v in sub.block.yields[:len(sub.places)]]


def _repeated(value: Value, size: Dim) -> Value:
    return tracer.builder().broadcast_to(value, (size, *value.dims))


def _result(leaf: Any, value: Value | None, varies: bool, axis: int | None, size: Dim) -> Any:
    """A leaf of the result with its lanes along `axis`."""
    if axis is None:
        if varies:
            raise ValueError("vmap: a result differs from lane to lane, but out_axes gives it None")
        return leaf if value is None else new_array(value) if isinstance(leaf, TracedArray) else TracedScalar(value)
    if not is_number(leaf):
        raise TypeError(f"vmap stacks arrays and numbers, but the function returned a {type(leaf).__name__}")
    if value is None:
        value = leaf_value(leaf)
    if not varies:
        value = _repeated(cast(value, value.dtype) if isinstance(value.type, WeakType) else value, size)
    rank = len(value.dims)
    if not -rank <= axis < rank:
        raise ValueError(f"vmap was asked to place lanes at axis {axis} of a result of rank {rank}")
    return new_array(_lanes_at(value, axis % rank))


def _check_separate(sub: Subtrace, mapped: Mapped) -> None:
    """An array with lanes must not be reached by another way as well, if it is written."""
    read = set(captured(sub.block))
    for k, (x, _) in enumerate(mapped.lanes):
        storage = x.view.storage if isinstance(x, TracedArray) else None
        mine = sub.arguments[k]
        written = mine is not None and mine.value is not sub.block.args[k]
        others = [y.view.storage for j, (y, _) in enumerate(mapped.lanes) if j != k and isinstance(y, TracedArray)]
        if storage is not None and (any(s is storage for s, _, _ in sub.written)
                                    or (written and (storage.value in read or storage in others))):
            raise tracer.unsupported("vmap over an array that the function also reaches by another way, and writes",
                                     "a lane would see what other lanes wrote", "pass a copy")


def _lanes_first(value: Value, axis: int) -> Value:
    order = (axis, *(k for k in range(len(value.dims)) if k != axis))
    return value if axis == 0 else tracer.emit("transpose", [value], axes=order)


def _lanes_at(value: Value, axis: int) -> Value:
    order = [k for k in range(1, len(value.dims))]
    order.insert(axis, 0)
    return value if axis == 0 else tracer.emit("transpose", [value], axes=tuple(order))
