"""Runs the graph dialect, op by op, through the ops' own evaluation rules: the oracle for every pass.

Arrays are of the namespace `xp` (NumPy, or CuPy); a weak value is a Python scalar, exactly of its kind; a token is None.
After every op each result is compared with its type, run-time extents included.  What an op raises is what the user's
program raises, and passes through.  Start with `evaluate`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .errors import VerificationError
from .graph import Block, Function, Op, Value
from .opdef import OPS
from .text import show_op, show_type
from .types import WEAK_PYTHON, ArrayType, TokenType, Type, WeakType

Environment = dict[Value, Any]


def evaluate(function: Function, args: Sequence[Any], xp: Any = np) -> list:
    """What `function` returns for these arguments. Arguments are never written to, whatever `outputs` says."""
    env: Environment = {}
    if len(args) != len(function.block.args):
        raise TypeError(f"{function.name} takes {len(function.block.args)} arguments, {len(args)} were given")
    # NumPy warns where hardware only sets a flag; the program's meaning is the value.
    with np.errstate(all="ignore"):
        return _block(function.block, args, env, xp)


def evaluate_in_place(function: Function, args: Sequence[Any], xp: Any = np) -> list:
    """As the compiled function: outputs that belong `into` an argument are written there; the others are returned."""
    values = evaluate(function, args, xp)
    outputs = function.outputs or [None] * len(values)  # type: ignore[list-item]
    returned = []
    for out, v in zip(outputs, values, strict=True):
        if out is None or out.into is None:
            returned.append(v)
        else:
            args[out.into][...] = v
    return returned


def _block(block: Block, args: Sequence[Any], env: Environment, xp: Any) -> list:
    for v, x in zip(block.args, args, strict=True):
        env[v] = x
    for v, x in zip(block.args, args, strict=True):
        _check(x, v.type, env, f"argument {v.name}")
    for op in block.ops:
        _op(op, env, xp)
    return [env[v] for v in block.yields]


def _op(op: Op, env: Environment, xp: Any) -> None:
    operands = [env[v] for v in op.operands]
    control = _CONTROL.get(op.name)
    if control is not None:
        results = control(op, operands, env, xp)
    else:
        results = OPS[op.name].evaluate(xp, operands, op.attrs, [_concrete(r.type, env) for r in op.results])
    if len(results) != len(op.results):
        raise VerificationError(f"{len(results)} values for {len(op.results)} results: {show_op(op)}")
    for r, x in zip(op.results, results, strict=True):
        env[r] = x
        _check(x, r.type, env, op)


def _concrete(t: Type, env: Environment) -> Type:
    """`t` with run-time extents as ints; one that is a result of the op itself is not known yet and stays."""
    if isinstance(t, ArrayType) and any(isinstance(d, Value) for d in t.dims):
        return t.with_dims(tuple(int(env[d]) if isinstance(d, Value) and d in env else d for d in t.dims))
    return t


def _check(x: Any, t: Type, env: Environment, where: Op | str) -> None:
    if isinstance(t, TokenType):
        return
    if isinstance(t, WeakType):
        good, got = type(x) is WEAK_PYTHON[t.kind], type(x).__name__
    else:
        dims = _concrete(t, env).dims
        good = hasattr(x, "dtype") and x.dtype == t.dtype and tuple(x.shape) == dims
        got = f"{x.dtype}{list(x.shape)}" if hasattr(x, "dtype") else type(x).__name__
    if not good:
        place = where if isinstance(where, str) else show_op(where)
        raise VerificationError(f"a value of {got} where the type is {show_type(_concrete(t, env))}: {place}")


def _if(op: Op, operands: list, env: Environment, xp: Any) -> list:
    return _block(op.regions[0 if operands[0] else 1], [], env, xp)


def _for(op: Op, operands: list, env: Environment, xp: Any) -> list:
    start, stop, step, *carried = operands
    (body,) = op.regions
    until = op.attrs.get("until")
    make = _scalar_maker(body.args[0].type)
    for i in range(int(start), int(stop), int(step)):
        if until is not None and carried[until]:
            break
        carried = _block(body, [make(i), *carried], env, xp)
    return carried


def _scalar_maker(t: Type) -> Any:
    return t.dtype.type if isinstance(t, ArrayType) else int


def _while(op: Op, operands: list, env: Environment, xp: Any) -> list:
    test, body = op.regions
    carried = operands
    while _block(test, carried, env, xp)[0]:
        carried = _block(body, carried, env, xp)
    return carried


def _call(op: Op, operands: list, env: Environment, xp: Any) -> list:
    return _block(op.attrs["callee"].block, operands, {}, xp)


def _fused(op: Op, operands: list, env: Environment, xp: Any) -> list:
    return _block(op.regions[0], operands, env, xp)


_CONTROL = {"if": _if, "for": _for, "while": _while, "call": _call, "fused": _fused}
