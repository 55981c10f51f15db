"""Operands for measuring: all bit patterns, a stride of them, and the places where functions are hard."""

from collections.abc import Iterator

import numpy as np

SPECIAL = np.array([0.0, np.inf, np.nan, 1.0, 0.5, 2.0, 3.0, 1e-45, 5e-324, 1e-40, 1e-310, 1.1754944e-38, 709.78,
                    2.2250738585072014e-308, 3.4028235e38, 1.7976931348623157e308, 88.72283, 88.72284, 103.97, 103.98, 87.34,
                    745.13, 745.14, 710.0, 1 - 2.0 ** -24, 1 - 2.0 ** -53, 1 + 2.0 ** -23, 1 + 2.0 ** -52, 1e22,
                    6381956970095103.0 * 2.0 ** 797])
SCALES = (1e-300, 1e-20, 1e-8, 1e-4, 1e-2, 0.5, 1.0, 3.0, 10.0, 100.0, 750.0, 1e5, 1e8, 1e15)


def special(dtype: np.dtype) -> np.ndarray:
    with np.errstate(over="ignore"):
        x = np.concatenate([SPECIAL, -SPECIAL]).astype(dtype)
    with np.errstate(over="ignore"):
        return np.concatenate([x, np.nextafter(x, dtype.type(np.inf)), np.nextafter(x, dtype.type(-np.inf))])


def strided_f32(stride: int, chunk: int = 2 ** 22) -> Iterator[np.ndarray]:
    """Every `stride`-th bit pattern of f32."""
    for start in range(0, 2 ** 32, chunk * stride):
        yield np.arange(start, min(start + chunk * stride, 2 ** 32), stride, dtype=np.uint64).astype(np.uint32).view(np.float32)


def random_f64(count: int, seed: int = 0) -> Iterator[np.ndarray]:
    """All exponents; each scale of `SCALES`; the neighbourhoods of 1 and of the multiples of pi / 2 and ln 2 / 2."""
    random = np.random.default_rng(seed)
    yield random.integers(0, 2 ** 64, count, dtype=np.uint64).view(np.float64)
    for scale in SCALES:
        yield random.uniform(-scale, scale, count)
    near = 1 + random.uniform(-1, 1, count) * 2.0 ** -random.integers(1, 54, count)
    yield near
    for constant in (np.pi / 2, np.log(2) / 2):
        yield np.rint(random.uniform(-1, 1, count) * 2.0 ** random.integers(1, 20, count)) * constant * near


def pairs(dtype: np.dtype, count: int, seed: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of operands: special with special, all exponents, equal scales, and a base near 1 with a large exponent."""
    x = special(dtype)
    left, right = np.meshgrid(x, x)
    yield left.ravel(), right.ravel()
    random = np.random.default_rng(seed)
    with np.errstate(all="ignore"):
        a, b = random.integers(0, 2 ** (8 * dtype.itemsize), (2, count), dtype=f"u{dtype.itemsize}").view(dtype)
        yield a, b
        yield np.abs(a), random.uniform(-40, 40, count).astype(dtype)
        yield a, np.rint(random.uniform(-40, 40, count)).astype(dtype)
        for scale in (1e-3, 1.0, 30.0, 1e4):
            yield tuple(random.uniform(-scale, scale, (2, count)).astype(dtype))
            yield random.uniform(0, scale, count).astype(dtype), random.uniform(-scale, scale, count).astype(dtype)
        near = (1 + random.uniform(-1, 1, count) * 2.0 ** -random.integers(1, 54, count)).astype(dtype)
        limit = 700.0 if dtype.itemsize == 8 else 88.0
        yield near, (random.uniform(-limit, limit, count) / np.log(near.astype(np.float64))).astype(dtype)
        yield a, (a * (1 + random.uniform(-1, 1, count) * 2.0 ** -random.integers(0, 50, count))).astype(dtype)
