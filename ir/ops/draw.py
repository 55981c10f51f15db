"""`draw(order, state, *parameters, *extents){function, dtype, dims}`: random numbers, by NumPy's own C functions.

`state` is the address of a generator's C structure (a Python int); `order` is the order of effects (see `callback.py`), so that
draws happen as the program says.  Parameters are of rank 0 or of extents `dims`; elements are drawn in C order, as NumPy draws
them.  `FUNCTIONS` says what each function takes and gives; those that only shift and scale another are left to arithmetic.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..builder import fill_dims
from ..expr import Expr, cast, const
from ..generators import generator_at
from ..graph import Value
from ..loops import Buffer, Call
from ..opdef import LowerContext, Missing, OpDef, Statements, register
from ..types import DTYPES, PY_INT, ArrayType, Type
from .shaping import INT64, check_slots, concrete_dims

INTEGERS = ("u64", "u32", "u16", "u8", "i64", "i32", "i16", "i8")


@dataclass(frozen=True, slots=True)
class Function:
    """method: the Generator's method that it is.  parameters: their dtypes.  results: the dtypes it can draw."""

    method: str
    parameters: tuple[str, ...] = ()
    results: tuple[str, ...] = ("f64",)


_D = "f64"
FUNCTIONS: dict[str, Function] = {
    "standard_uniform": Function("random", (), ("f64", "f32")),
    "standard_normal": Function("standard_normal", (), ("f64", "f32")),
    "standard_exponential": Function("standard_exponential", (), ("f64", "f32")),
    "standard_gamma": Function("standard_gamma", (_D,), ("f64",)),
    **{name: Function(name, (_D,) * count) for name, count in (
        ("standard_cauchy", 0), ("beta", 2), ("chisquare", 1), ("f", 2), ("gumbel", 2), ("laplace", 2), ("logistic", 2),
        ("lognormal", 2), ("pareto", 1), ("power", 1), ("rayleigh", 1), ("standard_t", 1), ("vonmises", 2), ("wald", 2),
        ("weibull", 1), ("noncentral_chisquare", 2), ("noncentral_f", 3))},
    **{name: Function(name, (_D,), ("i64",)) for name in ("poisson", "geometric", "logseries", "zipf")},
    "binomial": Function("binomial", ("i64", _D), ("i64",)),
    "bounded": Function("integers", ("i64", "i64"), INTEGERS),
    "hypergeometric": Function("hypergeometric", ("i64",) * 3, ("i64",)),
    "negative_binomial": Function("negative_binomial", (_D, _D), ("i64",)),
    "triangular": Function("triangular", (_D,) * 3),
    # Whole numbers from 0 to the parameter: as shuffles draw them, and as `integers` does.
    "interval": Function("", ("i64",), ("i64",)),
    "below": Function("integers", ("i64",), ("i64",)),
    # Of a RandomState, whose address is another (`generators.address_of`).
    "legacy_standard_uniform": Function("random_sample"),
    "legacy_gauss": Function("standard_normal"),
    "legacy_standard_exponential": Function("standard_exponential"),
    "legacy_interval": Function("", ("i64",), ("i64",)),
    "legacy_bounded": Function("randint", ("i64", "i64"), INTEGERS),
    **{f"legacy_{name}": Function(name, (_D,) * count) for name, count in (
        ("gumbel", 2), ("laplace", 2), ("logistic", 2), ("triangular", 3))},
    "legacy_poisson": Function("poisson", (_D,), ("i64",)),
}


def _count(attrs: dict) -> int:
    return len(FUNCTIONS[attrs["function"]].parameters)


def _infer(operands: list[Value], attrs: dict) -> list[Type]:
    function, n = FUNCTIONS[attrs["function"]], _count(attrs)
    if operands[0].type != ArrayType(INT64) or operands[1].type != PY_INT:
        raise TypeError("a draw takes the order of effects and the address of a generator")
    if attrs["dtype"] not in function.results:
        raise TypeError(f"{attrs['function']} does not draw {attrs['dtype']}")
    dims = fill_dims(attrs["dims"], operands)
    for x, name in zip(operands[2:2 + n], function.parameters, strict=True):
        if not isinstance(x.type, ArrayType) or x.type.dtype != DTYPES[name] or (x.type.dims and len(x.type.dims) != len(dims)):
            raise TypeError(f"a parameter of {attrs['function']} is a {x.type}")
    check_slots(operands, 2 + n)
    return [ArrayType(INT64), ArrayType(DTYPES[attrs["dtype"]], dims)]


def _evaluate(xp: Any, operands: list, attrs: dict, types: Sequence[Type]) -> list:
    parameters = operands[2:2 + _count(attrs)]
    values = drawn(attrs["function"], types[1].dtype, int(operands[1]), parameters, concrete_dims(attrs, operands))
    return [xp.asarray(operands[0] + 1, np.int64), xp.asarray(values, types[1].dtype)]


def drawn(name: str, dtype: np.dtype, address: int, parameters: Sequence, shape: tuple[int, ...]) -> np.ndarray:
    """What the generator's own method draws."""
    if name in ("interval", "legacy_interval"):
        return np.array([_place(generator_at(address), int(n)) for n in np.ravel(parameters[0])], np.int64).reshape(shape)
    method = getattr(generator_at(address), FUNCTIONS[name].method)
    if name == "below":
        lasts = np.broadcast_to(np.asarray(parameters[0], np.int64), shape)
        return method(0, lasts, endpoint=True) if lasts.size else np.empty(shape, np.int64)
    if name.endswith("bounded"):
        low, span = (np.asarray(p).reshape(-1)[0] for p in parameters)
        low = low.astype(dtype)
        last = int(low) + int(span.astype(np.uint64))
        return method(low, last + 1, shape, dtype) if name != "bounded" else method(low, last, shape, dtype, endpoint=True)
    if len(FUNCTIONS[name].results) > 1:
        return method(*parameters, size=shape, dtype=dtype)
    return method(*parameters, size=shape)


def _place(generator: Any, last: int) -> int:
    """What a shuffle draws to find a place from 0 to `last`."""
    legacy = np.random.RandomState(generator.bit_generator) if isinstance(generator, np.random.Generator) else generator
    return int(legacy.randint(0, last + 1)) if last else 0


def _lower(ctx: LowerContext, op: Any) -> None:
    """Called as  random__<function>__<dtype>: the parameters are read, the order and the result written; then the number
    of elements, the step of each parameter (0 or 1), the order, the state."""
    n = _count(op.attrs)
    reads: list[Buffer] = []
    for k in range(2, 2 + n):
        if op.operands[k].dims:
            reads.append(ctx.buffer(k, contiguous=True))
        else:
            reads.append(ctx.temp(op.operands[k].dtype, ()))
            value = ctx.read(k, ())
            ctx.store(reads[-1], (), value)
    writes = (ctx.out(0), ctx.out(1))
    order, state = ctx.read(0, ()), ctx.read(1, ())
    assert isinstance(order, Expr) and isinstance(state, Expr)
    starts = [const(0)] * (n + 2)
    steps = [const(1 if op.operands[k].dims else 0) for k in range(2, 2 + n)]
    scalars = (*starts, functools.reduce(operator.mul, ctx.dims(op.results[1]), const(1)), *steps, order, cast(state, "i64"))
    ctx.emit(Call(f"random__{op.attrs['function']}__{op.attrs['dtype']}", tuple(reads), writes, scalars, None, op.loc))


_REASON = Missing("how what is drawn changes with the parameters of its distribution is not defined; normal, uniform, "
                  "exponential and gamma scale what is drawn, and have derivatives")

register(OpDef(
    "draw", _infer, _evaluate, Statements(_lower), _REASON, Missing("random numbers are not linear in anything"),
    Missing("one lane draws after the other"), attrs=("function", "dtype", "dims"), effect="ordered",
    dtypes=("f64", "f32", *INTEGERS), doc="Random numbers of a generator, by NumPy's own functions."))
