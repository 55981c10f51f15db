"""Random loop functions, right by construction: every mark on a loop is earned, every index in range.

`generate(seed)` makes a function with its arrays and scalars.  Each store goes to a buffer of its own, indexed by all the
loops around it, or to a temporary; so parallel loops are parallel.  The same seed makes the same function.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
from treadle.ir.expr import Expr, cast, const, load, op, select, var
from treadle.ir.loops import Alloc, Buffer, Carried, For, If, Let, LoopFunction, Raise, Stmt, Store, While, Yielded
from treadle.ir.scalar import BITS, FLOATS, INTEGERS, NUMPY_DTYPE, SIGNED

TYPES = ("f32", "f32", "f64", "f64", "i64", "i32", "i1", "u8", "i16", "f16", "u64")
FLOAT_OPS = ("add", "sub", "mul", "div", "min", "max")
INTEGER_OPS = ("add", "sub", "mul", "and", "or", "xor", "min", "max")
COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne")
PARTS = "parts"  # the size of the last axis of a buffer of pairs
COMBINES = {"f": ("add", "mul", "min", "max"), "i": ("add", "min", "max", "xor", "or", "and"), "t": ("and", "or", "xor")}


@dataclass
class Generated:
    function: LoopFunction
    arrays: list[np.ndarray]
    scalars: dict[str, int]


class Generator:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.numpy = np.random.default_rng(seed)
        self.sizes = {"n": self.size(), "m": self.size(), PARTS: 2}
        self.symbolic = self.random.random() < 0.6
        self.buffers: list[Buffer] = []
        self.arrays: list[np.ndarray] = []
        self.inputs: list[tuple[Buffer, tuple[str, ...]]] = []
        self.count = 0
        self.loops: list[tuple[str, str]] = []
        self.names: list[Expr] = []
        self.temporaries: list[Buffer] = []
        self.arena = 0

    def size(self) -> int:
        return self.random.choice([1, 2, 3, 5, 8, 15, 16, 17, 20, 31, 33, 40])

    def extent(self, size: str) -> Expr:
        return var(size) if self.symbolic and size != PARTS else const(self.sizes[size])

    def fresh(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def pick(self, dtype: str | None = None) -> str:
        return dtype or self.random.choice(TYPES)

    # Memory

    def argument(self, dtype: str, sizes: tuple[str, ...], readonly: bool) -> Buffer:
        """An argument with one of several memory layouts."""
        dims = [self.sizes[s] for s in sizes]
        order = list(range(len(dims)))
        self.random.shuffle(order)
        gap = self.random.choice([1, 1, 1, 2, 3])
        steps = [self.random.choice([1, 1, 1, -1]) for _ in dims]
        if PARTS in sizes:
            order, gap, steps[-1] = [*(k for k in order if k != len(dims) - 1), len(dims) - 1], 1, 1
        memory = np.asarray(self.data(dtype, (*[dims[k] for k in order], gap))[..., 0])
        array = memory.transpose([order.index(k) for k in range(len(dims))])
        array = array[(*(slice(None, None, s) for s in steps), ...)]
        strides = tuple(const(s // array.itemsize) for s in array.strides)
        b = Buffer(self.fresh("b"), dtype, tuple(self.extent(s) for s in sizes), strides, "arg", readonly)
        self.buffers.append(b)
        self.arrays.append(array)
        return b

    def data(self, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
        t = NUMPY_DTYPE[dtype]
        if dtype == "i1":
            return self.numpy.random(shape) < 0.5
        if dtype in INTEGERS:
            return self.numpy.integers(0 if dtype[0] == "u" else -9, 30, shape).astype(t)
        out = (self.numpy.standard_normal(shape) * 3).astype(t)
        special = self.numpy.random(shape)
        out[special < 0.01], out[special > 0.99], out[(special > 0.4) & (special < 0.43)] = np.nan, np.inf, -0.0
        return out

    def index(self, sizes: tuple[str, ...]) -> tuple[Expr, ...]:
        return tuple(self.one_index(s) for s in sizes)

    def one_index(self, size: str) -> Expr:
        """An index within the extent of this size."""
        if size == PARTS:
            return const(self.random.randrange(2))
        mine = [var(v) for v, s in self.loops if s == size]
        last = self.extent(size) - 1
        if not mine or self.random.random() < 0.1:
            return self.random.choice([const(0), last])
        i, kind = self.random.choice(mine), self.random.random()
        if kind < 0.65:
            return i
        if kind < 0.8:
            return last - i
        if kind < 0.9:
            return op("min", i + 1, last)
        return op("max", op("min", cast(self.load_input("i32"), "i64"), last), const(0))

    def load_input(self, dtype: str) -> Expr:
        fitting = [x for x in self.inputs if x[0].dtype == dtype]
        if not fitting or (len(fitting) < 3 and self.random.random() < 0.3):
            sizes = tuple(self.random.choice("nm") for _ in range(self.random.choice([1, 1, 2])))
            if dtype in FLOATS and self.random.random() < 0.3:
                sizes = (*sizes, PARTS)
            fitting = [(self.argument(dtype, sizes, True), sizes)]
            self.inputs += fitting
        b, sizes = self.random.choice(fitting)
        return load(b, tuple(var(next((v for v, s in self.loops if s == size), "zero")) if b.dtype == "i32"
                             else self.one_index(size) for size in sizes)) if b.dtype != "i32" else \
            load(b, tuple(next((var(v) for v, s in self.loops if s == size), const(0)) for size in sizes))

    # Expressions

    def expr(self, dtype: str, depth: int) -> Expr:
        r = self.random.random()
        if depth <= 0 or r < 0.1:
            return self.leaf(dtype)
        if r < 0.2:
            source = self.pick()
            return cast(self.expr(source, depth - 1), dtype) if source != dtype else self.leaf(dtype)
        if r < 0.3:
            return select(self.expr("i1", depth - 1), self.expr(dtype, depth - 1), self.expr(dtype, depth - 1))
        if dtype == "i1":
            return self.truth(depth)
        if dtype in FLOATS:
            if r < 0.45:
                return op(self.random.choice(["sqrt", "abs", "neg", "floor", "rint", "trunc"]), self.expr(dtype, depth - 1))
            return op(self.random.choice(FLOAT_OPS), self.expr(dtype, depth - 1), self.expr(dtype, depth - 1))
        return self.integer(dtype, depth)

    def truth(self, depth: int) -> Expr:
        if self.random.random() < 0.3:
            return op(self.random.choice(["and", "or", "xor"]), self.expr("i1", depth - 1), self.expr("i1", depth - 1))
        if self.random.random() < 0.15:
            return op("not", self.expr("i1", depth - 1))
        dtype = self.pick()
        return op(self.random.choice(COMPARISONS), self.expr(dtype, depth - 1), self.expr(dtype, depth - 1))

    def integer(self, dtype: str, depth: int) -> Expr:
        r = self.random.random()
        x = self.expr(dtype, depth - 1)
        if r < 0.1:
            return op(self.random.choice(["shl", "shr"]), x, op("and", self.expr(dtype, depth - 1), const(BITS[dtype] - 1, dtype)))
        if r < 0.2:
            y = self.expr(dtype, depth - 1)
            bad = op("or", op("eq", y, const(0, dtype)), op("eq", y, const(-1, dtype)) if dtype in SIGNED else op("lt", y, y))
            return op(self.random.choice(["quot", "rem"]), x, select(bad, const(3, dtype), y))
        if r < 0.3:
            return op(self.random.choice(["abs", "neg", "not", "popcount", "clz"]), x)
        return op(self.random.choice(INTEGER_OPS), x, self.expr(dtype, depth - 1))

    def leaf(self, dtype: str) -> Expr:
        names = [e for e in self.names if e.dtype == dtype]
        r = self.random.random()
        if names and r < 0.4:
            return self.random.choice(names)
        if dtype == "i64" and self.loops and r < 0.55:
            return var(self.random.choice(self.loops)[0])
        if r < 0.7:
            return const(self.random.choice([0, 1, 2, 3] if dtype != "i1" else [True, False]), dtype)
        mine = [t for t in self.temporaries if t.dtype == dtype]
        if mine and any(s == "m" for _, s in self.loops):
            return load(self.random.choice(mine), (self.one_index("m"),))
        return self.load_input(dtype)

    # Statements

    def body(self, depth: int) -> list[Stmt]:
        out: list[Stmt] = []
        for _ in range(self.random.choice([1, 1, 2])):
            if depth and self.random.random() < 0.7:
                out += self.nest(depth - 1)
            else:
                out += self.simple()
        return out

    def simple(self) -> list[Stmt]:
        r = self.random.random()
        if r < 0.25:
            name, dtype = self.fresh("t"), self.pick()
            value = self.expr(dtype, 2)
            self.names.append(var(name, dtype))
            return [Let(name, value), *self.store()]
        if r < 0.4 and self.loops:
            return self.branch()
        if r < 0.55 and self.loops:
            return self.random.choice([self.while_loop, self.ragged_loop])()
        return self.store()

    def store(self, value: Expr | None = None) -> list[Stmt]:
        """To a new result, at the trip of every loop around."""
        dtype = value.dtype if value is not None else self.pick()
        value = value if value is not None else self.expr(dtype, self.random.choice([1, 2, 3]))
        places = self.random.sample(self.loops, len(self.loops))
        if dtype in FLOATS and self.random.random() < 0.25:
            return self.store_pair(dtype, value, places)
        b = self.argument(dtype, tuple(s for _, s in places), False)
        index = tuple(var(v) if self.random.random() < 0.85 else self.extent(s) - 1 - var(v) for v, s in places)
        out: list[Stmt] = [Store(b, index, value)]
        if self.random.random() < 0.2:
            self.names.append(var(self.fresh("again"), dtype))
            out.append(Let(str(self.names[-1].payload), load(b, index)))
        return out

    def store_pair(self, dtype: str, value: Expr, places: list[tuple[str, str]]) -> list[Stmt]:
        b = self.argument(dtype, (*(s for _, s in places), PARTS), False)
        index = tuple(var(v) for v, _ in places)
        other = self.expr(dtype, 1) if self.random.random() < 0.7 else load(b, (*index, const(0))) * 2.0
        return [Store(b, (*index, const(0)), value), Store(b, (*index, const(1)), other)]

    def branch(self) -> list[Stmt]:
        before = len(self.names)
        condition = self.expr("i1", 2)
        then = self.store() if self.random.random() < 0.5 else []
        dtype = self.pick()
        first = self.expr(dtype, 1)
        del self.names[before:]
        other = self.store() if self.random.random() < 0.3 else []
        second = self.expr(dtype, 1)
        del self.names[before:]
        name = self.fresh("y")
        self.names.append(var(name, dtype))
        return [If(condition, then, other, [Yielded(name, first, second)]), *self.store()]

    def nest(self, depth: int) -> list[Stmt]:
        kind = self.random.choice(["par", "par", "par", "seq", "red", "red", "while", "ragged", "temporary"])
        if kind == "red":
            return self.reduction()
        if kind == "while":
            return self.while_loop()
        if kind == "ragged":
            return self.ragged_loop()
        if kind == "temporary":
            return self.through_temporary()
        size, name = self.random.choice("nm"), self.fresh("i")
        if any(s == size for _, s in self.loops) and len(self.loops) > 1:
            return self.simple()
        s = For(name, const(0), self.extent(size), kind=kind)
        known = len(self.names)
        if kind == "seq":
            s.carried = [self.carried(None) for _ in range(self.random.choice([0, 1, 2]))]
            self.names += [var(c.name, c.dtype) for c in s.carried]
        self.loops.append((name, size))
        s.body = self.body(depth)
        for c in s.carried:
            c.next = self.expr(c.dtype, 2)
        self.loops.pop()
        del self.names[known:]
        self.names += [var(c.result, c.dtype) for c in s.carried]
        if kind == "par":
            s.vector = self.random.random() < 0.6
            s.jam = self.random.choice([1, 1, 2, 4])
            s.threads = self.random.random() < 0.2
        return [s]

    def carried(self, combine: str | None) -> Carried:
        dtype = self.pick()
        if combine is not None:
            family = "t" if dtype == "i1" else "f" if dtype in FLOATS else "i"
            combine = self.random.choice(COMBINES[family])
        return Carried(self.fresh("c"), self.expr(dtype, 1), None, self.fresh("r"), combine)

    def reduction(self) -> list[Stmt]:
        size, name = self.random.choice("nm"), self.fresh("k")
        lanes = self.random.choice([1, 2, 8, 16, 64])
        s = For(name, const(0), self.extent(size), kind="red", lanes=lanes, vector=self.random.random() < 0.7)
        s.carried = [self.carried("") for _ in range(self.random.choice([1, 1, 2]))]
        known = len(self.names)
        self.loops.append((name, size))
        if self.random.random() < 0.3:
            s.body = self.simple()
        for c in s.carried:
            c.next = self.combined(c)
        self.loops.pop()
        del self.names[known:]
        self.names += [var(c.result, c.dtype) for c in s.carried]
        return [s, *self.store()]

    def combined(self, c: Carried) -> Expr:
        """A term that algebra on construction does not take away."""
        while True:
            e = op(str(c.combine), var(c.name, c.dtype), self.expr(c.dtype, 2))
            if e.kind == "op" and e.payload == c.combine and any(a.payload == c.name for a in e.args):
                return e

    def while_loop(self) -> list[Stmt]:
        """A loop that each trip of those around may leave at another time."""
        start = op("and", self.expr("i64", 2), const(7)) if self.random.random() < 0.6 else const(self.random.randrange(5))
        left, value = Carried(self.fresh("w"), start, None, self.fresh("r")), self.carried(None)
        known = len(self.names)
        self.names += [var(left.name), var(value.name, value.dtype)]
        left.next = var(left.name) - 1
        go = op("gt", var(left.name), const(0))
        test = [Let(self.fresh("go"), op("and", go, self.expr("i1", 2)) if self.random.random() < 0.5 else go)]
        inside = Let(self.fresh("t"), self.expr(self.pick(), 2))
        self.names.append(var(inside.name, inside.value.dtype))
        value.next = self.expr(value.dtype, 2)
        run = While([left, value], test, var(test[0].name, "i1"), [inside])
        del self.names[known:]
        self.names += [var(c.result, c.dtype) for c in run.carried]
        return [run, *self.store(self.names[-1])]

    def ragged_loop(self) -> list[Stmt]:
        """A counted loop whose end, or whose early end, each trip of those around chooses."""
        bound = op("and", self.expr("i64", 2), const(7))
        backwards = self.random.random() < 0.3
        lo, hi, step = (bound, const(-2), -2) if backwards else (const(self.random.randrange(3)), bound, 1)
        s = For(self.fresh("k"), lo, hi, step=step)
        s.carried = [self.carried(None)]
        if self.random.random() < 0.4:
            s.carried.append(Carried(self.fresh("c"), self.expr("i1", 1), None, self.fresh("r")))
            s.until = s.carried[-1].name
        known = len(self.names)
        self.names += [var(s.var), *(var(c.name, c.dtype) for c in s.carried)]
        for c in s.carried:
            c.next = self.expr(c.dtype, 2)
        del self.names[known:]
        self.names += [var(c.result, c.dtype) for c in s.carried]
        return [s, *self.store(var(s.carried[0].result, s.carried[0].dtype))]

    def through_temporary(self) -> list[Stmt]:
        """Fill a row, then use it."""
        if any(s == "m" for _, s in self.loops):
            return self.simple()
        dtype = self.pick()
        t, i = Buffer(self.fresh("t"), dtype, (self.extent("m"),)), self.fresh("i")
        t.offset, t.worker_stride = self.arena, 8 * 64
        self.arena += 8 * 64 * 64
        self.loops.append((i, "m"))
        fill = For(i, const(0), self.extent("m"), [Store(t, (var(i),), self.expr(dtype, 2))], "par")
        fill.vector = self.random.random() < 0.6
        self.loops.pop()
        self.temporaries.append(t)
        j = self.fresh("j")
        self.loops.append((j, "m"))
        known = len(self.names)
        use = For(j, const(0), self.extent("m"), self.simple(), "par", vector=self.random.random() < 0.6)
        del self.names[known:]
        self.loops.pop()
        self.temporaries.pop()
        return [Alloc(t), fill, use]

    def function(self) -> Generated:
        body = [s for _ in range(self.random.choice([1, 2, 3])) for s in self.nest(2)]
        scalars = [("n", "i64"), ("m", "i64")]
        made = LoopFunction("generated", self.buffers, scalars, body, arena_bytes=self.arena)
        return Generated(made, self.arrays, self.sizes)


def generate(seed: int) -> Generated:
    return Generator(seed).function()


__all__ = ["Generated", "Raise", "generate"]
