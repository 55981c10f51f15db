"""Central differences: what derivatives are compared with."""

from __future__ import annotations

import copy

import numpy as np


def numeric_gradient(f, args, number=0, step=1e-6):
    """The gradient of f(*args) in one argument, by central differences; the arguments are copied for each call."""
    x = np.asarray(args[number], dtype=float)
    out = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        ends = []
        for h in (step, -step):
            moved = copy.deepcopy(list(args))
            y = x.copy()
            y[place] += h
            moved[number] = y if isinstance(args[number], np.ndarray) else float(y)
            ends.append(float(f(*moved)))
        out[place] = (ends[0] - ends[1]) / (2 * step)
    return out


def check_gradient(grad, f, args, rtol=1e-5, atol=1e-7):
    """The gradient in every argument equals central differences, and no argument is written."""
    for k in range(len(args)):
        given = copy.deepcopy(list(args))
        got = grad(f, argnums=k)(*given)
        np.testing.assert_allclose(np.asarray(got), numeric_gradient(f, args, k), rtol=rtol, atol=atol)
        for a, b in zip(given, args, strict=True):
            np.testing.assert_array_equal(a, b)
