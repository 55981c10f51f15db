"""Draws that are made of other draws, one after the other: samples without repetition, counts, shuffles of each row.

Plain Python over arrays, traced like the caller's own code (`library.py`).  The draws are those that NumPy's generators make, in
their order, and rounding is theirs: sums go from the first element to the last.  `places(last)`, `uniform(size)` and kin, which
are handed in, draw.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def sample(n: Any, k: Any, places: Callable, order: Callable, in_order: bool, part: int) -> Any:
    """k different numbers below n, by Floyd's method; if they are more than one in `part` of many, by a shuffle of the last k."""
    result = np.empty(k, dtype=np.int64)
    if n > 10000 and k > n // part:
        found = np.arange(n)
        drawn = places(n - 1 - np.arange(n - max(n - k, 1)))
        for t in range(len(drawn)):
            i, j = n - 1 - t, drawn[t]
            moved = found[j]
            found[j] = found[i]
            found[i] = moved
        result[:] = found[n - k:]
    else:
        drawn = places(n - k + np.arange(k))
        taken = np.zeros(n, dtype=np.bool_)
        for t in range(k):
            at = drawn[t]
            if taken[at]:
                at = n - k + t
            taken[at] = True
            result[t] = at
        if not in_order:
            result[:] = result[order(places(k - 1 - np.arange(k)))]
    return result


def weighted_sample(weights: Any, k: Any, uniform: Callable) -> Any:
    """k different places, by their weights: what is found twice in one round of draws is drawn again in the next."""
    left = weights.copy()
    if np.count_nonzero(left > 0) < k:
        raise ValueError("Fewer non-zero entries in p than size")
    found = np.zeros(k, dtype=np.int64)
    done = 0
    while done < k:
        steps = np.cumsum(left)
        steps /= steps[-1]
        for _ in range(k - done):
            at = np.searchsorted(steps, uniform(), side="right")
            if left[at] > 0:
                left[at] = 0.0
                found[done] = at
                done += 1
    return found


def weighted_places(weights: Any, drawn: Any) -> Any:
    """Where numbers from 0 to 1 fall among weights."""
    steps = np.cumsum(weights)
    steps /= steps[-1]
    return np.searchsorted(steps, drawn, side="right")


def shuffled_rows(rows: Any, order: Callable) -> Any:
    result = np.empty_like(rows)
    for k in range(len(rows)):
        result[k] = rows[k][order()]
    return result


def counts(numbers: Any, weights: Any, binomial: Callable) -> Any:
    """How many of numbers[k] things fall into each class, for each k; weights[k] are the chances of the classes."""
    result = np.zeros(weights.shape, dtype=np.int64)
    last = weights.shape[1] - 1
    for k in range(len(numbers)):
        left, chance = numbers[k], 1.0
        for j in range(last):
            if left > 0:
                result[k, j] = binomial(left, weights[k, j] / chance)
                left -= result[k, j]
                chance -= weights[k, j]
        result[k, last] = max(left, 0)
    return result


def parts_of_one(alpha: Any, size: int, beta: Callable, gamma: Callable) -> Any:
    """`size` rows of Dirichlet's distribution."""
    if len(alpha) > 0 and np.max(alpha) < 0.1:
        rest = np.cumsum(alpha[::-1])[::-1]
        result = np.zeros((size, len(alpha)))
        if rest[0] > 0:
            for k in range(size):
                left, more = 1.0, True
                for j in range(len(alpha) - 1):
                    if more:
                        part = beta(alpha[j], rest[j + 1])
                        result[k, j] = left * part
                        left *= 1.0 - part
                        more = rest[j + 1] != 0
                result[k, len(alpha) - 1] = left
    else:
        result = gamma(alpha, size)
        for k in range(size):
            total = 0.0
            for j in range(len(alpha)):
                total += result[k, j]
            inverse = 1.0 / total
            for j in range(len(alpha)):
                result[k, j] *= inverse
    return result
