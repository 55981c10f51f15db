"""What a compiled version assumes of the data, where NumPy's result has another dtype if it does not hold.

`assume(condition, what)` returns True or False, the truth that this trace takes for granted, and leaves a check of it in the
program.  If that fails, `AssumptionError` names the assumption; `api.py` restores what was written and runs the version that
assumes the opposite, which is tried first from then on.
"""

from __future__ import annotations

from ..ir.errors import AssumptionError
from ..ir.graph import Function, Value, walk_ops
from . import tracer
from .generators import is_draw
from .values import NOT_REPEATED

_NAME = AssumptionError.__name__


def assume(condition: Value, what: str) -> bool:
    """Take `condition`, a run-time truth value, as holding, or as failing if it was found to fail."""
    key = f"{what} at {' called from '.join(tracer.call_path())}"
    negated = (tracer.ASSUME_NOT, key) in tracer.current().decisions
    truth = tracer.emit("logical_not", [condition]) if negated else condition
    tracer.emit("check", [truth, truth], exception=_NAME, message=key.replace("{", "{{").replace("}", "}}"))
    return not negated


def assumed(decisions: frozenset[tuple]) -> frozenset[tuple]:
    """Of a trace's decisions, the assumptions that were found to fail."""
    return frozenset(d for d in decisions if d[0] == tracer.ASSUME_NOT)


def check_effects(function: Function) -> None:
    """Refuse effects outside the program before an assumption is found to fail: they would happen twice.

    Where the program can do without the assumption it is traced again that way.
    """
    # Generators are set back; those that the program makes are made again.
    called = False
    for op in function.block.ops:
        inside = [op, *(o for region in op.regions for o in walk_ops(region))]
        calls = any(o.name == "callback" and not is_draw(o.attrs["function"].name) for o in inside)
        checks = [o for o in inside if o.attrs.get("exception") == _NAME] if called or (calls and op.regions) else []
        if any(o.attrs["message"] == NOT_REPEATED for o in checks):
            raise tracer.Restart((tracer.ASSUME_NOT, NOT_REPEATED))
        if checks:
            raise tracer.unsupported(
                "a print, or another call of Python, before the eigenvalues of a real matrix",
                "whether they are real depends on data, and the program may have to start anew",
                "make the matrix complex, or do the output afterwards")
        called = called or calls
