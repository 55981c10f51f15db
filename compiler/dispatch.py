"""The one table: which implementation stands for a NumPy callable (or ndarray method) when its arguments are traced.

How to implement a NumPy function (in `numpy_api/`, or here in the tracer):

    @implements(np.flip)
    def flip(m, axis=None): ...          # NumPy's own signature and parameter names

Implementations receive what the user passed: TracedArray, TracedScalar, and also plain numbers, lists, ndarrays.  They
return traced objects (or Python values such as tuples of them).  The primitives to write them with:

    arrays.as_array(x, dtype=None)       any array-like -> TracedArray (0-d for scalars); itself if it is one
    arrays.new_array(value, layout=None) an SSA value -> TracedArray over a new storage (rank 0: a 0-d array)
    arrays.wrap(value)                   an SSA value -> TracedScalar if rank 0, else as `new_array`: what ufuncs return
    arrays.value_of(x, dtype=None)       any operand -> SSA value; `dtype` casts (a Python number takes it directly)
    a.view                               a TracedArray's `views.View`: read() -> Value, write(Value), dims, dtype, strides,
                                         affine(map, starts, dims), transpose(axes), reshape(dims) -> View | None
    TracedArray(view)                    an array that is this view
    arrays.assign(a, x, casting)         a[...] = x with broadcasting and casting, NumPy's errors
    arrays.deliver(result, out)          give `result` to the caller's `out` (None: return it), NumPy's errors
    values.cast(v, dtype), values.broadcast(v, dims), values.common_dims(dims...)   on SSA values
    tracer.emit(op, [values], **attrs)   insert an op;  tracer.constant(x, type)
    tracer.unsupported(what, why, instead)   -> the error to raise
    scalars.concrete(x, what)            the Python value of an axis, a shape entry, a flag (guards on it when it is traced)
    dispatch.call(np.f, args, kwargs)    call another NumPy function on traced arguments

Methods: `@implements_method("sum")`, called with the array first; `alias_method("sum", np.sum)` where the method is the
function.  Ufunc methods: `@implements((np.add, "reduce"))`.  A callable that is not in the table runs as NumPy on concrete
arguments; on traced ones NumPy's own Python code is traced (`numpy_bodies.py`), or it is an UnsupportedError.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

Implementation = Callable[..., Any]

FUNCTIONS: dict[Hashable, Implementation] = {}
METHODS: dict[str, Implementation] = {}
# Python's own functions; `builtin_functions.py` fills this table.
BUILTINS: dict[Hashable, Implementation] = {}


def implements(*callables: Any) -> Callable[[Implementation], Implementation]:
    """Enter an implementation of these NumPy callables into the table."""

    def enter(implementation: Implementation) -> Implementation:
        for c in callables:
            assert c not in FUNCTIONS, f"{c} is implemented twice"
            FUNCTIONS[c] = implementation
        return implementation

    return enter


def implements_method(*names: str) -> Callable[[Implementation], Implementation]:
    """Enter an implementation of these ndarray methods; the array is its first argument."""

    def enter(implementation: Implementation) -> Implementation:
        for name in names:
            assert name not in METHODS, f"method {name} is implemented twice"
            METHODS[name] = implementation
        return implementation

    return enter


def alias_method(name: str, function: Hashable) -> None:
    """Let ndarray method `name` be the NumPy function with the array as first argument."""
    implements_method(name)(lambda a, *args, **kwargs: call(function, (a, *args), kwargs))


def find(fn: Any) -> Implementation | None:
    """The implementation of a callable: a function, a ufunc, or a ufunc's bound method such as `np.add.reduce`."""
    try:
        found = FUNCTIONS.get(fn)
    except TypeError:
        return None
    if found is None:
        found = _of_special(fn)
    if found is None:
        owner = getattr(fn, "__self__", None)
        if isinstance(owner, np.ufunc):
            found = FUNCTIONS.get((owner, fn.__name__)) or _of_special((owner, fn.__name__))
    return found


def _of_special(fn: Any) -> Implementation | None:
    """What stands for a function of scipy.special, which is imported only by those who use it."""
    ufunc, method = fn if isinstance(fn, tuple) and len(fn) == 2 else (fn, None)
    module, name = sys.modules.get("scipy.special"), getattr(ufunc, "__name__", None)
    if module is None or not isinstance(name, str) or getattr(module, name, None) is not ufunc:
        return None
    if method is not None:
        return FUNCTIONS["scipy ufunc method"](ufunc, method)
    found = FUNCTIONS.get(("scipy.special", name))
    return FUNCTIONS["scipy ufunc"](ufunc) if found is None and isinstance(ufunc, np.ufunc) else found


def call(fn: Any, args: tuple, kwargs: dict) -> Any:
    """Call what implements `fn`."""
    found = FUNCTIONS.get(fn) or BUILTINS.get(fn) or _of_special(fn)
    return FUNCTIONS["numpy body"](fn, args, kwargs) if found is None else found(*args, **kwargs)
