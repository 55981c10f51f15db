"""Linear forms: an integer expression as a sum of atoms with integer factors, plus a constant.

An atom is a variable, or an expression that is no sum (a product of variables, a load, a quotient).  Forms are equal if
their expressions are equal as sums: i + 2 * (j - 3) and 2 * j + i - 6 are one form.  Atoms are compared by their text, so
forms outlive the scope in which expressions are shared.  Start with `linear`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import gcd

from .expr import Expr, var

# An expression of more nodes than this is an atom: no analysis would get further with it.
MAX_NODES = 256


@dataclass(frozen=True, slots=True)
class Linear:
    """constant + sum of terms[atom] * atom.  `atoms` has the expression of each atom; factors are not 0."""

    constant: int
    terms: Mapping[str, int]
    atoms: Mapping[str, Expr]

    def __add__(self, other: Linear | int) -> Linear:
        return self.plus(other, 1)

    def __sub__(self, other: Linear | int) -> Linear:
        return self.plus(other, -1)

    def plus(self, other: Linear | int, factor: int) -> Linear:
        """self + factor * other"""
        if isinstance(other, int):
            return Linear(self.constant + factor * other, self.terms, self.atoms)
        terms = dict(self.terms)
        for atom, f in other.terms.items():
            terms[atom] = terms.get(atom, 0) + factor * f
        atoms = {**self.atoms, **other.atoms}
        return Linear(self.constant + factor * other.constant, {a: f for a, f in terms.items() if f}, atoms)

    def scaled(self, factor: int) -> Linear:
        return Linear(0, {}, {}).plus(self, factor)

    def without(self, atom: str) -> Linear:
        """The other terms."""
        return Linear(self.constant, {a: f for a, f in self.terms.items() if a != atom}, self.atoms)

    def replaced(self, atom: str, by: Linear) -> Linear:
        """The form with `by` in the place of an atom."""
        return self.without(atom).plus(by, self.terms[atom]) if atom in self.terms else self

    @property
    def is_constant(self) -> bool:
        return not self.terms

    def same(self, other: Linear) -> bool:
        return self.constant == other.constant and self.terms == other.terms

    def uses(self, names: Iterator[str] | frozenset[str] | set[str]) -> bool:
        """Does some atom depend on one of these variables?"""
        wanted = frozenset(names)
        return any(self.atoms[a].variables & wanted for a in self.terms)

    def divisor(self) -> int:
        """The greatest common divisor of the factors; 0 if there are none."""
        return gcd(*self.terms.values()) if self.terms else 0

    def __str__(self) -> str:
        parts = [a if f == 1 else f"{f}*{a}" for a, f in self.terms.items()]
        return " + ".join([*parts, str(self.constant)] if self.constant or not parts else parts)


def number(constant: int) -> Linear:
    return Linear(constant, {}, {})


def variable(name: str) -> Linear:
    return Linear(0, {name: 1}, {name: var(name)})


def linear(e: Expr, known: Callable[[str], Linear | None] = lambda name: None) -> Linear:
    """The form of an i64 expression; `known` may give the form of a variable that names a value."""
    if is_large(e):
        # Written out, shared parts would count once per path to them.
        name = f"expression {id(e)}"
        return Linear(0, {name: 1}, {name: e})
    return _linear(e, known)


def is_large(e: Expr) -> bool:
    """Has `e`, written out as a tree, more than MAX_NODES nodes?"""
    left = MAX_NODES
    pending = [e]
    while pending:
        left -= 1
        if left < 0:
            return True
        pending.extend(pending.pop().args)
    return False


def _linear(e: Expr, known: Callable[[str], Linear | None]) -> Linear:
    if e.kind == "const":
        return number(e.payload)  # type: ignore[arg-type]
    if e.kind == "var":
        found = known(e.payload)  # type: ignore[arg-type]
        return found if found is not None else variable(e.payload)  # type: ignore[arg-type]
    if e.kind == "op" and e.dtype == "i64":
        if e.payload in ("add", "sub"):
            return _linear(e.args[0], known).plus(_linear(e.args[1], known), 1 if e.payload == "add" else -1)
        if e.payload == "neg":
            return _linear(e.args[0], known).scaled(-1)
        if e.payload == "mul":
            x, y = _linear(e.args[0], known), _linear(e.args[1], known)
            if x.is_constant or y.is_constant:
                return y.scaled(x.constant) if x.is_constant else x.scaled(y.constant)
    name = atom_name(e)
    return Linear(0, {name: 1}, {name: e})


def atom_name(e: Expr) -> str:
    """A text that equal expressions share, and no different ones."""
    if e.kind == "var":
        return str(e.payload)
    if e.kind == "const":
        return f"{e.payload!r}:{e.dtype}"
    inner = ", ".join(map(atom_name, e.args))
    if e.kind == "load":
        return f"{e.payload.name}[{inner}]"  # type: ignore[attr-defined]
    return f"{e.payload}.{e.dtype}({inner})"
