"""`numpy.linalg`: NumPy's own code over the ops (`numpys_own.py`), and own implementations where run-time values decide.

What NumPy decides by looking at results: `eig` and `eigvals` of a real matrix are real if all eigenvalues are (`assumptions.py`
says how); the residuals of `lstsq` are empty where the rank is deficient (masked values); `cond` puts infinities in the place
of NaN.  `qr` writes into its copy of the matrix.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.linalg import _linalg as _numpys
from numpy.linalg._linalg import EigResult, QRResult

from ...ir.graph import Value
from ...ir.types import ArrayType, Dim
from .. import integers, tracer
from ..arrays import TracedArray, as_array, new_array, value_of, wrap
from ..assumptions import assume
from ..dispatch import call, implements
from ..masked_values import read_masked
from ..memory_order import keep_order
from ..padding import padded
from ..scalars import TracedScalar, concrete
from ..values import broadcast, cast
from ..views import reshape_value
from .gufuncs import call_gufunc, operand_values, refuse_failed, require, stack_layout, stack_order, stacked
from .numpys_own import Borrowed, python_code
from .reductions import root_of_squares

# The stubs leave out what is private.
_linalg: Any = _numpys
_FLOAT = np.dtype(float)
# From NumPy 2.5 on eigenvalues of real matrices are complex whatever they are, and `cond` does not refuse NaNs.
_SINCE_2_5 = np.lib.NumpyVersion(np.__version__) >= "2.5.0"


def _make_array(a: Any) -> tuple[TracedArray, Callable[..., Any]]:
    return as_array(a), lambda x, *_: x


def _assert_stacked_square(*arrays: Any) -> None:
    for a in map(as_array, arrays):
        rows, columns = a.view.dims[-2:] if a.ndim > 1 else (0, 0)
        if a.ndim < 2 or (isinstance(rows, int) and isinstance(columns, int)):
            _linalg._assert_stacked_square(a)
        elif rows is not columns:
            square = value_of(call(np.equal, (a.shape[-2], a.shape[-1]), {}))
            require(square, "LinAlgError", "Last 2 dimensions of the array must be square")


def _is_empty_2d(a: Any) -> bool:
    """Are there no elements?  Matrices of as many rows as only the run knows are taken to have some."""
    return isinstance(a.size, int) and _linalg._is_empty_2d(a)


def _assert_finite(*arrays: Any) -> None:
    for a in arrays:
        finite = value_of(call(np.all, (call(np.isfinite, (a,), {}),), {}))
        require(finite, "LinAlgError", "Array must not contain infs or NaNs")


# --- eigenvalues of any matrix -------------------------------------------------------------------------------------------


def _eigen(a: Any, vectors: bool) -> list[Any]:
    """The eigenvalues, and vectors, in the dtype that they turn out to need."""
    a = as_array(a)
    _assert_stacked_square(a)
    _assert_finite(a)
    loop, result = _linalg._commonType(a)
    (x,) = operand_values("eigvals", (a,), np.dtype(loop).char)
    *found, failed = tracer.emit_all("eig" if vectors else "eigvals", [x])
    with np.errstate(invalid="call", call=_linalg._raise_linalgerror_eigenvalues_nonconvergence):
        refuse_failed(failed)
    part = np.dtype(_linalg._realType(result))
    order = stack_order([a], [2])
    layouts = [stack_layout(order, core) for core in (1, 2)]
    if np.dtype(loop).kind == "c" or _SINCE_2_5:
        result = _linalg._complexType(result)
        return [new_array(cast(v, np.dtype(result)), y) for v, y in zip(found, layouts, strict=False)]
    imaginary = tracer.emit("imag", [found[0]])
    zero = tracer.builder().zeros(imaginary.type)
    axes = tuple(range(len(imaginary.dims)))
    if assume(tracer.emit("reduce_and", [tracer.emit("equal", [imaginary, zero])], axes=axes), "real eigenvalues"):
        return [new_array(v, y).real.astype(part, copy=False) for v, y in zip(found, layouts, strict=False)]
    return [new_array(cast(v, np.dtype(_linalg._complexType(result))), y) for v, y in zip(found, layouts, strict=False)]


def eig(a: Any) -> EigResult:
    return EigResult(*_eigen(a, True))


def eigvals(a: Any) -> Any:
    return _eigen(a, False)[0]


# --- qr ------------------------------------------------------------------------------------------------------------------


def qr(a: Any, mode: str = "reduced") -> Any:
    mode = {"f": "reduced", "full": "reduced", "e": "economic"}.get(mode, mode)
    if mode not in ("reduced", "complete", "r", "raw", "economic"):
        raise ValueError(f"Unrecognized mode '{mode}'")
    a = as_array(a)
    _linalg._assert_stacked_2d(a)
    loop, result = _linalg._commonType(a)
    copy, result = a.astype(loop, copy=True).view, np.dtype(result)
    x, order = copy.read(), stack_order([TracedArray(copy)], [2])
    if mode in ("raw", "economic"):
        h, scales = (cast(v, result) for v in tracer.emit_all("qr_reflectors", [x]))
        packed = new_array(h, copy.storage.layout)
        scale = new_array(scales, stack_layout(order, 1))
        return (call(np.swapaxes, (packed, -1, -2), {}), scale) if mode == "raw" else packed
    # NumPy chooses between zeros and the matrix by a mask in C order.
    triangle = keep_order([(copy.dims[-2:], (2, 1)), (copy.dims, copy.strides)], copy.dims)
    if mode == "r":
        return new_array(cast(tracer.emit("qr_triangle", [x]), result), triangle)
    q, r = tracer.emit_all("qr", [x], complete=mode == "complete")
    made: Any = new_array(cast(q, result), stack_layout(order, 2)), new_array(cast(r, result), triangle)
    return QRResult(*made)


# --- lstsq ---------------------------------------------------------------------------------------------------------------


def lstsq(a: Any, b: Any, rcond: Any = None) -> tuple[Any, Any, Any, Any]:
    a, b = as_array(a), as_array(b)
    is_vector = b.ndim == 1
    y = reshape_value(b.view.read(), (*b.view.dims, 1)) if is_vector else b.view.read()
    _linalg._assert_2d(a, new_array(y))
    bound = _bound_of_rows(a.view.dims[0], y.dims[0])
    if bound is not None:
        return _lstsq_of_some_rows(a, y, rcond, bound, is_vector)
    m, n, rows, count = (tracer.static_extent(d, "np.linalg.lstsq") for d in (*a.view.dims, *y.dims))
    if m != rows:
        raise np.linalg.LinAlgError("Incompatible dimensions")
    if rcond is None:
        rcond = np.finfo(_linalg._commonType(a, b)[0]).eps * max(*a.shape)
    if count == 0:
        y = tracer.builder().zeros(ArrayType(y.dtype, (m, 1)))
    solution, left, rank, s = _solved(a, y, rcond)
    if m == 0:
        solution = new_array(tracer.builder().zeros(value_of(solution).type))
    if count == 0:
        solution, left = new_array(solution[:, :0].view.read()), new_array(left[:0].view.read())
    if is_vector:
        solution = new_array(reshape_value(value_of(solution), (n,)))
    return solution, _residuals(left, value_of(rank), m, n, left.dtype), rank, s


def _bound_of_rows(m: Dim, rows: Dim) -> int | None:
    """A number that the rows do not exceed, if data decide how many there are."""
    same = isinstance(m, Value) and m is rows and integers.known_int(m) is None
    return integers.upper_bound(m) if same else None


def _lstsq_of_some_rows(a: Any, y: Value, rcond: Any, bound: int, is_vector: bool) -> tuple[Any, Any, Any, Any]:
    """With rows of zeros below, which change nothing but how many singular values there are."""
    m: Any = TracedScalar(a.view.dims[0])
    n, count = (tracer.static_extent(d, "np.linalg.lstsq") for d in (a.view.dims[1], y.dims[1]))
    if rcond is None:
        rcond = np.finfo(_linalg._commonType(a, new_array(y))[0]).eps * call(np.maximum, (m, n), {})
    whole = new_array(padded(a.view.read(), (max(bound, n + 1), n)))
    x, left, rank, s = _solved(whole, padded(y, (max(bound, n + 1), count)), rcond)
    full = (rank == n) & (m > n)
    kept = read_masked(left, broadcast(value_of(full), left.view.dims), 0)
    return x[:, 0] if is_vector else x, kept, rank, s[:call(np.minimum, (m, n), {})]


def _solved(a: Any, y: Value, rcond: Any) -> tuple[TracedArray, TracedArray, Any, TracedArray]:
    """The solution, the sums of squares that are left, the rank and the singular values, in the result's dtypes."""
    loop, result = _linalg._commonType(a, new_array(y))
    kind, part = np.dtype(loop), np.dtype(_linalg._realType(result))
    x, residuals, rank, s, failed = tracer.emit_all("lstsq", stacked("lstsq", [
        cast(a.view.read(), kind), cast(y, kind), value_of(rcond, _FLOAT)]))
    with np.errstate(invalid="call", call=_linalg._raise_linalgerror_lstsq):
        refuse_failed(failed)
    return new_array(cast(x, np.dtype(result))), new_array(cast(residuals, part)), wrap(rank), new_array(cast(s, part))


def _residuals(residuals: TracedArray, rank: Value, m: Any, n: Any, part: np.dtype) -> Any:
    """All of them at full rank, else none."""
    if m <= n:
        return new_array(tracer.builder().zeros(ArrayType(part, (0,))))
    full = tracer.emit("equal", [rank, tracer.constant(n, rank.type)])
    return read_masked(residuals, broadcast(full, residuals.view.dims), 0)


# --- norms, ranks --------------------------------------------------------------------------------------------------------


def _singular_values(x: TracedArray) -> Any:
    """NumPy's own for `cond`: NaN of what is not finite, where this NumPy has it so."""
    if not hasattr(_linalg, "_cond_svdvals"):
        return BORROWED["svd"](x, compute_uv=False)
    _linalg._assert_stacked_2d(x)
    return BORROWED["_cond_svdvals"](x)


def _nuclear_norm(x: Any) -> Any:
    return call(np.sum, (_singular_values(x),), {"axis": -1, "initial": 0})


def cond(x: Any, p: Any = None) -> Any:
    x, p = as_array(x), concrete(p, "the order of a norm")
    if _linalg._is_empty_2d(x):
        raise np.linalg.LinAlgError("cond is not defined on empty arrays")
    if p is None or p in (2, -2):
        s = _singular_values(x)
        result = s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    else:
        _assert_stacked_square(x)
        loop, kind = _linalg._commonType(x)
        inverse = call_gufunc("inv", "inv", {}, (x,), np.dtype(loop).char)
        norm: Any = functools.partial(BORROWED["norm"], ord=p, axis=(-2, -1))
        if p == "nuc" and _SINCE_2_5:
            norm = _nuclear_norm
        result = (norm(x) * norm(inverse)).astype(_linalg._realType(kind), copy=False)
    spoilt = call(np.any, (call(np.isnan, (x,), {}),), {"axis": (-2, -1)})
    infinite = call(np.logical_and, (call(np.isnan, (result,), {}), call(np.logical_not, (spoilt,), {})), {})
    where = call(np.where, (infinite, result.dtype.type(np.inf), result), {})
    return where if result.ndim else where[()]


def matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    if as_array(A).ndim < 2 and (rtol is None or tol is None):
        return call(int, (call(np.any, (call(np.not_equal, (A, 0), {}),), {}),), {})
    return _ranks(A, tol, hermitian, rtol=rtol)


BORROWED = Borrowed(_linalg, {
    "_makearray": _make_array, "_assert_stacked_square": _assert_stacked_square, "_assert_finite": _assert_finite,
    "_is_empty_2d": _is_empty_2d,
    "eig": eig, "eigvals": eigvals, "qr": qr, "lstsq": lstsq,
    "cond": cond, "matrix_rank": matrix_rank, "sqrt": root_of_squares})
_ranks = BORROWED.function(python_code(_linalg.matrix_rank))  # type: ignore[arg-type]

for _name in np.linalg.__all__:
    if isinstance(getattr(np.linalg, _name), type):
        continue
    implements(getattr(np.linalg, _name))(BORROWED.entry(_name))
