"""Calls of NumPy functions as templates: what stands in braces is filled with operands that fit.

{x} any array; {e} one that is not empty (of no points NumPy's transforms read what was never written); {f} an array of
floats; {i} of integers; {b} of truths; {c} of complex numbers; {m} of two axes; {q} of two, both empty or none (of others
NumPy's diagonal shows memory that is not the array's); {v} of one, {w} writeable too; {y} one that probably broadcasts with
the first; {s} a scalar; {k} an axis of the first; {n} a small
count; {d} a dtype.  A call that NumPy rejects is dropped by the generator.
"""

from __future__ import annotations

TEMPLATES = (
    # Reductions and cumulative functions with their keywords
    "np.sum({x}, axis={k}, dtype={d})", "{x}.sum(axis={k}, keepdims=True)", "np.prod({x}, axis={k}, initial=2)",
    "np.max({x}, axis={k}, initial={s}, where={y} > 0)", "np.min({x}, initial=0)", "np.var({x}, axis={k}, ddof=1)",
    "np.std({x}, ddof=1, keepdims=True)", "np.mean({x}, axis={k}, where={y} != 0)",
    "np.any({x}, axis={k}, keepdims=True)", "np.nansum({x}, axis={k})", "np.nanmax({f})", "np.nanmean({f}, axis={k})",
    "np.count_nonzero({x}, axis={k})", "np.cumsum({x}, axis={k}, dtype={d})", "np.add.reduce({x}, axis={k})",
    "np.maximum.accumulate({x}, axis={k})", "np.logical_or.reduce({x}, axis={k})",
    "np.bitwise_xor.reduce({i}, axis={k})", "np.average({x}, axis={k})", "np.median({x}, axis={k})",
    "np.ptp({x}, axis={k})", "np.diff({x}, axis={k})", "np.diff({x}, n=2)",
    # Elementwise
    "np.divmod({x}, {y})[0]", "np.divmod({i}, {s})[1]", "divmod({x}, {s})[1]", "np.modf({f})[0]", "np.frexp({f})[1]",
    "np.ldexp({f}, {n})", "np.round({x}, 1)", "np.round({x}, -1)", "{x}.round(2)", "np.clip({x}, {s}, {s})",
    "{x}.clip(min={s})", "np.nextafter({f}, {y})", "np.spacing({f})", "np.angle({c})",
    "{c}.imag", "{c}.conj()", "abs({c})", "np.add({x}, {y}, dtype={d})",
    "np.multiply({x}, {y}, where={y} > 0, out=np.zeros({x}.shape))", "np.left_shift({i}, {n})", "np.lcm({i}, {y})",
    "np.float_power({x}, {n})", "{x} ** {n}", "{x} ** 0.5", "{n} ** {x}", "np.sinc({f})", "np.fix({f})",
    "np.isclose({x}, {y})", "np.array_equal({x}, {y})", "np.logaddexp2({f}, {y})", "np.arccosh({f})",
    "np.rad2deg({f})", "np.sign({x})", "np.nan_to_num({f}, nan=1.5)", "np.bitwise_not({i})", "~({x} > 0)",
    # Choosing, sorting, searching
    "np.take({x}, [0, -1], axis={k})", "{x}.take([0, 1, 0])", "np.take({x}, [5, -7], mode='wrap')",
    "np.take({x}, {i}, mode='clip')", "np.take_along_axis({x}, np.argsort({x}, axis={k}), axis={k})",
    "np.select([{x} > 1, {x} < 0], [{x}, 0], 7)", "np.choose({b} * 1, [{x}, {y}])",
    "np.searchsorted(np.sort({v}), {x})", "np.argsort({x}, axis={k}, kind='stable')", "np.sort({x}, axis=None)",
    "np.where({b}, {x}, {s})", "np.where({x} > {y}, {s}, {s})", "{x}[{x} > 0].mean()",
    "np.argmax({x}, axis={k}, keepdims=True)",
    # Shapes
    "np.rot90({m})", "np.triu({m}, 1)", "np.tril({x})", "np.trace({m})", "np.diag({v})", "np.diag({m}, -1)",
    "np.diagonal({x}, 1)", "np.pad({x}, 1)", "np.pad({x}, 1, mode='edge')", "np.roll({x}, {n}, axis={k})",
    "np.roll({x}, -1)", "np.fliplr({m})", "np.repeat({x}, 2, axis={k})", "np.tile({x}, (2, 1))",
    "np.array_split({v}, 2)[0]", "np.split({x}, [1], axis={k})[1]", "np.append({x}, {s})",
    "np.concatenate([{x}, {x}], axis={k})", "np.stack([{x}, {x}], axis=-1)", "np.column_stack([{v}, {v}])",
    "np.dstack([{x}, {x}])", "np.broadcast_to({v}, (3,) + {v}.shape)", "np.meshgrid({v}, {v})[1]",
    "np.expand_dims({x}, (0, -1))", "{x}.reshape(-1, 1)", "np.reshape({x}, -1, order='F')", "{x}.ravel('K')",
    "{x}.flatten('F')", "np.ascontiguousarray({x})", "np.asfortranarray({x})", "{x}.copy('K')",
    "{x}.astype({d}, order='F')", "np.atleast_3d({x})", "np.ravel_multi_index((1, 1), (3, 4))", "{x}[..., None]",
    "np.zeros_like({x}, dtype={d})", "np.full_like({x}, {s})", "np.linspace(0, {s}, 5)", "np.array([{s}, {s}])",
    "np.array([{v}, {v}])", "np.indices((2, 3))[1]", "np.tri(3, 4, 1)", "np.geomspace(1.0, 8.0, 4)",
    # Products
    "np.einsum('ij->ji', {m})", "np.einsum('ij->i', {m})", "np.einsum('ii->i', {q})",
    "np.einsum('i,j->ij', {v}, {v})", "np.einsum('...i,...i->...', {x}, {y})", "np.einsum('ij,jk', {m}, {m})",
    "np.einsum('ij,j->i', {m}, {v})", "np.inner({x}, {x})", "np.einsum('i,i,i->', {v}, {v}, {v})",
    "np.vdot({v}, {v})", "np.kron({v}, {v})", "np.cross({v}[:3], {v}[:3])", "np.matmul({m}, {v})",
    "np.tensordot({m}, {m}, axes=([0], [0]))", "{m} @ {m}.T", "np.linalg.norm({v})", "{x}.dot({s})",
    "np.multiply.outer({v}, {v})", "np.polyval([1, 2, {s}], {f})",
    # Linear algebra and transforms
    "np.linalg.solve({m} @ {m}.T + 9 * np.eye(len({m})), {m})", "np.linalg.inv({m} @ {m}.T + 9 * np.eye(len({m})))",
    "np.linalg.det({m} @ {m}.T)", "np.linalg.cholesky({m} @ {m}.T + 9 * np.eye(len({m})))",
    "np.linalg.svd({m}, compute_uv=False)", "abs(np.linalg.qr({m})[1])", "np.linalg.eigvalsh({m} @ {m}.T)",
    "np.linalg.eigvals({q})", "np.linalg.slogdet({q})[1]", "np.linalg.matrix_rank({m})", "np.linalg.matrix_power({q}, 3)",
    "np.linalg.norm({m}, 'nuc')", "np.linalg.norm({x}, axis={k})", "np.linalg.norm({m}, 1)", "np.linalg.norm({v}, 3)",
    "np.fft.fft({x}, axis={k})", "np.fft.ifft({e}, 5)", "np.fft.rfft({f}, norm='ortho')", "np.fft.irfft({e}, 6, axis={k})",
    "np.fft.fftn({x})", "np.fft.fftshift({x})", "np.fft.irfft2({m})", "np.fft.fftfreq(7, 0.5)",
)

EFFECTS = (
    "np.add.at({w}, [0, 0, -1], {w}[0])", "np.put({v}, [0, -1], {s})", "np.copyto({x}, {y}, where={b})",
    "np.putmask({x}, {x} > 1, {s})", "np.fill_diagonal({m}, {s})", "{x}.sort(axis={k})", "{x}.fill({s})",
    "{x}.flat = {s}", "{v}[::-1] = {v}", "{x}[...] = {y} + 1", "np.copyto({x}, {s}, casting='unsafe')",
    "np.exp({f}, out={f})", "np.cumsum({f}, axis={k}, out={f})", "{x}.real = {s}", "{m}[[0, -1]] += {s}",
    "{m}[:, 0] = {m}[:, -1]", "{m}[1:] += {m}[:-1]", "{m}.T[...] = {m}", "{v}[{i}] = {s}",
    "np.sum({m}, axis=0, out={v})", "np.clip({x}, 0, 1, out={x})", "np.take({v}, [0, 0], out={v}[:2])",
    "np.minimum({x}, {y}, {x})", "{x}.T[0] *= 2", "{x}.reshape(-1)[::2] = {s}", "np.multiply.at({w}, {i}, {w}[0])",
    "np.subtract({x}, {y}, out={f}, casting='unsafe')",
)
