"""The scalar formulas of elementwise ops, evaluated on edge values, against NumPy.

Real formulas without mathematical functions must agree to the bit; with them, as the meanings of the scalar operations are
NumPy's own, they still agree but for a few units in the last place.  Complex formulas agree to a multiple of the rounding
of the larger part, and exactly in which parts are infinite or NaN.
"""

import itertools

import numpy as np
import pytest
import treadle.ir.ops  # noqa: F401
from treadle.ir.evaluate_expr import evaluate_expr
from treadle.ir.expr import expression_scope, var
from treadle.ir.graph import Value
from treadle.ir.opdef import OPS, Complex, Pointwise
from treadle.ir.scalar import scalar_type
from treadle.ir.types import DTYPES, ArrayType

# Formulas of several rounded steps: units in the last place by which they may differ.
COMPOSED = {"logaddexp": 4, "logaddexp2": 4, "absolute": 2, "expit": 32,
            **{n: 8 for n in "erf erfc ndtr logit log_expit xlogy xlog1py entr exprel".split()}}


def edges(dtype):
    """All values where something changes for this dtype."""
    if dtype.kind == "b":
        return np.array([False, True])
    if dtype.kind in "iu":
        info, bits = np.iinfo(dtype), 8 * dtype.itemsize
        near = [0, 1, 2, 3, 5, 7, 10, 100, bits - 1, bits, bits + 1]
        near += [info.max, info.max - 1, info.max // 2, info.min, info.min + 1]
        if dtype.kind == "i":
            near += [-1, -2, -3, -7, -bits, 1 - bits, -100, info.min // 2]
        return np.unique(np.array(near, dtype=object)).astype(dtype)
    if dtype.kind == "f":
        f = np.finfo(dtype)
        positive = [0.0, f.smallest_subnormal, f.tiny / 2, f.tiny, f.eps, 0.3, 0.5, 1 - f.epsneg, 1.0, 1 + f.eps, 1.5, 2.0, 2.5,
                    3.0, 7.0, 100.5, 127.0, 128.0, 255.0, 256.0, 300.7, f.max / 2, f.max, np.inf]
        if dtype.itemsize > 2:
            positive += [2.0**31 - 1, 2.0**31, 2.0**32, 2.0**63, 2.0**64, 1e30]
            positive += [65504.0, 65519.0, 65520.0, 6e-8, 2.9e-8, 1.00048828125, 1.0004882812500002]
        x = np.array(positive, dtype)
        return np.concatenate([x, -x, np.array([np.nan], dtype)])
    part = np.array([0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.0, 1e-3, np.inf, -np.inf, np.nan],
                    DTYPES["f32" if dtype.itemsize == 8 else "f64"])
    re, im = np.meshgrid(part, part)
    out = np.empty(re.size, dtype)
    out.real, out.imag = re.ravel(), im.ravel()
    return out


def scalar_of(name, dtype):
    if dtype.kind == "c":
        return Complex(var(name + ".re", scalar_type(dtype)), var(name + ".im", scalar_type(dtype)))
    return var(name, scalar_type(dtype))


def bind(variables, name, x):
    if x.dtype.kind == "c":
        variables[name + ".re"], variables[name + ".im"] = x.real.copy(), x.imag.copy()
    else:
        variables[name] = x


def lowered(op, operands, attrs):
    """The op's formula evaluated over whole arrays."""
    variables = {}
    with expression_scope():
        scalars = []
        for k, x in enumerate(operands):
            scalars.append(scalar_of(f"x{k}", x.dtype))
            bind(variables, f"x{k}", x)
        result = op.lower.fn(*scalars, **attrs)
        if isinstance(result, Complex):
            re, im = (evaluate_expr(part, variables) for part in result)
            re, im = np.broadcast_arrays(re, im)
            out = np.empty(re.shape, np.result_type(re, np.complex64))
            out.real, out.imag = re, im
        else:
            out = evaluate_expr(result, variables)
    return np.broadcast_to(out, operands[0].shape)


def bits(x):
    """The bits, all NaNs alike."""
    x = np.where(np.isnan(x), np.array(np.nan, x.dtype), x) if x.dtype.kind == "f" else x
    return np.ascontiguousarray(x).view(f"u{x.dtype.itemsize}")


def cases():
    for name, op in OPS.items():
        if not isinstance(op.lower, Pointwise) or name == "const" or "elementwise" not in op.traits:
            continue
        signatures = {s.dtypes for s in op.samples if s.dtypes} or {None}
        arity = len(op.samples[0].shapes)
        for dtype in op.dtypes:
            for signature in sorted(signatures, key=str):
                own = tuple(d or dtype for d in signature) if signature else (dtype,) * arity
                for attrs in ([{"dtype": d} for d in DTYPES] if name == "cast" else [{}]):
                    yield pytest.param(name, own, attrs, id="-".join([name, *own, *attrs.values()]))


def operands_of(dtypes):
    each = [edges(DTYPES[d]) for d in dtypes]
    return [np.array(column, dtype=DTYPES[d]) for column, d in zip(zip(*itertools.product(*each)), dtypes, strict=True)]


def mismatch(got, want, name, operands):
    if want.dtype.kind == "c":
        return complex_mismatch(got, want)
    same = bits(got) == bits(want)
    if name in COMPOSED and want.dtype.kind == "f":
        # Where a small result is the difference of large ones, the rounding is that of the large ones.
        size = np.maximum.reduce([np.abs(want), *[np.abs(x).astype(want.dtype) for x in operands]])
        same |= np.abs(got - want) <= COMPOSED[name] * np.spacing(size)
    if name == "cast" and operands[0].dtype.kind == "f" and want.dtype == np.uint32:
        # NumPy's own answer depends on the position in the array there.
        same |= ~((operands[0] >= -2.0**31) & (operands[0] < 2.0**32))
    return ~same


def complex_mismatch(got, want):
    """Each part: the same bits (all NaNs alike), or close for finite parts."""
    eps = np.finfo(want.dtype).eps
    size = np.abs(np.where(np.isfinite(want), want, 0))
    bad = np.zeros(want.shape, bool)
    for g, w in ((got.real, want.real), (got.imag, want.imag)):
        finite = np.isfinite(g) & np.isfinite(w)
        close = finite & ((g != 0) | (w != 0)) & (np.abs(g - w) <= 16 * eps * size)
        bad |= ~(close | (bits(g.copy()) == bits(w.copy())))
    return bad


def with_its_digits(name, operands, want):
    """NumPy's result; that of log1p, which loses digits near 0, from extended precision."""
    if name != "log1p" or want.dtype.kind != "c":
        return want
    with np.errstate(all="ignore"):
        return np.log1p(operands[0].astype(np.clongdouble)).astype(want.dtype)


@pytest.mark.parametrize("name, dtypes, attrs", list(cases()))
def test_formula_agrees_with_numpy(name, dtypes, attrs):
    op = OPS[name]
    operands = operands_of(dtypes)
    if name == "power" and operands[1].dtype.kind == "i":
        keep = operands[1] >= 0
        operands = [x[keep] for x in operands]
    types = op.infer([Value(ArrayType(x.dtype, x.shape)) for x in operands], attrs)
    (want,) = op.evaluate(np, operands, attrs, types)
    want = with_its_digits(name, operands, want)
    got = lowered(op, operands, attrs)
    assert got.dtype == want.dtype == types[0].dtype
    with np.errstate(all="ignore"):
        bad = np.flatnonzero(mismatch(got, want, name, operands))
    shown = [(*[x[i] for x in operands], got[i], want[i]) for i in bad[:8]]
    assert not bad.size, f"{bad.size} of {want.size} differ: {shown}"
