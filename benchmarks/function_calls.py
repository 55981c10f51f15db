"""The calls that `functions.py` measures, by the kinds of dtype they take: b truths, i integers, u unsigned, f real, c complex.

x and y are vectors of 10^6 elements, m and n matrices of 1000 by 1000, a and b of 300 by 300; k is a permutation of the positions
in x, i are positions below 1000, t truths, 10^6 of each.
"""

from __future__ import annotations

CALLS = {
    "biufc": """
        np.sum(x)
        np.sum(m, axis=0)
        np.sum(m, axis=1)
        np.prod(m, axis=0)
        np.mean(x)
        np.mean(m, axis=0)
        np.max(x)
        np.max(m, axis=0)
        np.max(m, axis=1)
        np.min(x)
        np.any(x)
        np.all(x)
        np.any(m, axis=0)
        np.all(m, axis=1)
        np.argmax(x)
        np.argmin(m, axis=0)
        np.argmax(m, axis=1)
        np.count_nonzero(x)
        np.count_nonzero(m, axis=0)
        np.cumsum(x)
        np.cumsum(m, axis=0)
        np.cumprod(m, axis=1)
        np.diff(x) if x.dtype != bool else x[1:] ^ x[:-1]
        np.sort(x)
        np.sort(m, axis=0)
        np.sort(m, axis=1)
        np.sort(x, kind='stable')
        np.argsort(x)
        np.argsort(m, axis=0)
        np.argsort(x, kind='stable')
        np.partition(x, 1000)
        np.argpartition(x, 1000)
        np.unique(x)
        np.unique(x, return_inverse=True)[1]
        np.searchsorted(np.sort(x[:1000]), y)
        np.isin(x, y[:1000])
        np.isin(x, y)
        np.intersect1d(x, y)
        np.union1d(x, y)
        np.setdiff1d(x, y[:1000])
        np.array_equal(x, y)
        np.array_equal(x, x.copy())
        np.where(t, x, y)
        np.choose(i % 2, [x, y])
        np.select([t], [x], 0)
        np.nonzero(x)[0]
        np.flatnonzero(t & (x == x))
        x[t]
        x[k]
        x[i]
        m[i[:1000]]
        m[:, i[:1000]]
        x[::-1].copy()
        x[::2] + x[1::2]
        np.take(x, k)
        np.take(m, i[:1000], axis=1)
        np.take_along_axis(m, i.reshape(1000, 1000), 1)
        np.compress(t, x)
        np.extract(t, x)
        x[k] = y; x
        x[t] = 1; x
        x[10:-10] = y[20:]; x
        m[:, 3] = 0; m
        np.put(x, k, y); x
        np.putmask(x, t, y); x
        np.copyto(x, y, where=t); x
        np.place(x, t, y[:7]); x
        m.T.copy()
        m.T.ravel()
        m.T + n
        m.ravel() * 2
        m.astype(m.dtype)
        x.astype(np.float64) if x.dtype.kind != 'c' else x.astype(np.complex128)
        x.astype(np.float32) if x.dtype.kind != 'c' else x.astype(np.complex64)
        x.astype(bool)
        x.copy()
        np.concatenate([x, y])
        np.concatenate([m, n], axis=1)
        np.stack([x, y], axis=1)
        np.vstack([m, n])
        np.tile(x, 2)
        np.repeat(x, 2)
        np.repeat(m, 2, axis=1)
        np.roll(x, 5)
        np.roll(m, 5, axis=1)
        np.flip(m, 1).copy()
        np.rot90(m).copy()
        np.pad(m, 3)
        np.pad(m, 3, mode='edge')
        np.pad(m, 3, mode='wrap')
        np.tril(m)
        np.triu(m)
        np.diag(m).copy()
        np.trace(m)
        np.delete(x, 5)
        np.insert(x, 5, 1)
        np.append(x, y)
        np.full_like(x, 3)
        np.zeros_like(x)
        np.broadcast_to(m[0], (1000, 1000)).copy()
        np.moveaxis(m.reshape(100, 10, 1000), 0, 2).copy()
        m.reshape(100, 10, 10, 100).transpose(0, 2, 1, 3).copy()
        np.outer(m[0], n[0])
        np.dot(x, y)
        np.vdot(x, y)
        a @ b
        a @ b[0]
        np.inner(a, b)
        np.einsum('ij,jk->ik', a, b)
        np.einsum('ij,ij->i', m, n)
        np.tensordot(a, b, 1)
        np.kron(a[:30, :30], b[:30, :30])
        np.convolve(x, y[:5])
        np.convolve(x, y[:100])
        np.correlate(x, y[:5])
        np.lexsort((x, y))
        np.trim_zeros(x)
        np.roots(x[:5]) if x.dtype.kind in 'fc' and x.dtype.char != 'e' else x[:5].copy()
    """,
    "iufc": """
        x + 1
        x - y
        x * 2
        x * y
        x / y
        x / 3
        x ** 2
        x ** 3
        -x
        abs(x)
        x == 3
        x != y
        x += y; x
        x *= 1; x
        np.var(x)
        np.std(m, axis=0)
        np.average(x, weights=y)
        np.cov(m[:50])
        np.corrcoef(m[:50])
        np.gradient(x)
        np.ediff1d(x)
        np.trapezoid(x)
        np.polyval([1, 2, 3], x)
        np.vander(x[:100000], 5)
        np.cross(m[:, :3], n[:, :3])
        np.nansum(x)
        np.nanmean(x)
        np.nan_to_num(x)
        np.isclose(x, y)
        np.allclose(x, y)
        np.round(x)
        np.around(x, 2)
        np.sinc(x)
        np.real(x).copy()
        np.angle(x)
        np.linalg.norm(x)
        np.linalg.norm(m, axis=1)
        np.linalg.norm(m, 1)
        np.interp(y, np.arange(1000) / 1000, np.arange(1000.0)) if x.dtype.kind != 'c' else x.copy()
    """,
    "iuf": """
        x // y
        x % y
        x // 3
        x % 7
        np.divmod(x, 5)[0]
        x < y
        np.clip(x, 2, 50)
        np.clip(x, y, y)
        np.maximum(x, 3)
        np.ptp(x)
        np.median(x)
        np.median(m, axis=0)
        np.percentile(x, 30)
        np.percentile(m, [10, 90], axis=1)
        np.quantile(x, 0.3)
        np.histogram(x, 100)[0]
        np.histogram(x, bins=np.linspace(0, 100, 51))[0]
        np.digitize(x, np.linspace(0, 100, 51))
        np.fmax.reduce(m, axis=1)
        np.fmin.reduce(m, axis=0)
        np.nanmax(x)
        np.nanmin(m, axis=1)
        np.nanmax(m, axis=0)
        np.nanargmax(x)
        np.nanstd(x)
        np.heaviside(x, 0.5)
        np.unwrap(x)
        np.sign(x)
        np.histogram2d(x, y, 20)[0]
        np.i0(x)
    """,
    "iu": """
        x & y
        x << 2
        x >> 1
        ~x
        np.bincount(x) if x.dtype.char != 'L' else x.copy()
        np.bincount(i)
        np.bincount(i, weights=x)
        np.bitwise_count(x)
        np.gcd(x, y)
        np.lcm(x, 12)
        np.unravel_index(i, (10, 100))[0]
        np.ravel_multi_index((i, i), (1000, 1000))
        np.add.at(m[0], i, 1); m
    """,
    "u": """
        np.packbits(x.astype(np.uint8))
        np.unpackbits(x.astype(np.uint8))
    """,
    "b": """
        x & y
        x | y
        ~x
        x ^ y
        np.packbits(x)
        np.packbits(m, axis=0)
        np.packbits(x, bitorder='little')
        np.logical_and.reduce(m, axis=0)
        np.logical_or.reduce(m, axis=1)
        np.argwhere(m)
        np.where(m)[0]
        x.sum()
    """,
    "f": """
        np.isnan(x).any()
        np.isfinite(x).all()
        np.nanmedian(x)
        np.nanpercentile(x, 30)
        np.nancumsum(x)
        np.nanprod(x)
        np.nanvar(m, axis=0)
        np.modf(x)[0]
        np.frexp(x)[0]
        np.ldexp(x, 3)
        x ** 0.5
        x ** 2.5
        x ** y
        2.0 ** x
        np.exp(x) * np.sin(x)
        np.spacing(x)
        np.nextafter(x, y)
        np.trunc(x)
        np.fix(x)
        np.logaddexp(x, y)
        np.hypot(x, y)
        np.arctan2(x, y)
        np.float_power(x, 2)
    """,
    "fc": """
        np.fft.fft(x)
        np.fft.ifft(m)
        np.fft.fft2(m)
        np.fft.fftn(m.reshape(100, 100, 100))
        np.fft.fftshift(m)
        np.linalg.inv(a) if a.dtype.char != 'e' else a.copy()
        np.linalg.solve(a, b) if a.dtype.char != 'e' else a.copy()
        np.linalg.det(a) if a.dtype.char != 'e' else a.copy()
    """,
    "c": """
        np.abs(x)
        np.conj(x)
        np.imag(x).copy()
        x.real + x.imag
        x * 2j
        x * y + 1
        x / y
        np.exp(x)
        np.sqrt(x)
        np.log(x)
        np.angle(x)
        np.maximum.reduce(m, axis=0)
        np.fft.irfft(x)
        np.fft.hfft(x)
    """}

# The ufunc F on the matrix x.
UFUNC_METHODS = {
    "reduce all": "F.reduce(x.ravel())",
    "reduce 0": "F.reduce(x, axis=0)",
    "reduce 1": "F.reduce(x, axis=1)",
    "accumulate 0": "F.accumulate(x, axis=0)",
    "accumulate 1": "F.accumulate(x, axis=1)",
    "outer": "F.outer(x[0], x[1])",
    "at": "z = x[0].copy(); F.at(z, np.arange(100000) % 1000, x[1, 0]); z",
    "reduceat": "F.reduceat(x, np.arange(0, 1000, 10), axis=1)"}
