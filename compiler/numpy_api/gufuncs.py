"""The generalized ufuncs that `numpy.linalg` is written over, on traced arrays: operands checked, cast and stacked.

`call_gufunc` emits the op and, where NumPy would look for failed matrices (`np.errstate(invalid="call", call=...)` is in
force while its code runs), a check behind it that raises what NumPy's handler raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.linalg import _umath_linalg

from ...ir import gufuncs
from ...ir.graph import Value
from ...ir.types import Dim
from .. import tracer
from ..arrays import TracedArray, as_array, new_array, wrap
from ..dispatch import implements
from ..memory_order import keep_order
from ..values import broadcast, cast, common_dims, must_equal
from ..views import reshape_value


def call_gufunc(name: str, op: str, attrs: dict[str, Any], operands: Sequence[Any], signature: str | None = None) -> Any:
    """The results of the op, as NumPy's generalized ufunc returns them."""
    arrays = [as_array(x) for x in operands]
    results = tracer.emit_all(op, stacked(name, operand_values(name, arrays, signature)), **attrs)
    outputs = len(gufuncs.cores(name)[1])
    if len(results) > outputs:
        refuse_failed(results[-1])
    inputs, cores = gufuncs.cores(name)
    order = stack_order(arrays, list(map(len, inputs)))
    made = tuple(wrap(r, stack_layout(order, len(core))) for r, core in zip(results, cores, strict=False))
    return made if outputs > 1 else made[0]


def stack_order(arrays: Sequence[TracedArray], cores: Sequence[int]) -> tuple[int, ...] | None:
    """The order in memory of the stack axes of results: NumPy's K order of the operands', the last `cores` axes left out."""
    kept = [(a.view.dims[:a.ndim - n], a.view.strides[:a.ndim - n]) for a, n in zip(arrays, cores, strict=True)]
    return keep_order(kept, common_dims(*(dims for dims, _ in kept)))


def stack_layout(order: tuple[int, ...] | None, core: int) -> tuple[int, ...] | None:
    """The layout of a result whose stack axes lie in `order`, its `core` axes behind them."""
    return None if order is None else (*order, *range(len(order), len(order) + core))


def operand_values(name: str, operands: Sequence[Any], signature: str | None) -> list[Value]:
    """The operands in the dtypes of the loop."""
    arrays = [as_array(x) for x in operands]
    types = (signature or "").partition("->")[0] or gufuncs.loop_types(name, np.result_type(*(a.dtype for a in arrays)).char)
    return [cast(a.view.read(), np.dtype(t)) for a, t in zip(arrays, types, strict=False)]


def stacked(name: str, values: Sequence[Value]) -> list[Value]:
    """The operands with equal stacks; NumPy's errors for core dimensions that do not fit."""
    cores = gufuncs.cores(name)[0]
    _check_cores(name, cores, values)
    leads = [v.dims[:len(v.dims) - len(core)] for v, core in zip(values, cores, strict=True)]
    lead = common_dims(*leads)
    return [broadcast(v, (*lead, *v.dims[len(own):])) for v, own in zip(values, leads, strict=True)]


def _check_cores(name: str, cores: Sequence[gufuncs.Core], values: Sequence[Value]) -> None:
    signature = gufuncs.find(name).signature
    bound: dict[str, Dim] = {}
    for k, (v, core) in enumerate(zip(values, cores, strict=True)):
        if len(v.dims) < len(core):
            raise ValueError(f"{name}: Input operand {k} does not have enough dimensions (has {len(v.dims)}, gufunc core with "
                             f"signature {signature} requires {len(core)})")
        for j, (d, n) in enumerate(zip(core, v.dims[len(v.dims) - len(core):], strict=True)):
            known = bound.setdefault(d, n)
            if isinstance(known, int) and isinstance(n, int) and known != n:
                raise ValueError(f"{name}: Input operand {k} has a mismatch in its core dimension {j}, with gufunc signature "
                                 f"{signature} (size {n} is different from {known})")
            must_equal(known, n, f"{name}: Input operand {k} has a mismatch in its core dimension {j}, with gufunc signature "
                       f"{signature} (size {{1}} is different from {{0}})")


def refuse_failed(failed: Value) -> None:
    """Raise what NumPy's handler of the moment raises, if any matrix has failed."""
    handler = np.geterrcall()
    if np.geterr()["invalid"] != "call" or handler is None:
        return
    try:
        handler("invalid value", 8)  # type: ignore[operator]
    except Exception as e:
        kind, message = type(e).__name__, str(e)
    else:
        return
    require(tracer.emit("logical_not", [any_of(failed)]), kind, message)


def any_of(truths: Value) -> Value:
    """Is one of them true?"""
    return tracer.emit("reduce_or", [truths], axes=tuple(range(len(truths.dims)))) if truths.dims else truths


def require(condition: Value, exception: str, message: str) -> None:
    """Raise at run time unless the condition holds."""
    tracer.emit("check", [condition, condition], exception=exception, message=message.replace("{", "{{").replace("}", "}}"))


_OPS: dict[str, tuple[str, dict[str, Any]]] = {
    "solve": ("solve", {}), "inv": ("inv", {}), "det": ("det", {}), "slogdet": ("slogdet", {}),
    "cholesky_lo": ("cholesky", {"upper": False}), "cholesky_up": ("cholesky", {"upper": True}),
    "svd": ("singular_values", {}), "svd_s": ("svd", {"full": False}), "svd_f": ("svd", {"full": True}),
    "eigh_lo": ("eigh", {"lower": True}), "eigh_up": ("eigh", {"lower": False}),
    "eigvalsh_lo": ("eigvalsh", {"lower": True}), "eigvalsh_up": ("eigvalsh", {"lower": False}),
    "eig": ("eig", {}), "eigvals": ("eigvals", {}), "lstsq": ("lstsq", {}),
}


def _implement(name: str, op: str, attrs: dict[str, Any]) -> None:
    @implements(gufuncs.find(name))
    def implementation(*operands: Any, signature: str | None = None) -> Any:
        return call_gufunc(name, op, attrs, operands, signature)


for _name, (_op, _attrs) in _OPS.items():
    _implement(_name, _op, _attrs)


@implements(_umath_linalg.solve1)
def solve1(a: Any, b: Any, signature: str | None = None) -> Any:
    """One right-hand side per matrix: a matrix of one column."""
    matrix, vector = values = operand_values("solve1", (a, b), signature)
    _check_cores("solve1", gufuncs.cores("solve1")[0], values)
    column = reshape_value(vector, (*vector.dims, 1))
    x, failed = tracer.emit_all("solve", stacked("solve", [matrix, column]))
    refuse_failed(failed)
    return new_array(reshape_value(x, x.dims[:-1]))
