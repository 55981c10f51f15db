"""Random graph-dialect functions with arguments for them: what passes must leave equal, and text must bring back."""

from __future__ import annotations

import random

import numpy as np
import treadle.ir.ops  # noqa: F401
from treadle.ir.builder import Builder, Slot
from treadle.ir.graph import Block, Function, Op, Output, Parameter, Value
from treadle.ir.loc import Loc
from treadle.ir.ops.shaping import emit_shaped, emit_view, reshape, transpose
from treadle.ir.types import DTYPES, PY_INT, ArrayType
from treadle.ir.viewmap import Axis, basic_index_map, identity_map, is_injective

SHAPES = [(), (3,), (2, 3), (3, 2), (1, 3), (6,), (2, 1, 3)]
FLOATS, INTEGERS = ("f64", "f32"), ("i64", "u8")
SPECIAL = (0.0, -0.0, 1.0, -1.0, 2.0, float("nan"), float("inf"))


class Generator:
    """Grows one function; `values` are those in scope."""

    def __init__(self, seed: int, fused: bool = True, run_time: bool = False) -> None:
        self.random = random.Random(seed)
        self.with_fused = fused
        self.run_time = run_time
        self.numbers: list[Value] = []
        self.block = Block()
        self.b = Builder(self.block)
        self.values: list[Value] = []
        self.loops = 0

    def function(self, size: int) -> tuple[Function, list]:
        r = self.random
        rng = np.random.default_rng(r.randrange(2**32))
        parameters, args = [], []
        if self.run_time:
            self.extents(parameters, args, rng)
        for k in range(r.randint(1, 3)):
            dtype, dims = DTYPES[r.choice(FLOATS + INTEGERS + ("bool",))], r.choice(SHAPES)
            self.values.append(self.block.add_arg(ArrayType(dtype, dims)))
            x = np.array(rng.choice(SPECIAL, dims) if r.random() < 0.3 else rng.normal(0, 3, dims))
            x = np.nan_to_num(x, posinf=3).astype("i8") if dtype.kind != "f" else x
            args.append(x.astype(dtype))
            parameters.append(Parameter(f"x{k}", args[-1].strides and tuple(s // dtype.itemsize for s in args[-1].strides)))
        self.grow(size)
        chosen = r.sample(self.values, min(len(self.values), r.randint(1, 4)))
        self.block.yields = chosen
        return Function("f", self.block, parameters, [Output() for _ in chosen]), args

    def extents(self, parameters: list, args: list, rng: np.random.Generator) -> None:
        """Python ints as arguments, and arrays whose extents they are."""
        for name, number in (("n", self.random.randint(0, 4)), ("j", self.random.randint(0, 1))):
            self.numbers.append(self.block.add_arg(PY_INT, name))
            parameters.append(Parameter(name))
            args.append(number)
        n = self.numbers[0]
        for k, dims in enumerate([(n,), (n, 3), (3, n)]):
            self.values.append(self.block.add_arg(ArrayType(DTYPES["f64"], dims)))
            args.append(rng.normal(0, 3, [args[0] if d is n else d for d in dims]))
            parameters.append(Parameter(f"d{k}", (1,) if len(dims) == 1 else (9, 1)))

    def run_time_view(self) -> Value | None:
        """A slice, or a write and a read of it, at a start that is known at run time; or a scalar spread that far."""
        if not self.numbers:
            return None
        n, j = self.numbers
        kind = self.random.choice(["read", "write", "spread"])
        if kind == "spread":
            x = self.pick(rank=0)
            return self.b.broadcast_to(x, self.random.choice([(n,), (n, 3)])) if x is not None else None
        x = self.pick("fiu", rank=1)
        if x is None or not isinstance(x.dims[0], int) or x.dims[0] < 3:
            return None
        view_map = (Axis(Slot(1 if kind == "read" else 2), ((1, 0),)),)
        if kind == "read":
            return self.b.emit("slice", [x, j], {"map": view_map, "dims": (2,)})[0]
        new = self.b.full(self.number(x), x.type.with_dims((2,)))
        self.values.append(self.b.emit("update_slice", [x, new, j], {"map": view_map, "dims": (2,)})[0])
        return emit_view(self.b, "slice", [self.values[-1]], (Axis(Slot(0), ((1, 0),)),), (2,), [j])

    def grow(self, size: int) -> None:
        for k in range(size):
            self.b.loc = Loc("program.py", k + 1) if self.random.random() < 0.7 else None
            step = self.random.choices([self.elementwise, self.constant, self.view, self.write, self.reshaped, self.cast,
                                        self.select, self.region, self.run_time_view],
                                       [5, 2, 3, 2, 2, 1, 1, 1, 2 * self.run_time])[0]
            made = step()
            if made is not None:
                self.values.append(made)

    def pick(self, kinds: str = "fiub", rank: int | None = None) -> Value | None:
        found = [v for v in self.values if isinstance(v.type, ArrayType) and v.dtype.kind in kinds
                 and (rank is None or len(v.dims) == rank)]
        return self.random.choice(found) if found else None

    def same(self, x: Value) -> Value:
        """A value of x's type: another one, or a constant."""
        found = [v for v in self.values if v.type == x.type]
        return self.random.choice(found) if found and self.random.random() < 0.6 else self.b.full(self.number(x), x.type)

    def number(self, x: Value):
        if x.dtype.kind == "b":
            return self.random.choice([False, True])
        return self.random.choice(SPECIAL if x.dtype.kind == "f" else (0, 1, 2, 3))

    def constant(self) -> Value | None:
        x = self.pick()
        return self.b.full(self.number(x), x.type) if x is not None else None

    def elementwise(self) -> Value | None:
        x = self.pick("fiu")
        if x is None:
            return None
        name = self.random.choice(["add", "subtract", "multiply", "negative", "absolute", "positive", "square"])
        if x.dtype.kind == "u" and name == "negative":
            return None
        unary = name in ("negative", "absolute", "positive", "square")
        operands = [x] if unary else self.random.sample([x, self.same(x)], 2)
        return self.b.emit(name, operands)[0]

    def view(self) -> Value | None:
        x = self.pick(rank=self.random.choice([1, 2, 3]))
        if x is None or not is_static(x):
            return None
        r = self.random
        index = tuple(r.choice([slice(None), slice(None, None, -1), slice(1, None), slice(None, None, 2), *[0, -1][:2 * d]])
                      for d in x.dims)
        view_map, dims = basic_index_map(index, x.dims)
        return emit_view(self.b, "slice", [x], view_map, dims, [])

    def write(self) -> Value | None:
        x = self.pick("fiu", rank=self.random.choice([1, 2]))
        if x is None or not is_static(x):
            return None
        index = tuple(self.random.choice([slice(None), slice(1, None), slice(None, None, -1), *[0][:d]]) for d in x.dims)
        view_map, dims = basic_index_map(index, x.dims)
        found = [v for v in self.values if v.type == x.type.with_dims(dims)]
        new = self.random.choice(found) if found else self.b.full(self.number(x), x.type.with_dims(dims))
        if not is_injective(view_map, dims):
            return None
        self.values.append(emit_view(self.b, "update_slice", [x, new], view_map, dims, []))
        return emit_view(self.b, "slice", [self.values[-1]], view_map, dims, []) if self.random.random() < 0.5 else None

    def reshaped(self) -> Value | None:
        x = self.pick()
        if x is None:
            return None
        kind = self.random.choice(["reshape", "transpose", "broadcast"][not is_static(x):])
        if kind == "reshape":
            count = int(np.prod(x.dims))
            return reshape(self.b, x, self.random.choice([s for s in (*SHAPES, (1, count), (count,)) if np.prod(s) == count]))
        if kind == "transpose":
            return transpose(self.b, x, self.random.sample(range(len(x.dims)), len(x.dims)))
        return self.b.broadcast_to(x, (self.random.choice([1, 2]), *x.dims)) if len(x.dims) < 3 else None

    def cast(self) -> Value | None:
        x = self.pick("iub")
        return self.b.cast(x, dtype=self.random.choice(FLOATS + INTEGERS)) if x is not None else None

    def select(self) -> Value | None:
        condition = self.pick("b")
        if condition is None:
            return None
        found = [v for v in self.values if isinstance(v.type, ArrayType) and v.dims == condition.dims]
        x = self.random.choice(found)
        return self.b.where(condition, x, self.same(x))

    # Regions.

    def region(self) -> Value | None:
        if self.loops >= 2:
            return None
        self.loops += 1
        made = self.random.choice([self.branch, self.counted, *[self.fused] * self.with_fused])()
        self.loops -= 1
        return made

    def inside(self, block: Block, x: Value, size: int) -> Value:
        """Grow `block` and return a value of x's type there."""
        outer = list(self.values)
        self.values = [*outer, *(a for a in block.args if isinstance(a.type, ArrayType))]
        with self.b.inside(block):
            self.grow(size)
            result = self.random.choice([v for v in [*self.values, x] if v.type == x.type])
        self.values = outer
        return result

    def branch(self) -> Value | None:
        condition, x = self.pick("b", rank=0), self.pick()
        if condition is None or x is None or "if" not in treadle.ir.opdef.OPS:
            return None
        op = Op("if", [condition], {}, [x.type], [Block(), Block()], self.b.loc)
        self.b.block.append(op)
        for r in op.regions:
            self.b.block.ops.remove(op)
            r.yields = [self.inside(r, x, 3)]
            self.b.block.append(op)
        return op.result

    def counted(self) -> Value | None:
        x, y = self.pick(), self.pick()
        if x is None or "for" not in treadle.ir.opdef.OPS:
            return None
        bounds = [self.b.constant(k) for k in (0, self.random.choice([0, 1, 3]), 1)]
        body = Block([PY_INT, x.type, y.type])
        body.owner = Op("for", [*bounds, x, y], {"until": None}, [x.type, y.type], [body], self.b.loc)
        body.owner.block = self.b.block
        body.yields = [self.inside(body, v, 4) for v in (x, y)]
        self.b.block.append(body.owner)
        self.values.append(body.owner.results[1])
        return body.owner.results[0]

    def fused(self) -> Value | None:
        x = self.pick("fi")
        if x is None or not is_static(x) or "fused" not in treadle.ir.opdef.OPS:
            return None
        body = Block([x.type, x.type])
        with self.b.inside(body):
            body.yields = [self.b.add(self.b.multiply(*body.args), body.args[0])]
        op = Op("fused", [x, self.same(x)], {}, [x.type], [body], self.b.loc)
        self.b.block.append(op)
        return op.result


def is_static(x: Value) -> bool:
    return all(isinstance(d, int) for d in x.dims)


def generate(seed: int, size: int = 12, fused: bool = True, run_time: bool = False) -> tuple[Function, list]:
    """A function and arguments for it; `fused`: also with fused regions, which only planning makes; `run_time`: also with
    extents and starts that are known at run time."""
    return Generator(seed, fused, run_time).function(size)


def window(x: Value, b: Builder) -> Value:
    """All windows of two of a one-dimensional array: a view that shows elements twice."""
    return emit_view(b, "slice", [x], (Axis(0, ((1, 0), (1, 1))),), (x.dims[0] - 1, 2), [])


__all__ = ["emit_shaped", "generate", "identity_map", "window"]
