"""`grad` and `value_and_grad`: the gradient of a function that returns one number.

A gradient has the structure, shapes and dtypes of the arguments that it belongs to.  In a complex argument z = x + iy it is
df/dx - i df/dy, so that the change of f is the real part of the sum of gradient times step.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ..ir.graph import Value
from . import tracer
from .derivatives import Argnums, Moving, Transformed, as_key, linearized, pull_back
from .records import is_number
from .subtrace import Subtrace, described, leaf_value, subtrace


def value_and_grad(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False,
                   memory: int | str | None = None) -> Callable[..., Any]:
    """A function of the same arguments that returns (f(...), its gradient in argument `argnums`).

    With `has_aux`, `f` returns (value, more), and the result is ((value, more), gradient).  memory: the bytes, or a text like
    "200MB", that may be kept of each loop for the way back; trips of a longer loop are run again, as often as that takes.

        loss, g = treadle.value_and_grad(loss_of)(params, x, y)
    """

    limit = _bytes(memory)

    def traced(*args: Any, **kwargs: Any) -> Any:
        moving = Moving(args, kwargs, argnums, "grad")
        sub = subtrace(f, moving.leaves, moving.rebuild)
        value = _scalar_of(sub, has_aux)
        made = linearized(sub, moving.leaves, limit)
        one: list[Value | None] = [None] * len(made.moves)
        if value is not None:
            one[value] = tracer.builder().full(1, made.results[value].type)
        return sub.rebuilt(made.results), moving.shaped(pull_back(made, one, moving.leaves))

    return Transformed(f, traced, ("value_and_grad", as_key(argnums), has_aux, limit))


def grad(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False,
         memory: int | str | None = None) -> Callable[..., Any]:
    """A function of the same arguments that returns the gradient of `f` in argument `argnums`.

    `f` returns a real number; with `has_aux`, (number, more), and the result is (gradient, more).  `memory` as for
    `value_and_grad`.

        treadle.grad(lambda x: np.sum(np.sin(x)))(x)          # cos(x)
    """
    both = value_and_grad(f, argnums, has_aux, memory)

    def traced(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both.traced(*args, **kwargs)  # type: ignore[attr-defined]
        return (gradient, value[1]) if has_aux else gradient

    return Transformed(f, traced, ("grad", as_key(argnums), has_aux, _bytes(memory)))


_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def _bytes(memory: int | str | None) -> int | None:
    """A number of bytes, given as such or as a text with a unit."""
    if memory is None or isinstance(memory, int):
        return memory
    found = re.fullmatch(r"\s*([0-9.]+)\s*([A-Za-z]*)\s*", memory)
    if found is None or found[2].upper() not in _UNITS:
        raise ValueError(f"memory is a number of bytes or a text like '200MB', not {memory!r}")
    return int(float(found[1]) * _UNITS[found[2].upper()])


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
