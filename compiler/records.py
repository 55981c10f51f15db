"""Objects with fields as trees: dataclass instances, and objects that a traced function made.

A transformation must reach the arrays inside of what it is given and of what a function returns.  `unpacked(x)` puts a
`Record` in the place of each such object, which `pytree` takes apart; unflattened, it is an object of the class again.  Fields
that hold neither numbers nor containers stay with the structure.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import pytree, tracer
from .arrays import is_traced
from .attributes import object_attribute
from .scalars import PYTHON_SCALARS


class Record:
    """An object taken apart: the fields that are trees, by name, and the others."""

    __slots__ = ("cls", "fields", "fixed")

    def __init__(self, cls: type, fields: dict[str, Any], fixed: dict[str, Any]) -> None:
        self.cls, self.fields, self.fixed = cls, fields, fixed


def _object(rest: Any, children: Sequence[Any]) -> Any:
    cls, names, fixed = rest
    made = object.__new__(cls)
    for name, x in (*zip(names, children, strict=True), *fixed):
        object.__setattr__(made, name, x)
    if tracer.is_tracing():
        tracer.current().fresh[id(made)] = made
    return made


pytree.register(Record, lambda r: (r.fields.values(), (r.cls, tuple(r.fields), tuple(r.fixed.items()))), _object)


def is_number(x: Any) -> bool:
    return is_traced(x) or isinstance(x, (*PYTHON_SCALARS, np.generic, np.ndarray))


def unpacked(x: Any) -> Any:
    """`x` with records in the place of objects whose fields are to be reached."""
    if is_number(x):
        return x
    if _has_fields(x):
        fields = {n: unpacked(v) for n, v in _fields(x).items()}
        moving = {n: v for n, v in fields.items() if is_number(v) or pytree.is_container(type(v))}
        return Record(type(x), moving, {n: v for n, v in fields.items() if n not in moving})
    if pytree.is_container(type(x)) and x is not None:
        return pytree.with_children(x, [unpacked(c) for c in pytree.children(x)])
    return x


def _has_fields(x: Any) -> bool:
    if isinstance(x, type) or pytree.is_container(type(x)):
        return False
    return dataclasses.is_dataclass(x) or (id(x) in tracer.current().fresh and hasattr(x, "__dict__"))


def _fields(x: Any) -> dict[str, Any]:
    """The fields of an object, traced."""
    if id(x) in tracer.current().fresh:
        return dict(x.__dict__)
    return {f.name: object_attribute(x, f.name)
            for f in dataclasses.fields(x) if hasattr(x, f.name)}
