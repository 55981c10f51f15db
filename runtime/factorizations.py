"""LU and Cholesky factorizations of one matrix on several threads, and what is made of them, as LLVM text over BLAS.

LAPACK's own threads would divide the work by their number, and round accordingly.  Here a large matrix is factorized by
blocks of `BLOCK` columns, and what a block changes behind it is updated in runs of columns whose width follows from the size
of the matrix: whatever the number of threads, the result is the same.  Matrices are column-major, their leading dimension
being their extent; small ones are LAPACK's.

    i64 lu(ptr a, i64 n, ptr pivots)                     not 0: a pivot is 0
    void solve(ptr a, i64 n, ptr pivots, ptr b, i64 m)   b := a^-1 b, from what `lu` left
    void inverse(ptr a, i64 n, ptr pivots, ptr work)     a := a^-1, from what `lu` left; work has n (n + 64) elements
    i64 cholesky(ptr a, i64 lda, i64 n, i64 upper)       not 0: not positive definite
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from .matrix_memory import Kind
from .writer import BODY_PARAMETERS, Int, Writer, letters

# Columns factorized at a time, and the extent below which LAPACK does it all.
BLOCK = 128
LARGE = 384
# Right-hand sides solved at a time.
SIDES = 64

DECLARATIONS = "declare void @treadle_parallel(ptr, ptr, i64, i64, i64)\n" + letters("NLURCT")

# LAPACK's and BLAS's functions, without their letter, by the number of their arguments.
ARGUMENTS = {"getrf": 6, "getrs": 9, "getri": 7, "potrf": 5, "trtri": 6, "laswp": 7, "trsm": 11, "trmm": 11, "gemm": 13}
HERK = {"d": "dsyrk", "z": "zherk"}


def functions(kind: Kind) -> list[str]:
    """The names of SciPy's functions that the text calls."""
    return [*(kind.letter + name for name in ARGUMENTS), HERK[kind.letter]]


def text(kind: Kind) -> str:
    declared = [f"declare void @{kind.letter}{name}({', '.join(['ptr'] * n)})\n" for name, n in ARGUMENTS.items()]
    declared.append(f"declare void @{HERK[kind.letter]}({', '.join(['ptr'] * 10)})\n")
    numbers = [f"@{name} = internal constant [2 x double] [double {value}, double 0.0]\n"
               for name, value in (("one", "1.0"), ("minus_one", "-1.0"))]
    parts: list[Callable[[Kind], str]] = [
        _lu_columns, _lu_swaps, _lu, _solve_columns, _solve, _upper_columns, _right_rows, _inverse, _cholesky_row, _cholesky_rest,
        _cholesky]
    return DECLARATIONS + "".join(declared) + "".join(numbers) + "".join(part(kind) for part in parts)


def _spot(w: Writer, kind: Kind, a: str, n: Int, i: Int | int, j: Int | int) -> str:
    """The address of element i, j."""
    return w.at(a, (n * j + i) * kind.size)


def _width(w: Writer, n: Int) -> Int:
    """How many columns are updated at a time."""
    return w.least(w.most(((n + 255) // 256) * 32, 128), 512)


# --- LU ------------------------------------------------------------------------------------------------------------------


def _lu(kind: Kind) -> str:
    w = Writer("lu", "ptr a, i64 n, ptr pivots", "i64")
    n, failed, info = w["n"], w.memory("i64"), w.memory("i32")
    with w.when(n < LARGE):
        w.fortran(f"{kind.letter}getrf", n, n, "%a", w.most(n, 1), "%pivots", info)
        w.give(f"i64 {w.short(info)}")
    w.store("i64", 0, failed)
    with w.loop(0, n, BLOCK) as k:
        width = w.least(n - k, BLOCK)
        own = w.at("%pivots", k * 4)
        w.fortran(f"{kind.letter}getrf", n - k, width, _spot(w, kind, "%a", n, k, k), n, own, info)
        w.store("i64", w.short(info) | w.integer(f"load i64, ptr {failed}"), failed)
        w.parallel("lu_columns", ["%a", n, k, width, own], k + width, n, _width(w, n - k))
        with w.loop(0, width) as i:
            place = w.at(own, i * 4)
            short = w.put(f"trunc i64 {k} to i32")
            w.store("i32", w.put(f"add i32 {w.load('i32', place)}, {short}"), place)
    w.parallel("lu_swaps", ["%a", n, "%pivots"], 0, n, BLOCK)
    return w.finish(f"i64 {w.load('i64', failed)}")


def _lu_columns(kind: Kind) -> str:
    """Columns [lo, hi) behind a block: its swaps, its rows, and the rest less the product."""
    w = Writer("lu_columns", BODY_PARAMETERS)
    a, n, k, width, own = w.words("piiip")
    lo, count = w["lo"], w["hi"] - w["lo"]
    top, below = _spot(w, kind, a, n, k, lo), k + width
    w.fortran(f"{kind.letter}laswp", count, top, n, 1, width, own, 1)
    w.fortran(f"{kind.letter}trsm", "L", "L", "N", "U", width, count, "@one", _spot(w, kind, a, n, k, k), n, top, n)
    with w.when(below < n):
        w.fortran(f"{kind.letter}gemm", "N", "N", n - below, count, width, "@minus_one", _spot(w, kind, a, n, below, k), n, top, n,
                  "@one", _spot(w, kind, a, n, below, lo), n)
    return w.finish()


def _lu_swaps(kind: Kind) -> str:
    """One block's columns: the swaps of all later blocks."""
    w = Writer("lu_swaps", BODY_PARAMETERS)
    a, n, pivots = w.words("pip")
    with w.when(w["hi"] < n):
        w.fortran(f"{kind.letter}laswp", w["hi"] - w["lo"], _spot(w, kind, a, n, 0, w["lo"]), n, w["hi"] + 1, n, pivots, 1)
    return w.finish()


def _solve(kind: Kind) -> str:
    w = Writer("solve", "ptr a, i64 n, ptr pivots, ptr b, i64 m")
    w.parallel("solve_columns", ["%a", w["n"], "%pivots", "%b"], 0, w["m"],
               w.choose(w["n"] < BLOCK, w.most(w["m"], 1), SIDES))
    return w.finish()


def _solve_columns(kind: Kind) -> str:
    w = Writer("solve_columns", BODY_PARAMETERS)
    a, n, pivots, b = w.words("pipp")
    height = w.most(n, 1)
    w.fortran(f"{kind.letter}getrs", "N", n, w["hi"] - w["lo"], a, height, pivots, _spot(w, kind, b, n, 0, w["lo"]), height,
              w.memory("i32"))
    return w.finish()


def _inverse(kind: Kind) -> str:
    """u^-1 by blocks of columns, then x l = u^-1 by rows, then the columns go where the rows came from."""
    w = Writer("inverse", "ptr a, i64 n, ptr pivots, ptr work")
    n = w["n"]
    with w.when(n < LARGE):
        w.fortran(f"{kind.letter}getri", n, "%a", w.most(n, 1), "%pivots", "%work", w.most(n * 64, 1), w.memory("i32"))
        w.give("void")
    inverse = w.at("%work", n * 64 * kind.size)
    w.parallel("upper_columns", ["%a", n, inverse], 0, n, BLOCK)
    w.parallel("right_rows", ["%a", n, inverse], 0, n, BLOCK)
    with w.loop(0, n) as back:
        j = n - 1 - back
        pivot = w.short(w.at("%pivots", j * 4)) - 1
        with w.when(pivot.differs(j)):
            mine, other = (_spot(w, kind, inverse, n, 0, c) for c in (j, pivot))
            for to, source in (("%work", mine), (mine, other), (other, "%work")):
                w.do(f"call void @llvm.memcpy.p0.p0.i64(ptr {to}, ptr {source}, i64 {n * kind.size}, i1 false)")
    w.do(f"call void @llvm.memcpy.p0.p0.i64(ptr %a, ptr {inverse}, i64 {n * n * kind.size}, i1 false)")
    return w.finish()


def _upper_columns(kind: Kind) -> str:
    """Columns [lo, hi) of u^-1: the inverse of their own triangle, and above it - u^-1 u x."""
    w = Writer("upper_columns", BODY_PARAMETERS)
    a, n, inverse = w.words("pip")
    lo, width = w["lo"], w["hi"] - w["lo"]
    with w.loop(lo, w["hi"]) as j:
        column, height = _spot(w, kind, inverse, n, 0, j), (j + 1) * kind.size
        w.do(f"call void @llvm.memcpy.p0.p0.i64(ptr {column}, ptr {_spot(w, kind, a, n, 0, j)}, i64 {height}, i1 false)")
        w.do(f"call void @llvm.memset.p0.i64(ptr {w.at(column, height)}, i8 0, i64 {n * kind.size - height}, i1 false)")
    own, above = _spot(w, kind, inverse, n, lo, lo), _spot(w, kind, inverse, n, 0, lo)
    w.fortran(f"{kind.letter}trtri", "U", "N", width, own, n, w.memory("i32"))
    with w.when(lo > 0):
        w.fortran(f"{kind.letter}trsm", "L", "U", "N", "N", lo, width, "@minus_one", a, n, above, n)
        w.fortran(f"{kind.letter}trmm", "R", "U", "N", "N", lo, width, "@one", own, n, above, n)
    return w.finish()


def _right_rows(kind: Kind) -> str:
    w = Writer("right_rows", BODY_PARAMETERS)
    a, n, inverse = w.words("pip")
    own = _spot(w, kind, inverse, n, w["lo"], 0)
    w.fortran(f"{kind.letter}trsm", "R", "L", "N", "U", w["hi"] - w["lo"], n, "@one", a, n, own, n)
    return w.finish()


# --- Cholesky ------------------------------------------------------------------------------------------------------------


def _cholesky(kind: Kind) -> str:
    w = Writer("cholesky", "ptr a, i64 lda, i64 n, i64 upper", "i64")
    n, lda, upper, info = w["n"], w["lda"], w["upper"], w.memory("i32")
    triangle = w.choose_pointer(upper.differs(0), "@letter_U", "@letter_L")
    with w.when(n < LARGE):
        w.fortran(f"{kind.letter}potrf", triangle, n, "%a", w.most(lda, 1), info)
        w.give(f"i64 {w.short(info)}")
    with w.loop(0, n, BLOCK) as k:
        width = w.least(n - k, BLOCK)
        corner = _spot(w, kind, "%a", lda, k, k)
        w.fortran(f"{kind.letter}potrf", triangle, width, corner, lda, info)
        wrong = w.short(info)
        with w.when(wrong.differs(0)):
            w.give(f"i64 {wrong}")
        behind, piece = k + width, _width(w, n - k)
        words: list[Int | int | str] = ["%a", lda, k, width, n, upper]
        w.parallel("cholesky_row", words, behind, n, piece)
        w.parallel("cholesky_rest", words, behind, n, piece)
    return w.finish("i64 0")


def _cholesky_row(kind: Kind) -> str:
    """Columns [lo, hi) of the block's row of u, or as many rows of its column of l."""
    w = Writer("cholesky_row", BODY_PARAMETERS)
    a, lda, k, width, _, upper = w.words("piiiii")
    corner, count = _spot(w, kind, a, lda, k, k), w["hi"] - w["lo"]
    above = upper.differs(0)
    with w.when(above):
        row = _spot(w, kind, a, lda, k, w["lo"])
        w.fortran(f"{kind.letter}trsm", "L", "U", "C", "N", width, count, "@one", corner, lda, row, lda)
    with w.unless(above):
        column = _spot(w, kind, a, lda, w["lo"], k)
        w.fortran(f"{kind.letter}trsm", "R", "L", "C", "N", count, width, "@one", corner, lda, column, lda)
    return w.finish()


def _cholesky_rest(kind: Kind) -> str:
    """Columns [lo, hi) of the upper triangle behind the block, or rows of the lower one, less the product."""
    w = Writer("cholesky_rest", BODY_PARAMETERS)
    a, lda, k, width, _, upper = w.words("piiiii")
    lo, count = w["lo"], w["hi"] - w["lo"]
    spot = functools.partial(_spot, w, kind, a, lda)
    before = lo - k - width
    own, above = spot(lo, lo), upper.differs(0)
    for chosen, triangle, turned, first in ((w.when(above), "U", "C", (k, lo)), (w.unless(above), "L", "N", (lo, k))):
        with chosen:
            block = spot(*first)
            w.fortran(HERK[kind.letter], triangle, turned, count, width, "@minus_one", block, lda, "@one", own, lda)
            with w.when(before > 0):
                if triangle == "U":
                    w.fortran(f"{kind.letter}gemm", "C", "N", before, count, width, "@minus_one", spot(k, k + width), lda, block,
                              lda, "@one", spot(k + width, lo), lda)
                else:
                    w.fortran(f"{kind.letter}gemm", "N", "C", count, before, width, "@minus_one", block, lda, spot(k + width, k),
                              lda, "@one", spot(lo, k + width), lda)
    return w.finish()
