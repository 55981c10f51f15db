"""The family of `scipy.special`'s functions: ops over real float32 and float64 operands that bear SciPy's names.

`special` makes one.  With a `formula` it is an expression like any elementwise op; without, SciPy's own inner loop computes
it, strip by strip: operands are converted into short strips, `special_<name>_<loop>` runs over them, without the GIL.
Operands that stand for an order or a count may be int64, too.  `SPECIAL` says which SciPy function an op is.
A derivative that has no closed form (with respect to an order, say) is `unknown(...)`, which raises when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import scipy

from ..builder import Builder
from ..errors import UnsupportedError
from ..expr import Expr, cast, const
from ..expr import op as scalar_op
from ..graph import Op, Value
from ..loops import Call
from ..opdef import LowerContext, Missing, Pointwise, Sample, Statements
from ..scalar import scalar_type
from ..types import Type
from .families import SHAPES, Partials, check_elementwise, elementwise, jvp_from

STRIP = 512
LETTERS = {np.dtype("f4"): "f", np.dtype("f8"): "d"}
# Op name -> SciPy's name of the ufunc.
SPECIAL: dict[str, str] = {}


def scipy_function(name: str) -> np.ufunc:
    """SciPy's ufunc; its module is imported by the first use."""
    found = getattr(scipy.special, name)
    return found if isinstance(found, np.ufunc) else getattr(scipy.special._ufuncs, f"_{name}")


def unknown(name: str, operand: str) -> Callable[..., Value]:
    """Stands for a partial derivative that nobody has in closed form."""

    def partial(ctx: Builder, *rest: Value) -> Value:
        raise UnsupportedError(f"the derivative of scipy.special.{name} with respect to {operand}",
                               "there is no closed form of it", "keep that operand out of what is differentiated", ctx.loc)

    return partial


def special(name: str, partials: Partials | Missing, *, formula: Callable[..., Expr] | None = None, whole: Sequence[int] = (),
            domain: tuple[float, float] = (0.2, 2.5), also: str = "") -> None:
    """Register scipy.special's `name`. whole: operands that may be int64, and are so in the samples."""
    arity = len(partials) if not isinstance(partials, Missing) else 1
    places: tuple[str | None, ...] = tuple("i64" if k in whole else None for k in range(arity))
    samples = tuple(Sample((s,) * arity, domain=domain, dtypes=places if whole else None) for s in SHAPES)
    SPECIAL[name] = also or name
    elementwise(
        name, arity, infer=_infer(name, arity, whole), evaluate=_evaluate(name),
        lower=Pointwise(formula) if formula is not None else Statements(_lower, reads_once=True),
        jvp=partials if isinstance(partials, Missing) else jvp_from(partials), dtypes=("f32", "f64"), samples=samples,
        doc=f"scipy.special.{name}")


def _infer(name: str, arity: int, whole: Sequence[int]) -> Callable[[list[Value], dict], list[Type]]:
    def infer(operands: list[Value], attrs: dict) -> list[Type]:
        if len(operands) != arity:
            raise TypeError(f"{name} takes {arity} operands")
        check_elementwise(name, operands)
        kinds = {x.dtype for k, x in enumerate(operands) if not (k in whole and x.dtype == np.dtype(np.int64))}
        if len(kinds) != 1 or not kinds <= set(LETTERS):
            raise TypeError(f"{name} takes operands of one of float32, float64, not {', '.join(str(x.type) for x in operands)}")
        return [operands[0].type.with_dtype(kinds.pop())]  # type: ignore[union-attr]

    return infer


def _evaluate(name: str) -> Callable[..., list]:
    def evaluate(xp: Any, operands: list, attrs: dict, types: Sequence[Type]) -> list:
        dtype = types[0].dtype  # type: ignore[union-attr]
        with np.errstate(all="ignore"):
            result = scipy_function(SPECIAL[name])(*[xp.asarray(x).astype(dtype, copy=False) for x in operands])
        return [xp.asarray(result, dtype=dtype)]

    return evaluate


def _lower(ctx: LowerContext, op: Op) -> None:
    """Strip by strip along the last axis; each thread has its own strips."""
    dims, dtype = ctx.dims(op.result), op.result.dtype
    count_all = dims[-1] if dims else const(1)
    with ExitStack() as loops:
        outer = tuple(loops.enter_context(ctx.loop(0, d)) for d in dims[:-1])
        first = loops.enter_context(ctx.loop(0, count_all, step=STRIP))
        count = scalar_op("min", count_all - first, STRIP)
        strips = [ctx.temp(dtype, (STRIP,)) for _ in range(len(op.operands) + 1)]

        def at(k: Expr) -> tuple[Expr, ...]:
            return (*outer, first + k) if dims else ()

        with ctx.loop(0, count) as k:
            for j in range(len(op.operands)):
                ctx.store(strips[j], (k,), cast(ctx.read(j, at(k)), scalar_type(dtype)))  # type: ignore[arg-type]
        letters = LETTERS[dtype]
        routine = f"special_{letters * len(op.operands)}_{SPECIAL[op.name]}"
        ctx.emit(Call(routine, tuple(strips[:-1]), (strips[-1],), (*[const(0)] * len(strips), count)))
        with ctx.loop(0, count) as k:
            ctx.store(ctx.out(), at(k), ctx.load(strips[-1], (k,)))
