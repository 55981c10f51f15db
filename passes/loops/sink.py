"""Store sinking:  if c: b[i] = x else: b[i] = y   ->   v = (x if c else y); b[i] = v

Before: both arms of a branch end in a store to one cell.  After: the branch yields the value and one store follows, which
lets the branch become a select and the cell a carried scalar.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...ir.expr import var
from ...ir.loops import If, LoopFunction, Stmt, Store, Yielded
from .names import fresh_names
from .rewriting import all_bodies


def sink(function: LoopFunction) -> LoopFunction:
    names = fresh_names(function, "s")
    for body in list(all_bodies(function.body)):
        _sink_in(body, names)
    return function


def _sink_in(body: list[Stmt], names: Iterator[str]) -> None:
    k = 0
    while k < len(body):
        s = body[k]
        while isinstance(s, If) and s.then and s.other:
            a, b = s.then[-1], s.other[-1]
            if not (isinstance(a, Store) and isinstance(b, Store) and a.buffer is b.buffer and a.index == b.index):
                break
            # The values of stores sunk before are computed at the end of the arms: what they read must be there by then.
            if any(a.buffer in e.buffers for y in s.yields for e in (y.then, y.other)):
                break
            name = next(names)
            s.yields.append(Yielded(name, a.value, b.value))
            del s.then[-1], s.other[-1]
            body.insert(k + 1, Store(a.buffer, a.index, var(name, a.value.dtype)))
        k += 1
