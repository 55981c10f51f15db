"""Rules of scalar algebra, which hold for every value: NaN, infinities and signed zeros included, integers wrapping.

Before: any graph.  After: the same values, bit for bit (but for the sign of a NaN), from fewer or cheaper ops.  The
generic rows read the traits in the op definitions, so an op that states them joins without a row.  Start with
`algebra_rules`; `simplify.py` runs them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..ir import ops  # noqa: F401  (fills the registry)
from ..ir.graph import Value
from ..ir.opdef import OPS
from ..ir.rewrite import Match, Rewriter, Rule, RuleTable, any_value, constant, made, uniform, with_trait
from ..ir.types import PY_FLOAT, PY_INT, ArrayType, same_dims

X, Y = any_value("x"), any_value("y")


def equals_exactly(value: Any, wanted: float) -> bool:
    """Equality that tells 0.0 from -0.0."""
    if isinstance(value, complex):
        return equals_exactly(value.real, wanted) and equals_exactly(value.imag, 0)
    return value == wanted and (wanted != 0 or math.copysign(1, value) > 0)


def _integral(v: Value) -> bool:
    return isinstance(v.type, ArrayType) and v.dtype.kind in "iub"


def _like(m: Match, x: Value) -> Value | None:
    """`x`, if it is of the result's type."""
    return x if x.type == m.op.result.type else None


def _identity(b: Rewriter, m: Match) -> Value | None:
    """x op e, where the op states e."""
    wanted = OPS[m.op.name].identity
    if wanted is None or not equals_exactly(m.e, wanted):
        return None
    # (a + ib)(1 + 0i) computes b * 0, which is no identity where b is infinite.
    if m.op.result.type.dtype.kind == "c" and m.op.name != "subtract":
        return None
    return _like(m, m.x)


def _absorbing(b: Rewriter, m: Match) -> Value | None:
    wanted = OPS[m.op.name].absorbing
    return b.full(m.e, m.op.result.type) if wanted is not None and equals_exactly(m.e, wanted) else None


def _zero_sum(b: Rewriter, m: Match) -> Value | None:
    """-0.0 is the additive identity of floats; 0.0 is not, for it turns -0.0 into 0.0."""
    kind = m.op.result.type.dtype.kind
    parts = [m.e.real, m.e.imag] if kind == "c" else [m.e]
    if any(p != 0 or (kind in "fc" and math.copysign(1, p) > 0) for p in parts):
        return None
    return _like(m, m.x)


def _same_op(m: Match) -> bool:
    """Is the op under the matched one the same, attributes included? (Sorting along two axes is not one sorting.)"""
    return m.inner.name == m.op.name and m.inner.attrs == m.op.attrs


def _same_operands(value: bool) -> Any:
    return lambda b, m: b.full(value, m.op.result.type)


def _integer(action: Any) -> Any:
    """The action, where the operand is of an integer or truth type."""
    return lambda b, m: action(b, m) if _integral(m.x) else None


def _of_constant(name: str) -> Any:
    """The row of a commutative op and a constant; for others the constant must be second."""
    return made(name, X, constant("e"))


generic_rules = RuleTable("generic", [
    Rule("f(f(x)) -> x, an involution", made(with_trait("involution"), made(with_trait("involution"), X, capture="inner")),
         lambda b, m: _like(m, m.x) if _same_op(m) else None),
    Rule("f(f(x)) -> f(x), idempotent", made(with_trait("idempotent"), made(with_trait("idempotent"), X, capture="inner")),
         lambda b, m: _like(m, m.inner.result) if _same_op(m) else None),
    Rule("f(x, x) -> x, idempotent", made(with_trait("idempotent"), X, X), lambda b, m: _like(m, m.x)),
    Rule("f(x, e) -> x, the identity",
         made({n for n, d in OPS.items() if d.identity is not None}, X, constant("e")), _identity),
    Rule("f(x, z) -> z, absorbing", made({n for n, d in OPS.items() if d.absorbing is not None}, X, constant("e")), _absorbing),
])


def _cast(b: Rewriter, m: Match) -> Value | None:
    """cast(cast(x: a -> b) -> c) -> cast(x: a -> c), where a -> b loses nothing that c could show."""
    a, middle, c = m.x.type, m.inner.result.type, m.op.result.type
    if not all(isinstance(t, ArrayType) for t in (a, middle, c)) or not keeps_values(a.dtype, middle.dtype):
        return None
    # What a float out of an integer's range becomes depends on the width it is converted through.
    if middle.dtype.kind in "fc" and c.dtype.kind in "iu" and not (a.dtype.kind in "iub" and keeps_values(a.dtype, c.dtype)):
        return None
    if c.dtype.kind == "b":
        return b.cast(m.x, dtype="bool") if a.dtype.kind != "b" else m.x
    return m.x if a == c else b.cast(m.x, dtype=m.op.attrs["dtype"])


def keeps_values(a: np.dtype, b: np.dtype) -> bool:
    """Is every value of `a` a value of `b`?"""
    if a == b or a.kind == "b":
        return True
    if a.kind in "iu" and b.kind in "fc":
        part = b if b.kind == "f" else np.dtype(f"f{b.itemsize // 2}")
        return a.itemsize == 1 or 8 * a.itemsize - (a.kind == "i") <= np.finfo(part).nmant + 1
    return bool(np.can_cast(a, b, "safe"))


cast_rules = RuleTable("casts", [
    Rule("cast(x) -> x, of its own dtype", made("cast", X), lambda b, m: _like(m, m.x)),
    Rule("cast(cast(x)) -> cast(x), exact", made("cast", made("cast", X, capture="inner")), _cast),
    Rule("real(complex(x, y)) -> x", made("real", made("complex", X, Y)), lambda b, m: _like(m, m.x)),
    Rule("imag(complex(x, y)) -> y", made("imag", made("complex", X, Y)), lambda b, m: _like(m, m.y)),
    Rule("complex(real(x), imag(x)) -> x", made("complex", made("real", X), made("imag", X)), lambda b, m: _like(m, m.x)),
])

def _exact_reciprocal(b: Rewriter, m: Match) -> Value | None:
    """x / 4 -> x * 0.25: of a power of two the reciprocal is exact, and so both round the same number."""
    dtype = m.op.result.type.dtype
    if dtype.kind != "f" or not math.isfinite(m.e) or math.frexp(m.e)[0] not in (0.5, -0.5):
        return None
    with np.errstate(all="ignore"):
        inverse = float(dtype.type(1) / dtype.type(m.e))
    if not float(np.finfo(dtype).smallest_normal) <= abs(inverse) < math.inf:
        return None
    return b.multiply(m.x, b.full(inverse, m.x.type))


def _power(b: Rewriter, m: Match) -> Value | None:
    """Small exponents, of real numbers: x ** 2, 1 / x and 1 are nearer to the truth than a power is, or equal."""
    x, t = m.x, m.op.result.type
    if x.type != t or t.dtype.kind not in "fiu":
        return None
    if m.e == 2:
        return b.square(x)
    if m.e == 0:
        return b.full(1, t)
    return b.reciprocal(x) if m.e == -1 and t.dtype.kind == "f" else None


def _weak_identity(wanted: float) -> Any:
    """x op e -> x for Python scalars: of ints it holds for every x, of floats for those identities that multiply."""
    def action(b: Rewriter, m: Match) -> Value | None:
        kind = m.op.result.type
        good = kind == PY_INT or (kind == PY_FLOAT and wanted == 1)
        return _like(m, m.x) if good and equals_exactly(m.e, wanted) else None

    return action


arithmetic_rules = RuleTable("arithmetic", [
    Rule("x + (-0.0) -> x", _of_constant("add"), _zero_sum),
    Rule("+x -> x", made("positive", X), lambda b, m: _like(m, m.x)),
    Rule("x + -y -> x - y", made("add", X, made("negative", Y)), lambda b, m: b.subtract(m.x, m.y)),
    Rule("x - -y -> x + y", made("subtract", X, made("negative", Y)), lambda b, m: b.add(m.x, m.y)),
    Rule("x - x -> 0, integers", made("subtract", X, X), _integer(lambda b, m: b.full(0, m.x.type))),
    Rule("x ^ x -> 0", made("bitwise_xor", X, X), lambda b, m: b.full(0, m.x.type)),
    Rule("x * 0 -> 0, integers", made("multiply", X, constant("e", lambda c, v: c == 0)),
         _integer(lambda b, m: b.full(0, m.x.type))),
    Rule("x / 2**k -> x * 2**-k", made("divide", X, constant("e")), _exact_reciprocal),
    Rule("x ** 2, -1 or 0 -> x * x, 1 / x or 1", made("power", X, constant("e", lambda c, v: c in (2, -1, 0))), _power),
    Rule("|-x| -> |x|", made("absolute", made("negative", X)),
         lambda b, m: b.absolute(m.x) if m.x.dtype.kind in "fc" else None),
    Rule("square(-x) -> square(x)", made("square", made("negative", X)), lambda b, m: b.square(m.x)),
    Rule("square(|x|) -> square(x)", made("square", made("absolute", X)),
         lambda b, m: b.square(m.x) if m.x.dtype.kind != "c" else None),
])


def _negated_comparison(b: Rewriter, m: Match) -> Value | None:
    """not (x < y) is x >= y where there is no NaN."""
    opposite = {"less": "greater_equal", "less_equal": "greater", "greater": "less_equal", "greater_equal": "less",
                "equal": "not_equal", "not_equal": "equal"}
    if m.inner.name not in ("equal", "not_equal") and not _integral(m.x):
        return None
    return b.emit(opposite[m.inner.name], [m.x, m.y])[0]


_COMPARISONS = ("less", "less_equal", "greater", "greater_equal", "equal", "not_equal")

logic_rules = RuleTable("logic", [
    Rule("x < x -> false", made(("less", "greater"), X, X), _same_operands(False)),
    Rule("x == x -> true, integers", made(("equal", "less_equal", "greater_equal"), X, X), _integer(_same_operands(True))),
    Rule("x != x -> false, integers", made("not_equal", X, X), _integer(_same_operands(False))),
    Rule("not not x -> x", made("logical_not", made("logical_not", X)), lambda b, m: _like(m, m.x)),
    Rule("not (x < y) -> x >= y", made("logical_not", made(_COMPARISONS, X, Y, capture="inner")), _negated_comparison),
    Rule("x and true -> x", made("logical_and", X, constant("e", lambda c, v: c is True)), lambda b, m: _like(m, m.x)),
    Rule("x or false -> x", made("logical_or", X, constant("e", lambda c, v: c is False)), lambda b, m: _like(m, m.x)),
    Rule("x and x -> x", made(("logical_and", "logical_or"), X, X), lambda b, m: _like(m, m.x)),
])


def _chosen(b: Rewriter, m: Match) -> Value | None:
    c = uniform(m.c)
    return _like(m, m.x if c.attrs["value"] else m.y) if c is not None else None


def _truth(b: Rewriter, m: Match) -> Value | None:
    """where(c, true, false) -> c;  where(c, false, true) -> not c"""
    if m.op.result.type.dtype.kind != "b" or m.t == m.f or not same_dims(m.c.dims, m.op.result.dims):
        return None
    chosen = m.c if m.c.type == m.op.result.type else b.cast(m.c, dtype="bool")
    return chosen if m.t else b.logical_not(chosen)


C = any_value("c")

select_rules = RuleTable("select", [
    Rule("where(true, x, y) -> x", made("where", C, X, Y), _chosen),
    Rule("where(c, x, x) -> x", made("where", C, X, X), lambda b, m: _like(m, m.x)),
    Rule("where(c, true, false) -> c", made("where", C, constant("t"), constant("f")), _truth),
    Rule("where(not c, x, y) -> where(c, y, x)", made("where", made("logical_not", C), X, Y),
         lambda b, m: b.where(m.c, m.y, m.x) if m.c.dtype.kind == "b" else None),
    Rule("where(c, where(c, x, _), y) -> where(c, x, y)", made("where", C, made("where", C, X, any_value("unused")), Y),
         lambda b, m: b.where(m.c, m.x, m.y)),
    Rule("where(c, x, where(c, _, y)) -> where(c, x, y)", made("where", C, X, made("where", C, any_value("unused"), Y)),
         lambda b, m: b.where(m.c, m.x, m.y)),
])


weak_rules = RuleTable("Python scalars", [
    Rule("x + 0 -> x, Python ints", made(("py_add", "py_subtract"), X, constant("e")), _weak_identity(0)),
    Rule("0 + x -> x, Python ints", made("py_add", constant("e"), X), _weak_identity(0)),
    Rule("x * 1 -> x, Python scalars", made(("py_multiply", "py_divide"), X, constant("e")), _weak_identity(1)),
    Rule("x // 1 -> x, Python ints", made("py_floor_divide", X, constant("e")),
         lambda b, m: _like(m, m.x) if m.op.result.type == PY_INT and equals_exactly(m.e, 1) else None),
    Rule("1 * x -> x, Python scalars", made("py_multiply", constant("e"), X), _weak_identity(1)),
    Rule("(x + k) - x -> k, Python ints", made("py_subtract", made("py_add", X, Y), X),
         lambda b, m: m.y if m.op.result.type == PY_INT else None),
    Rule("not not x -> x, Python", made("py_logical_not", made("py_logical_not", X)), lambda b, m: _like(m, m.x)),
    Rule("check of what holds -> the value", made("check", X, constant("e", lambda c, v: bool(c)), more=True),
         lambda b, m: _like(m, m.x)),
])

algebra_rules = generic_rules + cast_rules + arithmetic_rules + logic_rules + select_rules + weak_rules
