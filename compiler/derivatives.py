"""`grad`, `value_and_grad`: derivatives of functions, as functions.

Called while another function is being traced, a derivative becomes part of it; called by itself it is compiled and kept, as
if jitted.  The function is traced into a block (`subtrace.py`), which `passes/linearize.py` and `passes/transposition.py`
turn into the derivative's program in place.  A gradient has the structure, shapes and dtypes of what it belongs to.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from ..ir.errors import UnsupportedError
from ..ir.graph import Value
from ..ir.types import is_differentiable
from ..passes.linearize import Linearized, linearize
from ..passes.transposition import transpose
from . import pytree, tracer
from .api import Jitted
from .arrays import is_traced
from .pipeline import Options
from .subtrace import Subtrace, described, is_number, leaf_value, like, subtrace


class Transformed:
    """A transformed function: `traced` is what it does while tracing; by itself it is compiled."""

    def __init__(self, function: Callable[..., Any], name: str, traced: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function, updated=())
        self.name, self.traced = name, traced
        self._jitted = Jitted(traced, Options(), ())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if tracer.is_tracing():
            return self.traced(*args, **kwargs)
        return self._jitted(*args, **kwargs)

    def lower(self, *args: Any, **kwargs: Any) -> Any:
        """What this call is compiled to, stage by stage."""
        return self._jitted.lower(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<{self.name} of {getattr(self, '__qualname__', '?')}>"


class Moving:
    """The arguments that a derivative is taken in: their leaves, and how to put others in their place."""

    def __init__(self, args: tuple, kwargs: dict, argnums: int | Sequence[int], what: str) -> None:
        self.args, self.kwargs, self.argnums = args, kwargs, argnums
        self.numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
        for n in self.numbers:
            if not -len(args) <= n < len(args):
                raise TypeError(f"{what}: there is no positional argument number {n}, only {len(args)} were given")
        self.leaves, self.tree = pytree.flatten([args[n] for n in self.numbers], is_leaf=is_traced)
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


def value_and_grad(f: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function of the same arguments that returns (f(...), its gradient in argument `argnums`).

    With `has_aux`, `f` returns (value, more), and the result is ((value, more), gradient).

        loss, g = treadle.value_and_grad(loss_of)(params, x, y)
    """

    def traced(*args: Any, **kwargs: Any) -> Any:
        moving = Moving(args, kwargs, argnums, "grad")
        sub = subtrace(f, moving.leaves, moving.rebuild)
        value = _scalar_of(sub, has_aux)
        linear = linearized(sub, moving.leaves)
        one: list[Value | None] = [None] * len(linear.moves)
        builder = tracer.builder()
        if value is not None:
            one[value] = builder.full(1, linear.results[value].type)
        gradients = pull_back(linear, one, moving.leaves)
        return sub.rebuilt(linear.results), moving.shaped(gradients)

    return Transformed(f, "value_and_grad", traced)


def grad(f: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function of the same arguments that returns the gradient of `f` in argument `argnums`.

    `f` returns a real number; with `has_aux`, (number, more), and the result is (gradient, more).

        treadle.grad(lambda x: np.sum(np.sin(x)))(x)          # cos(x)
    """
    both = value_and_grad(f, argnums, has_aux)

    def traced(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both.traced(*args, **kwargs)  # type: ignore[attr-defined]
        return (gradient, value[1]) if has_aux else gradient

    return Transformed(f, "grad", traced)


def _scalar_of(sub: Subtrace, has_aux: bool) -> int | None:
    """Which yield of the function is the value to differentiate; None if the value is a constant."""
    tree = sub.structure
    if has_aux:
        if tree.cls is not tuple or len(tree.children) != 2:
            raise TypeError("with has_aux=True the function must return a pair: (value, more)")
        tree = tree.children[0]
    if tree.cls is not None:
        raise TypeError(f"grad needs a function that returns one number, but it returned a {tree.cls.__name__}; use jacrev, or "
                        "has_aux=True to return more than the value")
    x = sub.result[0]
    if not is_number(x):
        raise TypeError(f"grad needs a function that returns one number, but it returned a {type(x).__name__}")
    t = leaf_value(x).type
    if t.dims:
        raise TypeError(f"grad needs a function that returns one number, but it returned an array of shape "
                        f"{tuple(t.dims)}; reduce it to a scalar, or use jacrev or vjp")
    if t.dtype.kind != "f":
        raise TypeError(f"grad needs a function that returns a float, but it returned {described(x)}"
                        + ("; take its real part, imaginary part or absolute value" if t.dtype.kind == "c" else ""))
    return 0 if 0 in sub.places else None


def linearized(sub: Subtrace, leaves: Sequence[Any]) -> Linearized:
    """The primal program of a traced function, built here, and its linear program; effects come in order."""
    builder = tracer.builder()
    loc = builder.loc
    try:
        made = linearize(builder, sub.block, [leaf_value(x) for x in leaves], [True] * len(leaves))
    except UnsupportedError as e:
        raise UnsupportedError(e.what, e.why, e.instead, e.loc or loc) from None
    builder.loc = loc
    _set_order(made.results[-1])
    return made


def _set_order(order: Value) -> None:
    trace = tracer.current()
    if trace.order.value is not order:
        trace.order.value, trace.order.written = order, True


def pull_back(made: Linearized, cotangents: Sequence[Value | None], leaves: Sequence[Any]) -> list[Any]:
    """The cotangents of the moving leaves."""
    builder = tracer.builder()
    loc = builder.loc
    got = transpose(builder, made.linear, [c for c, m in zip(cotangents, made.moves, strict=True) if m])
    builder.loc = loc
    return [like(x, builder.zeros(leaf_value(x).type) if c is None else c) for x, c in zip(leaves, got, strict=True)]
