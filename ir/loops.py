"""The loop dialect: explicit loop nests over buffers, which every code generator reads.

No pointers and no mutable scalars: a loop carries its scalars explicitly, a buffer is accessed by one index per axis,
and a conditional yields values.  So the same tree prints as LLVM IR, C or CUDA.  Statements are mutable dataclasses
that passes rewrite in place; expressions (`expr.py`) are immutable and shared.

A `LoopFunction` is what one native call runs.  Names of variables and buffers are unique within it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .expr import Expr, const
from .loc import Loc


class Buffer:
    """Memory: an element type, extents and strides (both i64 expressions, strides in elements, possibly negative or 0).

    place: "arg" (the caller's memory: inputs, mutated arguments, results), "temp" (the arena or the stack),
    "const" (data baked into the object code: `data`, a C-ordered tuple of Python numbers).
    A complex array is a buffer of its component type with one more, last axis of extent 2.
    Two "arg" buffers never overlap unless both are read-only: dispatch sees to that.
    fresh: an "arg" that is a new result: nobody sees what it holds if the function raises.
    offset, worker_stride: where a temporary lies in the arena: at byte `offset + worker * worker_stride`; the stride is
    not 0 for a temporary that each thread of a parallel loop has to itself (`passes.arena` decides).
    base: the i64 variable that holds the address of a temporary outside the arena (`passes.heap`, `passes.rooms`); each: the
    i64 variable by how many bytes the copies lie apart that each thread of a parallel loop has to itself.
    """

    __slots__ = ("base", "data", "dims", "dtype", "each", "fresh", "name", "offset", "place", "readonly", "strides",
                 "worker_stride")

    def __init__(self, name: str, dtype: str, dims: tuple[Expr, ...], strides: tuple[Expr, ...] | None = None,
                 place: str = "temp", readonly: bool = False, data: tuple | None = None) -> None:
        self.name, self.dtype, self.dims = name, dtype, tuple(dims)
        self.strides = tuple(strides) if strides is not None else c_strides(self.dims)
        self.place, self.readonly, self.data = place, readonly, data
        self.offset: int | None = None
        self.worker_stride = 0
        self.base: str | None = None
        self.each: str | None = None
        self.fresh = False

    @property
    def is_private(self) -> bool:
        """Is it unseen from outside if the function raises?"""
        return self.fresh or self.place == "temp"

    def __repr__(self) -> str:
        return self.name


def c_strides(dims: tuple[Expr, ...]) -> tuple[Expr, ...]:
    """Strides, in elements, of a C-ordered block of these extents."""
    out = [const(1)]
    for d in reversed(dims[1:]):
        out.insert(0, out[0] * d)
    return tuple(out[:len(dims)])


@dataclass(eq=False, slots=True)
class Let:
    """name = value: names a value, so that it is computed here, once."""

    name: str
    value: Expr


@dataclass(eq=False, slots=True)
class Store:
    """buffer[index] = value"""

    buffer: Buffer
    index: tuple[Expr, ...]
    value: Expr


@dataclass(eq=False, slots=True)
class Alloc:
    """From here to the end of the enclosing body the temporary `buffer` exists; its contents are undefined."""

    buffer: Buffer


@dataclass(eq=False, slots=True)
class Raise:
    """Leave the function with error number `code` (an index into `LoopFunction.errors`) and up to three i64 details."""

    code: int
    details: tuple[Expr, ...] = ()


@dataclass(eq=False, slots=True)
class Carried:
    """A scalar that a loop carries: `name` inside the loop, `init` before it, `next` at the end of the body, `result` after.

    combine: None, or, in a reduction loop, the scalar operation ("add", "max", ...) with `next == combine(name, term)`:
    then the order of combination is free and the loop may be split.
    """

    name: str
    init: Expr
    next: Expr | None = None
    result: str = ""
    combine: str | None = None

    @property
    def dtype(self) -> str:
        return self.init.dtype


@dataclass(eq=False, slots=True)
class For:
    """for var in range(lo, hi, step): body      (step is a nonzero int)

    kind: "seq"  iterations in order
          "par"  iterations independent: any order, any threads
          "simd" in order, but all loads of a run of iterations may precede its stores (vectors yes, threads no)
          "red"  a reduction: every carried scalar has `combine`
    vector: code generation shall run this loop in vectors.  jam: unroll-and-jam by this factor.
    threads: this par loop is to be spread over the thread pool.
    lanes: of a "red" loop with floats: the number of interleaved partial results (a power of two), fixed by sizes alone,
    so that results do not depend on the machine: partial p combines trips p, p + lanes, p + 2 * lanes, ... in order from
    the identity of `combine`; then partial p is combined with p + lanes/2, then with p + lanes/4, ..., and `init` with
    the last.  lanes == 1: one partial, which starts from `init`.
    `until`: name of a carried i1, tested before each trip: true ends the loop.
    """

    var: str
    lo: Expr
    hi: Expr
    body: list[Stmt] = field(default_factory=list)
    kind: str = "seq"
    step: int = 1
    carried: list[Carried] = field(default_factory=list)
    until: str | None = None
    vector: bool = False
    jam: int = 1
    threads: bool = False
    lanes: int = 1
    loc: Loc | None = None


@dataclass(eq=False, slots=True)
class Yielded:
    """A scalar result of an `If`: `then` or `other`, called `result` afterwards."""

    result: str
    then: Expr
    other: Expr


@dataclass(eq=False, slots=True)
class If:
    cond: Expr
    then: list[Stmt] = field(default_factory=list)
    other: list[Stmt] = field(default_factory=list)
    yields: list[Yielded] = field(default_factory=list)
    loc: Loc | None = None


@dataclass(eq=False, slots=True)
class While:
    """Loop: run `test`; leave unless `cond`; run `body`.  Names bound in `test` are visible in `body`."""

    carried: list[Carried]
    test: list[Stmt]
    cond: Expr
    body: list[Stmt]
    loc: Loc | None = None


@dataclass(eq=False, slots=True)
class Call:
    """A library routine over whole buffers, e.g. BLAS's gemm: `routine` is a name that the runtime knows.

    reads and writes list the buffers it touches; `scalars` are passed by value, in the routine's own order.
    `status`: name bound to the routine's i64 result, or None.

    Called as  i64 treadle_<routine>(pointers of reads, pointers of writes, scalars as i64).  A pointer is that of the
    buffer's element at index 0 of every axis.  The first scalars are the places where the routine's data begins: one
    offset per buffer, reads before writes, in the buffer's (component) scalars.  After them:

      sgemm dgemm cgemm zgemm   reads a, b; writes c: transa, transb (0 or 1), m, n, k, lda, ldb, ldc
                                column-major c = op(a) op(b); leading dimensions in elements
      ssyrk dsyrk csyrk zsyrk   reads a; writes c: trans, n, k, lda, ldc               c = op(a) op(a).T, column-major, n by n
      sgemv dgemv cgemv zgemv   reads a, x; writes y: trans, m, n, lda, incx, incy     y = op(a) x; a is m by n, column-major
      sort_<dtype>              writes x: n, kind     sorts n contiguous elements; kind 0 quicksort, 1 heapsort, 2 stable
      argsort_<dtype>           reads x; writes p: n, kind     p[0..n) becomes the order of x[0..n), as int64
      partition_<dtype>         reads k; writes x: n, count     partitions x[0..n) at the places k[0..count); takes the GIL
      argpartition_<dtype>      reads k, x; writes p: n, count     p[0..n) becomes how x is partitioned; takes the GIL
      random__<function>__<dtype>   reads parameters; writes order, x: n, a step (0 or 1) per parameter, order, state
                                draws n elements (`ops/draw.py`); the order written is one more
      gufunc_<name>_<type>      reads inputs, writes outputs of the loop of NumPy's generalized ufunc <name> whose first operand
                                has the type letter <type>: count, chunk, the core dimensions in the order of its signature,
                                per operand the stride from matrix to matrix, then per operand the strides inside a matrix,
                                all in the buffers' (component) scalars; `chunk` matrices are one piece of parallel work;
                                the status is not 0 where memory ran out
      flagged_<name>_<type>     also writes flags, `count` consecutive truth values: for which matrices it failed
      special_<types>_<name>    reads the operands; writes the result: n     scipy.special's function on n contiguous elements;
                                <types> is a letter per operand, f or d
      ufunc_<type>_<name>       reads a, b; writes c: n, a step for each     c = ufunc(a, b) by the loop of numpy's <name> over the
                                type letter <type>, n times one after the other; a and c may be one buffer
      heap_reserve              writes words: bytes     an address with so many bytes, kept in two words; 0: no memory
      heap_release              writes words: n     gives back what n pairs of words hold

    <dtype> is a name of `types.DTYPES`.  Increments are positive; an offset always names the first element in memory.
    """

    routine: str
    reads: tuple[Buffer, ...]
    writes: tuple[Buffer, ...]
    scalars: tuple[Expr, ...] = ()
    status: str | None = None
    loc: Loc | None = None


Stmt = Let | Store | Alloc | Raise | For | If | While | Call


@dataclass(frozen=True, slots=True)
class ErrorSite:
    """What a `Raise` means: the exception type's name, a message with {0}, {1}, {2} for the details, and the user's line."""

    exception: str
    message: str
    loc: Loc | None


@dataclass(eq=False, slots=True)
class LoopFunction:
    """One native call.

    buffers: the memory it is given, in order: pointers.  scalars: run-time scalars it is given, as (name, scalar type).
    Results that are scalars are written to "arg" buffers of rank 0 (complex ones of shape (2,)).  errors: what each Raise
    code stands for.  arena_bytes, worker_bytes: the arena holds `arena_bytes + workers * worker_bytes` bytes.
    notes: the temporaries and copies that lowering needed, in words.  least: of some scalars, what they are never below.
    room: the bytes, and the bytes per worker, of the block whose address the last scalar is.
    """

    name: str
    buffers: list[Buffer]
    scalars: list[tuple[str, str]]
    body: list[Stmt]
    errors: list[ErrorSite] = field(default_factory=list)
    arena_bytes: int = 0
    worker_bytes: int = 0
    notes: list[str] = field(default_factory=list)
    least: dict[str, int] = field(default_factory=dict)
    room: tuple[Expr, Expr] | None = None


def bodies(s: Stmt) -> list[list[Stmt]]:
    """The statement lists directly inside `s`."""
    if isinstance(s, For):
        return [s.body]
    if isinstance(s, If):
        return [s.then, s.other]
    if isinstance(s, While):
        return [s.test, s.body]
    return []


def own_exprs(s: Stmt) -> Iterator[Expr]:
    """The expressions of `s` itself, not of statements inside it."""
    if isinstance(s, Let):
        yield s.value
    elif isinstance(s, Store):
        yield from s.index
        yield s.value
    elif isinstance(s, Alloc):
        yield from s.buffer.dims
    elif isinstance(s, Raise):
        yield from s.details
    elif isinstance(s, For):
        yield s.lo
        yield s.hi
    elif isinstance(s, If):
        yield s.cond
        for y in s.yields:
            yield y.then
            yield y.other
    elif isinstance(s, While):
        yield s.cond
    elif isinstance(s, Call):
        yield from s.scalars
    if isinstance(s, For | While):
        for c in s.carried:
            yield c.init
            if c.next is not None:
                yield c.next


def walk(body: Iterable[Stmt]) -> Iterator[Stmt]:
    """Every statement, outermost first, in order."""
    for s in body:
        yield s
        for inner in bodies(s):
            yield from walk(inner)


def stored_buffers(body: Iterable[Stmt]) -> frozenset[Buffer]:
    """Every buffer that `body` writes."""
    out: set[Buffer] = set()
    for s in walk(body):
        if isinstance(s, Store):
            out.add(s.buffer)
        elif isinstance(s, Call):
            out.update(s.writes)
    return frozenset(out)
