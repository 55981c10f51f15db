"""matmul, vecdot, matvec, vecmat with their keywords, compiled."""

from __future__ import annotations

import numpy as np
import pytest
import treadle as td

from tests.compiler.ufunc_forms import Call, compare

RNG = np.random.default_rng(0)
OPERANDS = {"A": RNG.normal(size=(2, 3, 4)), "v": RNG.normal(size=(2, 4)), "w": RNG.normal(size=(2, 3)), "o": np.zeros((2, 3))}
CALLS = """
np.matvec(A, v)
np.vecmat(w, A)
np.vecmat(w[0] + 1j, A[0] + 1j)
np.vecdot(A, A)
np.vecdot(A, A, axis=1)
np.vecdot(A, A, keepdims=True)
np.vecdot(A, A, axis=0, keepdims=True)
np.vecdot(A, A, axes=[1, 1])
np.vecdot(A, A, dtype='f4', casting='same_kind')
np.vecdot(A.astype('i4'), A.astype('i4'))
np.vecdot(v[0], v[0])
np.vecdot(A, A, out=o)
np.matvec(A, v, out=o)
np.matvec(A, v[0])
np.matmul(A, A.transpose(0, 2, 1), dtype='f4')
np.matmul(A, v[:, :, None], axes=[(-2, -1), (-2, -1), (-2, -1)])
np.matmul(A, A, axes=[(-2, -1), (-1, -2), (0, 1)])
np.matmul(A, A, axes=[(-2, -1), (-1, -2), (1, 0)], out=np.zeros((3, 3, 2)))
np.matmul(v, A.transpose(0, 2, 1)[0])
np.matmul(A[0], v[0], out=o[0])
np.matvec(A, v[0, :3])
np.vecdot(A, v)
np.matmul(A, A)
np.matmul(A, 2.0)
np.matmul(A, A, axis=1)
np.matvec(A, v, keepdims=True)
np.matmul(A, A, out=o)
np.vecdot(A, A, dtype='i4')
np.matmul.reduce(A)
""".strip().splitlines()


@pytest.mark.parametrize("call", CALLS)
def test_as_numpy(call):
    assert not compare([Call(call, OPERANDS)], f"products {CALLS.index(call)}")


def test_messages_are_numpys():
    assert not compare([Call("np.matvec(A, v[0, :3])", OPERANDS), Call("np.vecdot(A, v)", OPERANDS)], "messages", messages=True)


def test_run_time_extents():
    def f(x, n):
        return np.matmul(x[:n], x[:n].T).sum() + np.vecdot(x[:n], x[:n]).sum()

    for n in (2, 3):
        np.testing.assert_allclose(td.jit(f)(OPERANDS["A"][0], n), f(OPERANDS["A"][0], n))
