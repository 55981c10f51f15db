"""Runs the loop dialect, statement by statement: the oracle for loop passes and code generators.

Every access is checked against the buffer's extents, temporaries start out filled with values that show up when they are
read, and a reduction combines in exactly the order that its `lanes` prescribe.  The iterations of a parallel loop may be
taken in reverse or in random order, which a wrong mark does not survive.

    evaluate_loops(function, [x, out], {"n": 3})        # out is written

A complex array is given as it is; the buffer sees its components.  Start with `evaluate_loops`.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .errors import VerificationError, exception_named
from .evaluate_expr import evaluate_expr
from .expr import Expr, show
from .loops import Alloc, Buffer, Call, Carried, For, If, Let, LoopFunction, Raise, Stmt, Store, While
from .loops_text import show_body
from .routines import ROUTINES, Pointer
from .scalar import BITS, FLOATS, NUMPY_DTYPE, SCALAR_OPS, identity_of

Environment = dict[str, Any]


class Failure(Exception):
    """The function left through `Raise`: error number `code`, with its details."""

    def __init__(self, code: int, details: tuple[int, ...]) -> None:
        super().__init__(code, details)
        self.code, self.details = code, details


def evaluate_loops(function: LoopFunction, arrays: Sequence[np.ndarray], scalars: Mapping[str, Any] | None = None,
                   order: str = "forward") -> None:
    """Run `function` on one array per buffer; `order` of parallel iterations: "forward", "reverse" or "random".

    Raises the exception that the program raises.
    """
    env: Environment = {}
    for name, dtype in function.scalars:
        env[name] = NUMPY_DTYPE[dtype].type((scalars or {})[name])
    machine = _Machine(order)
    for b, a in zip(function.buffers, arrays, strict=True):
        machine.bind(b, a, env)
    try:
        machine.body(function.body, env)
    except Failure as e:
        site = function.errors[e.code]
        kind = exception_named(site.exception) or Exception
        raise kind(site.message.format(*e.details)) from None


class _Machine:
    def __init__(self, order: str) -> None:
        self.memory: dict[Buffer, np.ndarray] = {}
        self.order = order
        self.random = random.Random(0)

    # Memory.

    def bind(self, b: Buffer, array: np.ndarray, env: Environment) -> None:
        """Let `b` be `array`, which must have the extents and strides that `b` says."""
        view = components(array)
        dims, strides = (tuple(int(self.value(e, env)) for e in part) for part in (b.dims, b.strides))
        if view.dtype != NUMPY_DTYPE[b.dtype] or view.shape != dims:
            raise VerificationError(f"{b.name} is {b.dtype}{list(dims)}, given is {view.dtype}{list(view.shape)}")
        own = [s // view.itemsize for s in view.strides]
        if view.size and any(n > 1 and s != t for n, s, t in zip(dims, own, strides, strict=True)):
            raise VerificationError(f"{b.name} has strides {strides}, given are {own}")
        self.memory[b] = view

    def allocate(self, b: Buffer, env: Environment) -> None:
        dims = [int(self.value(e, env)) for e in b.dims]
        poison = np.frombuffer(b"\xa5\x5a\xff\xff\xa5\xff\xff\xff"[:BITS[b.dtype] // 8], NUMPY_DTYPE[b.dtype])[0] \
            if b.dtype != "i1" else True
        self.memory[b] = np.full(dims, float("nan") if b.dtype in FLOATS else poison, NUMPY_DTYPE[b.dtype])

    def place(self, b: Buffer, index: Sequence[Any]) -> tuple[int, ...]:
        if b not in self.memory:
            if b.data is None:
                raise VerificationError(f"{b.name} does not exist here")
            self.memory[b] = np.asarray(b.data, NUMPY_DTYPE[b.dtype]).reshape([int(d.payload) for d in b.dims])  # type: ignore
        at = tuple(int(i) for i in index)
        if len(at) != len(b.dims) or any(not 0 <= i < n for i, n in zip(at, self.memory[b].shape, strict=False)):
            raise VerificationError(f"{b.name}[{', '.join(map(str, at))}] is outside of {list(self.memory[b].shape)}")
        return at

    def load(self, b: Buffer, index: Sequence[Any]) -> Any:
        at = self.place(b, index)
        return self.memory[b][at]

    def value(self, e: Expr, env: Environment) -> Any:
        if e.kind == "const":
            return NUMPY_DTYPE[e.dtype].type(e.payload)
        if e.kind == "var":
            return env[e.payload]  # type: ignore[index]
        try:
            return evaluate_expr(e, env, self.load)[()]
        except VerificationError as error:
            raise VerificationError(f"{error}, in {show(e)} with {_bindings(e, env)}") from None

    # Statements.

    def body(self, body: Iterable[Stmt], env: Environment) -> None:
        for s in body:
            self.statement(s, env)

    def statement(self, s: Stmt, env: Environment) -> None:
        if isinstance(s, Let):
            env[s.name] = self.value(s.value, env)
        elif isinstance(s, Store):
            value = self.value(s.value, env)
            try:
                at = self.place(s.buffer, [self.value(i, env) for i in s.index])
            except VerificationError as error:
                raise VerificationError(f"{error}, in {show_body([s])}") from None
            self.memory[s.buffer][at] = value
        elif isinstance(s, Alloc):
            self.allocate(s.buffer, env)
        elif isinstance(s, Raise):
            raise Failure(s.code, tuple(int(self.value(d, env)) for d in s.details))
        elif isinstance(s, For):
            self.loop(s, env)
        elif isinstance(s, While):
            self.while_loop(s, env)
        elif isinstance(s, If):
            chosen = bool(self.value(s.cond, env))
            self.body(s.then if chosen else s.other, env)
            env.update({y.result: self.value(y.then if chosen else y.other, env) for y in s.yields})
        else:
            self.call(s, env)

    def loop(self, s: For, env: Environment) -> None:
        trips: Sequence[int] = range(int(self.value(s.lo, env)), int(self.value(s.hi, env)), s.step)
        if s.kind == "par" and self.order != "forward":
            trips = trips[::-1]
            if self.order == "random":
                trips = self.random.sample(list(trips), len(trips))
        if s.kind == "red" and s.lanes > 1:
            self.in_lanes(s, trips, env)
            return
        self.enter(s.carried, env)
        for i in trips:
            if s.until is not None and env[s.until]:
                break
            env[s.var] = np.int64(i)
            self.body(s.body, env)
            self.advance(s.carried, env)
        self.leave(s.carried, env)

    def in_lanes(self, s: For, trips: Sequence[int], env: Environment) -> None:
        """Partial results, trip by trip in turn; then combined by halves; then with the initial value."""
        partial = [[identity(str(c.combine), c.dtype) for c in s.carried] for _ in range(s.lanes)]
        inits = [self.value(c.init, env) for c in s.carried]
        for number, i in enumerate(trips):
            mine = partial[number % s.lanes]
            env.update({c.name: x for c, x in zip(s.carried, mine, strict=True)})
            env[s.var] = np.int64(i)
            self.body(s.body, env)
            mine[:] = [self.value(c.next, env) for c in s.carried]  # type: ignore[arg-type]
        while len(partial) > 1:
            half = len(partial) // 2
            partial = [_together(s.carried, partial[p], partial[p + half]) for p in range(half)]
        env.update(zip([c.name for c in s.carried], _together(s.carried, inits, partial[0]), strict=True))
        self.leave(s.carried, env)

    def while_loop(self, s: While, env: Environment) -> None:
        self.enter(s.carried, env)
        while True:
            self.body(s.test, env)
            if not self.value(s.cond, env):
                break
            self.body(s.body, env)
            self.advance(s.carried, env)
        self.leave(s.carried, env)

    def enter(self, carried: Sequence[Carried], env: Environment) -> None:
        env.update({c.name: self.value(c.init, env) for c in carried})

    def advance(self, carried: Sequence[Carried], env: Environment) -> None:
        """All together: a next value may use the others' old ones."""
        env.update({c.name: self.value(c.next, env) for c in carried})  # type: ignore[arg-type]

    def leave(self, carried: Sequence[Carried], env: Environment) -> None:
        env.update({c.result: env[c.name] for c in carried if c.result})

    def call(self, s: Call, env: Environment) -> None:
        routine = ROUTINES[s.routine.partition("_")[0]]
        scalars = [int(self.value(e, env)) for e in s.scalars]
        for b in (*s.reads, *s.writes):
            if b not in self.memory:
                self.place(b, [0] * len(b.dims))
        offsets, rest = scalars[:len(s.reads) + len(s.writes)], scalars[len(s.reads) + len(s.writes):]
        pointers = [Pointer(self.memory[b], at) for b, at in zip((*s.reads, *s.writes), offsets, strict=True)]
        status = routine(s.routine, pointers, rest)
        if s.status:
            env[s.status] = np.int64(status)


def components(array: np.ndarray) -> np.ndarray:
    """A complex array seen as its parts, along a new last axis; others as they are."""
    if array.dtype.kind != "c":
        return array
    part = array.real
    return np.lib.stride_tricks.as_strided(part, (*part.shape, 2), (*part.strides, part.itemsize))


def identity(combine: str, dtype: str) -> Any:
    """`scalar.identity_of` as a NumPy scalar."""
    return NUMPY_DTYPE[dtype].type(identity_of(combine, dtype))


def _together(carried: Sequence[Carried], a: Sequence[Any], b: Sequence[Any]) -> list:
    with np.errstate(all="ignore"):
        return [SCALAR_OPS[str(c.combine)].meaning(x, y) for c, x, y in zip(carried, a, b, strict=True)]


def _bindings(e: Expr, env: Environment) -> str:
    return ", ".join(f"{name} = {env[name]}" for name in sorted(e.variables) if name in env)
