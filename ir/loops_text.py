"""Prints the loop dialect as text, which `loops_parse.py` reads back exactly (but for tables of many entries).

    loops f(x: f64[n, 4] readonly, out: f64[n]; n: i64)
      for par i in 0..n threads:
        for red k in 0..4 lanes 4 carry s: f64 = 0.0 by add:
          pass
          next s = s + x[i, k] -> s_out
        out[i] = s_out   # prog.py:7

Statements read as Python would have them; a loop's line says its kind and the marks that passes set.  Start with
`show_loops`.
"""

from __future__ import annotations

from collections.abc import Sequence

from .expr import Expr, show
from .loc import Loc
from .loops import (
    Alloc,
    Buffer,
    Call,
    Carried,
    For,
    If,
    Let,
    LoopFunction,
    Raise,
    Stmt,
    Store,
    While,
    c_strides,
    own_exprs,
    walk,
)


def show_loops(function: LoopFunction) -> str:
    """The text of a whole function."""
    scalars = ", ".join(f"{name}: {dtype}" for name, dtype in function.scalars)
    buffers = ", ".join(show_buffer(b) for b in function.buffers)
    lines = [f"loops {function.name}({buffers}{'; ' + scalars if scalars else ''})"]
    if function.arena_bytes or function.worker_bytes:
        lines[0] += f" arena {function.arena_bytes}" + (f" + {function.worker_bytes} each" if function.worker_bytes else "")
    lines += [f"  const {show_buffer(b)}" for b in _constants(function)]
    _body(function.body, 1, lines)
    for code, e in enumerate(function.errors):
        lines.append(f"  error {code}: {e.exception}({e.message!r})" + _loc(e.loc))
    return "\n".join(lines) + "\n"


def _constants(function: LoopFunction) -> list[Buffer]:
    """The buffers of constant data, in order of first use."""
    used: dict[Buffer, None] = {}
    for s in walk(function.body):
        for e in own_exprs(s):
            used.update(dict.fromkeys(sorted(e.buffers, key=lambda b: b.name)))
        if isinstance(s, Call):
            used.update(dict.fromkeys(s.reads))
    return [b for b in used if b.place == "const"]


def show_body(body: Sequence[Stmt]) -> str:
    """The text of some statements, for messages and tests of loop passes."""
    lines: list[str] = []
    _body(body, 0, lines)
    return "\n".join(lines) + "\n"


def _plain(e: Expr) -> str:
    """An expression without the parentheses around all of it."""
    text = show(e)
    return text[1:-1] if text[0] == "(" and " where " not in text else text


def show_buffer(b: Buffer) -> str:
    """`name: dtype[dims] facts`"""
    dims = ", ".join(map(_plain, b.dims))
    text = f"{b.name}: {b.dtype}[{dims}]"
    strides = ", ".join(map(_plain, b.strides))
    # By their text: the buffer may have been made in another scope of shared expressions.
    if strides != ", ".join(map(_plain, c_strides(b.dims))):
        text += f" strides ({strides})"
    if b.readonly and b.place != "const":
        text += " readonly"
    if b.fresh:
        text += " fresh"
    if b.data is not None:
        text += f" = ({', '.join(map(repr, b.data))})"
    if b.offset is not None:
        text += f" at {b.offset}" + (f" + worker * {b.worker_stride}" if b.worker_stride else "")
    return text


def _body(body: Sequence[Stmt], depth: int, lines: list[str]) -> None:
    for s in body:
        _statement(s, depth, lines)
    if not body:
        lines.append("  " * depth + "pass")


def _statement(s: Stmt, depth: int, lines: list[str]) -> None:
    pad = "  " * depth
    if isinstance(s, Let):
        lines.append(f"{pad}{s.name} = {_plain(s.value)}")
    elif isinstance(s, Store):
        lines.append(f"{pad}{s.buffer.name}[{', '.join(map(_plain, s.index))}] = {_plain(s.value)}")
    elif isinstance(s, Alloc):
        lines.append(f"{pad}alloc {show_buffer(s.buffer)}")
    elif isinstance(s, Raise):
        lines.append(f"{pad}raise {s.code}({', '.join(map(_plain, s.details))})")
    elif isinstance(s, For):
        lines.append(f"{pad}for {s.kind} {s.var} in {_plain(s.lo)}..{_plain(s.hi)}{_marks(s)}:{_loc(s.loc)}")
        _body(s.body, depth + 1, lines)
        _nexts(s.carried, pad, lines)
    elif isinstance(s, While):
        carried = _carried(s.carried)
        lines.append(f"{pad}while{carried}:{_loc(s.loc)}")
        _body(s.test, depth + 1, lines)
        lines.append(f"{pad}test {_plain(s.cond)}:")
        _body(s.body, depth + 1, lines)
        _nexts(s.carried, pad, lines)
    elif isinstance(s, If):
        _branch(s, depth, lines)
    else:
        lines.append(f"{pad}{_call(s)}{_loc(s.loc)}")


def _marks(s: For) -> str:
    parts = [f" step {s.step}"] if s.step != 1 else []
    parts += [f" {mark}" for mark in ("vector", "threads") if getattr(s, mark)]
    parts += [f" jam {s.jam}"] if s.jam != 1 else []
    parts += [f" lanes {s.lanes}"] if s.lanes != 1 else []
    parts += [f" until {s.until}"] if s.until is not None else []
    return "".join(parts) + _carried(s.carried)


def _carried(carried: Sequence[Carried]) -> str:
    parts = [f"{c.name}: {c.dtype} = {_plain(c.init)}" + (f" by {c.combine}" if c.combine else "") for c in carried]
    return f" carry {', '.join(parts)}" if parts else ""


def _nexts(carried: Sequence[Carried], pad: str, lines: list[str]) -> None:
    for c in carried:
        following = _plain(c.next) if isinstance(c.next, Expr) else "?"
        lines.append(f"{pad}  next {c.name} = {following}" + (f" -> {c.result}" if c.result else ""))


def _branch(s: If, depth: int, lines: list[str]) -> None:
    pad = "  " * depth
    lines.append(f"{pad}if {_plain(s.cond)}:{_loc(s.loc)}")
    _body(s.then, depth + 1, lines)
    if s.other:
        lines.append(f"{pad}else:")
        _body(s.other, depth + 1, lines)
    for y in s.yields:
        lines.append(f"{pad}  yield {_plain(y.then)} or {_plain(y.other)} -> {y.result}")


def _call(s: Call) -> str:
    reads, writes = (", ".join(b.name for b in buffers) for buffers in (s.reads, s.writes))
    text = f"call {s.routine}({', '.join(map(_plain, s.scalars))}) reads ({reads}) writes ({writes})"
    return text + (f" -> {s.status}" if s.status else "")


def _loc(loc: Loc | None) -> str:
    return f"   # {loc}" if loc is not None else ""
