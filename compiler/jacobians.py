"""`jacfwd`, `jacrev`, `jacobian`, `hessian`: all first or second derivatives, as arrays.

The derivative of a result of shape s in an argument of shape t has shape s + t.  The linear program of the function is
applied to one unit vector after the other, in a loop of the same native call; what does not depend on the vector is computed
once.  `jacfwd` goes through the elements of the arguments, `jacrev` through those of the results.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ..ir.builder import Builder, Slot
from ..ir.graph import Block, Value
from ..ir.ops.shaping import emit_shaped, emit_view, iota, reshape
from ..ir.types import DTYPE_NAMES, PY_INT, ArrayType, Type, WeakType, is_differentiable
from ..ir.viewmap import Axis
from ..passes.jvp import jvp as forward
from ..passes.linearize import Linearized
from ..passes.transposition import transpose
from . import tracer
from .arrays import wrap
from .derivatives import Argnums, Moving, Transformed, as_key, linearized
from .records import is_number
from .subtrace import Subtrace, described, leaf_value, subtrace

Apply = Callable[[Builder, Value], list[Value | None]]


def jacfwd(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that returns the Jacobian of `f`, by forward mode: for few arguments and many results."""
    return _jacobian("jacfwd", f, argnums, has_aux)


def jacrev(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that returns the Jacobian of `f`, by reverse mode: for many arguments and few results.

        treadle.jacrev(lambda x: np.outer(x, x))(x)           # of shape x.shape + x.shape + x.shape
    """
    return _jacobian("jacrev", f, argnums, has_aux)


jacobian = jacrev


def hessian(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that returns all second derivatives of `f`, by forward mode over reverse mode."""
    return jacfwd(jacrev(f, argnums, has_aux), argnums, has_aux)


def _jacobian(name: str, f: Callable[..., Any], argnums: Argnums, has_aux: bool) -> Callable[..., Any]:
    def traced(*args: Any, **kwargs: Any) -> Any:
        moving = Moving(args, kwargs, argnums, name)
        sub = subtrace(f, moving.leaves, moving.rebuild)
        made = linearized(sub, moving.leaves)
        tree, count = sub.structure, len(sub.result)
        if has_aux:
            if tree.cls is not tuple or len(tree.children) != 2:
                raise TypeError("with has_aux=True the function must return a pair: (result, more)")
            tree, count = tree.children[0], tree.children[0].leaf_count
        rows = (_by_columns if name == "jacfwd" else _by_rows)(sub, made, moving.leaves, count)
        result = tree.unflatten([moving.shaped([wrap(v) for v in row]) for row in rows])
        return (result, sub.rebuilt(made.results)[1]) if has_aux else result

    return Transformed(f, traced, (name, as_key(argnums), has_aux))


def _check_output(x: Any) -> None:
    if not is_number(x) or not is_differentiable(leaf_value(x).type):
        what = described(x) if is_number(x) else f"a {type(x).__name__}"
        raise TypeError(f"a Jacobian is of floats and complex numbers, but the function returned {what}; with has_aux=True it "
                        "may return more than the result")


def _extents(t: Type) -> tuple[int, ...]:
    if not all(isinstance(d, int) for d in t.dims):
        raise tracer.unsupported("a Jacobian of arrays whose extents are known only at run time")
    if t.dtype.kind == "c":
        raise TypeError("a Jacobian is taken of real functions of real numbers; use vjp or jvp for complex ones")
    return tuple(t.dims)  # type: ignore[arg-type]


def _yields(sub: Subtrace, made: Linearized, count: int) -> list[int | None]:
    """For each leaf of the result, which yield of the linear program is its tangent."""
    order = [k for k, m in zip(sub.places, made.moves, strict=False) if m]
    return [order.index(k) if k in order else None for k in range(count)]


def _by_columns(sub: Subtrace, made: Linearized, leaves: Sequence[Any], count: int) -> list[list[Value]]:
    outputs, which = sub.result[:count], _yields(sub, made, count)
    table: list[list[Value]] = [[] for _ in outputs]
    for k, x in enumerate(leaves):
        def apply(b: Builder, unit: Value, k: int = k) -> list[Value | None]:
            zeros = [b.zeros(a.type) for a in made.linear.args]
            tangents = [unit if j == k else None for j in range(len(zeros))]
            return forward(b, made.linear, zeros, tangents)[1]

        columns = _unit_by_unit(leaf_value(x).type, apply, [v.type for v in made.linear.yields], True)
        for row, out, j in zip(table, outputs, which, strict=True):
            row.append(_entry(None if j is None else columns[j], out, x))
    return table


def _by_rows(sub: Subtrace, made: Linearized, leaves: Sequence[Any], count: int) -> list[list[Value]]:
    table = []
    for out, j in zip(sub.result[:count], _yields(sub, made, count), strict=True):
        _check_output(out)

        def apply(b: Builder, unit: Value, j: int | None = j) -> list[Value | None]:
            return transpose(b, made.linear, [unit if i == j else None for i in range(len(made.linear.yields))])

        kinds = [leaf_value(x).type for x in leaves]
        rows = [None] * len(leaves) if j is None else _unit_by_unit(leaf_value(out).type, apply, kinds, False)
        table.append([_entry(r, out, x) for r, x in zip(rows, leaves, strict=True)])
    return table


def _entry(v: Value | None, out: Any, x: Any) -> Value:
    """A part of the Jacobian in its final shape; zeros where there is no dependence."""
    _check_output(out)
    to, of = leaf_value(out).type, leaf_value(x).type
    dims, builder = (*_extents(to), *_extents(of)), tracer.builder()
    return builder.zeros(ArrayType(to.dtype, dims)) if v is None else reshape(builder, v, dims)


def _unit_by_unit(t: Type, apply: Apply, results: Sequence[Type], last: bool) -> list[Value | None]:
    """apply(unit vector) for each unit vector of type `t`; per result the array of all, along its last or its first axis."""
    dims, builder = _extents(t), tracer.builder()
    n = math.prod(dims)
    if n == 1:
        return [None if v is None else _as_array(builder, v) for v in apply(builder, builder.full(1, t))]
    spaces = [(*_extents(r), n) if last else (n, *_extents(r)) for r in results]
    begin = [emit_shaped(builder, "empty", [], d, dtype=DTYPE_NAMES[r.dtype]) for d, r in zip(spaces, results, strict=True)]
    body = Block([PY_INT])
    inner = Builder(body, builder.loc)
    k = body.args[0]
    got = apply(inner, _unit_vector(inner, k, n, t))
    moving = [i for i, v in enumerate(got) if v is not None]
    for i in moving:
        v = _as_array(inner, got[i])  # type: ignore[arg-type]
        whole = body.add_arg(begin[i].type)
        axes = [Axis(0, ((1, a),)) for a in range(len(v.dims))]
        place = Axis(Slot(2))
        view = (*axes, place) if last else (place, *axes)
        body.yields.append(emit_view(inner, "update_slice", [whole, v], view, v.dims, [whole, v, k]))
    ends = builder.emit("for", [builder.constant(0), builder.constant(n), builder.constant(1), *(begin[i] for i in moving)],
                        {}, [body])
    out: list[Value | None] = [None] * len(results)
    for i, v in zip(moving, ends, strict=True):
        out[i] = v
    return out


def _unit_vector(b: Builder, k: Value, n: int, t: Type) -> Value:
    """Element number `k` is 1, the others are 0."""
    number = b.emit("cast", [k], {"dtype": "i64"})[0]
    here = b.equal(iota(b, (n,), 0), b.broadcast_to(number, (n,)))
    return reshape(b, b.emit("cast", [here], {"dtype": DTYPE_NAMES[t.dtype]})[0], t.dims)


def _as_array(b: Builder, v: Value) -> Value:
    return b.emit("cast", [v], {"dtype": DTYPE_NAMES[v.dtype]})[0] if isinstance(v.type, WeakType) else v
