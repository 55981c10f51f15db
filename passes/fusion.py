"""Which array values stay lazy: computed where they are read, inside their consumer's loop nest, and never in memory.

A value may be lazy when all its uses end in one nest, at one index.  Views, index ramps and filled arrays cost nothing and
may be lazy in several nests; so may a few cheap operations.  What a nest would repeat (a broadcast of something
expensive), what a library routine, a region or a yield reads, lives in memory.  `choose_lazy` decides; in-place planning
(`in_place`) may take some of it back; `form_groups` then writes the decision down as `fused` ops.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..ir.graph import Block, Op, Value, walk_ops
from ..ir.opdef import Checked, Element, Fold, Pointwise, Reduction, Statements, Update, lowering
from ..ir.types import Dim
from .homes import SEEN_IN_PLACE, is_array
from .liveness import Liveness

FREE = ("broadcast", "slice", "transpose", "iota", "array_const", "const")
CHEAP = frozenset(("cast", "real", "imag", "conjugate", "negative", "add", "subtract", "multiply", "logical_not",
                   "less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "absolute"))
# A value whose whole chain down to memory is at most this many cheap ops may be computed in this many nests.
CHEAP_OPS = 2
CHEAP_COPIES = 3
MAX_GROUP = 150


@dataclass(frozen=True, slots=True)
class Place:
    """Where a lazy value would be computed: in the nest of `root`, seen through `path`, repeatedly if `repeated`."""

    root: object
    path: tuple[tuple[Op, int], ...]
    repeated: bool


def has_loop(op: Op) -> bool:
    """Does computing one element take a loop?"""
    return op.name == "dot_general" or isinstance(lowering(op), Reduction | Fold)


def is_free(op: Op) -> bool:
    return op.name in FREE


def choose_lazy(top: Block, liveness: Liveness) -> set[Value]:
    """The array values that need no memory. Results of `Checked` ops count as lazy: they are read through the check."""
    lazy: set[Value] = set()
    places: dict[Value, frozenset[Place]] = {}
    sizes: dict[object, int] = {}
    costs = _chain_costs(top)
    for op in reversed(list(walk_ops(top))):
        if len(op.results) != 1 or not is_array(op.result):
            continue
        rule = lowering(op)
        if isinstance(rule, Checked):
            lazy.add(op.result)
            continue
        if not isinstance(rule, Pointwise | Element | Reduction | Fold) or op.name == "copy":
            continue
        found = _places(op, liveness, lazy, places)
        if found and _may_be_lazy(op, rule, found, costs):
            (root, *_) = {p.root for p in found}
            if sizes.get(root, 0) < MAX_GROUP or is_free(op):
                sizes[root] = sizes.get(root, 0) + 1
                lazy.add(op.result)
                places[op.result] = found
    return lazy


def _may_be_lazy(op: Op, rule: object, found: frozenset[Place], costs: dict[Value, int]) -> bool:
    if is_free(op):
        return True
    if any(p.root.block is not op.block or p.repeated for p in found):  # type: ignore[attr-defined]
        return False
    if len(found) == 1:
        return True
    return isinstance(rule, Pointwise) and costs[op.result] <= CHEAP_OPS and len(found) <= CHEAP_COPIES


def _chain_costs(top: Block) -> dict[Value, int]:
    """Per value, the elementwise ops between it and the next value that is no elementwise result; capped."""
    costs: dict[Value, int] = {}
    for op in walk_ops(top):
        if len(op.results) == 1 and is_array(op.result):
            if isinstance(lowering(op), Pointwise):
                own = 1 if op.name in CHEAP else CHEAP_OPS + 1
                costs[op.result] = min(CHEAP_OPS + 1, own + sum(costs.get(v, 0) for v in op.operands))
            elif is_free(op) or op.name == "reshape":
                costs[op.result] = sum(costs.get(v, 0) for v in op.operands)
    return costs


def _places(op: Op, liveness: Liveness, lazy: set[Value],
            known: dict[Value, frozenset[Place]]) -> frozenset[Place] | None:
    """Every place where `op`'s result would be computed if it were lazy; None if some use needs it in memory."""
    out: set[Place] = set()
    step: tuple[tuple[Op, int], ...]
    for use in liveness.of(op.result):
        consumer = use.op
        if consumer is None:
            return None
        rule = lowering(consumer)
        if isinstance(rule, Pointwise):
            step, repeated = (), False
        elif isinstance(rule, Element):
            view = is_free(consumer) or consumer.name == "reshape"
            if not view and has_loop(op):
                return None
            step, repeated = ((consumer, use.operand),), _repeats(consumer, rule, use.operand)
        elif isinstance(rule, Reduction | Fold):
            if has_loop(op):
                return None
            step, repeated = ((consumer, use.operand),), False
        elif isinstance(rule, Update) and use.operand > 0 and (rule.index is not None or _is_constant(op)):
            step, repeated = (), False
        elif (isinstance(rule, Checked) and is_free(op)) or (isinstance(rule, Statements) and (
                rule.reads_once or (rule.views and op.name in SEEN_IN_PLACE))):
            step, repeated = ((consumer, use.operand),), False
        else:
            return None
        if not isinstance(rule, Checked | Statements) and consumer.results[0] in lazy:
            for p in known[consumer.results[0]]:
                if isinstance(lowering(p.root), Checked) and not is_free(op):  # type: ignore[arg-type]
                    return None  # a check stands bare: what it reads through views must lie in memory
                out.add(Place(p.root, p.path + step, p.repeated or repeated))
        else:
            out.add(Place(consumer, step, repeated))
        if len(out) > 8 and not is_free(op):
            return None
    return frozenset(out)


def _is_constant(op: Op) -> bool:
    """Is it one known number everywhere, which an update may read while it writes?"""
    source = op.operands[0].op if op.name == "broadcast" else None
    return source is not None and source.name == "const"


def _repeats(consumer: Op, rule: Element, operand: int) -> bool:
    """Does the consumer read elements of the operand more than once?"""
    if operand == 0 and consumer.name == "slice":
        seen = {axis for a in consumer.attrs["map"] for _, axis in a.terms}
        return any(not _is_one(d) and k not in seen for k, d in enumerate(consumer.result.dims)) or any(
            len(a.terms) > 1 for a in consumer.attrs["map"])
    if not rule.expands or consumer.name != "broadcast":
        return rule.expands
    own, dims = consumer.operands[operand].dims, consumer.result.dims
    lead = len(dims) - len(own)
    return any(not _is_one(d) for d in dims[:lead]) or any(
        _is_one(d) and not _is_one(t) for d, t in zip(own, dims[lead:], strict=True))


def _is_one(d: Dim) -> bool:
    return isinstance(d, int) and d == 1
