"""Matrix products for compiled code: LLVM text around the Fortran functions of the OpenBLAS that NumPy calls, or of SciPy's BLAS.

A product is cut into a few pieces, which `treadle_parallel` spreads; each is one BLAS call on one thread.  A product too small
to be cut is the call that NumPy makes.  A column of the result has the same bits in every piece that begins at a multiple of
`COLUMNS` and is no small product, for which OpenBLAS has other code: so there are as many pieces of columns as threads.  Where
columns are few, the sizes alone decide on the pieces.
"""

from __future__ import annotations

from collections.abc import Callable

from .blas import element

# Type letter -> bytes of an element, bytes of a component, LLVM type of a component, words of the number 1.
KINDS = {"s": (4, 4, "float", "1.0"), "d": (8, 8, "double", "1.0"), "c": (8, 4, "float", "1.0"), "z": (16, 8, "double", "1.0")}
# A product of more multiply-adds of real numbers, or of a matrix of more bytes by a vector, is halved, and again for each so many
# times the work: each piece packs its factors anew, and has short lines to read, so it must grow with the whole.
PIECE_WORK, WORK_GROWTH = 400_000, 16
PIECE_BYTES, BYTES_GROWTH = 1 << 19, 8
# The multiply-adds that a piece of columns has at least: fewer may be a small product, for which OpenBLAS has other code.
COLUMN_WORK = 1 << 21
# Pieces begin at multiples of this; pieces of columns at a multiple of what any kernel takes at once.
GRAIN, COLUMNS = 16, 48
# A product of fewer columns is cut into rectangles, none with fewer elements than this.
FEW_COLUMNS, LEAST_AREA = 192, 2048
# With more columns than this per thread there are more pieces, so that threads which come late have some taken off them.
WIDE = 1024
# The least elements of each column that a piece of a product with a vector reads.
LINE = 128
# A product with its own transpose is cut into so many pieces, but a piece has no more columns than this.
SHARES, BLOCK = 4, 256

DECLARATIONS = """
declare void @treadle_parallel(ptr, ptr, i64, i64, i64)
declare i64 @treadle_parallel_width()
declare void @treadle_blas_enter()
declare void @treadle_blas_leave()
declare i64 @llvm.smax.i64(i64, i64)
declare i64 @llvm.smin.i64(i64, i64)

define internal i64 @pieces(i64 %work, i64 %least, i64 %growth) {
entry:
  br label %look
look:
  %count = phi i64 [ 1, %entry ], [ %twice, %halve ]
  %left = phi i64 [ %work, %entry ], [ %less, %halve ]
  %much = icmp ugt i64 %left, %least
  br i1 %much, label %halve, label %done
halve:
  %twice = shl i64 %count, 1
  %less = udiv i64 %left, %growth
  br label %look
done:
  ret i64 %count
}

; Where piece `part` of `parts` begins.
define internal i64 @border(i64 %extent, i64 %part, i64 %parts, i64 %grain) {
  %grains0 = add i64 %extent, %grain
  %up = sub i64 %grains0, 1
  %grains = udiv i64 %up, %grain
  %share = mul i64 %grains, %part
  %first = udiv i64 %share, %parts
  %at = mul i64 %first, %grain
  %border = call i64 @llvm.smin.i64(i64 %at, i64 %extent)
  ret i64 %border
}
"""


def _integers(names: str, integer: str) -> str:
    """Local variables `NAME_at` holding the i64 values NAME as BLAS's integers."""
    lines = []
    for n in names.split():
        lines.append(f"%{n}_at = alloca {integer}")
        if integer == "i64":
            lines.append(f"store i64 %{n}, ptr %{n}_at")
        else:
            lines += [f"%{n}_32 = trunc i64 %{n} to i32", f"store i32 %{n}_32, ptr %{n}_at"]
    return "\n  ".join(lines)


def _too_large(names: str, integer: str) -> str:
    """%too_large: does one of these not fit BLAS's integers?"""
    if integer == "i64":
        return "%too_large = or i1 false, false"
    lines, last = [], "0"
    for k, n in enumerate(names.split()):
        lines.append(f"%any{k} = or i64 {last}, %{n}")
        last = f"%any{k}"
    return "\n  ".join([*lines, f"%too_large = icmp ugt i64 {last}, 2147483647"])


def _one(t: str) -> str:
    """@one and @zero: the numbers as BLAS wants them."""
    _, _, component, one = KINDS[t]
    fields = 2 if t in "cz" else 1
    rest = f", {component} 0.0" * (fields - 1)
    return (f"@one = internal constant {{ {', '.join([component] * fields)} }} {{ {component} {one}{rest} }}\n"
            f"@zero = internal constant {{ {', '.join([component] * fields)} }} zeroinitializer\n"
            '@letters = internal constant [2 x i8] c"NT"\n')


def _load_context(names: str) -> str:
    lines = []
    for k, n in enumerate(names.split()):
        kind = "ptr" if n in ("a", "b", "c", "x", "y") else "i64"
        lines += [f"%{n}_in = getelementptr i64, ptr %context, i64 {k}", f"%{n} = load {kind}, ptr %{n}_in"]
    return "\n  ".join(lines)


def _store_context(names: str) -> str:
    words = names.split()
    lines = [f"%context = alloca [{len(words)} x i64]"]
    for k, n in enumerate(words):
        kind = "ptr" if n in ("a", "b", "c", "x", "y") else "i64"
        lines += [f"%{n}_out = getelementptr i64, ptr %context, i64 {k}", f"store {kind} %{n}, ptr %{n}_out"]
    return "\n  ".join(lines)


_GEMM_FIELDS = "a b c ta tb m n k lda ldb ldc down across grain"


def _gemm_piece(name: str, integer: str) -> str:
    """One rectangle of the result."""
    size = KINDS[name[0]][0]
    return f"""
declare void @treadle_blas_{name}(ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr)

define internal void @piece(ptr %context, i64 %number, i64 %end, i64 %worker) {{
  {_load_context(_GEMM_FIELDS.replace(" m n ", " m_all n_all "))}
  %i = urem i64 %number, %down
  %j = udiv i64 %number, %down
  %i1 = add i64 %i, 1
  %j1 = add i64 %j, 1
  %row = call i64 @border(i64 %m_all, i64 %i, i64 %down, i64 {GRAIN})
  %row_end = call i64 @border(i64 %m_all, i64 %i1, i64 %down, i64 {GRAIN})
  %column = call i64 @border(i64 %n_all, i64 %j, i64 %across, i64 %grain)
  %column_end = call i64 @border(i64 %n_all, i64 %j1, i64 %across, i64 %grain)
  %m = sub i64 %row_end, %row
  %n = sub i64 %column_end, %column
  %a_transposed = icmp ne i64 %ta, 0
  %b_transposed = icmp ne i64 %tb, 0
  %a_step = select i1 %a_transposed, i64 %lda, i64 1
  %a_skip = mul i64 %row, %a_step
  %b_step = select i1 %b_transposed, i64 1, i64 %ldb
  %b_skip = mul i64 %column, %b_step
  %c_far = mul i64 %column, %ldc
  %c_skip = add i64 %row, %c_far
  {element("a_piece", "%a", "%a_skip", size)}
  {element("b_piece", "%b", "%b_skip", size)}
  {element("c_piece", "%c", "%c_skip", size)}
  %ta_letter = getelementptr i8, ptr @letters, i64 %ta
  %tb_letter = getelementptr i8, ptr @letters, i64 %tb
  {_integers("m n k lda ldb ldc", integer)}
  call void @treadle_blas_{name}(ptr %ta_letter, ptr %tb_letter, ptr %m_at, ptr %n_at, ptr %k_at, ptr @one, ptr %a_piece,
                                 ptr %lda_at, ptr %b_piece, ptr %ldb_at, ptr @zero, ptr %c_piece, ptr %ldc_at)
  ret void
}}
"""


# How many pieces there are: `down` one another, and `across`.
_GEMM_CUTS = f"""measure:
  %area = mul i64 %m, %n
  %products = mul i64 %area, %k
  %work = shl i64 %products, REALS
  %by_columns = icmp uge i64 %n, {FEW_COLUMNS}
  br i1 %by_columns, label %columns, label %rectangles
columns:
  %threads = call i64 @treadle_parallel_width()
  %each = udiv i64 %n, %threads
  %rounds0 = udiv i64 %each, {WIDE}
  %rounds1 = call i64 @llvm.smax.i64(i64 %rounds0, i64 1)
  %alone = icmp eq i64 %threads, 1
  %rounds = select i1 %alone, i64 1, i64 %rounds1
  %jobs = mul i64 %threads, %rounds
  %room = udiv i64 %n, {COLUMNS}
  %fit = call i64 @llvm.smin.i64(i64 %jobs, i64 %room)
  %worth = udiv i64 %work, {COLUMN_WORK}
  %some = call i64 @llvm.smin.i64(i64 %fit, i64 %worth)
  %in_columns = call i64 @llvm.smax.i64(i64 %some, i64 1)
  br label %run
rectangles:
  %by_work = call i64 @pieces(i64 %work, i64 {PIECE_WORK}, i64 {WORK_GROWTH})
  %by_area = udiv i64 %area, {LEAST_AREA}
  %wanted = call i64 @llvm.smin.i64(i64 %by_work, i64 %by_area)
  br label %cut
; The longer side of a piece is halved, until there are as many as wanted.
cut:
  %down1 = phi i64 [ 1, %rectangles ], [ %down2, %halve ]
  %across1 = phi i64 [ 1, %rectangles ], [ %across2, %halve ]
  %high = udiv i64 %m, %down1
  %wide = udiv i64 %n, %across1
  %longer = call i64 @llvm.smax.i64(i64 %high, i64 %wide)
  %so_far = mul i64 %down1, %across1
  %few = icmp ult i64 %so_far, %wanted
  %divisible = icmp uge i64 %longer, {2 * GRAIN}
  %more = and i1 %few, %divisible
  br i1 %more, label %halve, label %run
halve:
  %tall = icmp ugt i64 %high, %wide
  %times_down = select i1 %tall, i64 2, i64 1
  %times_across = select i1 %tall, i64 1, i64 2
  %down2 = mul i64 %down1, %times_down
  %across2 = mul i64 %across1, %times_across
  br label %cut
"""


def _gemm(name: str, integer: str) -> str:
    component = KINDS[name[0]][1]
    return _one(name[0]) + _gemm_piece(name, integer) + f"""
define i64 @treadle_{name}(ptr %a0, ptr %b0, ptr %c0, i64 %ao, i64 %bo, i64 %co, i64 %ta, i64 %tb, i64 %m, i64 %n, i64 %k,
                           i64 %lda0, i64 %ldb0, i64 %ldc0) {{
entry:
  {element("a", "%a0", "%ao", component)}
  {element("b", "%b0", "%bo", component)}
  {element("c", "%c0", "%co", component)}
  %a_is = icmp ne i64 %ta, 0
  %b_is = icmp ne i64 %tb, 0
  %a_high = select i1 %a_is, i64 %k, i64 %m
  %b_high = select i1 %b_is, i64 %n, i64 %k
  %lda1 = call i64 @llvm.smax.i64(i64 %lda0, i64 %a_high)
  %ldb1 = call i64 @llvm.smax.i64(i64 %ldb0, i64 %b_high)
  %ldc1 = call i64 @llvm.smax.i64(i64 %ldc0, i64 %m)
  %lda = call i64 @llvm.smax.i64(i64 %lda1, i64 1)
  %ldb = call i64 @llvm.smax.i64(i64 %ldb1, i64 1)
  %ldc = call i64 @llvm.smax.i64(i64 %ldc1, i64 1)
  {_too_large("m n k lda ldb ldc", integer)}
  br i1 %too_large, label %refuse, label %measure
refuse:
  ret i64 1
{_GEMM_CUTS.replace("REALS", "2" if name[0] in "cz" else "0")}run:
  %down = phi i64 [ 1, %columns ], [ %down1, %cut ]
  %across = phi i64 [ %in_columns, %columns ], [ %across1, %cut ]
  %grain = select i1 %by_columns, i64 {COLUMNS}, i64 {GRAIN}
  %count = mul i64 %down, %across
  {_store_context(_GEMM_FIELDS)}
  call void @treadle_blas_enter()
  call void @treadle_parallel(ptr @piece, ptr %context, i64 0, i64 %count, i64 1)
  call void @treadle_blas_leave()
  ret i64 0
}}
"""


def _syrk_piece(name: str, integer: str) -> str:
    """Some columns of the result: the triangle on the diagonal, what lies below it, and all that mirrored."""
    t = name[0]
    size = KINDS[t][0]
    whole = KINDS[t][2] if t in "sd" else f"[2 x {KINDS[t][2]}]"
    return f"""
declare void @treadle_blas_{name}(ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr)
declare void @treadle_blas_{t}gemm(ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr)

define internal void @piece(ptr %context, i64 %lo, i64 %hi, i64 %worker) {{
entry:
  {_load_context("a c trans all k lda ldc")}
  %turned = icmp ne i64 %trans, 0
  %n = sub i64 %hi, %lo
  %rest = sub i64 %all, %hi
  %step = select i1 %turned, i64 %lda, i64 1
  %here = mul i64 %lo, %step
  %far = mul i64 %hi, %step
  %over = mul i64 %lo, %ldc
  %corner = add i64 %over, %lo
  %low = add i64 %over, %hi
  {element("a_here", "%a", "%here", size)}
  {element("a_far", "%a", "%far", size)}
  {element("c_corner", "%c", "%corner", size)}
  {element("c_low", "%c", "%low", size)}
  %other = sub i64 1, %trans
  %letter = getelementptr i8, ptr @letters, i64 %trans
  %opposite = getelementptr i8, ptr @letters, i64 %other
  {_integers("n k lda ldc rest", integer)}
  call void @treadle_blas_{name}(ptr @lower, ptr %letter, ptr %n_at, ptr %k_at, ptr @one, ptr %a_here, ptr %lda_at,
                                 ptr @zero, ptr %c_corner, ptr %ldc_at)
  call void @treadle_blas_{t}gemm(ptr %letter, ptr %opposite, ptr %rest_at, ptr %n_at, ptr %k_at, ptr @one, ptr %a_far,
                                  ptr %lda_at, ptr %a_here, ptr %lda_at, ptr @zero, ptr %c_low, ptr %ldc_at)
  br label %row
row:
  %i = phi i64 [ %lo, %entry ], [ %i1, %row_done ]
  %inside = icmp slt i64 %i, %all
  br i1 %inside, label %begin_row, label %done
begin_row:
  %end = call i64 @llvm.smin.i64(i64 %i, i64 %hi)
  br label %cell
cell:
  %j = phi i64 [ %lo, %begin_row ], [ %j1, %copy ]
  %more = icmp slt i64 %j, %end
  br i1 %more, label %copy, label %row_done
copy:
  %column = mul i64 %j, %ldc
  %from = add i64 %column, %i
  %row_far = mul i64 %i, %ldc
  %to = add i64 %row_far, %j
  {element("source", "%c", "%from", size)}
  {element("target", "%c", "%to", size)}
  %x = load {whole}, ptr %source
  store {whole} %x, ptr %target
  %j1 = add i64 %j, 1
  br label %cell
row_done:
  %i1 = add i64 %i, 1
  br label %row
done:
  ret void
}}
@lower = internal constant [1 x i8] c"L"
"""


def _syrk(name: str, integer: str) -> str:
    component = KINDS[name[0]][1]
    return _one(name[0]) + _syrk_piece(name, integer) + f"""
define i64 @treadle_{name}(ptr %a0, ptr %c0, i64 %ao, i64 %co, i64 %trans, i64 %all, i64 %k, i64 %lda0, i64 %ldc0) {{
  {element("a", "%a0", "%ao", component)}
  {element("c", "%c0", "%co", component)}
  %is = icmp ne i64 %trans, 0
  %high = select i1 %is, i64 %k, i64 %all
  %lda1 = call i64 @llvm.smax.i64(i64 %lda0, i64 %high)
  %ldc1 = call i64 @llvm.smax.i64(i64 %ldc0, i64 %all)
  %lda = call i64 @llvm.smax.i64(i64 %lda1, i64 1)
  %ldc = call i64 @llvm.smax.i64(i64 %ldc1, i64 1)
  {_too_large("all k lda ldc", integer)}
  br i1 %too_large, label %refuse, label %divide
refuse:
  ret i64 1
divide:
  %area = mul i64 %all, %all
  %products = mul i64 %area, %k
  %work = shl i64 %products, {2 if name[0] in "cz" else 0}
  %is_small = icmp ule i64 %work, {PIECE_WORK}
  %share = udiv i64 %all, {SHARES}
  %up = add i64 %share, {GRAIN}
  %rounded = and i64 %up, -{GRAIN}
  %least = call i64 @llvm.smax.i64(i64 %rounded, i64 {COLUMNS})
  %most = call i64 @llvm.smin.i64(i64 %least, i64 {BLOCK})
  %block = select i1 %is_small, i64 %all, i64 %most
  {_store_context("a c trans all k lda ldc")}
  call void @treadle_blas_enter()
  call void @treadle_parallel(ptr @piece, ptr %context, i64 0, i64 %all, i64 %block)
  call void @treadle_blas_leave()
  ret i64 0
}}
"""


_GEMV_FIELDS = "a x y trans m n lda incx incy parts"


def _gemv_piece(name: str, integer: str) -> str:
    """Some elements of the result."""
    size = KINDS[name[0]][0]
    return f"""
declare void @treadle_blas_{name}(ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)

; Some elements of y. They are set to 0 and added to: some versions let old NaNs through a factor of 0.
define internal void @piece(ptr %context, i64 %number, i64 %end, i64 %worker) {{
entry:
  {_load_context(_GEMV_FIELDS.replace(" m n ", " m_all n_all "))}
  %turned = icmp ne i64 %trans, 0
  %extent = select i1 %turned, i64 %n_all, i64 %m_all
  %lo = call i64 @border(i64 %extent, i64 %number, i64 %parts, i64 {GRAIN})
  %hi = call i64 @border(i64 %extent, i64 %end, i64 %parts, i64 {GRAIN})
  %width = sub i64 %hi, %lo
  %m = select i1 %turned, i64 %m_all, i64 %width
  %n = select i1 %turned, i64 %width, i64 %n_all
  %a_step = select i1 %turned, i64 %lda, i64 1
  %a_skip = mul i64 %lo, %a_step
  %y_skip = mul i64 %lo, %incy
  {element("a_piece", "%a", "%a_skip", size)}
  {element("y_piece", "%y", "%y_skip", size)}
  %letter = getelementptr i8, ptr @letters, i64 %trans
  {_integers("m n lda incx incy", integer)}
  br label %zero
zero:
  %i = phi i64 [ 0, %entry ], [ %i1, %clear ]
  %more = icmp slt i64 %i, %width
  br i1 %more, label %clear, label %multiply
clear:
  %z_skip = mul i64 %i, %incy
  {element("z", "%y_piece", "%z_skip", size)}
  call void @llvm.memset.p0.i64(ptr %z, i8 0, i64 {size}, i1 false)
  %i1 = add i64 %i, 1
  br label %zero
multiply:
  call void @treadle_blas_{name}(ptr %letter, ptr %m_at, ptr %n_at, ptr @one, ptr %a_piece, ptr %lda_at, ptr %x, ptr %incx_at,
                                 ptr @one, ptr %y_piece, ptr %incy_at)
  ret void
}}
"""


def _gemv(name: str, integer: str) -> str:
    size, component, *_ = KINDS[name[0]]
    return _one(name[0]) + _gemv_piece(name, integer) + f"""
define i64 @treadle_{name}(ptr %a0, ptr %x0, ptr %y0, i64 %ao, i64 %xo, i64 %yo, i64 %trans, i64 %m, i64 %n, i64 %lda0,
                           i64 %incx, i64 %incy) {{
  {element("a", "%a0", "%ao", component)}
  {element("x", "%x0", "%xo", component)}
  {element("y", "%y0", "%yo", component)}
  %lda1 = call i64 @llvm.smax.i64(i64 %lda0, i64 %m)
  %lda = call i64 @llvm.smax.i64(i64 %lda1, i64 1)
  {_too_large("m n lda incx incy", integer)}
  br i1 %too_large, label %refuse, label %divide
refuse:
  ret i64 1
divide:
  %turned = icmp ne i64 %trans, 0
  %extent = select i1 %turned, i64 %n, i64 %m
  %area = mul i64 %m, %n
  %bytes = mul i64 %area, {size}
  %wanted = call i64 @pieces(i64 %bytes, i64 {PIECE_BYTES}, i64 {BYTES_GROWTH})
  %least = select i1 %turned, i64 {GRAIN}, i64 {LINE}
  %lines = udiv i64 %extent, %least
  %most = call i64 @llvm.smax.i64(i64 %lines, i64 1)
  %parts = call i64 @llvm.smin.i64(i64 %wanted, i64 %most)
  {_store_context(_GEMV_FIELDS)}
  call void @treadle_blas_enter()
  call void @treadle_parallel(ptr @piece, ptr %context, i64 0, i64 %parts, i64 1)
  call void @treadle_blas_leave()
  ret i64 0
}}
"""


TEXTS: dict[str, Callable[[str, str], str]] = {"gemm": _gemm, "syrk": _syrk, "gemv": _gemv}
