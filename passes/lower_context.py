"""What lowering rules work with: statements are emitted into the innermost open body, values are read wherever they are.

`Emitter` knows where each graph value is (in a scalar, in a buffer, or lazy, to be computed here) and is shared by one
function; `OpContext` is one op's view of it, the `ir.opdef.LowerContext` that rules see.  Start with `Emitter.element`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING

import numpy as np

from ..ir.builder import Slot
from ..ir.expr import Expr, cast, const, load, var
from ..ir.graph import Op, Value
from ..ir.loc import Loc
from ..ir.loops import Alloc, Buffer, Carried, ErrorSite, For, If, Let, Raise, Stmt, Store
from ..ir.opdef import Checked, Complex, Element, Fold, Pointwise, Reduction, Scalar, Strided, lowering
from ..ir.ranges import Ranges
from ..ir.scalar import scalar_type
from ..ir.viewmap import is_permutation
from .homes import SEEN_IN_PLACE, is_array
from .lower_reduce import reduce_box, reduction
from .merged_axes import undivided
from .proofs import decided, refuted

if TYPE_CHECKING:
    from ..ir.types import Dim

Index = tuple[Expr, ...]
# An integer expression of at most this many operations is repeated rather than named: its form stays visible to analysis.
PLAIN_OPERATIONS = 6


class Emitter:
    """The state of lowering one function."""

    def __init__(self) -> None:
        self.body: list[Stmt] = []
        self.place: dict[Value, Buffer] = {}
        self.scalar: dict[Value, Scalar] = {}
        self.alias: dict[Value, Value] = {}
        self.shared: set[Value] = set()
        # Buffers with the parts of a large reduction.
        self.parts: dict[Value, Buffer] = {}
        self.errors: list[ErrorSite] = []
        self.notes: list[str] = []
        self.vector_axis: str | None = None
        self.known = Ranges()
        self._memo: list[dict[tuple[Value, Index], Scalar]] = [{}]
        self._contexts: dict[Op, OpContext] = {}
        self._names: dict[str, int] = {}
        # Names of arguments and results, which are the user's.
        self._taken: set[str] = set()

    # names and statements

    def fresh(self, prefix: str) -> str:
        """A name of its own: `prefix` and a number."""
        while True:
            n = self._names[prefix] = self._names.get(prefix, -1) + 1
            if f"{prefix}{n}" not in self._taken:
                return f"{prefix}{n}"

    def unique(self, name: str) -> str:
        """`name` itself the first time."""
        if name in self._taken:
            name = self.fresh(f"{name}_")
        self._taken.add(name)
        return name

    def emit(self, statement: Stmt) -> None:
        self.body.append(statement)

    @contextmanager
    def inside(self, body: list[Stmt], *loops: For) -> Iterator[None]:
        """Emit into `body`, inside `loops`, for a while; what is computed inside is not known outside."""
        saved, self.body, known = self.body, body, self.known
        for f in loops:
            self.known = self.known.with_loop(f)
        self._memo.append({})
        try:
            yield
        finally:
            self.body, self.known = saved, known
            self._memo.pop()

    @contextmanager
    def forgetting(self) -> Iterator[None]:
        """Lazy values read inside are computed anew: memory may have changed."""
        saved, self._memo = self._memo, [{}]
        try:
            yield
        finally:
            self._memo = saved

    def let(self, value: Scalar, prefix: str = "t") -> Scalar:
        if isinstance(value, Complex):
            return Complex(self.name(value.re, prefix), self.name(value.im, prefix))
        return self.name(value, prefix)

    def name(self, e: Expr, prefix: str = "t") -> Expr:
        if e.kind in ("const", "var"):
            return e
        name = self.fresh(prefix)
        let = Let(name, e)
        self.emit(let)
        if e.dtype in ("i64", "i1"):
            self.known = self.known.with_let(let)
        return var(name, e.dtype)

    @contextmanager
    def loop(self, lo: Expr | int, hi: Expr | int, kind: str = "par", step: int = 1, loc: Loc | None = None) -> Iterator[Expr]:
        statement = For(self.fresh("i"), _i64(lo), _i64(hi), [], kind, step, loc=loc)
        self.emit(statement)
        with self.inside(statement.body, statement):
            yield var(statement.var)

    @contextmanager
    def branch(self, condition: Expr) -> Iterator[None]:
        statement = If(condition)
        if not refuted(condition, self.known):
            self.emit(statement)
        with self.inside(statement.then):
            self.known = self.known.with_condition(condition)
            yield
        if statement.then and isinstance(statement.then[-1], Raise):
            self.known = self.known.with_condition(condition, False)

    @contextmanager
    def condition(self, facts: Sequence[Expr]) -> Iterator[None]:
        """Emit for the case that all these hold."""
        with ExitStack() as stack:
            for fact in facts:
                stack.enter_context(self.branch(fact))
            yield

    def carry(self, lo: Expr | int, hi: Expr | int, init: Sequence[Expr], body: Callable[[Expr, Index], Sequence[Expr]],
              kind: str = "seq", step: int = 1, combine: str | None = None, lanes: int = 1, until: int | None = None) -> Index:
        """A loop that carries scalars; returns their last values."""
        statement = For(self.fresh("k"), _i64(lo), _i64(hi), [], kind, step, lanes=lanes, vector=lanes > 1)
        statement.carried = [Carried(self.fresh("c"), e, None, self.fresh("r"), combine) for e in init]
        statement.until = None if until is None else statement.carried[until].name
        state = tuple(var(c.name, c.dtype) for c in statement.carried)
        with self.inside(statement.body, statement):
            after = body(var(statement.var), state)
        for c, e in zip(statement.carried, after, strict=True):
            c.next = e
        self.emit(statement)
        return tuple(var(c.result, c.dtype) for c in statement.carried)

    def error(self, exception: str, message: str, loc: Loc | None) -> int:
        site = ErrorSite(exception, message, loc)
        if site not in self.errors:
            self.errors.append(site)
        return self.errors.index(site)

    # memory

    def dim(self, d: Dim | Expr) -> Expr:
        if isinstance(d, Value):
            e = self.scalar[self.resolve(d)]
            assert isinstance(e, Expr)
            return e
        return d if isinstance(d, Expr) else const(int(d))

    def dims(self, v: Value) -> Index:
        return tuple(self.dim(d) for d in v.dims)

    def temp(self, dtype: np.dtype, dims: Sequence[Expr | int]) -> Buffer:
        buffer = Buffer(self.fresh("m"), scalar_type(np.dtype(dtype)), _with_parts(np.dtype(dtype), tuple(map(_i64, dims))))
        self.emit(Alloc(buffer))
        return buffer

    def load(self, buffer: Buffer, index: Sequence[Expr]) -> Scalar:
        if len(buffer.dims) == len(index):
            return load(buffer, index)
        return Complex(load(buffer, (*index, const(0))), load(buffer, (*index, const(1))))

    def store(self, buffer: Buffer, index: Sequence[Expr], value: Scalar) -> None:
        if not isinstance(value, Complex):
            self.emit(Store(buffer, tuple(index), value))
            return
        # Both parts are computed before either is stored: they may read this very element.
        if buffer in value.im.buffers:
            value = self.let(value, "z")
            assert isinstance(value, Complex)
        self.emit(Store(buffer, (*index, const(0)), value.re))
        self.emit(Store(buffer, (*index, const(1)), value.im))

    # values

    def resolve(self, v: Value) -> Value:
        while v in self.alias:
            v = self.alias[v]
        return v

    def element(self, v: Value, index: Index) -> Scalar:
        """The element of `v` at `index`: a scalar, a load, or computed here if `v` is lazy."""
        v = self.resolve(v)
        if not is_array(v) and v in self.scalar:
            return self.scalar[v]
        buffer = self.place.get(v)
        if buffer is not None:
            return self.load(buffer, index)
        key = (v, index)
        for known in reversed(self._memo):
            if key in known:
                return known[key]
        value = self.compute(v, index)
        if v in self.shared:
            value = self.let(value)
        self._memo[-1][key] = value
        return value

    def compute(self, v: Value, index: Index) -> Scalar:
        """The element of `v` by its op's own rule."""
        source = v.op
        assert source is not None, v
        rule = lowering(source)
        if isinstance(rule, Pointwise):
            return rule.fn(*[self.element(o, index if is_array(o) else ()) for o in source.operands], **source.attrs)
        if isinstance(rule, Element):
            return rule.fn(self.context(source), source, index)
        if isinstance(rule, Checked):
            value = rule.element(self.context(source), source, index)
            return decided(value, self.known) if isinstance(value, Expr) else value
        assert isinstance(rule, Reduction | Fold), source.name
        return reduction(self, source, index)

    def in_memory(self, v: Value, contiguous: bool = False) -> Buffer:
        """A buffer that holds `v`."""
        v = self.resolve(v)
        buffer = self.place.get(v)
        if buffer is not None and not (contiguous and not _is_contiguous(buffer)):
            return buffer
        return self.filled(v)

    def strided(self, v: Value) -> Strided:
        """`v` in memory: where it lies, or through slices and repetitions of what does."""
        v = self.resolve(v)
        buffer = self.place.get(v)
        if buffer is None and v.op is not None and v.op.name == "broadcast" and self._lies(v.op.operands[0]):
            return self._repeated(v, v.op.operands[0])
        if buffer is None and v.op is not None and v.op.name == "reshape" and self._lies(v.op.operands[0]):
            base = self.strided(v.op.operands[0])
            regrouped = _regrouped(v.op.operands[0].dims, base.strides, v.dims)
            if regrouped is not None:
                return Strided(base.buffer, base.offset, regrouped)
        # What only exchanges axes is seen in a copy of its operand: that is made along memory.
        if buffer is None and v.op is not None and v.op.name == "slice" and (
                self._lies(v.op.operands[0]) or is_permutation(v.op.attrs["map"], len(v.dims))):
            base, operands = self.strided(v.op.operands[0]), v.op.operands
            offset, strides = base.offset, [const(0)] * len(v.dims)
            for axis, stride in zip(v.op.attrs["map"], base.strides, strict=True):
                start = axis.start
                if isinstance(start, Slot):
                    start = cast(self.element(operands[start.operand], ()), "i64")  # type: ignore[arg-type]
                offset = offset + stride * start
                for step, k in axis.terms:
                    strides[k] = strides[k] + stride * step
            return Strided(base.buffer, offset, tuple(strides))
        buffer = buffer or self.in_memory(v)
        return Strided(buffer, const(0), buffer.strides[:len(v.dims)])

    def _repeated(self, v: Value, x: Value) -> Strided:
        """`v`, which is `x` broadcast: a stride of 0 along what is repeated."""
        base, lead = self.strided(x), len(v.dims) - len(x.dims)
        kept = [const(0) if isinstance(d, int) and d == 1 and n != 1 else s
                for d, n, s in zip(x.dims, v.dims[lead:], base.strides, strict=True)]
        return Strided(base.buffer, base.offset, (*[const(0)] * lead, *kept))

    def _lies(self, v: Value) -> bool:
        """Is `v` in memory, or seen in what is by slices and repetitions?"""
        v = self.resolve(v)
        return v in self.place or (v.op is not None and v.op.name in SEEN_IN_PLACE and self._lies(v.op.operands[0]))

    def filled(self, v: Value) -> Buffer:
        """A new buffer in C order with the elements of `v`."""
        buffer, dims = self.temp(v.dtype, self.dims(v)), self.dims(v)
        self.fill(buffer, dims, lambda index: self.element(v, index))
        return buffer

    def fill(self, buffer: Buffer, dims: Index, value: Callable[[Index], Scalar]) -> None:
        """One simple nest: buffer[i] = value(i), the last axis innermost."""
        def go(index: Index) -> None:
            if len(index) == len(dims):
                self.store(buffer, index, value(index))
                return
            with self.loop(0, dims[len(index)]) as i:
                go((*index, i))

        with self.forgetting():
            go(())

    def context(self, op: Op) -> OpContext:
        found = self._contexts.get(op)
        if found is None:
            found = self._contexts[op] = OpContext(self, op)
        return found


class OpContext:
    """One op's view of the emitter (an `ir.opdef.LowerContext`)."""

    def __init__(self, emitter: Emitter, op: Op) -> None:
        self._emitter, self._op = emitter, op
        self.emit, self.fresh, self.let = emitter.emit, emitter.fresh, emitter.let
        self.dims, self.branch, self.temp = emitter.dims, emitter.branch, emitter.temp
        self.load, self.store = emitter.load, emitter.store

    def read(self, operand: int, index: Sequence[Expr]) -> Scalar:
        known = self._emitter.known
        return self._emitter.element(self._op.operands[operand], tuple(undivided(i, known) for i in index))

    def buffer(self, operand: int, contiguous: bool = False) -> Buffer:
        v = self._emitter.resolve(self._op.operands[operand])
        return self._emitter.in_memory(v, contiguous)

    def strided(self, operand: int) -> Strided:
        return self._emitter.strided(self._op.operands[operand])

    def out(self, result: int = 0) -> Buffer:
        return self._emitter.place[self._op.results[result]]

    def loop(self, lo: Expr | int, hi: Expr | int, kind: str = "par", step: int = 1) -> AbstractContextManager[Expr]:
        return self._emitter.loop(lo, hi, kind, step, self._op.loc)

    def carry(self, lo: Expr | int, hi: Expr | int, init: Sequence[Expr],
              body: Callable[[Expr, Index], Sequence[Expr]], until: int | None = None) -> Index:
        return self._emitter.carry(lo, hi, init, body, until=until)

    def reduce(self, extents: Sequence[Expr], init: Scalar, combine: str | Callable[[Scalar, Scalar], Scalar],
               term: Callable[[Index], Scalar]) -> Scalar:
        return reduce_box(self._emitter, extents, init, combine, term)

    def raise_error(self, exception: str, message: str, details: Sequence[Expr] = ()) -> None:
        self.emit(Raise(self._emitter.error(exception, message, self._op.loc), tuple(details)))


def _regrouped(dims: Sequence[Dim], strides: Sequence[Expr], new: Sequence[Dim]) -> Index | None:
    """The strides of `new` extents over elements that lie at equal distances in C order; None if they do not."""
    long = [(d, s) for d, s in zip(dims, strides, strict=True) if d != 1]
    if not long or not all(isinstance(d, int) for d in (*dims, *new)) or not all(s.is_const for _, s in long):
        return None
    if any(a.payload != b.payload * d for (_, a), (d, b) in itertools.pairwise(long)):  # type: ignore[operator]
        return None
    step, found = long[-1][1], []
    for d in reversed(new):
        found.append(step)
        step = step * d  # type: ignore[operator]
    return tuple(reversed(found))


def is_plain(e: Expr) -> bool:
    """Is `e` integer arithmetic on variables, or a comparison of such, small enough to repeat?"""
    left = [PLAIN_OPERATIONS]

    def go(x: Expr) -> bool:
        left[0] -= 1
        return x.kind in ("const", "var") or (
            x.kind == "op" and x.payload in ("add", "sub", "mul", "neg") and left[0] > 0 and all(map(go, x.args)))

    if e.dtype == "i1" and e.kind == "op" and e.payload in ("lt", "le", "gt", "ge", "eq", "ne"):
        return e.args[0].dtype == "i64" and all(map(go, e.args))
    return e.dtype == "i64" and go(e)


def _is_contiguous(buffer: Buffer) -> bool:
    expected = const(1)
    for d, s in zip(reversed(buffer.dims), reversed(buffer.strides), strict=True):
        if not (d.is_const and d.payload in (0, 1)) and s is not expected and not _same_const(s, expected):
            return False
        expected = expected * d
    return True


def _same_const(a: Expr, b: Expr) -> bool:
    return a.is_const and b.is_const and a.payload == b.payload


def _with_parts(dtype: np.dtype, dims: Index) -> Index:
    return (*dims, const(2)) if dtype.kind == "c" else dims


def _i64(x: Expr | int) -> Expr:
    return x if isinstance(x, Expr) else const(x)
