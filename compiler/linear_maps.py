"""`jvp`, `vjp`, `linearize`: derivatives at a point as linear maps, applied to tangents and cotangents.

`vjp` and `linearize` return the map as a function.  Made while tracing, it becomes part of the program where it is called;
made by itself, it keeps the residuals of one compiled run as arrays and is compiled when it is first applied.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..ir.errors import UnsupportedError
from ..ir.graph import Block, Value, walk_ops
from ..ir.opdef import definition
from ..ir.ops.shaping import emit_view
from ..ir.types import Dim, Type, WeakType, is_differentiable, same_dims
from ..ir.viewmap import identity_map
from ..ir.walk import captured, clone_block, map_type
from ..passes.jvp import jvp as forward
from ..passes.linearize import Linearized
from ..passes.transposition import transpose
from . import integers, pytree, tracer
from .arrays import is_traced, new_array
from .derivatives import Derived, Moving, compiled, linearized, set_order
from .pipeline import Options
from .records import is_number, unpacked
from .scalars import TracedScalar
from .subtrace import Subtrace, described, leaf_value, like, subtrace
from .values import cast


def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """(f(*primals), its change along `tangents`), which are like the primals.

        value, slope = treadle.jvp(np.sin, (x,), (np.ones_like(x),))
    """
    return _run(("jvp", f), _jvp, f, tuple(primals), tuple(tangents))


def vjp(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple:
    """(f(*primals), pullback): pullback(cotangent of the result) is a tuple, a cotangent for each primal.

    With `has_aux`, `f` returns (result, more), and so does this: (result, pullback, more).

        value, pullback = treadle.vjp(np.sin, x)
        (slope,) = pullback(np.ones_like(value))
    """
    return _mapped("vjp", f, primals, has_aux)


def linearize(f: Callable[..., Any], *primals: Any) -> tuple:
    """(f(*primals), pushforward): pushforward(*tangents) is the change of the result; the work that does not depend on
    tangents is done once.

        value, pushforward = treadle.linearize(f, x)
    """
    return _mapped("linearize", f, primals, False)


def _run(key: tuple, traced: Callable[..., Any], f: Callable[..., Any], *args: Any) -> Any:
    """traced(f, *args), as part of the current trace or compiled."""
    if not callable(f):
        raise TypeError(f"{key[0]} takes a function, not a {type(f).__name__}")
    if tracer.is_tracing():
        return traced(f, *args)
    return compiled(key, lambda *given: traced(f, *given))(*args)


def _jvp(f: Callable[..., Any], primals: tuple, tangents: tuple) -> tuple[Any, Any]:
    moving = Moving(primals, {}, range(len(primals)), "jvp")
    sub = subtrace(f, moving.leaves, moving.rebuild)
    given = matching(moving.leaves, moving.tree, list(tangents), "tangent")
    builder = tracer.builder()
    loc = builder.loc
    try:
        results, out = forward(builder, sub.block, [leaf_value(x) for x in moving.leaves], given)
    except UnsupportedError as e:
        raise UnsupportedError(e.what, e.why, e.instead, e.loc or loc) from None
    for t in out:
        if t is not None:
            _refuse_backward_rules(t)
    set_order(results[-1])
    return sub.rebuilt(results), tangents_of(sub, results, out)


def _refuse_backward_rules(tangent: Value) -> None:
    """Refuse a tangent that would need the forward derivative of a function with a backward rule only."""
    seen, pending = set[Value](), [tangent]
    while pending:
        v = pending.pop()
        if v in seen or v.op is None:
            continue
        seen.add(v)
        for op in (v.op, *(o for r in v.op.regions for o in walk_ops(r))):
            if op.name == "custom_linear":
                definition(op).jvp()  # type: ignore[operator]  # raises, saying why
            pending += op.operands


def tangents_of(sub: Subtrace, results: Sequence[Value], tangents: Sequence[Value | None]) -> Any:
    """Tangents in the structure of a function's result; zeros where they are absent."""
    builder = tracer.builder()
    # What the block yields is read from there: the leaf itself means something inside of it only.
    leaves = [like(x, builder.zeros(leaf_value(x).type)) if is_number(x) and k not in sub.places else x
              for k, x in enumerate(sub.result)]
    for k, r, t in zip(sub.places, results, tangents, strict=False):
        leaves[k] = like(sub.result[k], builder.zeros(r.type) if t is None else t)
    return sub.structure.unflatten(leaves)


def matching(leaves: Sequence[Any], tree: pytree.TreeDef, given: Any, what: str) -> list[Value]:
    """The values of `given`, which must be like `leaves` in structure, shape and dtype."""
    try:
        found = tree.flatten_up_to(unpacked(given))
    except ValueError as e:
        raise TypeError(f"{what}s must have the structure of what they belong to: {e}") from None
    return [matching_value(leaf_value(x), t, what) for x, t in zip(leaves, found, strict=True)]


def matching_value(like_: Value, x: Any, what: str) -> Value:
    if not is_number(x):
        raise TypeError(f"a {what} must be an array or a number, not a {type(x).__name__}")
    v = leaf_value(x)
    equal = [same_dims((d,), (e,)) or integers.agree(d, e) for d, e in zip(v.dims, like_.dims, strict=False)]
    if len(v.dims) != len(like_.dims) or False in equal:
        raise TypeError(f"a {what} has shape {tuple(v.dims)} where {tuple(like_.dims)} is needed")
    for d, e in (pair for pair, same in zip(zip(v.dims, like_.dims, strict=True), equal, strict=True) if same is None):
        pair = [integers.as_value(d), integers.as_value(e)]
        v = tracer.emit("check", [v, tracer.emit("py_equal", pair), *pair], exception="TypeError",
                        message=f"a {what} has an axis of {{}} where {{}} is needed")
    v = _seen_as(v, like_.dims)
    if v.dtype != like_.dtype and not isinstance(v.type, WeakType):
        raise TypeError(f"a {what} is {described(x)} where {like_.dtype} is needed")
    return v if v.type == like_.type else cast(v, like_.dtype) if not isinstance(like_.type, WeakType) else (
        tracer.emit("cast", [v], dtype=str(like_.type)))


def _seen_as(v: Value, dims: Sequence[Dim]) -> Value:
    """`v` with these extents, which its own are equal to when the program runs."""
    if same_dims(v.dims, tuple(dims)):
        return v
    return emit_view(tracer.builder(), "slice", [v], identity_map(len(dims)), dims, [])


class LinearMap:
    """The linear program of a function at one point; `residuals` are the values that it captures.

    name: "vjp", to be applied backward, or "linearize".  inputs, outputs: a type per leaf, and the tree.
    """

    __slots__ = ("captured", "in_tree", "inputs", "jitted", "linear", "moves", "name", "out_tree", "outputs")

    def __init__(self, name: str, made: Linearized, inputs: Sequence[Any], in_tree: pytree.TreeDef,
                 outputs: Sequence[Any], places: Sequence[int], out_tree: pytree.TreeDef) -> None:
        self.name, self.linear = name, made.linear
        self.inputs, self.in_tree = [_Kind(x) for x in inputs], in_tree
        self.outputs, self.out_tree = [_Kind(x) for x in outputs], out_tree
        self.captured = _with_extents(captured(made.linear), [k.model for k in self.outputs if k.model is not None])
        # Which yield of the linear program belongs to each output, if any.
        order = [k for k, m in zip(places, made.moves, strict=False) if m]
        self.moves = [order.index(k) if k in order else None for k in range(len(outputs))]
        self.jitted = Derived(self._with_residuals, Options(), ())

    def _with_residuals(self, residuals: list, *given: Any) -> Any:
        mapping = dict[Value, Value]()
        for v, x in zip(self.captured, residuals, strict=True):
            mapping[v] = _seen_as(leaf_value(x), map_type(v.type, mapping).dims)
        return self.apply(clone_block(self.linear, mapping), mapping, *given)

    def apply(self, linear: Block, mapping: dict[Value, Value], *given: Any) -> Any:
        """Build the map's program for these tangents or cotangents; `mapping` says what became of what is captured."""
        outputs = [kind.mapped(mapping) for kind in self.outputs]
        return (self._backward if self.name == "vjp" else self._forward)(linear, outputs, *given)

    def _backward(self, linear: Block, outputs: Sequence[_Kind], *given: Any) -> Any:
        if len(given) != 1:
            raise TypeError(f"a pullback takes one argument, a cotangent of the result, not {len(given)}")
        found = self._found(self.out_tree, given[0], outputs, "cotangent")
        cotangents: list[Value | None] = [None] * len(linear.yields)
        for k, v in zip(self.moves, found, strict=True):
            if k is not None:
                cotangents[k] = v
        builder = tracer.builder()
        loc = builder.loc
        got = transpose(builder, linear, cotangents)
        builder.loc = loc
        return tuple(self.in_tree.unflatten([kind.filled(c) for kind, c in zip(self.inputs, got, strict=True)]))

    def _forward(self, linear: Block, outputs: Sequence[_Kind], *given: Any) -> Any:
        found = self._found(self.in_tree, list(given), self.inputs, "tangent")
        builder = tracer.builder()
        loc = builder.loc
        _, got = forward(builder, linear, [builder.zeros(a.type) for a in linear.args], found)
        builder.loc = loc
        return self.out_tree.unflatten([kind.filled(None if k is None else got[k])
                                        for kind, k in zip(outputs, self.moves, strict=True)])

    def _found(self, tree: pytree.TreeDef, given: Any, kinds: Sequence[_Kind], what: str) -> list[Any]:
        try:
            found = tree.flatten_up_to(unpacked(given))
        except ValueError as e:
            raise TypeError(f"{what}s must have the structure of what they belong to: {e}") from None
        return [kind.matched(x, what) for kind, x in zip(kinds, found, strict=True)]


class _Kind:
    """What is known of a leaf beside its value: its type, and whether it is an array."""

    __slots__ = ("leaf", "model")

    def __init__(self, leaf: Any, type_: Type | None = None) -> None:
        self.leaf = leaf
        self.model = Value(type_ or leaf_value(leaf).type) if is_number(leaf) else None

    def mapped(self, mapping: dict[Value, Value]) -> _Kind:
        """The same of a copy of the program, in which others stand for the values that extents are."""
        return self if self.model is None else _Kind(self.leaf, map_type(self.model.type, mapping))

    def matched(self, x: Any, what: str) -> Value | None:
        """The value of a tangent or cotangent of this leaf; None where there can be none."""
        if self.model is None or not is_differentiable(self.model.type):
            return None
        return matching_value(self.model, x, what)

    def filled(self, v: Value | None) -> Any:
        if self.model is None:
            return self.leaf
        return like(self.leaf, tracer.builder().zeros(self.model.type) if v is None else v)


def _with_extents(values: Sequence[Value], models: Sequence[Value]) -> list[Value]:
    """The values, behind those that their own extents and the models' are."""
    extents = [d for v in (*values, *models) for d in v.dims if isinstance(d, Value)]
    return list(dict.fromkeys([*extents, *values]))


class Applied:
    """A linear map with the residuals of one run, compiled when it is first applied."""

    def __init__(self, map_: LinearMap, residuals: list) -> None:
        self._map, self._residuals = map_, residuals

    def __call__(self, *given: Any) -> Any:
        return self._map.jitted(self._residuals, *given)

    def __repr__(self) -> str:
        return f"<{'pullback' if self._map.name == 'vjp' else 'pushforward'} of a compiled function>"


def _mapped(name: str, f: Callable[..., Any], primals: tuple, has_aux: bool) -> tuple:
    if tracer.is_tracing():
        map_, *rest = _linear_map(f, name, has_aux, primals)
        result, *more = rest
        return (result, lambda *given: map_.apply(map_.linear, {}, *given), *more)

    def with_residuals(f: Callable[..., Any], *primals: Any) -> tuple:
        # The map is applied by a program of its own, which knows nothing of this one's extents.
        for x in pytree.flatten(primals, is_leaf=is_traced)[0]:
            for d in leaf_value(x).dims if is_number(x) else ():
                tracer.static_extent(d, "an extent of a linear map")
        map_, *rest = _linear_map(f, name, has_aux, primals)
        return map_, [new_array(v) if v.dims else TracedScalar(v) for v in map_.captured], rest

    map_, residuals, (result, *more) = _run((name, has_aux, f), with_residuals, f, *primals)
    return (result, Applied(map_, residuals), *more)


def _linear_map(f: Callable[..., Any], name: str, has_aux: bool, primals: tuple) -> tuple:
    """(the map, f's result, more if has_aux)"""
    moving = Moving(primals, {}, range(len(primals)), name)
    sub = subtrace(f, moving.leaves, moving.rebuild)
    tree, count = sub.structure, len(sub.result)
    if has_aux:
        if tree.cls is not tuple or len(tree.children) != 2:
            raise TypeError("with has_aux=True the function must return a pair: (result, more)")
        tree, count = tree.children[0], tree.children[0].leaf_count
    made = linearized(sub, moving.leaves)
    result = sub.rebuilt(made.results)
    outputs = pytree.flatten(unpacked(result), is_leaf=is_traced)[0][:count]
    map_ = LinearMap(name, made, moving.leaves, moving.tree, outputs, sub.places, tree)
    return (map_, *result) if has_aux else (map_, result)
