"""What `bisect` does on lists and arrays, and heapq's selections, in plain Python that is traced like the caller's own code.

The comparisons are those of the standard library, in its order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def bisect_left(a: Any, x: Any, lo: Any = 0, hi: Any = None, *, key: Callable[[Any], Any] | None = None) -> Any:
    if lo < 0:
        raise ValueError("lo must be non-negative")
    end = len(a) if hi is None else hi
    while lo < end:
        mid = (lo + end) // 2
        if (a[mid] if key is None else key(a[mid])) < x:
            lo = mid + 1
        else:
            end = mid
    return lo


def bisect_right(a: Any, x: Any, lo: Any = 0, hi: Any = None, *, key: Callable[[Any], Any] | None = None) -> Any:
    if lo < 0:
        raise ValueError("lo must be non-negative")
    end = len(a) if hi is None else hi
    while lo < end:
        mid = (lo + end) // 2
        if x < (a[mid] if key is None else key(a[mid])):
            end = mid
        else:
            lo = mid + 1
    return lo


def insort_left(a: Any, x: Any, lo: Any = 0, hi: Any = None, *, key: Callable[[Any], Any] | None = None) -> None:
    a.insert(bisect_left(a, x if key is None else key(x), lo, hi, key=key), x)


def insort_right(a: Any, x: Any, lo: Any = 0, hi: Any = None, *, key: Callable[[Any], Any] | None = None) -> None:
    a.insert(bisect_right(a, x if key is None else key(x), lo, hi, key=key), x)


def nsmallest(n: Any, iterable: Iterable[Any], key: Callable[[Any], Any] | None = None) -> Any:
    return sorted(iterable, key=key)[:n]


def nlargest(n: Any, iterable: Iterable[Any], key: Callable[[Any], Any] | None = None) -> Any:
    return sorted(iterable, key=key, reverse=True)[:n]
