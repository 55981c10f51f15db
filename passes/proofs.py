"""What ranges prove: checks that cannot fail are not emitted, and index arithmetic loses choices that are decided.

`refuted(condition, ranges)`: is the condition certain not to hold?  `decided(e, ranges)`: an integer expression without
the minima, maxima and selections whose outcome is known, so that it is a linear form again.
"""

from __future__ import annotations

from ..ir.expr import Expr, op, rebuild
from ..ir.linear import is_large
from ..ir.ranges import Ranges

_COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne")


def refuted(condition: Expr, ranges: Ranges) -> bool:
    """Is `condition` never true here?"""
    if condition.is_const:
        return not condition.payload
    if condition.kind != "op" or is_large(condition):
        return False
    name, args = condition.payload, condition.args
    if name == "or":
        return all(refuted(a, ranges) for a in args)
    if name == "and":
        return any(refuted(a, ranges) for a in args)
    if name == "not":
        return proved(args[0], ranges)
    if name not in _COMPARISONS or args[0].dtype != "i64":
        return False
    if _is_overflow_test(condition, ranges):
        return True
    x, y = ranges.linear(args[0]), ranges.linear(args[1])
    if name == "lt":
        return ranges.is_nonnegative(x - y)
    if name == "le":
        return ranges.is_nonnegative(x - y - 1)
    if name == "gt":
        return ranges.is_nonnegative(y - x)
    if name == "ge":
        return ranges.is_nonnegative(y - x - 1)
    if name == "eq":
        return ranges.is_nonnegative(x - y - 1) or ranges.is_nonnegative(y - x - 1)
    return (x - y).is_constant and (x - y).constant == 0


def proved(condition: Expr, ranges: Ranges) -> bool:
    """Is `condition` always true here?"""
    if condition.is_const:
        return bool(condition.payload)
    if condition.kind != "op" or is_large(condition):
        return False
    name, args = condition.payload, condition.args
    if name == "or":
        return any(proved(a, ranges) for a in args)
    if name == "and":
        return all(proved(a, ranges) for a in args)
    if name == "not":
        return refuted(args[0], ranges)
    if name == "eq" and args[0].dtype == "i64":
        difference = ranges.linear(args[0]) - ranges.linear(args[1])
        return difference.is_constant and difference.constant == 0
    opposite = {"lt": "ge", "le": "gt", "gt": "le", "ge": "lt"}.get(str(name))
    return opposite is not None and args[0].dtype == "i64" and refuted(op(opposite, *args), ranges)


def _is_overflow_test(condition: Expr, ranges: Ranges) -> bool:
    """The test that a sum, difference or product wraps, where it does not.

    Linear forms take expressions not to wrap: so it is the true result that is proved to fit into 64 bits.
    """
    a, b = condition.args
    if condition.payload == "ne" and _is(a, "mulhi") and _is(b, "shr") and _is(b.args[0], "mul"):
        return a.args == b.args[0].args and _bounded(b.args[0], ranges)
    if condition.payload != "lt" or not (b.is_const and b.payload == 0 and _is(a, "and")):
        return False
    left, right = a.args
    if not (_is(left, "xor") and _is(right, "xor")):
        return False
    (p, q), (r, s) = left.args, right.args
    if not all(_bounded(e, ranges) for e in (p, q, r, s)):
        return False
    forms = [ranges.linear(e) for e in (p, q, r, s)]
    is_sum = forms[1].same(forms[3]) and forms[1].same(forms[0] + forms[2])
    is_difference = forms[0].same(forms[2]) and forms[3].same(forms[0] - forms[1])
    return is_sum or is_difference


def _is(e: Expr, name: str) -> bool:
    return e.kind == "op" and e.payload == name


def _bounded(e: Expr, ranges: Ranges) -> bool:
    return ranges.fits(ranges.linear(e))


def _as_extreme(condition: Expr, then: Expr, other: Expr) -> Expr | None:
    """select(a < b, a, b) is a minimum, with the operands exchanged a maximum."""
    if condition.kind != "op" or condition.payload not in ("lt", "le", "gt", "ge"):
        return None
    small, large = condition.args if condition.payload in ("lt", "le") else condition.args[::-1]
    if small.dtype != "i64":
        return None
    if then is small and other is large:
        return op("min", small, large)
    return op("max", small, large) if then is large and other is small else None


def decided(e: Expr, ranges: Ranges) -> Expr:
    """`e` with every choice taken whose outcome is known."""
    if e.kind != "op" or e.dtype != "i64" or is_large(e):
        return e
    args = tuple(decided(a, ranges) if a.dtype == "i64" else a for a in e.args)
    if e.payload == "select":
        if refuted(args[0], ranges):
            return args[2]
        if proved(args[0], ranges):
            return args[1]
        extreme = _as_extreme(*args)
        if extreme is not None:
            return decided(extreme, ranges)
    if e.payload in ("min", "max"):
        rise = ranges.linear(args[1]) - ranges.linear(args[0])
        if ranges.is_nonnegative(rise):
            return args[0] if e.payload == "min" else args[1]
        if ranges.is_nonnegative(rise.scaled(-1)):
            return args[1] if e.payload == "min" else args[0]
    return e if all(a is b for a, b in zip(args, e.args, strict=True)) else rebuild(e, args)
