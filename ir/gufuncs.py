"""NumPy's generalized ufuncs of linear algebra and Fourier transforms, as the ops see them: signatures, dtypes, meaning.

`find("svd_s")` gives the ufunc; `cores` its signature as names of core dimensions per operand; `loop_dtypes` the dtypes of
the loop for a given first operand.  `call` runs it on whole arrays and tells for which matrices it failed, which NumPy's
loops signal by the floating-point status "invalid" and fill with NaN.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.fft import _pocketfft_umath  # type: ignore[attr-defined]  # not in the stubs
from numpy.linalg import _umath_linalg

Core = tuple[str, ...]


def find(name: str) -> np.ufunc:
    found: np.ufunc | None = getattr(_umath_linalg, name, None) or getattr(_pocketfft_umath, name, None)
    if found is None:
        raise LookupError(f"NumPy has no generalized ufunc {name}")
    return found


@functools.cache
def cores(name: str) -> tuple[tuple[Core, ...], tuple[Core, ...]]:
    """The names of the core dimensions of each input and of each output."""
    text = (find(name).signature or "").replace(" ", "")
    sides = [tuple(tuple(filter(None, c.split(","))) for c in re.findall(r"\(([^()]*)\)", side)) for side in text.split("->")]
    return sides[0], sides[1]


def dimensions(name: str) -> list[str]:
    """The distinct core dimensions, in the order in which the loop is told them."""
    inputs, outputs = cores(name)
    return list(dict.fromkeys(d for core in (*inputs, *outputs) for d in core))


@functools.cache
def loop_types(name: str, letter: str) -> str:
    """The loop whose first operand has this type letter, as `dd->d`."""
    for types in find(name).types:
        if types[0] == letter:
            return types
    raise TypeError(f"NumPy's {name} has no loop for {np.dtype(letter)}")


def loop_dtypes(name: str, first: np.dtype) -> tuple[list[np.dtype], list[np.dtype]]:
    """The dtypes of the inputs and outputs of that loop."""
    inputs, outputs = loop_types(name, first.char).split("->")
    return [np.dtype(c) for c in inputs], [np.dtype(c) for c in outputs]


def call(name: str, operands: Sequence[Any], **options: Any) -> tuple[list[np.ndarray], np.ndarray]:
    """The outputs, and for each matrix of the stack whether the loop failed."""
    ufunc, signature = find(name), loop_types(name, operands[0].dtype.char)
    failures: list[None] = []

    def run(args: Sequence[Any]) -> Any:
        with np.errstate(all="ignore", invalid="call", call=lambda *_: failures.append(None)):
            return ufunc(*args, signature=signature, **options)

    results = run(operands)
    outputs = cores(name)[1]
    results = [np.asarray(r) for r in (results if len(outputs) > 1 else [results])]
    stack = results[0].shape[:results[0].ndim - len(outputs[0])]
    failed = np.zeros(stack, bool)
    if failures:
        for index in np.ndindex(*stack):
            failures.clear()
            run([x[index] for x in operands])
            failed[index] = bool(failures)
    return results, failed
