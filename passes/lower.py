"""Planned graph to loop program.

Before: a function as `plan` leaves it.  After: a `LoopFunction`: one nest per value that lives in memory, written by each
op's own lowering rule; the arguments' buffers come first, then those of new results; rank-0 values are scalars.  Updates
store into the memory of what they update.  Start with `lower`; control flow is in `lower_control`.
"""

from __future__ import annotations

from ..ir.errors import UnsupportedError
from ..ir.expr import Expr, const, expression_scope, var
from ..ir.graph import Block, Function, Op, Parameter, Value
from ..ir.loops import Buffer, LoopFunction
from ..ir.opdef import Checked, Complex, Element, Fold, Pointwise, Reduction, Scalar, Statements, Update, lowering
from ..ir.scalar import scalar_type
from .fusion import is_free
from .homes import is_array, origin
from .lower_context import Emitter, Index, is_plain
from .lower_control import lower_for, lower_if, lower_while
from .lower_nest import mark_all, nest
from .lower_split import split
from .merged_axes import merged_extents, merged_index
from .proofs import decided

# Run-time extents of arguments are no smaller.
LEAST_EXTENT = 2


def lower(function: Function) -> LoopFunction:
    """The loop program of a planned function."""
    with expression_scope():
        return _Lowering(function).run()


class _Lowering(Emitter):
    def __init__(self, function: Function) -> None:
        super().__init__()
        self.function = function
        self.destination: dict[Value, Buffer] = {}
        self.buffers: list[Buffer] = []
        self.scalars: list[tuple[str, str]] = []
        self.least: dict[str, int] = {}
        # The ops that are lowered before their turn.
        self.computed: set[Op] = set()

    def run(self) -> LoopFunction:
        block = self.function.block
        for parameter, v in zip(self.function.parameters, block.args, strict=True):
            self._enter(parameter, v)
        outputs = self._outputs()
        self.block(block)
        for v, buffer in outputs:
            if not is_array(v):
                self.store(buffer, (), self.element(v, ()))
            elif self.place[v] is not buffer:
                self.copy(buffer, v, "a result lies elsewhere")
        return LoopFunction(self.function.name, self.buffers, self.scalars, self.body, self.errors, notes=self.notes,
                            least=self.least)

    def _enter(self, parameter: Parameter, v: Value) -> None:
        name = self.unique(parameter.name)
        dtype = v.type.dtype  # type: ignore[union-attr]
        part, is_complex = scalar_type(dtype), dtype.kind == "c"
        if parameter.strides is None:
            names = [f"{name}_re", f"{name}_im"] if is_complex else [name]
            self.scalars += [(n, part) for n in names]
            if parameter.extent_of is not None:
                self.known = self.known.with_large(name, LEAST_EXTENT)
                self.least[name] = LEAST_EXTENT
            parts = tuple(var(n, part) for n in names)
            self.scalar[v] = Complex(*parts) if is_complex else parts[0]
            return
        written = any(o.into is not None and self.function.block.args[o.into] is v for o in self.function.outputs)
        scale = 2 if is_complex else 1
        strides = tuple(const(s * scale) for s in parameter.strides) + ((const(1),) if is_complex else ())
        if parameter.layout is not None:
            strides = _strides(self.dims(v), parameter.layout, is_complex)
        buffer = Buffer(name, part, self._with_parts(self.dims(v), is_complex), strides, "arg", not written)
        self.buffers.append(buffer)
        if is_array(v):
            self.place[v] = buffer
        else:
            self.scalar[v] = self.let(self.load(buffer, ()), "s")
            self.place[v] = buffer

    def _with_parts(self, dims: Index, is_complex: bool) -> Index:
        return (*dims, const(2)) if is_complex else dims

    def _outputs(self) -> list[tuple[Value, Buffer]]:
        """Where each result belongs; new arrays are computed there from the start."""
        out = []
        for k, (output, v) in enumerate(zip(self.function.outputs, self.function.block.yields, strict=True)):
            if output.into is not None:
                out.append((v, self.place[self.function.block.args[output.into]]))
                continue
            dtype = v.type.dtype  # type: ignore[union-attr]
            for d in v.dims:
                if isinstance(d, Value):
                    self._early(d, v)
            dims = self.dims(v)
            buffer = Buffer(self.unique(f"out{k}"), scalar_type(dtype), self._with_parts(dims, dtype.kind == "c"),
                            _strides(dims, output.layout, dtype.kind == "c"), "arg")
            buffer.fresh = True
            self.buffers.append(buffer)
            out.append((v, buffer))
            if is_array(v):
                first = origin(v)
                if first.op is not None and first not in self.destination:
                    self.destination[first] = buffer
        return out

    def _early(self, d: Value, result: Value) -> None:
        """Compute the extent of a result before all else: it follows from extents of arguments."""
        if d in self.scalar:
            return
        if d.op is None or d.op.block is not self.function.block or d.op.regions or is_array(d) or any(
                map(is_array, d.op.operands)):
            raise UnsupportedError("a result whose shape is known only when the function runs",
                                   loc=result.op.loc if result.op is not None else None)
        for o in d.op.operands:
            self._early(o, result)
        self.op(d.op)
        self.computed.add(d.op)

    # ops

    def block(self, block: Block) -> None:
        for op in block.ops:
            if op not in self.computed:
                self.op(op)

    def op(self, op: Op) -> None:
        if op.name == "fused":
            self._fused(op)
        elif op.name == "for":
            lower_for(self, op)
        elif op.name == "while":
            lower_while(self, op)
        elif op.name == "if":
            lower_if(self, op)
        elif op.name == "empty":
            self.place[op.result] = self.new_home(op.result)
        else:
            self._root(op, op.results)

    def _fused(self, group: Op) -> None:
        region = group.regions[0]
        for inner, outer in zip(region.args, group.operands, strict=True):
            self.alias[inner] = outer
        counts: dict[Value, int] = {}
        for o in region.ops:
            for v in o.operands:
                counts[v] = counts.get(v, 0) + 1
        self.shared.update(v for v, n in counts.items() if n > 1 and v.op is not None and not is_free(v.op))
        for op in region.ops:
            if not is_array(op.results[0]) and op.results[0] not in region.yields:
                self._root(op, op.results)
            elif op.results[0] not in region.yields:
                split(self, op)
        root = region.yields[0].op
        assert root is not None
        self._root(root, group.results)

    def _root(self, op: Op, results: list[Value]) -> None:
        """Emit the work of `op`; `results` are what its results are called outside."""
        rule = lowering(op)
        if isinstance(rule, Checked):
            rule.fn(self.context(op), op)
            if not is_array(op.result):
                self._name_scalar(results[0], rule.element(self.context(op), op, ()))
        elif isinstance(rule, Statements):
            self._statements(op, rule, results)
        elif isinstance(rule, Update):
            if is_array(op.result):
                self._update(op, rule, results[0])
            else:
                self._update_scalar(op, rule, results[0])
        elif not is_array(results[0]):
            split(self, op)
            with self.forgetting():
                self._name_scalar(results[0], self.compute(op.result, ()))
        elif not is_free(op):
            assert isinstance(rule, Pointwise | Element | Reduction | Fold), op.name
            split(self, op)
            self._materialise(op, results[0])

    def _name_scalar(self, v: Value, value: Scalar) -> None:
        if isinstance(value, Expr):
            value = decided(value, self.known)
        if isinstance(value, Expr) and is_plain(value):
            self.scalar[v] = value
        else:
            self.scalar[v] = self.let(value, "s")

    def _materialise(self, op: Op, result: Value) -> None:
        buffer, dims, inner = self.new_home(result), self.dims(result), op.results[0]
        note = f" ({op.loc})" if op.loc is not None else ""
        extents = merged_extents(op, self._lazy)
        if extents is None:
            nest(self, dims, buffer, lambda i: i, lambda i: self.compute(inner, i), note)
        else:
            nest(self, tuple(const(n) for part in extents for n in part), buffer, lambda i: merged_index(i, extents),
                 lambda i: self.compute(inner, merged_index(i, extents)), note)
        self.place[result] = buffer

    def _lazy(self, v: Value) -> Value | None:
        v = self.resolve(v)
        return None if v in self.place else v

    def _update(self, op: Op, rule: Update, result: Value) -> None:
        buffer = self.place[self.resolve(op.operands[0])]
        self.place[result] = self.place[op.results[0]] = buffer
        context = self.context(op)
        if rule.index is None:
            assert rule.fn is not None
            start = len(self.body)
            rule.fn(context, op)
            mark_all(self.body[start:], self.known)
            return
        new, where = op.operands[1], rule.index
        note = f" ({op.loc})" if op.loc is not None else ""
        nest(self, self.dims(new), buffer, lambda i: where(context, op, i), lambda i: self.element(new, i), note)

    def _update_scalar(self, op: Op, rule: Update, result: Value) -> None:
        """An update of a rank-0 value."""
        if rule.index is not None:
            new = op.operands[1]
            written = not any(isinstance(d, int) and d == 0 for d in new.dims)
            source, index = (new, tuple(const(0) for _ in new.dims)) if written else (op.operands[0], ())
            self._name_scalar(result, self.element(source, index))
            return
        assert rule.fn is not None
        self.place[op.result] = buffer = self.temp(op.result.dtype, ())
        self.store(buffer, (), self.element(op.operands[0], ()))
        rule.fn(self.context(op), op)
        self.scalar[result] = self.let(self.load(buffer, ()), "s")

    def _statements(self, op: Op, rule: Statements, results: list[Value]) -> None:
        for inner, outer in zip(op.results, results, strict=True):
            self.place[outer] = self.place[inner] = self.new_home(outer)
        start = len(self.body)
        with self.forgetting():
            rule.fn(self.context(op), op)
        mark_all(self.body[start:], self.known)
        for v in results:
            if not is_array(v):
                self.scalar[v] = self.let(self.load(self.place.pop(v), ()), "s")

    def new_home(self, v: Value) -> Buffer:
        """The memory of a new value: that of the result it becomes, or a temporary."""
        found = self.destination.get(v)
        return found if found is not None else self.temp(v.type.dtype, self.dims(v))  # type: ignore[union-attr]

    def copy(self, target: Buffer, v: Value, why: str) -> None:
        """target[...] = v, noted for the report."""
        self.notes.append(f"copy into {target.name}: {why}")
        dims = self.dims(v)
        nest(self, dims, target, lambda i: i, lambda i: self.element(v, i))


def _strides(dims: Index, layout: tuple[int, ...] | None, is_complex: bool) -> Index:
    """Strides, in components, of a block whose axes lie in the order `layout`, slowest first."""
    step = const(2 if is_complex else 1)
    strides: dict[int, Expr] = {}
    for axis in reversed(layout if layout is not None else range(len(dims))):
        strides[axis] = step
        step = step * dims[axis]
    return tuple(strides[a] for a in range(len(dims))) + ((const(1),) if is_complex else ())

