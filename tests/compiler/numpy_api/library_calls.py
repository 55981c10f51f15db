"""Comparing a compiled call with NumPy's where the last bits may differ: types, dtypes, shapes, memory, values, errors."""

from __future__ import annotations

import re
import traceback
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import treadle


def outcome(f: Callable, args: tuple) -> Any:
    """What f returns, or what it raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return f(*args)
        except Exception as e:
            return e


def check(f: Callable, *args: Any) -> None:
    """The compiled function does what NumPy does, on arguments of its own."""
    copies = [np.array(a, order="K", copy=True) if isinstance(a, np.ndarray) and a.flags.owndata else a for a in args]
    want, got = outcome(f, tuple(args)), outcome(treadle.jit(f), tuple(copies))
    same(got, want)


def same(got: Any, want: Any) -> None:
    if isinstance(want, Exception) or isinstance(got, Exception):
        assert isinstance(got, type(want)) or isinstance(want, type(got)), (got, want)
        if isinstance(want, np.linalg.LinAlgError):
            assert str(got) == str(want)
        return
    assert type(got) is type(want), (type(got), type(want))
    if isinstance(want, tuple):
        assert len(got) == len(want)
        for a, b in zip(got, want, strict=True):
            same(a, b)
        return
    assert np.shape(got) == np.shape(want)
    a, b = np.asarray(got), np.asarray(want)
    assert a.dtype == b.dtype
    assert not a.size or all(p == q for n, p, q in zip(b.shape, a.strides, b.strides, strict=True) if n > 1)
    tolerance = 1e-4 if b.dtype.char in "efF" else 1e-9
    size = float(np.max(np.abs(b), initial=1, where=np.isfinite(b)))
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * size)


def line_of(error: BaseException) -> str:
    """The source line where the traceback ends."""
    return re.sub(r"\s+", " ", traceback.extract_tb(error.__traceback__)[-1].line or "")
