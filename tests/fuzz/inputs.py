"""Arguments for generated programs: all dtypes, ranks and layouts, with special values, and arrays that share memory."""

from __future__ import annotations

import numpy as np

DTYPES = ("float64", "float64", "float32", "float32", "int64", "int32", "bool", "complex128", "complex64", "float16",
          "int8", "uint8", "int16", "uint16", "uint32", "uint64")
COMMON = ("float64", "float32", "int64", "float64", "int32", "bool")
EXTENTS = (3, 4, 5, 1, 2, 7, 17, 0, 33)
SPECIAL = {"f": (0.0, -0.0, np.nan, np.inf, -np.inf, 1.0, -1.0), "i": (0, 1, -1), "u": (0, 1), "b": (False, True)}


def values(rng: np.random.Generator, dtype: np.dtype, shape: tuple[int, ...], special: bool) -> np.ndarray:
    return np.asarray(_values(rng, dtype, shape, special), dtype)


def _values(rng: np.random.Generator, dtype: np.dtype, shape: tuple[int, ...], special: bool) -> np.ndarray:
    if dtype.kind == "c":
        part = np.float32 if dtype.itemsize == 8 else np.float64
        return (values(rng, np.dtype(part), shape, special) + 1j * values(rng, np.dtype(part), shape, False)).astype(dtype)
    if dtype.kind == "b":
        return np.asarray(rng.integers(0, 2, shape)).astype(bool)
    if dtype.kind in "iu":
        lo = 0 if dtype.kind == "u" else -9
        x = np.asarray(rng.integers(lo, 10, shape)).astype(dtype)
        if special and x.size:
            info = np.iinfo(dtype)
            x.flat[rng.integers(0, x.size)] = (info.min, info.max)[rng.integers(0, 2)]
        return x
    x = np.asarray(np.round(rng.normal(0, 2, shape), 3)).astype(dtype)
    if special and x.size:
        for _ in range(1 + x.size // 8):
            x.flat[rng.integers(0, x.size)] = rng.choice(SPECIAL["f"])
    return x


def layout(choices, rng: np.random.Generator, dtype: np.dtype, shape: tuple[int, ...], special: bool) -> np.ndarray:
    """An array of this shape in some memory order: C, F, a slice with gaps, reversed, a transposed view, broadcast."""
    kind = choices.pick(("C", "C", "C", "F", "step", "reversed", "transposed", "broadcast", "readonly"))
    if kind == "F":
        return np.asfortranarray(values(rng, dtype, shape, special))
    if kind == "step" and shape:
        big = values(rng, dtype, (*shape[:-1], shape[-1] * 2 + 1), special)
        return big[..., 1::2] if shape[-1] else big[..., :0]
    if kind == "reversed" and shape:
        return values(rng, dtype, shape, special)[::-1]
    if kind == "transposed" and len(shape) > 1:
        return values(rng, dtype, shape[::-1], special).T
    if kind == "broadcast" and shape:
        return np.broadcast_to(values(rng, dtype, shape[1:], special), shape)
    x = values(rng, dtype, shape, special)
    if kind == "readonly":
        x.flags.writeable = False
    return x


def arguments(choices, seed: int) -> list:
    """One to four arguments; arrays often share extents so that they combine, and sometimes memory."""
    rng = np.random.default_rng(seed)
    special = choices.chance(30)
    n, m = choices.pick(EXTENTS), choices.pick(EXTENTS)
    shapes = ((n,), (n, m), (m,), (n, m), (m, n), (), (n, 1), (1, m), (n, n), (2, n, m))
    out: list = []
    for _ in range(choices.integer(1, 4)):
        dtype = np.dtype(choices.pick(DTYPES if choices.chance(35) else COMMON))
        shape = choices.pick(shapes)
        out.append(layout(choices, rng, dtype, shape, special))
    arrays = [x for x in out if x.ndim and x.shape[0] > 2]
    if arrays and choices.chance(15):
        base = choices.pick(arrays)
        out.append(choices.pick((lambda: base, lambda: base[1:], lambda: base[::-1], lambda: base.T, lambda: base[:-1]))())
    for _ in range(choices.integer(0, 2)):
        out.append(choices.pick((3, -2, 0, 1.5, -0.25, True, np.float32(2.5), np.int32(7), 2)))
    return out
