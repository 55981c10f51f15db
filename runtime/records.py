"""What the arguments of a version look like, in the words that `calls.py` compares a call's arguments with.

Of an argument: words in all, class, kind (0: all of a class, 1: an int of 64 bits, 2: an array), dtype, flags, rank, extents,
strides.  Of an array whose extents are run-time values (kind 3): dtype, flags, rank, stride of the axis that lies closest, and from
this axis on: axis, how its extent is known (0: a number, 1: any of at least 2, 2: one of those before), which.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .sizes import Size, program

# NPY_ARRAY_ALIGNED | NPY_ARRAY_WRITEABLE
FLAGS = 0x100 | 0x400
# How many arguments a record describes, and how many run-time extents.
MOST_ARGUMENTS, MOST_EXTENTS = 16, 32


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a version's arguments look like: how many, in a record's words, and the objects that these name; the program for
    what has to hold of their extents; the keywords of the last of them."""

    count: int
    words: tuple[int, ...]
    named: tuple[object, ...]
    conditions: tuple[int, ...] = ()
    keywords: tuple[str, ...] = ()


def described(arguments: Sequence[Any], numbers: Mapping[int, Sequence[int | None]] | None = None,
              conditions: Size | None = None, keywords: Sequence[str] = ()) -> Arguments | None:
    """Arguments like these; None if a record cannot describe them.

    numbers: of packed arrays, by id, which of their extents are run-time values, equal where the numbers are.  conditions: what
    has to hold of those.  keywords: of the last arguments.
    """
    if len(arguments) > MOST_ARGUMENTS:
        return None
    words: list[int] = []
    seen: dict[int, int] = {}
    for a in arguments:
        cls = type(a)
        if cls is np.ndarray:
            own = (numbers or {}).get(id(a), ())
            if any(n is not None for n in own):
                words += _shaped(a, own, seen)
            else:
                words += [6 + 2 * a.ndim, id(cls), 2, id(a.dtype), a.flags.num & FLAGS, a.ndim, *a.shape, *a.strides]
        elif cls is int and -2**63 <= a < 2**63:
            words += [3, id(cls), 1]
        elif cls in (float, complex, bool) or isinstance(a, np.generic):
            words += [3, id(cls), 0]
        else:
            return None
    if len(seen) > MOST_EXTENTS:
        return None
    named = (*map(type, arguments), *[getattr(a, "dtype", None) for a in arguments])
    return Arguments(len(arguments), tuple(words), named, program([conditions]) if conditions is not None else (),
                     tuple(keywords))


def _shaped(a: np.ndarray, numbers: Sequence[int | None], seen: dict[int, int]) -> list[int]:
    """The words of an array with run-time extents, whose strides follow from them; `seen` are the extents before it."""
    by_rows = all(s == t * d for s, t, d in zip(a.strides, a.strides[1:], a.shape[1:], strict=False))
    nearest = list(reversed(range(a.ndim)) if by_rows else range(a.ndim))
    words = [7 + 3 * a.ndim, id(np.ndarray), 3, id(a.dtype), a.flags.num & FLAGS, a.ndim, a.strides[nearest[0]]]
    for axis in nearest:
        n = numbers[axis]
        if n is None:
            words += [axis, 0, a.shape[axis]]
        else:
            words += [axis, 2 if n in seen else 1, seen.setdefault(n, len(seen))]
    return words
