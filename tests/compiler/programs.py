"""Runs a function through the tracer and the evaluator, and compares all that a caller can see with plain NumPy.

`check(f, make)`: `make()` returns fresh arguments (a tuple); it is called for each run, so that arguments may share memory
as the test wants.
"""

import types
import warnings

import numpy as np
from treadle.compiler.signature import signature
from treadle.compiler.trace import trace
from treadle.ir.evaluate import evaluate
from treadle.ir.verify import verify


def run_traced(f, args, kwargs=None):
    """f(*args) by tracing and evaluating the graph."""
    kwargs = kwargs or {}
    return call_traced(trace(f, args, kwargs), args, kwargs)


def call_traced(traced, args, kwargs=None):
    """One call of what was traced."""
    kwargs = kwargs or {}
    _, call = signature(args, kwargs)
    assert traced.matches(call), [g for g in traced.guards if not g.holds(call)]
    verify(traced.function)
    values = traced.bind(call)
    outputs = []
    for out, v in zip(traced.function.outputs, evaluate(traced.function, values), strict=True):
        if out.into is not None:
            outputs.append((values[out.into], v))
        else:
            outputs.append(place(v, out.layout))
    outputs = [copy_into(*o) if isinstance(o, tuple) else o for o in outputs]
    return traced.finish(outputs, call)


def copy_into(target, value):
    target[...] = value


def place(value, layout):
    value = np.asarray(value)
    if layout is None:
        return np.array(value, order="C")
    inverse = np.argsort(layout)
    return np.ascontiguousarray(value.transpose(layout)).transpose(inverse)


def check(f, make, exact=True):
    """Compare a plain run with a traced one; returns the plain result."""
    plain_args, traced_args = make(), make()
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            expected = f(*plain_args)
        except Exception as e:
            expected = e
        try:
            got = run_traced(f, traced_args)
        except Exception as e:
            if not isinstance(expected, Exception):
                raise
            got = e
    if isinstance(expected, Exception):
        assert type(got) is type(expected), (repr(got), repr(expected))
        assert str(got) == str(expected), (str(got), str(expected))
        return expected
    same(got, expected, "result", exact)
    same(traced_args, plain_args, "arguments", exact)
    assert identities(got, traced_args) == identities(expected, plain_args)
    assert overlaps(got, traced_args) == overlaps(expected, plain_args)
    return expected


def arrays(x):
    if isinstance(x, np.ndarray):
        yield x
    elif isinstance(x, dict):
        for v in x.values():
            yield from arrays(v)
    elif isinstance(x, (list, tuple)):
        for v in x:
            yield from arrays(v)
    elif hasattr(x, "__dict__") and not isinstance(x, type):
        yield from arrays(vars(x))


def identities(result, args):
    everything = [*arrays(result), *arrays(args)]
    return [(i, j) for i, a in enumerate(everything) for j, b in enumerate(everything[:i]) if a is b]


def overlaps(result, args):
    everything = [*arrays(result), *arrays(args)]
    return [(i, j) for i, a in enumerate(everything) for j, b in enumerate(everything[:i]) if np.shares_memory(a, b)]


def same(a, b, what, exact=True):
    assert type(a) is type(b), (what, a, b)
    if isinstance(b, np.ndarray):
        assert a.dtype == b.dtype and a.shape == b.shape, (what, a.dtype, a.shape, b.dtype, b.shape)
        if b.size:
            assert a.strides == b.strides, (what, "strides", a.strides, b.strides)
        assert a.flags.writeable == b.flags.writeable, (what, "writeable", a.flags.writeable, b.flags.writeable)
        equal(a, b, what, exact)
    elif isinstance(b, dict):
        assert list(a) == list(b), (what, a, b)
        for k in b:
            same(a[k], b[k], f"{what}[{k!r}]", exact)
    elif isinstance(b, (list, tuple)):
        assert len(a) == len(b), (what, a, b)
        for k, (x, y) in enumerate(zip(a, b)):
            same(x, y, f"{what}[{k}]", exact)
    elif isinstance(b, (np.generic, float, complex)):
        equal(np.asarray(a), np.asarray(b), what, exact)
    elif hasattr(b, "__dict__") and not isinstance(b, (type, types.FunctionType)):
        same(vars(a), vars(b), what, exact)
    else:
        assert a is b or a == b, (what, a, b)


def equal(a, b, what, exact):
    if b.dtype.kind not in "fc":
        assert np.array_equal(a, b), (what, a, b)
    else:
        # NumPy's own transcendentals differ by an ulp between memory layouts.
        tolerance = 4 * np.finfo(b.dtype).eps if exact else 1e-5
        assert np.allclose(a, b, rtol=tolerance, atol=0 if exact else 1e-12, equal_nan=True), (what, a, b)
