"""`grad` and `value_and_grad`: the gradient of a function that returns one number.

A gradient has the structure, shapes and dtypes of the arguments that it belongs to.  In a complex argument z = x + iy it is
df/dx - i df/dy, so that the change of f is the real part of the sum of gradient times step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..ir.graph import Value
from . import tracer
from .derivatives import Argnums, Moving, Transformed, as_key, linearized, pull_back
from .subtrace import Subtrace, described, is_number, leaf_value, subtrace


def value_and_grad(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function of the same arguments that returns (f(...), its gradient in argument `argnums`).

    With `has_aux`, `f` returns (value, more), and the result is ((value, more), gradient).

        loss, g = treadle.value_and_grad(loss_of)(params, x, y)
    """

    def traced(*args: Any, **kwargs: Any) -> Any:
        moving = Moving(args, kwargs, argnums, "grad")
        sub = subtrace(f, moving.leaves, moving.rebuild)
        value = _scalar_of(sub, has_aux)
        made = linearized(sub, moving.leaves)
        one: list[Value | None] = [None] * len(made.moves)
        if value is not None:
            one[value] = tracer.builder().full(1, made.results[value].type)
        return sub.rebuilt(made.results), moving.shaped(pull_back(made, one, moving.leaves))

    return Transformed(f, traced, ("value_and_grad", as_key(argnums), has_aux))


def grad(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function of the same arguments that returns the gradient of `f` in argument `argnums`.

    `f` returns a real number; with `has_aux`, (number, more), and the result is (gradient, more).

        treadle.grad(lambda x: np.sum(np.sin(x)))(x)          # cos(x)
    """
    both = value_and_grad(f, argnums, has_aux)

    def traced(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both.traced(*args, **kwargs)  # type: ignore[attr-defined]
        return (gradient, value[1]) if has_aux else gradient

    return Transformed(f, traced, ("grad", as_key(argnums), has_aux))


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
