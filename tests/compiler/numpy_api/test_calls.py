"""NumPy's functions, compiled, on arrays of several dtypes and layouts: values, dtypes, shapes, memory order, errors."""

import linecache

import numpy as np
import pytest
import treadle

from tests.comparator import difference, explained, fresh, observe
from tests.perturb import perturbed_functions
from tests.support.calls import EVERYDAY

_RNG = np.random.default_rng(0)
_X = _RNG.normal(size=(4, 5))
ARRAYS = {
    "float64": _X,
    "int64": np.arange(20).reshape(4, 5) - 7,
    "bool": _X > 0,
    "complex128": _X + 1j * _X[::-1],
    "fortran": np.asfortranarray(_X),
    "float16": _X.astype(np.float16),
    "strided": _RNG.normal(size=(8, 5))[::2, ::-1],
    "uint8": (np.arange(20).reshape(4, 5) * 13 % 251).astype(np.uint8),
}
# Sums and products of float16 are rounded after each step by NumPy, and once here.
LOOSE = {("float16", "np.trapezoid(x,x,axis=0)")}


def define(call):
    source, name = f"import numpy as np\n\n\ndef f(x):\n    return {call}\n", f"<call {call}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    scope = {"__name__": "calls"}
    exec(compile(source, name, "exec"), scope)
    return scope["f"], source


@pytest.mark.parametrize("kind", ARRAYS)
@pytest.mark.parametrize("call", EVERYDAY)
def test_a_compiled_call_does_what_numpy_does(call, kind):
    if (kind, call) in LOOSE:
        pytest.skip("float16 is rounded at other places")
    plain, source = define(call)
    make = fresh((ARRAYS[kind],))
    want, got = observe(plain, make), observe(treadle.jit(define(call)[0]), make)
    if difference(got, want) is not None:
        variants = [observe(f, make) for f in perturbed_functions(source, "f", {"np": np})]
        assert explained(got, want, variants) is None
