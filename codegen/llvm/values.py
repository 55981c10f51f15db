"""Expressions as instructions: each once, in every copy side by side, in the outermost scope it may stand in.

`Values.value` emits an expression's operands before it, without recursion, one operation for all copies of a replicated
loop before the next operation, so that the copies fill each other's latencies.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...ir.expr import Expr, var
from ...ir.loops import Buffer
from ...ir.scalar import SCALAR_OPS
from ...ir.target import Target
from ..math import BY_ESTIMATE, BY_INVARIANT, WHOLE_POWER, MathFunction
from .composite import call_library
from .decompose import decomposed, math_function
from .memory import Access
from .module import RARELY_TRUE, FunctionText, Module, overload, type_of
from .operation import Operation
from .pairs import Pairs
from .scopes import Scopes, Value
from .table import emit_operation
from .words import word_of


@dataclass(slots=True)
class Place:
    """A writer that puts instructions in one scope."""

    scopes: Scopes
    depth: int

    @property
    def module(self) -> Module:
        return self.scopes.module

    @property
    def target(self) -> Target:
        return self.scopes.target

    def put(self, text: str) -> str:
        return self.scopes.put(self.depth, text)


class Values(Pairs):
    """Emits expressions.

    delayed: where stores wait for the end of a run of trips (else None); forwarded: what loads of those cells give.
    """

    def __init__(self, module: Module, target: Target, function: FunctionText) -> None:
        super().__init__(module, target, function)
        self.pointers: dict[Buffer, Value] = {}
        self.delayed: list[tuple[Buffer, Access, Value]] | None = None
        self.forwarded: dict[Expr, Value] = {}

    def value(self, e: Expr) -> Value:
        got = self._known_value(e)
        if got is not None:
            return got
        waiting = [e]
        while waiting:
            x = waiting[-1]
            if self._known_value(x) is not None:
                waiting.pop()
                continue
            word = self._loaded_word(x)
            if word is not None:
                waiting.pop()
                self.remember(x, word, x.buffers)
                continue
            inputs = x.args if x.kind == "op" else ()
            missing = [a for a in inputs if self._known_value(a) is None]
            if missing:
                waiting.extend(reversed(missing))
                continue
            waiting.pop()
            value = self._compute(x)
            self.remember(x, value, x.buffers)
        got = self._known_value(e)
        assert got is not None
        return got

    def _loaded_word(self, e: Expr) -> Value | None:
        word = word_of(e)
        if word is None or any(word.buffer in stored.buffers for stored in self.forwarded):
            return None
        return self.load_word(word.buffer, word.index, word.count)

    def _known_value(self, e: Expr) -> Value | None:
        if e.kind == "const":
            return self.constant(e.payload, e.dtype)  # type: ignore[arg-type]
        if e.kind == "var":
            return self.variable(e.payload)  # type: ignore[arg-type]
        return self.recall(e, e.buffers)

    def _compute(self, e: Expr) -> Value:
        if e.kind == "load":
            if e in self.forwarded:
                return self.forwarded[e]
            return self.load(e.payload, e.args)  # type: ignore[arg-type]
        if e.kind == "table":
            return self._table(e)
        simpler = decomposed(e, self.target)
        if simpler is not None:
            return self.value(simpler)
        if SCALAR_OPS[e.payload].math:  # type: ignore[index]
            return self._math(e)
        if e.payload == "ipow":
            return self._by_function(e, WHOLE_POWER[e.dtype])
        inputs = [self.value(a) for a in e.args]
        if e.payload == "div" and self._stays(e, *inputs):
            return self._by_function(e, BY_INVARIANT)
        if e.payload == "div" and self._multiplies(e, inputs[1]):
            return self._by_function(e, BY_ESTIMATE, self._estimate(inputs[1]))
        return self._operation(e, inputs)

    def _stays(self, e: Expr, dividend: Value, divisor: Value) -> bool:
        """Is this a vector of quotients by one number, which an outer scope holds?"""
        return bool(dividend.lanes) and not divisor.lanes and not divisor.by and e.dtype in ("f32", "f64") and self.target.fma \
            and self.placement(divisor.depth) < self.placement(dividend.depth)

    def _multiplies(self, e: Expr, divisor: Value) -> bool:
        """Is this a vector of quotients that is better computed without the divider?"""
        loop = self.vector_loop
        return loop is not None and loop.multiplies and e.dtype == "f64" and divisor.lanes == loop.lanes

    def _estimate(self, divisor: Value) -> Expr:
        """A variable that holds the reciprocals to 14 bits."""
        t, depth = type_of("f64", divisor.lanes), self.placement(divisor.depth)
        name = self.module.intrinsic("llvm.x86.avx512.rcp14.pd.512", t, [t, t, "i8"])
        operands = tuple(self.put(depth, f"call {t} @{name}({t} {x}, {t} zeroinitializer, i8 -1)") for x in divisor.operands)
        self.environment[operands[0]] = divisor._replace(operands=operands, depth=depth)
        return var(operands[0], "f64")

    def _operation(self, e: Expr, inputs: list[Value]) -> Value:
        name = str(e.payload)
        depth = max(v.depth for v in inputs)
        if name in ("quot", "rem") and not e.args[1].is_const:
            inputs[1] = self._safe_divisor(e.args[1], inputs)
            depth = self.load_placement(max(depth, inputs[1].depth), None)
        else:
            depth = self.placement(depth)
        return self.apply(name, e.args[-1].dtype, e.dtype, inputs, depth)

    def _safe_divisor(self, divisor: Expr, inputs: list[Value]) -> Value:
        """1 in the lanes that are not there, which would otherwise divide by whatever they hold."""
        loop = self.vector_loop
        y = inputs[1]
        if loop is None or loop.mask is None or not y.lanes:
            return y
        one = self.constant(1, divisor.dtype, y.lanes)
        return self.apply("select", divisor.dtype, divisor.dtype, [loop.mask, y, one], max(y.depth, loop.mask.depth))

    def apply(self, name: str, source: str, result: str, inputs: list[Value], depth: int) -> Value:
        """The operation on emitted values; operands are of type `source` (but for a select's condition)."""
        lanes, by = max(v.lanes for v in inputs), self.varying(inputs)
        one_condition = name == "select" and not inputs[0].lanes
        columns = []
        for k, v in enumerate(inputs):
            if name == "select" and k == 0:
                columns.append(self.spread(v, by))
            else:
                columns.append(self.spread(self.widened(v, source, lanes), by))
        place = Place(self, depth)
        if name == "fma" and not self.target.fma:
            symbol = "fmaf" if source == "f32" else "fma"
            operands = tuple(call_library(place, Operation(name, source, result, lanes, ops), symbol)
                             for ops in zip(*columns, strict=True))
            return Value(operands, depth, lanes, by)
        operands = tuple(emit_operation(place, Operation(name, source, result, lanes, ops, one_condition))
                         for ops in zip(*columns, strict=True))
        return Value(operands, depth, lanes, by)

    def _table(self, e: Expr) -> Value:
        index = self.value(e.args[0])
        depth = self.placement(index.depth)
        symbol = self.module.constant(e.payload, e.dtype)  # type: ignore[arg-type]
        operands = []
        for i in index.operands:
            if index.lanes:
                raw = self._gather(depth, e.dtype, symbol, f"<{index.lanes} x i64> {i}", index.lanes, "")
            else:
                raw = self._load_one(depth, e.dtype, self.element(depth, e.dtype, symbol, i), 0, 0, "")
            operands.append(self._from_memory(depth, e.dtype, raw, index.lanes))
        return Value(tuple(operands), depth, index.lanes, index.by)

    # Mathematical functions

    def _math(self, e: Expr) -> Value:
        return self._by_function(e, math_function(e))

    def _by_function(self, e: Expr, function: MathFunction, *estimates: Expr) -> Value:
        fast = self.value(function.fast(*e.args, *estimates))
        if function.needs_slow is None:
            return fast
        return self._with_rare_case(e, function, fast, self.value(function.needs_slow(*e.args, *estimates)))

    def _with_rare_case(self, e: Expr, function: MathFunction, fast: Value, needs: Value) -> Value:
        """`fast`, unless any lane of any copy needs the slow expression: then a call computes that for all of them.

        The branch stands inside the block, so a scope keeps one entry and one exit.
        """
        inputs = [self.value(a) for a in e.args]
        every = (fast, needs, *inputs)
        depth, lanes, by = max(v.depth for v in every), max(v.lanes for v in every), self.varying(every)
        fast = self.widened(fast, e.dtype, lanes)
        needed = self.spread(self.widened(needs, "i1", lanes), by)
        columns = [self.spread(self.widened(v, e.dtype, lanes), by) for v in inputs]
        condition = self._any(depth, needed, lanes)
        block = self.scopes[depth].block
        rare, join, before = self.function.fresh("rare").label, self.function.fresh("usual").label, block.exit
        block.instructions += [f"br i1 {condition}, label %{rare}, label %{join}, !prof !{RARELY_TRUE}", f"{rare}:"]
        t, symbol = type_of(e.dtype, lanes), self._slow_function(e, function, lanes)
        chosen = []
        for need, usual, *arguments in zip(needed, self.spread(fast, by), *columns, strict=True):
            y = self.put(depth, f"call {t} @{symbol}({', '.join(f'{t} {x}' for x in arguments)})")
            chosen.append(self.put(depth, f"select {type_of('i1', lanes)} {need}, {t} {y}, {t} {usual}"))
        block.instructions += [f"br label %{join}", f"{join}:"]
        block.exit = join
        operands = tuple(self.put(depth, f"phi {t} [ {x}, %{rare} ], [ {usual}, %{before} ]")
                         for x, usual in zip(chosen, self.spread(fast, by), strict=True))
        return Value(operands, depth, lanes, by)

    def _any(self, depth: int, truths: tuple[str, ...], lanes: int) -> str:
        """Whether any lane of any of these holds."""
        t = type_of("i1", lanes)
        total = truths[0]
        for x in truths[1:]:
            total = self.put(depth, f"or {t} {total}, {x}")
        if not lanes:
            return total
        name = self.module.intrinsic(f"llvm.vector.reduce.or.{overload('i1', lanes)}", "i1", [t])
        return self.put(depth, f"call i1 @{name}({t} {total})")

    def _slow_function(self, e: Expr, function: MathFunction, lanes: int) -> str:
        """A function of this module that computes the slow expression of `e`; its name."""
        assert function.slow is not None
        name = f"{self.module.name}.{e.payload}.{overload(e.dtype, lanes)}"
        if name not in self.module.internal:
            self.module.internal.add(name)
            t = type_of(e.dtype, lanes)
            parameters = [f"%x{k}" for k in range(len(e.args))]
            text = self.module.function(f"define internal {t} @{name}({', '.join(f'{t} {p}' for p in parameters)})")
            inner = Values(self.module, self.target, text)
            inner.environment = {p[1:]: Value((p,), 0, lanes) for p in parameters}
            result = inner.value(function.slow(*(var(p[1:], e.dtype) for p in parameters)))
            inner.block.end = f"ret {t} {inner.widened(result, e.dtype, lanes).operands[0]}"
        return name
