"""Ufuncs: promotion (NEP 50, asked of NumPy itself), casting, dtype=, out=, where=, and the layout of results (K order).

`call_ufunc` is the entry for every elementwise ufunc; `LOOPS` says which ops compute a ufunc's loop.  Operators on arrays
and NumPy scalars arrive here too (`x + 1`), in-place operators with `out=`.  `outer` and `at` are at the end; reductions are
in `numpy_api`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ir import ops as _ops  # noqa: F401  (fills the registry)
from ..ir.graph import Value
from ..ir.opdef import OPS
from ..ir.types import Dim, same_dims
from . import dispatch, tracer
from .arrays import TracedArray, as_array, check_writeable, dims_of, new_array, operand, value_of
from .known import known_result
from .memory_order import order_layout
from .operators import UFUNC_OF, Operators
from .scalars import TracedScalar, is_weak, known_of
from .values import broadcast, cast, check_dtype, common_dims, shape_text

# The ufunc that np.clip calls; NumPy gives it no public name.
CLIP: np.ufunc = np._core.umath.clip  # type: ignore[attr-defined]
_PYTHON_KIND = {bool: np.dtype(bool), int: int, float: float, complex: complex}


def _loops() -> dict[np.ufunc, tuple[str, ...]]:
    """The ops that compute each ufunc: one per result."""
    found = {f: (op.name,) for op in OPS.values() for f in op.numpy
             if isinstance(f, np.ufunc) and f.signature is None and "elementwise" in op.traits}
    return {**found, np.divmod: ("floor_divide", "remainder"), np.modf: ("modf_fraction", "trunc"),
            np.frexp: ("frexp_mantissa", "frexp_exponent"), np.float_power: ("power",), CLIP: ("minimum",)}


LOOPS = _loops()


def promotable(x: Any) -> Any:
    """What NumPy's promotion sees of an operand: its dtype, or int, float, complex for a weak Python scalar."""
    if is_weak(x):
        return _PYTHON_KIND[x.python_type if isinstance(x, TracedScalar) else type(x)]
    return x.value.dtype if isinstance(x, TracedScalar) else x.dtype


def call_ufunc(ufunc: np.ufunc, *args: Any, out: Any = None, where: Any = True, casting: str = "same_kind", order: str = "K",
               dtype: Any = None, subok: bool = True, signature: Any = None, sig: Any = None) -> Any:
    """ufunc(*args, ...) on traced operands."""
    if out is Ellipsis:
        result = call_ufunc(ufunc, *args, where=where, casting=casting, order=order, dtype=dtype, signature=signature, sig=sig)
        return tuple(map(as_array, result)) if isinstance(result, tuple) else as_array(result)
    if any(isinstance(a, Operators) and not isinstance(a, (TracedArray, TracedScalar)) for a in args):
        options = {"dtype": dtype} if dtype is not None else {}
        return dispatch.call(("masked", "ufunc"), (ufunc, args, {**options, "out": out, "where": where}), {})
    if not ufunc.nin <= len(args) <= ufunc.nargs:
        raise TypeError(f"{ufunc.__name__}() takes from {ufunc.nin} to {ufunc.nargs} positional arguments but "
                        f"{len(args)} were given")
    outs = outputs(ufunc, args[ufunc.nin:], out)
    where = truths(where)
    inputs = [operand(a) for a in args[:ufunc.nin]]
    loop = resolve(ufunc, inputs, outs, casting, _signature(ufunc, dtype, signature if signature is not None else sig))
    if loop is None:
        return _compare_out_of_range(ufunc, inputs, outs, where)
    if ufunc not in LOOPS:
        raise tracer.unsupported(f"numpy.{ufunc.__name__}", "there is no compiled form of it yet")
    shapes = [*map(dims_of, inputs), *([dims_of(operand(where))] if where is not True else [])]
    if any(o is not None for o in outs):
        common_dims(*shapes, *(o.view.dims for o in outs if o is not None))
    dims = common_dims(*shapes)
    beyond, limited = _limited(ufunc, inputs, loop)
    values = [broadcast(value_of(x, _known_dtype(d)), dims) for x, d in zip(limited, loop, strict=False)]
    if values[-1].dtype.kind == "i" and ufunc is np.power:
        values[-1] = _checked_exponent(values[-1], None if where is True else broadcast(value_of(where), dims))
    if ufunc is CLIP:
        values = [tracer.emit("maximum", values[:2]), values[2]]
    results = [r for op in LOOPS[ufunc] for r in tracer.emit_all(op, values)]
    if ufunc is np.power and _is_one_exponent(limited[0], limited[1], dims):
        results = [_as_root(results[0], *values)]
    if beyond is not None:
        results = [tracer.emit("where", [*(broadcast(v, dims) for v in beyond), r]) for r in results]
    wanted = loop[ufunc.nin:]
    results = [cast(r, _known_dtype(d)) for r, d in zip(results, wanted, strict=True)]
    if where is not True:
        results = _masked(results, outs, value_of(where), dims)
    layout = _layout(order, inputs, dims)
    delivered = [_deliver(ufunc, r, o, dims, layout) for r, o in zip(results, outs, strict=True)]
    if len(delivered) == 1 and isinstance(delivered[0], TracedScalar):
        delivered[0].known = known_result(ufunc, tuple(known_of(x) for x in inputs))
    return delivered[0] if len(delivered) == 1 else tuple(delivered)


def outputs(ufunc: np.ufunc, positional: tuple, out: Any) -> list[TracedArray | None]:
    if positional and out is not None:
        raise TypeError("cannot specify 'out' as both a positional and keyword argument")
    if isinstance(out, tuple) and len(out) != ufunc.nout:
        raise ValueError("The 'out' tuple must have exactly one entry per ufunc output")
    if isinstance(out, TracedArray) and ufunc.nout > 1:
        raise TypeError("'out' must be a tuple of arrays")
    given = list(positional) if positional else list(out) if isinstance(out, tuple) else [out]
    if any(o is Ellipsis for o in given):
        raise TypeError("must use `...` as `out=...` and not per-operand/in a tuple")
    if len(given) < ufunc.nout:
        given += [None] * (ufunc.nout - len(given))
    if len(given) != ufunc.nout:
        raise ValueError("The 'out' tuple must have exactly one entry per ufunc output")
    for o in given:
        if o is not None and not isinstance(o, TracedArray):
            raise TypeError("return arrays must be of ArrayType")
        if o is not None:
            check_writeable(o.view, "output array is read-only")
    return given


def _signature(ufunc: np.ufunc, dtype: Any, signature: Any) -> Any:
    if dtype is not None:
        dtype = dtype() if isinstance(dtype, type(np.dtype)) else np.dtype(dtype)  # type: ignore[call-overload]
        return (None,) * ufunc.nin + (dtype,) * ufunc.nout
    if isinstance(signature, str):
        taken, _, given = signature.partition("->")
        if (len(taken), len(given)) != (ufunc.nin, ufunc.nout):
            ufunc(*[np.empty(0)] * ufunc.nin, signature=signature)  # raises NumPy's error
        return tuple(map(np.dtype, taken + given))
    return signature


def resolve(ufunc: np.ufunc, inputs: Sequence[Any], outs: Sequence[TracedArray | None], casting: Any, signature: Any,
             ) -> tuple[np.dtype, ...] | None:
    """The dtypes of the loop; None for a comparison with a Python integer that no loop can hold."""
    given = [promotable(x) for x in inputs]
    if ufunc in _COMPARISONS and all(k is int for k in given):
        given = [np.dtype(np.int64)] * 2  # asked for two Python ints, NumPy would compare objects
    dtypes = (*given, *(None if o is None else o.dtype for o in outs))
    loop = ufunc.resolve_dtypes(dtypes, casting=casting, **({} if signature is None else {"signature": signature}))
    for x, d in zip(inputs, loop, strict=False):
        if type(x) is int and d.kind in "iu" and not np.iinfo(d).min <= x <= np.iinfo(d).max:
            if ufunc in _COMPARISONS and any(not is_weak(y) for y in inputs):
                return None
            d.type(x)  # raises NumPy's OverflowError
    return loop


_COMPARISONS = (np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal)


def _compare_out_of_range(ufunc: np.ufunc, inputs: Sequence[Any], outs: Sequence[TracedArray | None], where: Any) -> Any:
    """A comparison of integers with a Python integer beyond their dtype has one answer for all."""
    samples = [x if type(x) is int else np.zeros((), x.value.dtype if isinstance(x, TracedScalar) else x.dtype)[()]
               for x in inputs]
    array = next(x for x in inputs if type(x) is not int)
    answer = tracer.constant(ufunc(*samples))
    dims = dims_of(array)
    result = _masked([broadcast(answer, dims)], outs, value_of(where), dims)[0] if where is not True else \
        broadcast(answer, dims)
    return _deliver(ufunc, result, outs[0], dims, _layout("K", inputs, dims))


def _limited(ufunc: np.ufunc, inputs: list[Any], loop: Sequence[np.dtype]) -> tuple[tuple[Value, Value] | None, list[Any]]:
    """Of a comparison with a run-time Python int: whether that lies beyond the dtype, and the answer then; else None.

    The inputs are returned with the int limited to the dtype's range.
    """
    place = next((k for k, (x, d) in enumerate(zip(inputs, loop, strict=False))
                  if isinstance(x, TracedScalar) and x.kind == "int" and d.kind in "iu" and d != np.dtype(np.int64)), None)
    if place is None or ufunc not in _COMPARISONS:
        return None, inputs
    info, zero = np.iinfo(loop[place]), loop[place].type(0)
    number = cast(inputs[place].value, np.dtype(np.int64))
    low, high = (tracer.constant(np.int64(x), number.type) for x in (info.min, min(info.max, 2**63 - 1)))
    below, above = tracer.emit("less", [number, low]), tracer.emit("greater", [number, high])
    answers = [tracer.constant(ufunc(*((x, zero) if place == 0 else (zero, x)))) for x in (info.min - 1, info.max + 1)]
    limited = tracer.emit("minimum", [tracer.emit("maximum", [number, low]), high])
    beyond = tracer.emit("logical_or", [below, above]), tracer.emit("where", [below, *answers])
    return beyond, [TracedScalar(limited) if k == place else x for k, x in enumerate(inputs)]


def truths(where: Any) -> Any:
    """A mask as it was given, a list of numbers as their truth."""
    return as_array(where, np.dtype(bool)) if isinstance(where, (list, tuple)) else where


def _known_dtype(dtype: np.dtype) -> np.dtype:
    return check_dtype(np.dtype(dtype))


def _masked(results: Sequence[Value], outs: Sequence[TracedArray | None], mask: Value, dims: tuple[Dim, ...]) -> list[Value]:
    """The results where the mask holds, elsewhere what `out` held (zero without one: NumPy leaves it undefined)."""
    if mask.dtype != np.dtype(bool):
        raise TypeError(f"Cannot cast array data from {mask.dtype!r} to dtype('bool') according to the rule 'safe'")
    mask = broadcast(mask, dims)
    builder = tracer.builder()
    # What `out` held stays as it was, so it is not taken through the loop's dtype.
    results = [r if o is None else cast(r, o.dtype) for r, o in zip(results, outs, strict=True)]
    kept = [builder.zeros(r.type) if o is None else broadcast(o.view.read(), dims) for r, o in zip(results, outs, strict=True)]
    return [tracer.emit("where", [mask, r, k]) for r, k in zip(results, kept, strict=True)]


def _checked_exponent(exponent: Value, mask: Value | None) -> Value:
    """An exponent for integers, which must not be negative where it counts."""
    source = exponent
    while source.op is not None and source.op.name == "broadcast":
        source = source.op.operands[0]
    if source.op is not None and source.op.name == "const" and source.op.attrs["value"] >= 0:
        return exponent
    if mask is not None:
        exponent = tracer.emit("where", [mask, exponent, tracer.builder().zeros(exponent.type)])
    return tracer.emit("check_exponent", [exponent])


def _is_one_exponent(base: Any, exponent: Any, dims: tuple[Dim, ...]) -> bool:
    """Is there one exponent for an array, known at run time only?  NumPy's loop then looks at its value."""
    own = dims_of(exponent)
    if not isinstance(exponent, (TracedArray, TracedScalar)) or not isinstance(base, (TracedArray, np.ndarray)):
        return False
    return not own or (all(d == 1 for d in own) and own != dims)


def _as_root(power: Value, base: Value, exponent: Value) -> Value:
    """Powers by a half are square roots in NumPy: -0.0 keeps its sign and minus infinity has none.

    A factor does it, so that the derivatives are those of the power.
    """
    if power.dtype.char not in "fd":
        return power
    half = tracer.emit("equal", [exponent, tracer.builder().full(0.5, exponent.type)])
    builder = tracer.builder()
    factor = builder.where(builder.equal(base, 0), builder.full(-1, base.type), builder.full(np.nan, base.type))
    odd = builder.logical_and(half, builder.signbit(base))
    return builder.multiply(power, builder.where(odd, factor, builder.full(1, base.type)))


def _deliver(ufunc: np.ufunc, result: Value, out: TracedArray | None, dims: tuple[Dim, ...], layout: tuple[int, ...] | None,
             ) -> Any:
    if out is None:
        return TracedScalar(result) if not dims else new_array(result, layout)
    if not same_dims(dims, out.view.dims):
        joint = common_dims(dims, out.view.dims)
        if len(joint) > len(out.view.dims) or any(isinstance(d, int) and isinstance(o, int) and d != o
                                                  for d, o in zip(joint, out.view.dims)):
            raise ValueError(f"non-broadcastable output operand with shape {shape_text(out.view.dims)} doesn't match the "
                             f"broadcast shape {shape_text(common_dims(dims, out.view.dims))}")
        result = broadcast(result, out.view.dims)
    out.view.write(cast(result, out.dtype))
    return out


def _layout(order: str, inputs: Sequence[Any], dims: tuple[Dim, ...]) -> tuple[int, ...] | None:
    arrays = [x.view for x in inputs if isinstance(x, TracedArray)]
    fortran = bool(arrays) and all(v.is_f_contiguous for v in arrays) and not all(v.is_c_contiguous for v in arrays)
    return order_layout(order, [(v.dims, v.strides) for v in arrays], dims, fortran)


def _implement(ufunc: np.ufunc) -> None:
    @dispatch.implements(ufunc)
    def implementation(*args: Any, **kwargs: Any) -> Any:
        return call_ufunc(ufunc, *args, **kwargs)

    implement_outer(ufunc)

    @dispatch.implements(("in place", ufunc))
    def in_place(a: TracedArray, b: Any) -> Any:
        return in_place_operator(ufunc, a, b)


def implement_outer(ufunc: np.ufunc) -> None:
    @dispatch.implements((ufunc, "outer"))
    def outer(a: Any, b: Any, **kwargs: Any) -> Any:
        return dispatch.call(ufunc, (_with_trailing_axes(operand(a), len(dims_of(operand(b)))), b), kwargs)


def _with_trailing_axes(a: Any, count: int) -> Any:
    return a[(..., *(None,) * count)] if isinstance(a, TracedArray) and count else a


for _ufunc in {f for f in vars(np).values() if isinstance(f, np.ufunc) and f.signature is None}:
    _implement(_ufunc)


def _fast_power(base: Any, exponent: Any) -> np.ufunc | None:
    """The ufunc that `base ** exponent` is for some exponents, as in NumPy."""
    if isinstance(exponent, TracedScalar) or not isinstance(exponent, (int, float)) or isinstance(exponent, (bool, np.generic)):
        return None
    if isinstance(base, Operators) and not isinstance(base, (TracedArray, TracedScalar)):
        return None
    dtype = promotable(base)
    if exponent == 2:
        return np.square
    if not isinstance(dtype, np.dtype) or dtype.kind not in "fc":
        return None
    if exponent == -1:
        return np.reciprocal if type(exponent) is int or dtype.kind == "f" else None
    return {1: np.positive, 0.5: np.sqrt}.get(exponent)


def _power_applies(base: Any, exponent: Any, fast: np.ufunc) -> bool:
    """The short form is taken where it has the dtype of the power."""
    if type(exponent) is int and promotable(base) == np.dtype(bool):
        return True  # NumPy squares truths too, and so in int8
    try:
        full = np.power.resolve_dtypes((promotable(base), promotable(exponent), None))
        return fast.resolve_dtypes((promotable(base), None))[-1] == full[-1]
    except TypeError:
        return False


def in_place_operator(ufunc: np.ufunc, a: TracedArray, b: Any) -> Any:
    """a += b and its kin."""
    if ufunc is np.power:
        fast = _fast_power(a, b)
        if fast is not None and _power_applies(a, b, fast):
            return call_ufunc(fast, a, out=(a,))
    return dispatch.call(ufunc, (a, b), {"out": (a,)})


def _operator(python: Any, ufunc: np.ufunc) -> None:
    @dispatch.implements(python)
    def apply(*args: Any) -> Any:
        if all(is_weak(a) for a in args):
            return dispatch.call(("python", python), args, {})
        if ufunc is np.power:
            base, exponent = args
            fast = _fast_power(base, exponent)
            if fast is not None and _power_applies(base, exponent, fast):
                return call_ufunc(fast, base)
        return dispatch.call(ufunc, args, {})


for _python, _ufunc in UFUNC_OF.items():
    _operator(_python, _ufunc)


@dispatch.implements(divmod)
def apply_divmod(a: Any, b: Any) -> Any:
    if is_weak(a) and is_weak(b):
        return a // b, a % b
    return dispatch.call(np.divmod, (a, b), {})


