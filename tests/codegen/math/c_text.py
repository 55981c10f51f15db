"""Scalar expressions as C functions over arrays: an independent way to run what code generation will compile.

Values keep exactly the meaning of `ir/scalar.py`: no contraction, no reassociation.  Each distinct subexpression becomes
one C variable, so the text also counts the operations.
"""

import subprocess
from ctypes import CDLL
from pathlib import Path

from treadle.codegen.math import DECOMPOSED
from treadle.ir.expr import Expr, expression_scope, var

C_TYPES = {"f32": "float", "f64": "double", "i1": "uint8_t",
           **{f"{s}{b}": f"{'u' * (s == 'u')}int{b}_t" for s in "iu" for b in (8, 16, 32, 64)}}
FLAGS = ["-O3", "-march=native", "-std=gnu11", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math",
         "-Wno-unknown-pragmas", "-fwrapv", "-shared", "-fPIC"]
PRELUDE = """#include <stdint.h>
#include <string.h>
#include <math.h>
"""
INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "quot": "/", "rem": "%", "lt": "<", "le": "<=", "gt": ">",
         "ge": ">=", "eq": "==", "ne": "!=", "and": "&", "or": "|", "xor": "^", "shl": "<<", "shr": ">>"}
BUILTIN = {"fma": "fma", "abs": "fabs", "sqrt": "sqrt", "copysign": "copysign", "floor": "floor", "ceil": "ceil",
           "trunc": "trunc", "rint": "rint"}


def literal(value, dtype: str) -> str:
    if dtype in ("f32", "f64"):
        f = "f" if dtype == "f32" else ""
        if value != value:
            return f"__builtin_nan{f}(\"\")"
        if value in (float("inf"), float("-inf")):
            return f"({'-' if value < 0 else ''}__builtin_inf{f}())"
        return f"({value.hex()}{f})"
    if dtype == "i1":
        return str(int(value))
    return f"(({C_TYPES[dtype]}){value & (2 ** 64 - 1)}ull)"


class Printer:
    """Accumulates the statements of one C loop body."""

    def __init__(self) -> None:
        self.names: dict[Expr, str] = {}
        self.lines: list[str] = []
        self.tables: list[str] = []

    def __call__(self, e: Expr) -> str:
        if e not in self.names:
            self.names[e] = self.name(e)
        return self.names[e]

    def name(self, e: Expr) -> str:
        if e.kind == "const":
            return literal(e.payload, e.dtype)
        if e.kind == "var":
            return e.payload
        if e.kind == "op" and e.payload == "scalef":
            return self(DECOMPOSED["scalef", e.dtype](*e.args))
        args = [self(a) for a in e.args]
        name = f"t{len(self.lines)}"
        ctype = C_TYPES[e.dtype]
        if e.kind == "op" and e.payload == "bitcast":
            source = f"(const {C_TYPES[e.args[0].dtype]}[]){{{args[0]}}}"
            self.lines.append(f"{ctype} {name}; memcpy(&{name}, {source}, sizeof {name});")
        else:
            self.lines.append(f"{ctype} {name} = {self.value(e, args)};")
        return name

    def value(self, e: Expr, args: list[str]) -> str:
        ctype = C_TYPES[e.dtype]
        if e.kind == "table":
            name = f"table{len(self.tables)}"
            text = ", ".join(literal(v, e.dtype) for v in e.payload)
            self.tables.append(f"static const {ctype} {name}[] = {{{text}}};")
            return f"{name}[{args[0]}]"
        op = e.payload
        if op in INFIX:
            return f"({ctype})({args[0]} {INFIX[op]} {args[1]})"
        if op == "select":
            return f"{args[0]} ? {args[1]} : {args[2]}"
        if op in ("min", "max"):
            if e.dtype[0] == "f":
                x, y = args
                return f"({x} {'<' if op == 'min' else '>'} {y} || {x} != {x}) ? {x} : {y}"
            return f"{args[0]} {'<' if op == 'min' else '>'} {args[1]} ? {args[0]} : {args[1]}"
        if op == "cast":
            return f"({ctype}){args[0]}"
        if op == "neg":
            return f"-{args[0]}"
        if op == "not":
            return f"!{args[0]}" if e.dtype == "i1" else f"~{args[0]}"
        if op == "clz":
            return f"{args[0]} ? __builtin_clzll((uint64_t){args[0]}) - {64 - int(e.dtype[1:])} : {e.dtype[1:]}"
        if op == "mulhi":
            return f"({ctype})(((unsigned __int128){args[0]} * {args[1]}) >> {e.dtype[1:]})"
        if op == "abs" and e.dtype[0] == "i":
            return f"{args[0]} < 0 ? -{args[0]} : {args[0]}"
        return f"{BUILTIN[op]}{'f' if e.dtype == 'f32' else ''}({', '.join(args)})"


def array_function(name: str, function, dtype: str, arity: int) -> str:
    """C text of `void name(const T *x, [const T *y,] R *out, long n)` computing `function` of variables x, y."""
    with expression_scope():
        printer = Printer()
        e = function(*(var(v, dtype) for v in "xy"[:arity]))
        result = printer(e)
    t, r = C_TYPES[dtype], C_TYPES[e.dtype]
    pointers = ", ".join(f"const {t} *restrict {v}s" for v in "xy"[:arity])
    loads = " ".join(f"{t} {v} = {v}s[i];" for v in "xy"[:arity])
    body = "\n    ".join([loads, *printer.lines, f"out[i] = {result};"])
    return "\n".join([*printer.tables, f"void {name}({pointers}, {r} *restrict out, long n) {{",
                      f"  for (long i = 0; i < n; i++) {{\n    {body}\n  }}\n}}"]) + "\n"


def compile_c(text: str, folder: Path, name: str, libraries: tuple[str, ...] = ("-lm",)) -> CDLL:
    source, shared = folder / f"{name}.c", folder / f"{name}.so"
    source.write_text(PRELUDE + text)
    subprocess.run(["gcc", *FLAGS, str(source), "-o", str(shared), *libraries], check=True)
    return CDLL(str(shared))
