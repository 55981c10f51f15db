"""Products of arrays: dot, matmul, inner, outer, vdot, tensordot, einsum, kron, cross; all are `dot_general` and shaping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ...ir.graph import Value
from ...ir.ops.shaping import may_equal
from ...ir.types import same_dims
from .. import integers, tracer
from ..arrays import TracedArray, as_array, deliver, new_array, operand, wrap
from ..dispatch import alias_method, call, implements
from ..lazy import lazy
from ..memory_order import keep_order
from ..scalars import concrete, is_weak
from ..values import broadcast, cast, check_dtype, common_dims, must_equal, shape_text
from ..views import reshape_value
from .gufuncs import stack_layout, stack_order
from .selection import promoted

opt_einsum = lazy("opt_einsum")


def contract(a: Value, b: Value, a_axes: Sequence[int], b_axes: Sequence[int], a_batch: Sequence[int] = (),
             b_batch: Sequence[int] = ()) -> Value:
    """The sum of products over paired axes; the result has the batch axes, then a's free ones, then b's."""
    for i, j in zip((*a_axes, *a_batch), (*b_axes, *b_batch), strict=True):
        must_equal(a.dims[i], b.dims[j], "the axes of a product have {0} and {1} elements")
    return tracer.emit("dot_general", [a, b], contract=(tuple(a_axes), tuple(b_axes)), batch=(tuple(a_batch), tuple(b_batch)))


def _operands(*xs: Any) -> tuple[list[TracedArray], np.dtype]:
    given = [operand(x) for x in xs]
    kind = check_dtype(promoted(*given))
    return [as_array(x) for x in given], kind


def _values(arrays: Sequence[TracedArray], kind: np.dtype) -> list[Value]:
    return [cast(a.view.read(), kind) for a in arrays]


@implements("matmul")
def matmul(x1: Any, x2: Any, kind: np.dtype | None = None, out: Any = None) -> Any:
    """The product of stacks of matrices or vectors, formed in `kind`."""
    (a, b), common = _operands(x1, x2)
    kind = kind or common
    if not a.ndim or not b.ndim:
        k = 0 if not a.ndim else 1
        raise ValueError(f"matmul: Input operand {k} does not have enough dimensions (has 0, gufunc core with signature "
                         "(n?,k),(k,m?)->(n?,m?) requires 1)")
    inner_a, inner_b = a.view.dims[-1], b.view.dims[-2 if b.ndim > 1 else 0]
    if isinstance(inner_a, int) and isinstance(inner_b, int) and inner_a != inner_b:
        raise ValueError("matmul: Input operand 1 has a mismatch in its core dimension 0, with gufunc signature "
                         f"(n?,k),(k,m?)->(n?,m?) (size {inner_b} is different from {inner_a})")
    result = _matmul(*_values((a, b), kind))
    cores = [min(a.ndim, 2), min(b.ndim, 2)]
    return deliver(wrap(result, stack_layout(stack_order([a, b], cores), sum(cores) - 2)), out)


def _matmul(x: Value, y: Value) -> Value:
    m, n = len(x.dims), len(y.dims)
    if m <= 2 and n <= 2:
        return contract(x, y, (m - 1,), (max(n - 2, 0),))
    if n <= 2:  # a stack times one matrix or vector
        return contract(x, y, (m - 1,), (max(n - 2, 0),))
    if m == 1:  # a vector times a stack
        return contract(y, x, (n - 2,), (0,))
    lead = common_dims(x.dims[:-2], y.dims[:-2])
    x, y = broadcast(x, (*lead, *x.dims[-2:])), broadcast(y, (*lead, *y.dims[-2:]))
    k = len(lead)
    return contract(x, y, (k + 1,), (k,), tuple(range(k)), tuple(range(k)))


@implements(np.dot)
def dot(a: Any, b: Any, out: Any = None) -> Any:
    (x, y), kind = _operands(a, b)
    if not x.ndim or not y.ndim:
        return deliver(_times_scalar(x, y), out)
    k = max(y.ndim - 2, 0)
    n, m = x.view.dims[-1], y.view.dims[k]
    if isinstance(n, int) and isinstance(m, int) and n != m:
        raise ValueError(f"shapes {shape_text(x.view.dims)} and {shape_text(y.view.dims)} not aligned: {n} (dim {x.ndim - 1}) != "
                         f"{m} (dim {k})")
    return deliver(wrap(contract(cast(x.view.read(), kind), cast(y.view.read(), kind), (x.ndim - 1,), (k,))), out)


def _times_scalar(x: TracedArray, y: TracedArray) -> Any:
    """A product with a 0-d operand; both are arrays, so Python numbers are not weak. Where NumPy asks BLAS, in C order."""
    kind = np.result_type(x.dtype, y.dtype)
    by_blas = kind.kind in "fc" and kind != np.float16 and max(x.ndim, y.ndim) <= 2
    operands = tuple(a.astype(kind, copy=False) for a in (x, y))
    return call(np.multiply, operands, {"order": "C"} if by_blas else {})


alias_method("dot", np.dot)


@implements(np.inner)
def inner(a: Any, b: Any, /) -> Any:
    (x, y), kind = _operands(a, b)
    if not x.ndim or not y.ndim:
        return _times_scalar(x, y)
    if not may_equal(x.view.dims[-1], y.view.dims[-1]):
        raise ValueError(f"shapes {shape_text(x.view.dims)} and {shape_text(y.view.dims)} not aligned: {x.shape[-1]} (dim "
                         f"{x.ndim - 1}) != {y.shape[-1]} (dim {y.ndim - 1})")
    return wrap(contract(cast(x.view.read(), kind), cast(y.view.read(), kind), (x.ndim - 1,), (y.ndim - 1,)))


@implements(np.vdot)
def vdot(a: Any, b: Any, /) -> Any:
    x, y = (call(np.ravel, (as_array(v),), {}) for v in (a, b))
    if x.dtype.kind == "c":
        x = call(np.conjugate, (x,), {})
    return dot(x, y)


@implements(np.outer)
def outer(a: Any, b: Any, out: Any = None) -> Any:
    x, y = (call(np.ravel, (as_array(v),), {}) for v in (a, b))
    return call(np.multiply, (x[:, None], y[None, :]), {"out": out})


@implements(np.tensordot)
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    (x, y), kind = _operands(a, b)
    axes = concrete(axes, "the axes")
    if isinstance(axes, (tuple, list)):
        several = (s if isinstance(s, (tuple, list, np.ndarray)) else [s] for s in axes)
        first, second = ([concrete(k, "the axes") for k in s] for s in several)
    else:
        first, second = list(range(-axes, 0)), list(range(axes))
    if len(first) != len(second):
        raise ValueError("shape-mismatch for sum")
    i, j = (normalize_axis_tuple(s, v.ndim, allow_duplicate=True) for s, v in ((first, x), (second, y)))
    if len(set(i)) < len(i) or len(set(j)) < len(j):
        raise ValueError("duplicate axes are not allowed in tensordot")
    if not all(may_equal(x.view.dims[p], y.view.dims[q]) for p, q in zip(i, j)):
        raise ValueError("shape-mismatch for sum")
    result = contract(cast(x.view.read(), kind), cast(y.view.read(), kind), i, j)
    return new_array(result)


@implements(np.einsum)
def einsum(*operands: Any, out: Any = None, dtype: Any = None, order: str = "K", casting: str = "safe", optimize: Any = False,
           ) -> Any:
    subscripts, given = _einsum_text(operands)
    arrays, kind = _operands(*given)
    kind = kind if dtype is None else np.dtype(dtype)
    named, output = _named_axes(subscripts, [a.ndim for a in arrays])
    extents = _named_extents(named, arrays)
    if len(arrays) == 1 and out is None and set(named[0]) == set(output):
        return _einsum_view(named[0], output, arrays[0])
    for k, (g, a) in enumerate(zip(given, arrays, strict=True)):
        if not is_weak(g) and not np.can_cast(a.dtype, kind, casting):  # type: ignore[arg-type]
            raise TypeError(f"Iterator operand {k} dtype could not be cast from {a.dtype!r} to {kind!r} according to the rule "
                            f"'{casting}'")
    inputs = ["".join(dict.fromkeys(t)) for t in named]
    values = [_diagonals(t, cast(a.view.read(), kind), extents) for t, a in zip(named, arrays)]
    if len(values) > 2:
        shapes = [tuple(map(integers.likely, v.dims)) for v in values]
        path, _ = opt_einsum.contract_path(",".join(inputs) + "->" + output, *shapes, shapes=True, optimize="auto")
    else:
        path = [tuple(range(len(values)))]
    for step in path:
        chosen = sorted(step, reverse=True)
        names, terms = [inputs.pop(k) for k in chosen], [values.pop(k) for k in chosen]
        needed = set(output).union(*inputs) if inputs else set(output)
        name, value = _contract_terms(names[::-1], terms[::-1], needed)
        inputs.append(name)
        values.append(value)
    result = _arrange(inputs[0], values[0], output)
    made = wrap(result, None if optimize else _einsum_order(named, arrays, output, result))
    return deliver(made, out, casting)


def _einsum_order(inputs: Sequence[str], arrays: Sequence[TracedArray], output: str, result: Value) -> tuple[int, ...] | None:
    """The result's memory order: NumPy's iterator ranks the output's axes by the strides that operands have along them."""
    if any(s is None for a in arrays for s in a.view.strides):
        return None
    # The iterator's axes: the output's, then the summed ones in alphabetical order.
    axes = output + "".join(sorted(set("".join(inputs)) - set(output)))
    dims = (*result.dims, *(2 for _ in axes[len(output):]))
    columns = []
    for letters, a in zip(inputs, arrays):
        step: dict[str, Any] = dict.fromkeys(axes, 0)
        for c, d, s in zip(letters, a.view.dims, a.view.strides):
            step[c] += 0 if isinstance(d, int) and d == 1 else s
        columns.append((dims, tuple(step[c] for c in axes)))
    order = keep_order(columns, dims)
    kept = None if order is None else tuple(k for k in order if k < len(output))
    return None if kept == tuple(range(len(output))) else kept


def _einsum_view(letters: str, output: str, a: TracedArray) -> Any:
    """One operand and nothing summed: NumPy returns a view, of the operand's dtype and writeable if the operand is."""
    writeable = a.view.writeable
    while len(set(letters)) < len(letters):
        c = next(c for c in letters if letters.count(c) > 1)
        i = letters.index(c)
        j = letters.index(c, i + 1)
        a = call(np.moveaxis, (call(np.diagonal, (a, 0, i, j), {}), -1, i), {})
        letters = letters[:j] + letters[j + 1:]
    moved = TracedArray(a.view.transpose([letters.index(c) for c in output]))
    return TracedArray(replace(moved.view, writeable=writeable)) if output else moved[()]


def _einsum_text(operands: Sequence[Any]) -> tuple[str, list[Any]]:
    if isinstance(operands[0], str):
        return operands[0].replace(" ", ""), list(operands[1:])
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

    def text(axes: Sequence[Any]) -> str:
        if any(s is not Ellipsis and not 0 <= s < len(letters) for s in axes):
            raise ValueError("subscript is not within the valid range [0, 52)")
        return "".join("..." if s is Ellipsis else letters[s] for s in axes)

    pairs = list(operands)
    tail = pairs.pop() if len(pairs) % 2 else None
    subscripts = ",".join(text(s) for s in pairs[1::2])
    return subscripts + ("" if tail is None else "->" + text(tail)), pairs[::2]


def _named_axes(subscripts: str, ranks: Sequence[int]) -> tuple[list[str], str]:
    """One letter per axis of each operand and of the result, ellipses spelt out."""
    left, arrow, output = subscripts.partition("->")
    inputs = left.split(",")
    if len(inputs) != len(ranks):
        raise ValueError("fewer operands provided to einstein sum function than specified in the subscripts string"
                         if len(inputs) > len(ranks) else
                         "more operands provided to einstein sum function than specified in the subscripts string")
    free = [c for c in "ZYXWVUTSRQPONMLKJIHGFEDCBAzyxwvutsrqponmlkjihgfedcba" if c not in subscripts]
    spans = [n - len(t.replace("...", "")) for t, n in zip(inputs, ranks)]
    for t, n in zip(inputs, spans):
        if n < 0:
            raise ValueError("einstein sum subscripts string contains too many subscripts for operand")
        if n and "..." not in t:
            raise ValueError("operand has more dimensions than subscripts given in einstein sum, but no '...' ellipsis provided "
                             "to broadcast the extra dimensions.")
    widest = max((n for t, n in zip(inputs, spans) if "..." in t), default=0)
    dots = "".join(reversed(free[:widest]))
    inputs = [t.replace("...", dots[widest - n:] if n else "") for t, n in zip(inputs, spans)]
    if not arrow:
        letters = "".join(inputs).replace(dots, "") if dots else "".join(inputs)
        output = dots + "".join(sorted(c for c in set(letters) if letters.count(c) == 1 and c not in dots))
    else:
        output = output.replace("...", dots)
    for c in output:
        if output.count(c) > 1:
            raise ValueError(f"einstein sum subscripts string includes output subscript '{c}' multiple times")
        if not any(c in t for t in inputs):
            raise ValueError(f"einstein sum subscripts string included output subscript '{c}' which never appeared in an input")
    return inputs, output


def _named_extents(named: Sequence[str], arrays: Sequence[TracedArray]) -> dict[str, Any]:
    """The extent of each letter; extents of 1 are broadcast, but not against another axis of the same operand."""
    extents: dict[str, Any] = {}
    for k, (t, a) in enumerate(zip(named, arrays)):
        own: dict[str, Any] = {}
        for c, d in zip(t, a.view.dims):
            if not same_dims((own.setdefault(c, d),), (d,)):
                raise ValueError(f"dimensions in operand {k} for collapsing index '{c}' don't match ({own[c]} != {d})")
            if c in extents and extents[c] != 1 and d != 1 and not may_equal(extents[c], d):
                raise ValueError(f"operands could not be broadcast together with remapped shapes [original->remapped]: "
                                 f"{shape_text(a.view.dims)}->... ")
            extents[c] = d if extents.get(c, 1) == 1 else extents[c]
    return extents


def _diagonals(letters: str, v: Value, extents: dict[str, Any]) -> Value:
    """`v` with repeated axes taken on the diagonal and extents of 1 broadcast."""
    a = new_array(broadcast(v, tuple(extents[c] for c in letters)))
    while len(set(letters)) < len(letters):
        c = next(c for c in letters if letters.count(c) > 1)
        i = letters.index(c)
        j = letters.index(c, i + 1)
        a = call(np.moveaxis, (call(np.diagonal, (a, 0, i, j), {}), -1, i), {})
        letters = letters[:j] + letters[j + 1:]
    return a.view.read()


def _contract_terms(names: list[str], terms: list[Value], needed: set[str]) -> tuple[str, Value]:
    """One operand summed over what nobody needs, or two contracted."""
    terms = list(terms)
    for k, (name, v) in enumerate(zip(names, terms)):
        others = set().union(*(n for j, n in enumerate(names) if j != k))
        dead = tuple(p for p, c in enumerate(name) if c not in needed and c not in others)
        if dead:
            terms[k] = _summed(v, dead)
            names[k] = "".join(c for c in name if c in needed or c in others)
    if len(terms) == 1:
        return names[0], terms[0]
    (m, n), (a, b) = names, terms
    shared = [c for c in m if c in n]
    summed, kept = [c for c in shared if c not in needed], [c for c in shared if c in needed]
    if not summed:
        return _multiplied(m, n, a, b)
    result = contract(a, b, [m.index(c) for c in summed], [n.index(c) for c in summed], [m.index(c) for c in kept],
                      [n.index(c) for c in kept])
    return "".join(kept) + "".join(c for c in m if c not in shared) + "".join(c for c in n if c not in shared), result


def _summed(v: Value, axes: tuple[int, ...]) -> Value:
    """The sum over `axes`; of truth values, whether any holds."""
    return tracer.emit("reduce_or" if v.dtype.kind == "b" else "reduce_sum", [v], axes=axes)


def _multiplied(m: str, n: str, a: Value, b: Value) -> tuple[str, Value]:
    """Nothing to sum: an elementwise product over the union of the axes."""
    union = m + "".join(c for c in n if c not in m)
    extents = {**dict(zip(n, b.dims)), **dict(zip(m, a.dims))}
    dims = tuple(extents[c] for c in union)

    def spread(name: str, v: Value) -> Value:
        order = sorted(range(len(name)), key=lambda k: union.index(name[k]))
        moved = new_array(v).transpose(tuple(order)).view.read() if order != list(range(len(name))) else v
        return broadcast(reshape_value(moved, tuple(extents[c] if c in name else 1 for c in union)), dims)

    name = "logical_and" if a.dtype.kind == "b" else "multiply"
    return union, tracer.emit(name, [spread(m, a), spread(n, b)])


def _arrange(name: str, v: Value, output: str) -> Value:
    dead = tuple(p for p, c in enumerate(name) if c not in output)
    if dead:
        v = _summed(v, dead)
        name = "".join(c for c in name if c in output)
    if name == output:
        return v
    return new_array(v).transpose(tuple(name.index(c) for c in output)).view.read()


@implements(np.kron)
def kron(a: Any, b: Any) -> Any:
    x, y = as_array(a), as_array(b)
    rank = max(x.ndim, y.ndim)
    x, y = (v.reshape((1,) * (rank - v.ndim) + v.shape) for v in (x, y))
    wide = call(np.multiply, (x[tuple(p for _ in range(rank) for p in (slice(None), None))],
                              y[tuple(p for _ in range(rank) for p in (None, slice(None)))]), {})
    return wide.reshape(tuple(p * q for p, q in zip(x.shape, y.shape)))


# From NumPy 2.5 on vectors of two have no cross product.
_THREE_ONLY = np.lib.NumpyVersion(np.__version__) >= "2.5.0"


@implements(np.cross)
def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    given = as_array(a), as_array(b)
    if not all(v.ndim for v in given):
        raise ValueError("At least one array has zero dimension")
    kind = np.promote_types(given[0].dtype, given[1].dtype)
    x, y = (call(np.moveaxis, (v, k, -1), {}).astype(kind, copy=False) for v, k in zip(given, (axisa, axisb)))
    if _THREE_ONLY and {x.shape[-1], y.shape[-1]} != {3}:
        raise ValueError("Both input arrays must be (arrays of) 3-dimensional vectors, "
                         f"but they are {x.shape[-1]} and {y.shape[-1]} dimensional instead.")
    if not {x.shape[-1], y.shape[-1]} <= {2, 3}:
        raise ValueError("incompatible dimensions for cross product\n(dimension must be 2 or 3)")
    parts = [_cross_part(x, y, i, j) for i, j in ((1, 2), (2, 0), (0, 1))]
    if x.shape[-1] == y.shape[-1] == 2:
        return as_array(parts[2])
    return call(np.moveaxis, (call(np.stack, (parts,), {"axis": -1}), -1, axisc), {})


def _cross_part(x: TracedArray, y: TracedArray, i: int, j: int) -> Any:
    """x[i] y[j] - x[j] y[i], where the third coordinate of a vector of two is zero."""
    terms = [call(np.multiply, (x[..., p], y[..., q]), {}) if p < x.shape[-1] and q < y.shape[-1] else None
             for p, q in ((i, j), (j, i))]
    if terms[1] is None:
        return terms[0]
    return call(np.negative, (terms[1],), {}) if terms[0] is None else call(np.subtract, tuple(terms), {})
