"""One row per scalar operation: how it is emitted, for scalars and for vectors.

A row gives LLVM's spelling for signed, unsigned, floating and truth operands; "" where the operation is not defined.
Half-precision arithmetic is done in single precision and rounded: for these operations that rounds as one operation does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...ir.scalar import FLOATS, SIGNED, UNSIGNED
from .composite import COMPOSITES, call_intrinsic
from .halves import extend, round_single
from .operation import Operation, Writer


@dataclass(frozen=True, slots=True)
class Row:
    """form: "binary" (an instruction), "signed"/... are its names; "compare" (predicates); "intrinsic" (an overloaded
    intrinsic of the operands; `extra` are further operands); "composite" (a function of `composite.py`).
    """

    form: str
    signed: str = ""
    unsigned: str = ""
    floating: str = ""
    truth: str = ""
    extra: str = ""

    def spelling(self, dtype: str) -> str:
        if dtype == "i1":
            return self.truth
        return self.signed if dtype in SIGNED else self.unsigned if dtype in UNSIGNED else self.floating


def _both(form: str, integer: str, floating: str = "", truth: str = "", extra: str = "") -> Row:
    return Row(form, integer, integer, floating, truth, extra)


# Operations that f16 operands need not be widened for.
_KEEPS_HALF = ("select", "cast", "bitcast", "neg", "abs")

ROWS: dict[str, Row] = {
    "add": _both("binary", "add", "fadd"),
    "sub": _both("binary", "sub", "fsub"),
    "mul": _both("binary", "mul", "fmul"),
    "div": Row("binary", floating="fdiv"),
    "and": _both("binary", "and", truth="and"),
    "or": _both("binary", "or", truth="or"),
    "xor": _both("binary", "xor", truth="xor"),
    "shl": _both("binary", "shl"),
    "shr": Row("binary", "ashr", "lshr"),
    "lt": Row("compare", "slt", "ult", "olt", "ult"),
    "le": Row("compare", "sle", "ule", "ole", "ule"),
    "gt": Row("compare", "sgt", "ugt", "ogt", "ugt"),
    "ge": Row("compare", "sge", "uge", "oge", "uge"),
    "eq": Row("compare", "eq", "eq", "oeq", "eq"),
    "ne": Row("compare", "ne", "ne", "une", "ne"),
    "fma": Row("intrinsic", floating="fma"),
    "muladd": Row("intrinsic", floating="fmuladd"),
    "sqrt": Row("intrinsic", floating="sqrt"),
    "copysign": Row("intrinsic", floating="copysign"),
    "floor": Row("intrinsic", floating="floor"),
    "ceil": Row("intrinsic", floating="ceil"),
    "trunc": Row("intrinsic", floating="trunc"),
    "rint": Row("intrinsic", floating="rint"),
    "popcount": _both("intrinsic", "ctpop"),
    "clz": _both("intrinsic", "ctlz", extra=", i1 false"),
    **{name: Row("composite") for name in COMPOSITES},
}


def emit_operation(w: Writer, o: Operation) -> str:
    """Emit one operation; the result's operand."""
    if o.source == "f16" and o.name not in _KEEPS_HALF:
        return _in_single(w, o)
    row = ROWS[o.name]
    if row.form == "composite":
        return COMPOSITES[o.name](w, o)
    name = row.spelling(o.source)
    if row.form == "intrinsic":
        return call_intrinsic(w, name, o.source, o.lanes, o.operands, row.extra)
    t = o.type(o.source)
    if row.form == "compare":
        name = f"{'fcmp' if o.source in FLOATS else 'icmp'} {name}"
    return w.put(f"{name} {t} {o.operands[0]}, {o.operands[1]}")


def _in_single(w: Writer, o: Operation) -> str:
    operands = tuple(extend(w, o, x) for x in o.operands)
    result = "f32" if o.result == "f16" else o.result
    y = emit_operation(w, replace(o, source="f32", result=result, operands=operands))
    return round_single(w, o, y) if o.result == "f16" else y
