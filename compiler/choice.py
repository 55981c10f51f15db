"""Choice: one of several objects, by a number that is known only at run time.

It is what a name stands for where paths meet with values of different types, or with arrays in different places.  Whatever is
done with it is done with each object, in a branch on its number (`spreading.py`): reads give what the one at hand gives,
writes reach the one at hand.  Choices that were made together share their number, so a branch on it settles them all.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from . import dispatch, tracer
from .operators import Operators, define_operators
from .scalars import TracedScalar

_CONTAINERS = (list, tuple)


class Choice(Operators):
    """`options[tag]`."""

    __slots__ = ("__weakref__", "options", "tag")
    __hash__ = None  # type: ignore[assignment]
    spreads = True

    def __init__(self, tag: TracedScalar, options: tuple[Any, ...]) -> None:
        self.tag, self.options = tag, options
        tracer.current().chosen = True

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        if all(callable(getattr(c, name, None)) for c in map(class_of_option, self.options)):
            return ChosenMethod(self, name)
        return spread(lambda x: getattr(x, name), self)

    def __getitem__(self, index: Any) -> Any:
        return spread(operator.getitem, self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        spread(operator.setitem, self, index, value)

    def __iter__(self) -> Iterator[Any]:
        return (self[k] for k in range(operator.index(spread(_length_to_unpack, self))))

    def __len__(self) -> int:
        return operator.index(dispatch.BUILTINS[len](self))

    def __bool__(self) -> bool:
        raise self.refusal()

    __index__ = __int__ = __float__ = __complex__ = __bool__  # type: ignore[assignment]

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return spread(getattr(ufunc, method), *inputs, **kwargs)

    def __array_function__(self, function: Callable, types: Any, args: tuple, kwargs: dict) -> Any:
        return spread(function, *args, **kwargs)

    def __divmod__(self, other: Any) -> Any:
        return spread(divmod, self, other)

    def __rdivmod__(self, other: Any) -> Any:
        return spread(divmod, other, self)

    def refusal(self) -> Exception:
        """The error for what cannot be done with one of several objects."""
        return tracer.unsupported("this use of a value that is one of several, by a run-time condition",
                                  "which one it is is not known while compiling", "do it in each branch")


def _length_to_unpack(x: Any) -> Any:
    if x is None:
        raise TypeError("cannot unpack non-iterable NoneType object")
    return dispatch.BUILTINS[len](x)


class ChosenMethod:
    """A method of a choice."""

    def __init__(self, owner: Choice, name: str) -> None:
        self.owner, self.name = owner, name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        run = dispatch.FUNCTIONS["call"]
        return spread(lambda x, *a, **k: run(getattr(x, self.name), a, k), self.owner, *args, **kwargs)


def class_of_option(x: Any) -> type:
    """The class of what an option stands for."""
    if isinstance(x, TracedScalar):
        return x.python_type
    return np.ndarray if isinstance(x, Operators) else type(x)


def spread(f: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """f(*args, **kwargs), with each choice among the arguments settled in a branch of its own."""
    return dispatch.FUNCTIONS["spread"](f, *args, **kwargs)


def at_hand(x: Any) -> Any:
    """`x`, or the option that it is here, if a branch has settled that."""
    while isinstance(x, Choice):
        # A choice that may have no value has no number yet.
        k = tracer.current().assumed.get(x.tag.value) if isinstance(x.tag, TracedScalar) else None
        if k is None:
            return x
        x = x.options[k]
    return x


@contextmanager
def assuming(tag: TracedScalar, k: int) -> Iterator[None]:
    """Inside, choices with this tag are their option number k."""
    assumed = tracer.current().assumed
    assumed[tag.value] = k
    try:
        yield
    finally:
        assumed.pop(tag.value, None)


def first_choice(x: Any) -> Choice | None:
    """A choice in a tree of containers and slices."""
    if isinstance(x, Choice):
        return x
    if isinstance(x, _CONTAINERS):
        return next((c for e in x if (c := first_choice(e)) is not None), None)
    if isinstance(x, dict):
        return next((c for e in x.values() if (c := first_choice(e)) is not None), None)
    return first_choice((x.start, x.stop, x.step)) if isinstance(x, slice) else None


def replaced(x: Any, choice: Choice, k: int) -> Any:
    """The tree with option k in place of a choice, and of those made with it."""
    if isinstance(x, Choice):
        return x.options[k] if x.tag.value is choice.tag.value else x
    if isinstance(x, _CONTAINERS) and first_choice(x) is not None:
        items = [replaced(e, choice, k) for e in x]
        return x._make(items) if hasattr(x, "_make") else type(x)(items)
    if isinstance(x, dict) and first_choice(x) is not None:
        return {key: replaced(e, choice, k) for key, e in x.items()}
    if isinstance(x, slice):
        return slice(*(replaced(e, choice, k) for e in (x.start, x.stop, x.step)))
    return x


define_operators(Choice, spread)
