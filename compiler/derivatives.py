"""What all derivatives share: transformed functions, the arguments that move, and the programs made of a traced function.

Called while another function is being traced, a derivative becomes part of it; called by itself it is compiled and kept, as
if jitted.  The function is traced into a block (`subtrace.py`), which `passes/linearize.py` and `passes/transposition.py`
turn into the derivative's program in place.  `gradients.py`, `linear_maps.py` and `jacobians.py` are the public functions.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Sequence
from types import MethodType
from typing import Any

from ..ir.errors import UnsupportedError
from ..ir.graph import Value
from ..ir.types import is_differentiable
from ..passes.linearize import Linearized, linearize
from ..passes.transposition import transpose
from ..runtime.native_class import calls_natively
from . import pytree, tracer
from .api import Jitted
from .arrays import is_traced
from .pipeline import Options
from .records import is_number, unpacked
from .subtrace import Subtrace, described, leaf_value, like


@calls_natively
class Derived(Jitted):
    """What a transformation makes of a function: it exists only compiled."""

    has_plain_form = False


# Compiled transformations are kept for so many functions; one that is made anew for each call finds them again.
_MOST_KEPT = 256
_kept: dict[Hashable, Derived] = {}


def compiled(key: Hashable, traced: Callable[..., Any]) -> Derived:
    """The compiled form of `traced`, which `key` stands for."""
    try:
        found = _kept.pop(key, None)
    except TypeError:  # an unhashable callable
        return Derived(traced, Options(), ())
    if found is None:
        found = Derived(traced, Options(), ())
        while len(_kept) >= _MOST_KEPT:
            _kept.pop(next(iter(_kept)))
    _kept[key] = found
    return found


# What a function made of another takes over from it.
NAMES = ("__name__", "__qualname__", "__doc__")


class Transformed:
    """A transformed function: `traced` is what it does while tracing; by itself it is compiled."""

    def __init__(self, function: Callable[..., Any], traced: Callable[..., Any], key: tuple) -> None:
        if not callable(function):
            raise TypeError(f"{key[0]} takes a function, not a {type(function).__name__}")
        functools.update_wrapper(self, function, NAMES, ())
        self.key, self.traced = (*key, function), traced
        self._jitted = compiled(self.key, traced)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if tracer.is_tracing():
            return self.traced(*args, **kwargs)
        return self._jitted(*args, **kwargs)

    def lower(self, *args: Any, **kwargs: Any) -> Any:
        """What this call is compiled to, stage by stage."""
        return self._jitted.lower(*args, **kwargs)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __repr__(self) -> str:
        return f"<{self.key[0]} of {getattr(self, '__qualname__', '?')}>"


Argnums = int | Sequence[int]


def as_key(argnums: Argnums) -> Hashable:
    return argnums if isinstance(argnums, int) else tuple(argnums)


class Moving:
    """The arguments that a derivative is taken in: their leaves, and how to put others in their place."""

    def __init__(self, args: tuple, kwargs: dict, argnums: Argnums, what: str) -> None:
        self.args, self.kwargs, self.argnums = args, kwargs, argnums
        self.numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
        for n in self.numbers:
            if not -len(args) <= n < len(args):
                raise TypeError(f"{what}: there is no positional argument number {n}, only {len(args)} were given")
        self.leaves, self.tree = pytree.flatten([unpacked(args[n]) for n in self.numbers], is_leaf=is_traced)
        for x in self.leaves:
            check_input(x, what)

    def rebuild(self, stand_ins: Sequence[Any]) -> tuple[tuple, dict]:
        args = list(self.args)
        for n, x in zip(self.numbers, self.tree.unflatten(stand_ins), strict=True):
            args[n] = x
        return tuple(args), self.kwargs

    def shaped(self, values: Sequence[Any]) -> Any:
        """One value per leaf, as argnums asks: for one argument, or a tuple of them."""
        trees = self.tree.unflatten(values)
        return trees[0] if isinstance(self.argnums, int) else tuple(trees)


def check_input(x: Any, what: str) -> None:
    if not is_number(x):
        raise TypeError(f"{what} is taken in arrays and numbers, not in a {type(x).__name__}")
    if not is_differentiable(leaf_value(x).type):
        raise TypeError(f"{what} is taken in floats and complex numbers, but an argument is {described(x)}; convert it to a "
                        "float first, or name the other arguments in argnums")


def linearized(sub: Subtrace, leaves: Sequence[Any], memory: int | None = None) -> Linearized:
    """The primal program of a traced function, built here, and its linear program; effects come in order."""
    builder = tracer.builder()
    loc = builder.loc
    try:
        made = linearize(builder, sub.block, [leaf_value(x) for x in leaves], [True] * len(leaves), memory)
    except UnsupportedError as e:
        raise UnsupportedError(e.what, e.why, e.instead, e.loc or loc) from None
    builder.loc = loc
    set_order(made.results[-1])
    return made


def set_order(order: Value) -> None:
    """The program's effects now end with this one."""
    trace = tracer.current()
    if trace.order.value is not order:
        trace.order.value, trace.order.written = order, True


def pull_back(made: Linearized, cotangents: Sequence[Value | None], leaves: Sequence[Any]) -> list[Any]:
    """The cotangents of the moving leaves, for one cotangent (or None) per result."""
    builder = tracer.builder()
    loc = builder.loc
    got = transpose(builder, made.linear, [c for c, m in zip(cotangents, made.moves, strict=True) if m])
    builder.loc = loc
    return [like(x, builder.zeros(leaf_value(x).type) if c is None else c) for x, c in zip(leaves, got, strict=True)]


