"""Random loop programs that work in place: recurrences, stencils, triangles, conditional stores, reductions, temporaries.

Every index is in range; loops are sequential, but those that the generator knows to be independent.  What loop passes make
of one must compute the same, bit for bit, in any order of parallel trips.  `generate(seed)` gives the function and arrays.
"""

from __future__ import annotations

import random

import numpy as np
from treadle.ir.expr import Expr, const, load, op, select, var
from treadle.ir.loops import Alloc, Buffer, Carried, For, If, Let, LoopFunction, Stmt, Store, While, Yielded

MARGIN = 2
FLOAT_OPS = ("add", "sub", "mul", "min", "max")


class Generator:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        symbolic = self.random.random() < 0.5
        # Some are large enough for eight rows at once, whose number is then not known before.
        self.extent = self.random.choice([8, 8, 13, 22]) if symbolic else 8
        self.size = var("n") if symbolic else const(self.extent)
        self.scalars = [("n", "i64")] if symbolic else []
        self.matrices = [self.argument(name, 2) for name in "AB"]
        self.vectors = [self.argument(name, 1) for name in "uv"]
        self.written = self.matrices + self.vectors
        self.names: list[str] = []
        self.loops: list[str] = []
        self.count = 0

    def argument(self, name: str, rank: int) -> Buffer:
        return Buffer(name, "f64", (self.size,) * rank, place="arg")

    def fresh(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def index(self) -> Expr:
        """Within the margins of any loop, or at one place."""
        if self.loops and self.random.random() < 0.85:
            return var(self.random.choice(self.loops)) + self.random.choice([0, 0, 0, -1, 1, -2, 2])
        return const(self.random.randint(0, 7))

    def read(self) -> Expr:
        b = self.random.choice(self.written)
        return load(b, tuple(self.index() for _ in b.dims))

    def value(self, depth: int) -> Expr:
        r = self.random.random()
        if depth == 0 or r < 0.15:
            if self.names and r < 0.1:
                return var(self.random.choice(self.names), "f64")
            return self.read() if r < 0.9 else const(self.random.choice([0.5, -1.0, 0.0]), "f64")
        if r < 0.3:
            return select(self.condition(), self.value(depth - 1), self.value(depth - 1))
        return op(self.random.choice(FLOAT_OPS), self.value(depth - 1), self.value(depth - 1))

    def condition(self) -> Expr:
        if self.loops and self.random.random() < 0.5:
            i = var(self.random.choice(self.loops))
            other = var(self.random.choice(self.loops)) if self.random.random() < 0.4 else const(self.random.randint(2, 5))
            return op(self.random.choice(["lt", "ge", "eq", "ne"]), i, other)
        return self.read() < self.read()

    def store(self) -> Store:
        b = self.random.choice(self.written)
        return Store(b, tuple(self.index() for _ in b.dims), self.value(2))

    # Statements. `self.loops` and `self.names` are what is in scope.

    def body(self, depth: int, size: int) -> list[Stmt]:
        names, out = list(self.names), []
        for _ in range(self.random.randint(1, size)):
            choices = [self.simple, self.named, self.branch, self.chosen]
            weights = [4, 1, 1, 1]
            if depth:
                choices += [self.loop, self.nest, self.reduction, self.temporary, self.while_loop, self.recurrence, self.plane]
                weights += [5, 4, 2, 1, 0.3, 4, 2]
            out += self.random.choices(choices, weights)[0](depth)
        self.names = names
        return out

    def simple(self, depth: int) -> list[Stmt]:
        return [self.store()]

    def named(self, depth: int) -> list[Stmt]:
        name = self.fresh("t")
        s = Let(name, self.value(2))
        self.names.append(name)
        return [s, self.store()]

    def branch(self, depth: int) -> list[Stmt]:
        condition = self.condition()
        arms = [self.body(0, 2), self.body(0, 1) if self.random.random() < 0.5 else []]
        if self.random.random() < 0.5:
            # Both arms store to one cell.
            b = self.random.choice(self.written)
            index = tuple(self.index() for _ in b.dims)
            arms = [[Store(b, index, self.value(1))] for _ in range(2)]
        return [If(condition, *arms)]

    def chosen(self, depth: int) -> list[Stmt]:
        name = self.fresh("y")
        s = If(self.condition(), [], [], [Yielded(name, self.value(1), self.value(1))])
        self.names.append(name)
        return [s, self.store()]

    def range(self) -> tuple[Expr, Expr, int]:
        lo, hi = const(MARGIN), self.size - MARGIN
        if self.loops and self.random.random() < 0.3:
            outer = var(self.random.choice(self.loops))
            lo, hi = self.random.choice([(lo, outer), (lo, outer + 1), (outer, hi), (outer + 1, hi)])
        step = self.random.choice([1, 1, 1, 1, 2])
        return (lo, hi, step) if self.random.random() < 0.85 else (hi - 1, lo - 1, -step)

    def loop(self, depth: int) -> list[Stmt]:
        name = self.fresh("i")
        lo, hi, step = self.range()
        self.loops.append(name)
        s = For(name, lo, hi, self.body(depth - 1, 2), "seq", step)
        self.loops.pop()
        return [s]

    def nest(self, depth: int) -> list[Stmt]:
        """A perfect nest over one whole array, read where it is written and nowhere else: independent trips."""
        b = self.random.choice(self.written)
        names = [self.fresh("p") for _ in b.dims]
        outer, others = self.loops, self.written
        self.loops, self.written = names, [x for x in others if x is not b]
        lo, hi = const(MARGIN), self.size - MARGIN
        place = tuple(map(var, names))
        inner: list[Stmt] = [Store(b, place, op("add", self.value(2), load(b, place)))]
        for name in reversed(names):
            inner = [For(name, lo, hi, inner, "par")]
        self.loops, self.written = outer, others
        return inner

    def recurrence(self, depth: int) -> list[Stmt]:
        """One or two loops, each cell from neighbours of itself: rows, columns, wavefronts, and what cannot be reordered."""
        rank = self.random.choice([1, 2, 2, 2])
        b = self.random.choice(self.matrices if rank == 2 else self.vectors)
        names = [self.fresh("r") for _ in range(rank)]
        place = tuple(map(var, self.random.sample(names, rank)))
        outer, self.loops, others = self.loops, names, self.written
        if self.random.random() < 0.8:
            self.written = [x for x in others if x is not b]
        value = self.value(1)
        self.written = others
        for _ in range(self.random.randint(1, 2)):
            # Mostly cells behind; rarely ahead.
            offsets = [self.random.choice([-1, -1, 0, 0, 1 if self.random.random() < 0.3 else 0]) for _ in place]
            near = load(b, tuple(i + d for i, d in zip(place, offsets, strict=True)))
            value = op(self.random.choice(FLOAT_OPS), near, value)
        self.loops = outer
        inner: list[Stmt] = [Store(b, place, value)]
        if self.random.random() < 0.2:
            inner.append(Store(self.random.choice(self.vectors), (place[-1],), load(b, place)))
        for name in reversed(names):
            down = self.random.random() < 0.15
            lo, hi = const(MARGIN), self.size - MARGIN
            inner = [For(name, hi - 1, lo - 1, inner, "seq", -1) if down else For(name, lo, hi, inner, "seq")]
        return inner

    def wavefronts(self) -> list[Stmt]:
        """Nests of two loops whose every access is at a known distance, behind mostly."""
        out = []
        for _ in range(self.random.randint(1, 2)):
            b, c = self.random.sample(self.matrices, 2)
            i, j = self.fresh("r"), self.fresh("r")
            value = load(c, (var(i), var(j)))
            for _ in range(self.random.randint(1, 3)):
                back = self.random.choice([(0, -1), (0, -1), (-1, 0), (-1, 1), (-2, 2), (-1, -1), (0, 1), (1, 0), (1, -1), (-2, 1)])
                near = load(b, (var(i) + back[0], var(j) + back[1]))
                value = op(self.random.choice(FLOAT_OPS), near, value)
            lo, hi = const(MARGIN), self.size - MARGIN
            s = Store(b, (var(i), var(j)), value)
            out.append(For(i, lo, hi, [For(j, lo, hi, [s], "seq")], "seq"))
        return out

    def plane(self, depth: int) -> list[Stmt]:
        """A temporary plane, filled by parallel trips and used by others of the same range, in place or beside."""
        size = const(self.extent)
        t = Buffer(self.fresh("m"), "f64", (size, size), place="temp")
        out: list[Stmt] = [Alloc(t)]
        b = self.random.choice(self.matrices)
        outer, others = self.loops, self.written
        self.written = [x for x in others if x is not b]
        row, column = self.random.choice([(0, 0), (0, 1), (0, 1), (1, 0)])
        for step in range(2):
            i, j = self.fresh("p"), self.fresh("p")
            self.loops = [i, j]
            place = (var(i), var(j))
            if step:
                s = Store(b, place, op("add", load(t, (var(i) - row, var(j) - column)), self.value(1)))
            else:
                s = Store(t, place, op("mul", load(b, place), self.value(1)))
            first, hi = (const(MARGIN + row * step), const(MARGIN + column * step)), size - MARGIN
            out.append(For(i, first[0], hi, [For(j, first[1], hi, [s], "par")], "par"))
        self.loops, self.written = outer, others
        return out

    def reduction(self, depth: int) -> list[Stmt]:
        """In order, or combined from partial results."""
        name, total, result = self.fresh("k"), self.fresh("s"), self.fresh("r")
        lo, hi, _ = self.range()
        self.loops.append(name)
        combine = self.random.choice(["add", "max"])
        c = Carried(total, const(0.0, "f64"), op(combine, var(total, "f64"), self.value(1)), result, combine)
        self.loops.pop()
        kind, lanes = ("red", self.random.choice([1, 4])) if self.random.random() < 0.6 else ("seq", 1)
        if kind == "seq":
            c.combine = None
        self.names.append(result)
        return [For(name, lo, hi, [], kind, carried=[c], lanes=lanes), self.store()]

    def temporary(self, depth: int) -> list[Stmt]:
        """Filled, then read."""
        # A temporary inside a loop needs a size that is known before.
        size = const(self.extent)
        t = Buffer(self.fresh("m"), "f64", (size,), place="temp")
        fill, use = self.fresh("f"), self.fresh("g")
        self.loops.append(fill)
        filled = For(fill, const(0), size, [Store(t, (var(fill),), self.plain())], "seq")
        self.loops[-1] = use
        lo, hi = const(MARGIN), size - MARGIN
        b = self.random.choice(self.vectors)
        read = load(t, (var(use) + self.random.choice([0, 0, 1, -1]),))
        used = For(use, lo, hi, [Store(b, (var(use),), op("add", read, self.value(1)))], "seq")
        self.loops.pop()
        return [Alloc(t), filled, used]

    def plain(self) -> Expr:
        """Of the whole range, so without offsets."""
        v = var(self.loops[-1])
        return op("mul", load(self.vectors[0], (v,)), load(self.matrices[1], (v, v)))

    def while_loop(self, depth: int) -> list[Stmt]:
        count = self.fresh("w")
        c = Carried(count, const(0), var(count) + 1, self.fresh("z"))
        return [While([c], [], var(count) < self.random.randint(0, 2), self.body(depth - 1, 1))]

    def function(self) -> LoopFunction:
        if self.random.random() < 0.25:
            body = self.wavefronts()
        else:
            body = self.body(3 if self.extent == 8 else 2, 3 if self.extent == 8 else 2)
        return LoopFunction("f", [*self.matrices, *self.vectors], self.scalars, body)


def generate(seed: int) -> tuple[LoopFunction, list[np.ndarray], dict[str, int]]:
    """A function, arrays for its buffers, and its scalars."""
    generator = Generator(seed)
    function, n = generator.function(), generator.extent
    rng = np.random.default_rng(seed)
    arrays = [np.round(rng.normal(0, 2, (n,) * len(b.dims)), 2) for b in function.buffers]
    for a in arrays:
        a.flat[rng.integers(a.size)] = rng.choice([np.nan, np.inf, -0.0])
    return function, arrays, {name: n for name, _ in function.scalars}
