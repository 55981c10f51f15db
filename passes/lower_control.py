"""Control flow: loops and branches of the graph become those of the loop dialect.

Scalars are carried or yielded; a carried array is written where it lies, so nothing is carried for it.  What a region
yields lies in that memory already (`prepare` and `plan` see to it) unless a copy had to be made on the way; then it is
copied back at the end of the region.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..ir.expr import Expr, cast, const, op, var
from ..ir.graph import Block, Op, Value
from ..ir.loops import Buffer, Carried, For, If, Stmt, While, Yielded
from ..ir.opdef import Complex, Scalar
from ..ir.scalar import scalar_type
from .homes import branch_home, carried_operand, is_array

if TYPE_CHECKING:
    from .lower import _Lowering


def _parts(x: Scalar) -> tuple[Expr, ...]:
    return tuple(x) if isinstance(x, Complex) else (x,)


def _named(names: Sequence[str], v: Value) -> Scalar:
    part = scalar_type(v.type.dtype)  # type: ignore[union-attr]
    parts = tuple(var(n, part) for n in names)
    return Complex(*parts) if len(parts) == 2 else parts[0]


def _width(v: Value) -> int:
    return 2 if v.type.dtype.kind == "c" else 1  # type: ignore[union-attr]


class _Carrier:
    """The carried values of one loop: names for scalars, memory for arrays."""

    def __init__(self, lowering: _Lowering, loop: Op, params: Sequence[Value]) -> None:
        self.lowering, self.results = lowering, loop.results
        self.carried: list[Carried] = []
        self.of: dict[int, list[Carried]] = {}
        self.homes: dict[int, Buffer] = {}
        for k, p in enumerate(params):
            init = loop.operands[carried_operand(loop, k)]
            if is_array(p):
                self.homes[k] = lowering.in_memory(init)
                continue
            self.of[k] = [Carried(lowering.fresh("c"), e, None, lowering.fresh("r"))
                          for e in _parts(lowering.element(init, ()))]
            self.carried += self.of[k]
        self.bind(params)

    def bind(self, params: Sequence[Value]) -> None:
        for k, p in enumerate(params):
            if k in self.homes:
                self.lowering.place[p] = self.homes[k]
            else:
                self.lowering.scalar[p] = _named([c.name for c in self.of[k]], p)

    def end(self, yields: Sequence[Value]) -> None:
        """At the end of the body: what the next trip starts from."""
        for k, y in enumerate(yields):
            if k in self.homes:
                settle(self.lowering, self.homes[k], y)
            else:
                for c, e in zip(self.of[k], _parts(self.lowering.element(y, ())), strict=True):
                    c.next = e

    def finish(self) -> None:
        self.lowering.known = self.lowering.known.with_names(c.result for c in self.carried)
        for k, v in enumerate(self.results):
            if k in self.homes:
                self.lowering.place[v] = self.homes[k]
            else:
                self.lowering.scalar[v] = _named([c.result for c in self.of[k]], v)


def settle(lowering: _Lowering, home: Buffer, y: Value) -> None:
    """Bring a yielded array to its memory."""
    if lowering.place.get(lowering.resolve(y)) is not home:
        lowering.copy(home, y, "a region ends with it elsewhere")


def lower_for(lowering: _Lowering, loop: Op) -> None:
    body = loop.regions[0]
    lo, hi, step = (lowering.element(v, ()) for v in loop.operands[:3])
    assert isinstance(lo, Expr) and isinstance(hi, Expr) and isinstance(step, Expr)
    index, *params = body.args
    carrier = _Carrier(lowering, loop, params)
    if step.is_const:
        statement = For(lowering.fresh("j"), lo, hi, [], "seq", int(step.payload), loc=loop.loc)  # type: ignore[call-overload]
        lowering.scalar[index] = var(statement.var)
    else:
        # A run-time step: count the trips, as `range` does.
        up = step > 0
        one = cast(up, "i64") * 2 - 1
        span = op("max", (hi - lo) * one + step * one - 1, const(0))
        trips = lowering.name(op("quot", span, op("max", step * one, const(1))), "n")
        statement = For(lowering.fresh("j"), const(0), trips, [], "seq", 1, loc=loop.loc)
        lowering.scalar[index] = lo + var(statement.var) * step
    statement.carried = carrier.carried
    until = loop.attrs.get("until")
    if until is not None:
        statement.until = carrier.of[until][0].name
    with lowering.inside(statement.body, statement):
        lowering.block(body)
        carrier.end(body.yields)
    lowering.emit(statement)
    carrier.finish()


def lower_while(lowering: _Lowering, loop: Op) -> None:
    test, body = loop.regions
    carrier = _Carrier(lowering, loop, test.args)
    carrier.bind(body.args)
    statement = While(carrier.carried, [], const(True, "i1"), [], loop.loc)
    with lowering.inside(statement.test):
        lowering.known = lowering.known.with_names(c.name for c in statement.carried)
        lowering.block(test)
        cond = lowering.element(test.yields[0], ())
        assert isinstance(cond, Expr)
        statement.cond = cond
        tested = lowering.known
    with lowering.inside(statement.body):
        lowering.known = tested.with_condition(cond)
        lowering.block(body)
        carrier.end(body.yields)
    lowering.emit(statement)
    carrier.finish()


def lower_if(lowering: _Lowering, branch: Op) -> None:
    cond = lowering.element(branch.operands[0], ())
    assert isinstance(cond, Expr)
    homes: dict[int, Buffer] = {}
    for k, v in enumerate(branch.results):
        if is_array(v):
            home = branch_home(v)
            homes[k] = lowering.in_memory(home) if home is not None else lowering.new_home(v)
    statement = If(cond, loc=branch.loc)
    ends = [_arm(lowering, region, body, homes, cond, holds)
            for region, body, holds in zip(branch.regions, (statement.then, statement.other), (True, False), strict=True)]
    lowering.emit(statement)
    for k, v in enumerate(branch.results):
        if k in homes:
            lowering.place[v] = homes[k]
            continue
        names = [lowering.fresh("r") for _ in range(_width(v))]
        for n, a, b in zip(names, ends[0][k], ends[1][k], strict=True):
            lowering.known = lowering.known.with_yielded(n, cond, a, b)
            statement.yields.append(Yielded(n, a, b))
        lowering.scalar[v] = _named(names, v)


def _arm(lowering: _Lowering, region: Block, body: list[Stmt], homes: dict[int, Buffer], cond: Expr,
         holds: bool) -> dict[int, tuple[Expr, ...]]:
    """Lower one arm; the scalars it yields."""
    ends = {}
    with lowering.inside(body):
        lowering.known = lowering.known.with_condition(cond, holds)
        lowering.block(region)
        for k, y in enumerate(region.yields):
            if k in homes:
                settle(lowering, homes[k], y)
            else:
                ends[k] = _parts(lowering.element(y, ()))
    return ends
