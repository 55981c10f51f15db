"""Fast tests whether a call's arguments have the signature of a compiled version.

`matcher(args, kwargs)` writes, as Python source, the comparisons that suffice for arguments like these, and compiles it:
about half a microsecond for one array.  It accepts only calls that `signature` would give the same key; arguments that it
cannot describe have no matcher.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import FunctionType
from typing import Any

import numpy as np

from . import pytree
from .known import Known, KnownInput, KnownResult, ValueGuard, expression
from .shape_families import order_of
from .signature import Static, has_identity, leaf_key
from .sources import Extent, Source
from .traced import Guard

Matcher = Callable[[tuple, dict], bool]

# NPY_ARRAY_ALIGNED | NPY_ARRAY_WRITEABLE
_FLAGS = 0x100 | 0x400
MOST_VALUES = 64


class _NoMatcher(Exception):
    """These arguments are too many or too unusual."""


def matcher(args: tuple, kwargs: dict, numbers: Mapping[int, Sequence[int | None]] | None = None,
            guards: Iterable[Guard] = ()) -> Matcher | None:
    """A function that tells whether other arguments have the same signature as these, or None.

    numbers: for arrays, by id, which of their extents are run-time values, equal where the numbers are.  guards: what has
    to hold of those.
    """
    writer = _Writer(numbers or {})
    try:
        writer.value("args", args)
        if kwargs:
            writer.value("kwargs", kwargs)
        else:
            writer.test("not kwargs")
        writer.distinct()
        for g in guards:
            writer.guard(g)
    except _NoMatcher:
        return None
    source = "\n    ".join(["def accepts(args, kwargs):", *writer.lines, "return True"])
    exec(compile(source, "<signature>", "exec"), writer.names)
    return writer.names["accepts"]


def is_of_extents(g: Guard) -> bool:
    """Can `matcher` test it?"""
    return isinstance(g, ValueGuard) and type(g.expected) is bool and _is_of_extents(g.known)


def _is_of_extents(known: Known) -> bool:
    if isinstance(known, KnownInput):
        return isinstance(known.source, Extent)
    return not isinstance(known, KnownResult) or all(map(_is_of_extents, known.operands))


class _Writer:
    """The lines of one matcher, and what they refer to."""

    def __init__(self, numbers: Mapping[int, Sequence[int | None]]) -> None:
        self.numbers, self.symbols = numbers, set[int]()
        self.lines: list[str] = []
        self.names: dict[str, Any] = {"ndarray": np.ndarray}
        self.objects: list[tuple[str, Any]] = []
        self.count = 0

    def test(self, *conditions: str) -> None:
        self.lines.append(f"if not ({' and '.join(conditions)}): return False")

    def name(self, x: Any) -> str:
        """A name for a value that the tests compare with."""
        found = f"k{len(self.names)}"
        self.names[found] = x
        return found

    def value(self, place: str, x: Any) -> None:
        """Test what stands at `place` against `x`."""
        self.count += 1
        if self.count > MOST_VALUES:
            raise _NoMatcher
        cls = type(x)
        if cls is np.ndarray:
            self.array(place, x)
        elif cls in (tuple, list, dict):
            self.container(place, x)
        elif x is None:
            self.test(f"{place} is None")
        elif cls is int:
            self.test(f"{place}.__class__ is int", f"{-2**63} <= {place} < {2**63}" if -2**63 <= x < 2**63 else f"{place} == {x}")
        elif cls is str:
            self.test(f"{place}.__class__ is str", f"{place} == {self.name(x)}")
        elif cls is FunctionType:
            self.test(f"{place} is {self.name(x)}", f"{place}.__code__ is {self.name(x.__code__)}")
        elif cls in (float, complex, bool) or isinstance(x, np.generic) or self.is_known_by_class(x):
            if has_identity(x):
                self.objects.append((place, x))
            self.test(f"{place}.__class__ is {self.name(cls)}")
        else:
            raise _NoMatcher

    def is_known_by_class(self, x: Any) -> bool:
        """Does the signature hold no more of `x` than its class?"""
        return type(x) is not Static and not pytree.is_container(type(x)) and leaf_key(x) is type(x)

    def array(self, place: str, x: np.ndarray) -> None:
        self.objects.append((place, x))
        numbers = self.numbers.get(id(x), ())
        if any(n is not None for n in numbers):
            self.shaped_array(place, x, numbers)
            return
        self.test(f"{place}.__class__ is ndarray", f"{place}.shape == {self.name(x.shape)}",
                  f"{place}.dtype is {self.name(x.dtype)}", f"{place}.strides == {self.name(x.strides)}",
                  f"{place}.flags.num & {_FLAGS} == {x.flags.num & _FLAGS}")

    def shaped_array(self, place: str, x: np.ndarray, numbers: Sequence[int | None]) -> None:
        """An array with run-time extents; its strides follow from these."""
        self.test(f"{place}.__class__ is ndarray", f"{place}.dtype is {self.name(x.dtype)}",
                  f"{place}.flags.num & {_FLAGS} == {x.flags.num & _FLAGS}")
        shape = f"s{self.count}"
        self.lines.append(f"{shape} = {place}.shape")
        self.test(f"len({shape}) == {x.ndim}")
        texts = []
        for axis, (n, extent) in enumerate(zip(numbers, x.shape, strict=True)):
            if n is None:
                self.test(f"{shape}[{axis}] == {extent}")
                texts.append(str(extent))
            elif n in self.symbols:
                self.test(f"{shape}[{axis}] == n{n}")
                texts.append(f"n{n}")
            else:
                self.symbols.add(n)
                self.lines.append(f"n{n} = {shape}[{axis}]")
                self.test(f"n{n} >= 2")
                texts.append(f"n{n}")
        if x.ndim == 1:
            self.test(f"{place}.strides == {x.strides}")
            return
        axes = list(range(x.ndim) if order_of(x) == "F" else reversed(range(x.ndim)))
        strides, step = [""] * x.ndim, str(x.itemsize)
        for a in axes:
            strides[a] = step
            step = f"{step}*{texts[a]}"
        self.test(f"{place}.strides == ({', '.join(strides)})")

    def guard(self, g: Guard) -> None:
        """Test what a version relies on, if that is about run-time extents alone."""
        assert isinstance(g, ValueGuard)

        def value_of(source: Source) -> str:
            assert isinstance(source, Extent)
            return f"n{source.number}"

        self.test(f"bool({expression(g.known, value_of, self.names)}) is {g.expected}")

    def container(self, place: str, x: tuple | list | dict) -> None:
        known = place in ("args", "kwargs")
        if not known and not isinstance(x, tuple):
            self.objects.append((place, x))
        kind = [] if known else [f"{place}.__class__ is {type(x).__name__}"]
        keys = list(x) if isinstance(x, dict) else range(len(x))
        self.test(*kind, f"[*{place}] == {self.name(keys)}" if isinstance(x, dict) else f"len({place}) == {len(x)}")
        for k in keys:
            inner = f"v{self.count}"
            self.lines.append(f"{inner} = {place}[{self.name(k) if isinstance(x, dict) else k}]")
            self.value(inner, x[k])

    def distinct(self) -> None:
        """The same array, object or container given twice is another signature."""
        if len({id(x) for _, x in self.objects}) < len(self.objects):
            raise _NoMatcher
        # Objects of different classes differ anyway.
        classes: dict[type, list[str]] = {}
        for place, x in self.objects:
            classes.setdefault(type(x), []).append(place)
        for places in classes.values():
            if len(places) > 3:
                self.test(f"len({{{', '.join(f'id({p})' for p in places)}}}) == {len(places)}")
            else:
                for n, b in enumerate(places):
                    for a in places[:n]:
                        self.test(f"{a} is not {b}")
