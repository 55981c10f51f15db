"""Fourier transforms, correlations and linear algebra of as many elements as only the run knows."""

import warnings

import numpy as np
import pytest
from treadle import jit

from tests.compiler.numpy_api.library_calls import outcome

rng = np.random.default_rng(0)
V, X, H = rng.normal(size=9), rng.normal(size=(9, 4)), rng.normal(size=4)
Z = V + 1j * rng.normal(size=9)
NORMS = (None, "ortho", "forward")
TRANSFORMS = {
    "fft": lambda v, x, z, h, n, m: np.fft.fft(v[:n], norm=m), "fft of complex": lambda v, x, z, h, n, m: np.fft.fft(z[:n], norm=m),
    "ifft": lambda v, x, z, h, n, m: np.fft.ifft(z[:n], norm=m), "rfft": lambda v, x, z, h, n, m: np.fft.rfft(v[:n], norm=m),
    "irfft": lambda v, x, z, h, n, m: np.fft.irfft(z[:n], norm=m), "hfft": lambda v, x, z, h, n, m: np.fft.hfft(z[:n], norm=m),
    "ihfft": lambda v, x, z, h, n, m: np.fft.ihfft(v[:n], norm=m),
    "along rows": lambda v, x, z, h, n, m: np.fft.fft(x[:n], axis=0, norm=m),
    "irfft to n": lambda v, x, z, h, n, m: np.fft.irfft(z, n, norm=m),
    "fft to n": lambda v, x, z, h, n, m: np.fft.fft(v, n, norm=m),
    "fft to 8": lambda v, x, z, h, n, m: np.fft.fft(v[:n], 8, norm=m),
    "rfft to 8": lambda v, x, z, h, n, m: np.fft.rfft(v[:n], 8, norm=m),
    "fft2": lambda v, x, z, h, n, m: np.fft.fft2(x[:n], norm=m), "rfft2": lambda v, x, z, h, n, m: np.fft.rfft2(x[:n], norm=m),
    "irfft2": lambda v, x, z, h, n, m: np.fft.irfft2(x[:n] + 1j, norm=m),
}
OTHERS = {
    "frequencies": lambda v, x, z, h, n: (np.fft.fftfreq(n), np.fft.rfftfreq(n, 0.1), np.fft.fftfreq(n, 2)),
    "shifts": lambda v, x, z, h, n: (np.fft.fftshift(v[:n]), np.fft.ifftshift(v[:n])),
    "f32": lambda v, x, z, h, n: (np.fft.fft(v[:n].astype("f4")), np.fft.irfft(np.fft.rfft(v[:n].astype("f4")))),
    "convolve": lambda v, x, z, h, n: [np.convolve(v[:n], h, m) for m in ("full", "same", "valid")],
    "correlate": lambda v, x, z, h, n: [np.correlate(v[:n], h, m) for m in ("full", "same", "valid")],
    "correlate with": lambda v, x, z, h, n: [np.correlate(h, v[:n], m) for m in ("full", "same", "valid")],
    "both": lambda v, x, z, h, n: [np.correlate(v[:n], v[n:], m) for m in ("full", "same", "valid")],
    "complex": lambda v, x, z, h, n: [np.correlate(z[:n], z[3:5], m) for m in ("full", "same", "valid")],
    "truths": lambda v, x, z, h, n: np.convolve(v[:n] > 0, h > 0),
    "with itself": lambda v, x, z, h, n: np.correlate(v[:n], v[:n], "full"),
    "infinities": lambda v, x, z, h, n: np.convolve(v[:n], [np.inf, 1.0], "same"),
    "solve": lambda v, x, z, h, n: np.linalg.solve(np.eye(n) * 2 + v[:n], v[:n]),
    "inverse": lambda v, x, z, h, n: np.linalg.inv((x @ x.T + np.eye(9))[np.ix_(v > 0, v > 0)]),
    "eigenvalues": lambda v, x, z, h, n: np.linalg.eigh(np.diag(v[:n]))[0],
    "singular": lambda v, x, z, h, n: np.linalg.solve(np.zeros((n, n)), v[:n]),
    "not square": lambda v, x, z, h, n: np.linalg.det(x[:n]),
    "cholesky": lambda v, x, z, h, n: (np.linalg.cholesky(np.eye(n) * 3 + 1), np.linalg.slogdet(np.eye(n) * 3 + 1)),
    "power": lambda v, x, z, h, n: np.linalg.matrix_power(np.eye(n) + 0.1, 3),
}
SOME = {"pinv": lambda v, x, z, h, n: np.linalg.pinv(np.eye(n) + 0.1),
    "rank": lambda v, x, z, h, n: np.linalg.matrix_rank(np.eye(n))}


def close(a, b):
    if isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(close, a, b))
    a, b = np.asarray(a), np.asarray(b)
    tolerance = 1e-5 if b.dtype.char in "fF" else 1e-9
    return a.shape == b.shape and a.dtype == b.dtype and np.allclose(a, b, rtol=tolerance, atol=tolerance / 10, equal_nan=True)


def agrees(f, *numbers):
    compiled = jit(lambda v, x, z, h, n: f(v, x, z, h, n[0]))
    for n in numbers:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            want, got = outcome(f, (V, X, Z, H, n)), outcome(compiled, (V, X, Z, H, np.array([n])))
        assert type(got) is type(want) if isinstance(want, Exception) else close(got, want), (n, got, want)


@pytest.mark.parametrize("f", TRANSFORMS.values(), ids=TRANSFORMS)
def test_transforms(f):
    # NumPy reads beyond lines of no elements that are filled up.
    agrees(lambda v, x, z, h, n: [f(v, x, z, h, n, m) for m in NORMS], 6, 5, 9, 4, 2, 1, -1)


@pytest.mark.parametrize("f", OTHERS.values(), ids=OTHERS)
def test_others(f):
    agrees(f, 6, 5, 9, 4, 2, 1, 0)


@pytest.mark.parametrize("f", SOME.values(), ids=SOME)
def test_matrices_with_elements(f):
    agrees(f, 6, 5, 1)


@pytest.mark.parametrize("f", [lambda n: np.zeros(n).sum(), lambda n: np.eye(n).sum(), lambda n: np.ones((2, n)) * 2,
                               lambda n: [np.zeros(n - i).sum() for i in range(2)], lambda n: np.linspace(0, 1, n)])
def test_negative_extents_raise(f):
    compiled = jit(lambda n: f(n[0]))
    for n in (3, 1, 0, -1):
        want, got = outcome(f, (n,)), outcome(compiled, (np.array([n]),))
        assert type(got) is type(want) if isinstance(want, Exception) else close(got, want), (n, got, want)
