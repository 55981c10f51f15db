"""Linear systems, inverses, determinants and Cholesky factors over stacks of matrices: the bodies of those library routines.

They stand in for the loops of NumPy's that `gufuncs.py` would call, and are called in the same way: `piece(context, lo, hi,
worker)` does the matrices [lo, hi), whose context `gufuncs.words` lays out.  LAPACK is SciPy's, NumPy's formulas are kept
(a determinant is the exponential of a sum of logarithms).  A matrix is copied once, into columns, and the result back.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from . import factorizations, matrix_memory
from .matrix_memory import KINDS, Kind
from .writer import BODY_PARAMETERS, Int, Writer

DECLARATIONS = """
declare ptr @malloc(i64)
declare void @free(ptr)
declare double @log(double)
declare double @exp(double)
declare double @hypot(double, double)
"""
NAN = "0x7FF8000000000000"
MINUS_INFINITY = "0xFFF0000000000000"


class Pieces:
    """A piece being written: its operands, dimensions and strides; `place` tells where each part of the context begins."""

    def __init__(self, kind: Kind, place: dict[str, int], ranks: tuple[int, ...]) -> None:
        self.kind, self.w = kind, Writer("piece", BODY_PARAMETERS)
        w, strides = self.w, place["strides"] + len(ranks)
        self.bases = [w.load("ptr", w.at("%context", 8 * k)) for k in range(len(ranks))]
        self.flags = w.load("ptr", w.at("%context", 8 * place["flags"]))
        self.dimensions = [w.word("%context", k) for k in range(place["dimensions"], place["strides"])]
        self.steps = [w.word("%context", place["strides"] + k) for k in range(len(ranks))]
        self.inner: list[list[Int]] = []
        for rank in ranks:
            self.inner.append([w.word("%context", strides + k) for k in range(rank)])
            strides += rank
        self.error = place["error"]

    def reserve(self, *sizes: Int) -> list[str]:
        """Memory of so many bytes each, in one block; where there is none the routine tells so."""
        w, total, offsets = self.w, self.w.integer("add i64 0, 0"), []
        for size in sizes:
            offsets.append(total)
            total = total + ((size + 127) & -64)
        base = w.put(f"call ptr @malloc(i64 {total})")
        with w.when(w.put(f"icmp eq ptr {base}, null")):
            w.store("i64", 1, w.at("%context", 8 * self.error))
            w.give("void")
        return [w.at(base, o) for o in offsets]

    def each(self) -> AbstractContextManager[Int]:
        return self.w.loop(self.w["lo"], self.w["hi"])

    def matrix(self, k: int, i: Int) -> str:
        """Matrix number i of operand k."""
        return self.w.at(self.bases[k], self.steps[k] * i)

    def _copy(self, to: str, steps: list, source: str, source_steps: list, m: Int, n: Int) -> None:
        arguments = ", ".join(f"i64 {x}" for x in (*source_steps, m, n))
        first = ", ".join(f"i64 {x}" for x in steps)
        self.w.do(f"call void @copy(ptr {to}, {first}, ptr {source}, {arguments})")

    def fetch(self, to: str, k: int, i: Int, m: Int, n: Int) -> None:
        """Copy matrix i of operand k into columns of height m."""
        size = self.kind.size
        self._copy(to, [size, m * size], self.matrix(k, i), self.inner[k], m, n)

    def deliver(self, k: int, i: Int, source: str, m: Int, n: Int) -> None:
        size = self.kind.size
        self._copy(self.matrix(k, i), self.inner[k], source, [size, m * size], m, n)

    def mark(self, i: Int, failed: Int, k: int, m: Int, n: Int) -> None:
        """Set the flag of matrix i; if it failed its result, operand k, is NaN."""
        w = self.w
        bad = failed.differs(0)
        w.store("i8", w.put(f"zext i1 {bad} to i8"), w.at(self.flags, i))
        with w.when(bad):
            strides = ", ".join(f"i64 {s}" for s in self.inner[k])
            w.do(f"call void @fill(ptr {self.matrix(k, i)}, {strides}, i64 {m}, i64 {n}, double {NAN}, i64 {self.kind.size // 8})")

    def factorize(self, a: str, n: Int, pivots: str) -> Int:
        return self.w.integer(f"call i64 @lu(ptr {a}, i64 {n}, ptr {pivots})")

    def finish(self, memory: str) -> str:
        self.w.do(f"call void @free(ptr {memory})")
        return self.w.finish()


def _solve(p: Pieces) -> str:
    w, (n, m) = p.w, p.dimensions
    a, b, pivots = p.reserve(n * n * p.kind.size, n * m * p.kind.size, n * 4)
    with p.each() as i:
        p.fetch(a, 0, i, n, n)
        failed = p.factorize(a, n, pivots)
        with w.when(failed.equals(0)):
            p.fetch(b, 1, i, n, m)
            w.do(f"call void @solve(ptr {a}, i64 {n}, ptr {pivots}, ptr {b}, i64 {m})")
            p.deliver(2, i, b, n, m)
        p.mark(i, failed, 2, n, m)
    return p.finish(a)


def _inv(p: Pieces) -> str:
    w, (n,) = p.w, p.dimensions
    large = n >= factorizations.LARGE
    a, work, pivots = p.reserve(n * n * p.kind.size, n * (w.choose(large, n, 0) + 64) * p.kind.size, n * 4)
    with p.each() as i:
        p.fetch(a, 0, i, n, n)
        failed = p.factorize(a, n, pivots)
        with w.when(failed.equals(0)):
            w.do(f"call void @inverse(ptr {a}, i64 {n}, ptr {pivots}, ptr {work})")
            p.deliver(1, i, a, n, n)
        p.mark(i, failed, 1, n, n)
    return p.finish(a)


def _cholesky(p: Pieces, upper: bool) -> str:
    """The rows of one triangle are the columns of the other: a matrix in rows is factorized as it lies."""
    w, (n,), size = p.w, p.dimensions, p.kind.size
    row, column = p.inner[1]
    in_rows = w.put(f"and i1 {column.equals(size)}, {(row >= n * size)}")
    direct = w.put(f"and i1 {in_rows}, {(row - row // size * size).equals(0)}")
    (a,) = p.reserve(w.choose(direct, 0, n * n * size))
    height = w.choose(direct, row // size, n)
    with p.each() as i:
        home = w.choose_pointer(direct, p.matrix(1, i), a)
        p._copy(home, [height * size, size], p.matrix(0, i), p.inner[0], n, n)
        failed = w.integer(f"call i64 @cholesky(ptr {home}, i64 {height}, i64 {n}, i64 {0 if upper else 1})")
        with w.loop(0, n) as j:
            line = w.at(home, j * height * size)
            begin, length = (line, j * size) if upper else (w.at(line, (j + 1) * size), (n - 1 - j) * size)
            w.do(f"call void @llvm.memset.p0.i64(ptr {begin}, i8 0, i64 {length}, i1 false)")
        with w.unless(direct):
            p._copy(p.matrix(1, i), p.inner[1], home, [height * size, size], n, n)
        p.mark(i, failed, 1, n, n)
    return p.finish(a)


def _determinant(p: Pieces, logarithm: bool) -> str:
    """The sign, or phase, of the product of the pivots and the sum of the logarithms of their absolute values."""
    w, (n,), size = p.w, p.dimensions, p.kind.size
    a, pivots = p.reserve(n * n * size, n * 4)
    total, sign, turn = (w.memory("double") for _ in range(3))
    with p.each() as i:
        p.fetch(a, 0, i, n, n)
        failed = p.factorize(a, n, pivots)
        w.store("double", "0.0", total)
        w.store("double", "1.0", sign)
        w.store("double", "0.0", turn)
        with w.when(failed.equals(0)), w.loop(0, n) as j:
            _account(p, w.at(a, (n + 1) * j * size), w.short(w.at(pivots, j * 4)).differs(j + 1), total, sign, turn)
        with w.when(failed.differs(0)):
            w.store("double", MINUS_INFINITY, total)
            w.store("double", "0.0", sign)
        scale = "1.0" if logarithm else w.put(f"call double @exp(double {w.load('double', total)})")
        for k, part in enumerate((sign, turn)[:size // 8]):
            x = w.load("double", part)
            w.store("double", x if logarithm else w.put(f"fmul double {x}, {scale}"), w.at(p.matrix(1, i), 8 * k))
        if logarithm:
            w.store("double", w.load("double", total), p.matrix(2, i))
    return p.finish(a)


def _account(p: Pieces, place: str, swapped: str, total: str, sign: str, turn: str) -> None:
    """Multiply one pivot, whose row may have been swapped, into the sign and the sum."""
    w = p.w
    x, s = w.load("double", place), w.load("double", sign)
    s = w.put(f"select i1 {swapped}, double {w.put(f'fneg double {s}')}, double {s}")
    if p.kind.size == 8:
        size = w.put(f"call double @llvm.fabs.f64(double {x})")
        below = w.put(f"fcmp olt double {x}, 0.0")
        s = w.put(f"select i1 {below}, double {w.put(f'fneg double {s}')}, double {s}")
    else:
        y, t = w.load("double", w.at(place, 8)), w.load("double", turn)
        t = w.put(f"select i1 {swapped}, double {w.put(f'fneg double {t}')}, double {t}")
        size = w.put(f"call double @hypot(double {x}, double {y})")
        re, im = (w.put(f"fdiv double {part}, {size}") for part in (x, y))
        products = [w.put(f"fmul double {f}, {g}") for f, g in ((s, re), (t, im), (s, im), (t, re))]
        s, t = w.put(f"fsub double {products[0]}, {products[1]}"), w.put(f"fadd double {products[2]}, {products[3]}")
        w.store("double", t, turn)
    w.store("double", s, sign)
    logarithm = w.put(f"call double @log(double {size})")
    w.store("double", w.put(f"fadd double {w.load('double', total)}, {logarithm}"), total)


PIECES: dict[str, Callable[[Pieces], str]] = {
    "solve": _solve, "inv": _inv, "cholesky_lo": lambda p: _cholesky(p, False), "cholesky_up": lambda p: _cholesky(p, True),
    "det": lambda p: _determinant(p, False), "slogdet": lambda p: _determinant(p, True)}


def implements(routine: str) -> bool:
    """Is there a body for a routine such as `solve_d`?"""
    name, _, letter = routine.rpartition("_")
    return name in PIECES and letter in KINDS


def text(routine: str, place: dict[str, int], ranks: tuple[int, ...]) -> str:
    """The LLVM text of `piece` for a routine, and of what it calls."""
    name, _, letter = routine.rpartition("_")
    kind = KINDS[letter]
    head = "declare double @llvm.fabs.f64(double)\n" + DECLARATIONS
    return head + matrix_memory.text(kind) + factorizations.text(kind) + PIECES[name](Pieces(kind, place, ranks))


def functions(routine: str) -> list[str]:
    """The names of the BLAS and LAPACK functions of SciPy's that the text calls."""
    return factorizations.functions(KINDS[routine[-1]])
