"""One row per scalar operation: how it reads in C99, with GNU's 128-bit integers and half precision.

`{x}`, `{y}`, `{z}` stand for operands, `{t}` for their type, `{u}` for the unsigned type of that size, `{bits}` for its
bits, `{f}` for the suffix of a C function ("f" for f32).  Arithmetic on types narrower than int is cast back to them.
Half-precision arithmetic is done in single precision and rounded.  Integers must wrap: compile with -fwrapv.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...ir.scalar import BITS, FLOATS, INTEGERS, SIGNED

TYPES = {"i1": "bool", **{t: ("u" if t[0] == "u" else "") + f"int{t[1:]}_t" for t in INTEGERS},
         "f16": "_Float16", "f32": "float", "f64": "double"}

PRELUDE = """#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
"""

# From floating to integer, as the x86 instructions give it: the least integer for what does not fit.
_TRUNCATE = """static inline int{bits}_t truncate_{bits}(double x) {{
  return x >= {low} && x < {high} ? (int{bits}_t)x : INT{bits}_MIN;
}}
static inline uint{bits}_t truncate_u{bits}(double x) {{
  return x >= {high} ? (uint{bits}_t)truncate_{bits}(x - {high}) ^ (uint{bits}_t)INT{bits}_MIN : (uint{bits}_t)truncate_{bits}(x);
}}
"""
PRELUDE += "".join(_TRUNCATE.format(bits=b, low=f"-0x1p{b - 1}", high=f"0x1p{b - 1}") for b in (32, 64))
PRELUDE += """static inline uint64_t whole_power(uint64_t x, uint64_t y) {
  uint64_t z = 1;
  for (; y; y >>= 1, x *= x) if (y & 1) z *= x;
  return z;
}
"""


@dataclass(frozen=True, slots=True)
class Row:
    """integer, floating, truth: the C expression for operands of that kind; "" where the operation is not defined."""

    integer: str = ""
    floating: str = ""
    truth: str = ""

    def expression(self, dtype: str) -> str:
        return self.truth if dtype == "i1" else self.floating if dtype in FLOATS else self.integer


def _infix(sign: str) -> Row:
    return Row(f"({{x}} {sign} {{y}})", f"({{x}} {sign} {{y}})", f"({{x}} {sign} {{y}})")


def _function(name: str, arity: int = 1) -> Row:
    return Row(floating=f"{name}{{f}}({', '.join(('{x}', '{y}', '{z}')[:arity])})")


def _extremum(sign: str) -> Row:
    best = f"({{x}} {sign} {{y}} ? {{x}} : {{y}})"
    return Row(best, f"({{x}} != {{x}} ? {{x}} : {best})", best)


ROWS: dict[str, Row] = {
    **{name: _infix(sign) for name, sign in dict(
        add="+", sub="-", mul="*", div="/", quot="/", rem="%", lt="<", le="<=", gt=">", ge=">=", eq="==", ne="!=",
        xor="^", shr=">>").items()},
    "and": Row("({x} & {y})", "", "({x} & {y})"),
    "or": Row("({x} | {y})", "", "({x} | {y})"),
    "shl": Row("(({u}){x} << {y})"),
    "neg": Row("(-{x})", "(-{x})"),
    "not": Row("(~{x})", "", "(!{x})"),
    "abs": Row("({x} < 0 ? -{x} : {x})", "fabs{f}({x})"),
    "min": _extremum("<"),
    "max": _extremum(">"),
    "fmin": _function("fmin", 2),
    "fmax": _function("fmax", 2),
    "fma": _function("fma", 3),
    "muladd": Row(floating="({x} * {y} + {z})"),
    "copysign": _function("copysign", 2),
    "pow": _function("pow", 2),
    "ipow": Row("whole_power(({u}){x}, ({u}){y})"),
    "atan2": _function("atan2", 2),
    "hypot": _function("hypot", 2),
    "fmod": _function("fmod", 2),
    **{name: _function(name) for name in (
        "sqrt", "floor", "ceil", "trunc", "rint", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos",
        "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "cbrt")},
    "scalef": Row(floating="ldexp{f}({x}, (int)fmax(fmin({y}, 5000), -5000))"),
    "mulhi": Row("(({t})((({wide}){x} * ({wide}){y}) >> {bits}))"),
    "popcount": Row("__builtin_popcountll(({u}){x})"),
    "clz": Row("({x} ? __builtin_clzll(({u}){x}) - (64 - {bits}) : {bits})"),
    "select": Row("({x} ? {y} : {z})", "({x} ? {y} : {z})", "({x} ? {y} : {z})"),
    "cast": Row("({to}){x}", "({to}){x}", "({to}){x}"),
    "bitcast": Row("({to}){x}", "({to}){x}"),
}


def operation(name: str, source: str, result: str, operands: list[str]) -> str:
    """The C expression of one operation on operands of type `source`."""
    if name == "cast":
        return _cast(source, result, operands[0])
    if name == "bitcast":
        return f"(((union {{ {TYPES[source]} from; {TYPES[result]} to; }}){{ .from = {operands[0]} }}).to)"
    if source == "f16" and name != "select":
        operands = [f"(float){x}" for x in operands]
        text = operation(name, "f32", "f32" if result == "f16" else result, operands)
        return f"(_Float16){text}" if result == "f16" else text
    x, y, z = (operands + ["", ""])[:3]
    bits = BITS[source]
    text = ROWS[name].expression(source).format(
        x=x, y=y, z=z, t=TYPES[source], u=f"uint{bits}_t", bits=bits, f="f" if source == "f32" else "",
        wide=f"{'' if source in SIGNED else 'unsigned '}__int128", to=TYPES[result])
    return f"({TYPES[result]}){text}"


def _cast(source: str, result: str, x: str) -> str:
    if result == "i1":
        return f"({x} != 0)"
    if source in FLOATS and result in INTEGERS:
        if result == "u64" or (result == "u32" and source != "f16"):
            return f"truncate_{result}({x})"
        return f"({TYPES[result]})truncate_{64 if result in ('i64', 'u32') else 32}({x})"
    if result == "f16" and source not in FLOATS:
        return f"(_Float16)(float){x}"
    return f"({TYPES[result]}){x}"


def literal(value: bool | int | float, dtype: str) -> str:
    """A constant of this type."""
    if dtype == "i1":
        return "true" if value else "false"
    if dtype in INTEGERS:
        if dtype in SIGNED and value == -(1 << (BITS[dtype] - 1)):
            return f"INT{BITS[dtype]}_MIN"
        return f"({TYPES[dtype]}){value}{'u' if dtype[0] == 'u' else ''}{'ll' if BITS[dtype] == 64 else ''}"
    if value != value:
        return f"({TYPES[dtype]})NAN"
    if value in (float("inf"), -float("inf")):
        return f"({TYPES[dtype]}){'-' if value < 0 else ''}INFINITY"
    return f"({TYPES[dtype]}){float(value).hex()}"
