"""Copies of a program that run after it has run: without its effects.

Before: a block that is a copy of one whose checks have passed and whose effects have happened.  After: no check and no call
of a Python function is left.  What returned something new each time, a random number or a Python function's result, cannot be
had again: UnsupportedError.
"""

from __future__ import annotations

from ..ir.errors import UnsupportedError
from ..ir.graph import Block, Value
from ..ir.opdef import OPS
from ..ir.walk import replace_uses, resolved


def without_effects(block: Block, what: str) -> None:
    """Drop checks and ordered effects, in place. what: why the program runs again, for the error."""
    found: dict[Value, Value] = {}
    _drop(block, what, found)
    replace_uses(block, resolved(found))


def _drop(block: Block, what: str, found: dict[Value, Value]) -> None:
    kept = []
    for op in block.ops:
        for region in op.regions:
            _drop(region, what, found)
        effect = OPS[op.name].effect
        if op.name == "check" or (effect == "ordered" and len(op.results) == 1):
            # The order of effects, or the value that was checked.
            found[op.result] = op.operands[0]
        elif effect == "ordered":
            raise UnsupportedError(f"the derivative of {what} with {_DRAWS.get(op.name, 'a call of a Python function')} inside",
                                   "the program would have to run twice, and get something else", loc=op.loc)
        else:
            kept.append(op)
    block.ops = kept


_DRAWS = {"draw": "a random number drawn"}
