"""numpy.fft, compiled: every function on dtypes, layouts, lengths, norms; results in caller's arrays."""

import numpy as np
import pytest
import treadle
from numpy import fft

from tests.compiler.numpy_api.library_calls import check
from tests.compiler.numpy_api.test_linalg import compiled_call

rng = np.random.default_rng(0)
X = rng.normal(size=(6, 5))
ARRAYS = {
    "float64": X, "float32": X.astype("f4"), "complex128": X + 1j * X[::-1], "complex64": (X - 2j * X).astype("c8"),
    "int64": np.arange(12).reshape(3, 4), "bool": X > 0, "float16": X.astype("f2"), "fortran": np.asfortranarray(X),
    "strided": X[::2, ::-1], "transposed": rng.normal(size=(3, 4, 5)).transpose(2, 0, 1), "vector": X[0],
    "no lines": np.zeros((0, 4)), "no points": np.zeros((3, 0)), "nan": np.full((2, 3), np.nan), "one": np.ones((1, 1)),
    "prime": rng.normal(size=(2, 101)),
}
CALLS = [f"np.fft.{f}" for f in """
fft(x)
ifft(x)
rfft(x)
irfft(x)
hfft(x)
ihfft(x)
fft2(x)
ifft2(x)
fftn(x)
ifftn(x)
rfft2(x)
irfft2(x)
rfftn(x)
irfftn(x)
fftshift(x)
ifftshift(x)
fftshift(x,0)
fftshift(x,axes=(0,))
fft(x,3)
fft(x,8)
fft(x,axis=0)
ifft(x,axis=0,norm="ortho")
rfft(x,n=7,norm="forward")
ifft(x,norm="forward")
hfft(x,norm="ortho")
ihfft(x,4)
fftn(x,s=(4,3),axes=(0,1))
fftn(x,axes=(0,))
fftn(x,s=(2,-1),axes=(0,1))
rfftn(x,s=(3,9),axes=(1,0))
fft2(x,norm="ortho")
fft(x,norm="wrong")
fft(x,n=0)
fft(x,axis=5)
fft2(x,s=(2,3,4))
""".split()]


@pytest.mark.parametrize("call", CALLS)
def test_a_call_does_what_numpy_does(call):
    for kind, x in ARRAYS.items():
        try:
            check(compiled_call(call), x)
        except AssertionError as e:
            raise AssertionError(f"{kind}: {e}") from e


def test_lines_without_points_are_zeros():
    """NumPy's own loop reads what is not there."""
    assert not treadle.jit(lambda x: fft.irfft(x, 4))(np.zeros((2, 0))).any()


@pytest.mark.parametrize("f, args", [
    (lambda n: fft.fftfreq(n), (8,)), (lambda n: fft.rfftfreq(n, 0.1), (9,)), (lambda n: fft.fftfreq(n), (1.5,)),
    (lambda x, d: fft.fftfreq(x.size, d), (X, 0.5)), (lambda x, n: fft.fft(x, n), (X, 4)),
    (lambda x, k: fft.fftshift(x, k), (X, 1)), (lambda x, k: fft.ifftshift(x, axes=[k, 0]), (X, 1)),
    (lambda x: fft.fft(x, out="no"), (X,)),
    (lambda x: fft.irfft(fft.rfft(x), x.shape[-1]), (X,)), (lambda x: abs(fft.fft(x * np.hanning(5))) ** 2, (X,)),
    (lambda x, out: fft.fft(x, out=out), (X, np.zeros((6, 5), complex))),
    (lambda x, out: fft.fft(x, out=out), (X, np.zeros((6, 5)))),
    (lambda x, out: fft.rfft(x, out=out[:, :3]), (X, np.zeros((6, 5), complex))),
    (lambda x, out: fft.fftn(x, out=out), (X, np.zeros((6, 5), complex))),
    (lambda x, out: fft.irfft(x, 4, out=out), (X, np.zeros((6, 5)))),
])
def test_calls_with_several_arguments(f, args):
    check(f, *args)


def test_in_a_loop():
    @treadle.jit
    def smoothed(x, steps):
        for _ in range(steps):
            y = fft.rfft(x)
            y[3:] *= 0.5
            x = fft.irfft(y, x.size)
        return x

    x = rng.normal(size=16)
    want = x
    for _ in range(3):
        y = fft.rfft(want)
        y[3:] *= 0.5
        want = fft.irfft(y, 16)
    np.testing.assert_allclose(smoothed(x, 3), want, atol=1e-12)
