"""Machine code for every target this machine can run gives, bit by bit, what the C compiler makes of the expression."""

import shutil
from functools import cache

import numpy as np
import pytest
from treadle.codegen.math import MATH
from treadle.ir.expr import const, expression_scope, load, op, var
from treadle.ir.loops import Buffer, For, LoopFunction, Store
from treadle.ir.scalar import NUMPY_DTYPE, SCALAR_OPS
from treadle.ir.target import TARGETS

from tests.codegen.math.measure import Measured
from tests.codegen.math.operands import special
from tests.codegen.native import HOST, compiled

pytestmark = pytest.mark.skipif(not shutil.which("gcc"), reason="the expressions are run through gcc")
RUNNABLE = [t for t in TARGETS.values() if t.name[:3] == HOST.name[:3] and t.vector_bits <= HOST.vector_bits]


def operands(dtype: np.dtype, arity: int) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    x = np.concatenate([special(dtype), random.integers(0, 256, 1000 * dtype.itemsize, dtype=np.uint8).view(dtype),
                        random.uniform(-5, 5, 1000).astype(dtype)])
    return [x, random.permutation(x)][:arity]


through_c = cache(Measured)


@pytest.mark.parametrize("target", RUNNABLE, ids=lambda t: t.name)
@pytest.mark.parametrize(("name", "dtype"), list(MATH))
def test_machine_code_agrees_with_c(name, dtype, target):
    arity = SCALAR_OPS[name].arity
    arrays = operands(NUMPY_DTYPE[dtype], arity)
    with expression_scope():
        n, i = const(len(arrays[0])), var("i")
        xs = [Buffer(f"x{k}", dtype, (n,), place="arg", readonly=True) for k in range(arity)]
        out = Buffer("out", dtype, (n,), place="arg")
        store = Store(out, (i,), op(name, *(load(x, (i,)) for x in xs)))
        loop = For("i", const(0), n, [store], kind="par", vector=True)
        f = compiled(LoopFunction("f", [*xs, out], [], [loop]), target)
    got = np.full_like(arrays[0], 7)
    f([*arrays, got])
    want = through_c(name, dtype)(*arrays)
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(np.signbit(got[got == 0]), np.signbit(want[got == 0]))
