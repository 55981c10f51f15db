"""Calls beside those of the support table: ufuncs, linear algebra, transforms, scipy.special, writes, views, `out=`, `where=`.

Lines as `surface.define` reads them: statements and an expression over `x` of shape (4, 6) and weights `w` of shape (6,).
"""

from __future__ import annotations

UFUNCS = r"""
np.sin(x)+np.cos(x)*np.tan(x*0.5)
np.arcsin(x*0.4)
np.arccos(x*0.4)
np.arctan(x)
np.sinh(x)
np.cosh(x)
np.tanh(x)
np.arcsinh(x)
np.arctanh(x*0.4)
np.exp(x)
np.expm1(x)
np.exp2(x)
np.square(x)
np.reciprocal(x+3)
np.sqrt(x*x+1)
np.conjugate(x)
np.negative(x)
np.positive(x)
np.absolute(x)
x+w
x-w
x*w
x/w
w/(x+3)
x*x.conj()
x**2
x**3
x**-2
(x*x+1)**0.5
(x*x+1)**x
2.0**x
x**0
np.add(x,x.T[:4,:4].repeat(2,1)[:,:6])
np.multiply.outer(w,x[0])
np.subtract.outer(x[0],x[1])
np.add.reduce(x,axis=1)
np.add.reduceat(x,[0,2],axis=1)
np.multiply.reduce(x,axis=0)
np.multiply.reduceat(x,[0,3,1],axis=1)
np.add.accumulate(x,axis=0)
np.multiply.accumulate(x,axis=1)
np.subtract.reduce(x,axis=0)
np.divide.accumulate(x+3,axis=0)
np.add(x,1,where=w>1,out=x*2)
np.multiply(x,x,where=(x.real>0),out=np.zeros_like(x))
np.exp(x,out=np.empty_like(x))
y=np.empty_like(x); np.sin(x,out=y); y*y
y=x.copy(); np.multiply(y[1:],y[:-1],out=y[1:]); y
np.sum(x,axis=0,out=np.empty(6,x.dtype))
np.sum(x,where=w>0.8)
np.prod(x,where=w>0.8,axis=1)
np.mean(x,axis=1,where=w>0.8)
np.var(x,axis=0,where=x.real>-1,ddof=0)
np.sum(x,axis=1,initial=3.0)
np.real(x)*np.imag(x)
np.angle(x+3)
np.abs(x)**3
""".strip().splitlines()

REAL_UFUNCS = r"""
np.arccosh(np.abs(x)+1.5)
np.cbrt(x)
np.log(np.abs(x))
np.log2(np.abs(x))
np.log10(np.abs(x))
np.log1p(np.abs(x))
np.sqrt(np.abs(x))
np.fabs(x)
np.deg2rad(x)
np.rad2deg(x)
np.degrees(x)+np.radians(x)
np.sign(x)*x
np.floor(x)*x
np.ceil(x)*x
np.trunc(x)*x
np.rint(x)*x
np.modf(x)
np.frexp(x)
np.ldexp(x,3)
np.divmod(x,0.7)
np.remainder(x,w)
np.remainder(w,x)
np.fmod(x,0.7)
np.fmod(w,x)
np.floor_divide(x,0.3)*x
np.copysign(x,w)
np.copysign(w,x)
np.heaviside(x,0.5)*x
np.hypot(x,w)
np.arctan2(x,w)
np.arctan2(w,x)
np.logaddexp(x,w)
np.logaddexp2(x,w)
np.maximum(x,w)
np.minimum(x,0.5)
np.fmax(x,w)
np.fmin(x,w)
np.maximum.reduce(x,axis=1)
np.minimum.accumulate(x,axis=1)
np.maximum.accumulate(x,axis=0)
np.maximum.reduceat(x,[0,2],axis=1)
np.hypot.reduce(x,axis=1)
np.logaddexp.reduce(x,axis=0)
np.logaddexp.accumulate(x,axis=1)
np.power(np.abs(x),w)
np.power(w,x)
np.float_power(np.abs(x),1.5)
np.sinc(x)
np.i0(x)
np.nan_to_num(x)
np.clip(x,-0.5,w)
np.max(x,where=w>0.8,initial=-9)
np.nancumsum(np.where(x>0,x,np.nan),1)
np.nanmax(np.where(x>-1,x,np.nan))
np.nanmean(np.where(x>-1,x,np.nan),0)
np.nanprod(np.where(x>-1,x,np.nan))
x.max(0)-x.min(1)[0]
np.partition(x,2,axis=1)[:,2]
np.sort(x,axis=None)*np.arange(24)
np.lexsort((x[0],))*x[0]
x[np.argsort(x[:,0])]
np.take_along_axis(x,np.argsort(-x,1)[:,:2],1)
np.median(x)*np.percentile(x,33)
np.quantile(x,w/2,axis=1)
np.percentile(x,[20,60],axis=0,method="midpoint")
np.nanquantile(np.where(x>-1,x,np.nan),0.3,axis=1)
np.unique(x)
x[x>0].sum()
x[x>0]*2
x[np.nonzero(x>0)]
np.sum(x[1:][x[1:]>0.5]**2)
np.extract(x>0,x)
np.compress(w>1,x,axis=1)
np.where(x>0,np.sqrt(np.abs(x)),x)
np.interp(x,np.array([-2.,0,1,2]),np.array([3.,1,5,2]))
np.interp(w,np.linspace(0,2,6),x[0])
np.interp(w,np.cumsum(np.abs(x[0])),x[1])
np.histogram(x[0],bins=3,range=(0,2),weights=x[1])
np.bincount(np.array([0,1,1,3,0,2]),weights=x[0])
np.unwrap(x*4,axis=1)
np.gradient(x,np.arange(4.)**2,axis=0)
np.piecewise(x,[x<0,x>=1],[lambda v:v*v,lambda v:v**3,5])
np.select([x>1,x>0],[x*x,np.sin(x)],np.exp(x))
np.std(x)+np.std(x,axis=1,ddof=1)
np.ptp(x,axis=0)
np.apply_along_axis(lambda v:v/v.max(),1,x)
""".strip().splitlines()

PLACES = r"""
x[0]
x[-1,2]
x[1:3,::2]
x[::-1,::-2]
x[...,1]
x[:,None,2:4]
x[[0,2,0]]
x[[0,2],[1,5]]
x[:,[1,1,4]]
x[[[0],[2]],[1,5]]
x[1:,[0,3]][:,::-1]
x[np.array([True,False,True,True])]
x[w>0.8] if False else x[:,w>0.8]
x[np.array([0,3])][None]
y=x.copy(); y[1:-1]+=y[2:]*0.5; y
y=x.copy(); y[:,0]=y[:,1]*2; y
y=x.copy(); y[[0,0,2]]=x[[1,2,3]]; y
y=x.copy(); y[[0,0,2]]+=x[[1,2,3]]; y
y=x.copy(); y[:,[1,3]]*=w[:2]; y
y=x.copy(); np.add.at(y,[0,0,2],x[[1,2,3]]); y
y=x.copy(); np.multiply.at(y,([0,0],[1,1]),x[0,:2]); y
y=x.copy(); y[y.real>0]=3; y
y=x.copy(); y[y.real>0]*=2; y
y=x.copy(); y[y.real>0]=x[0,0]; y
y=x.copy(); v=y[::2]; v*=v; y
y=x.copy(); v=y.T; v[1:]-=v[:-1]; y
y=x.copy(); v=y.reshape(-1); v[3:9]=v[0:6]*2; y
y=x.copy(); y.flat[2:5]=7; y
y=x.copy(); y.ravel()[::5]+=1; y*y
y=np.zeros(6,x.dtype); y[:]=x[0]; y[2]+=x[1,1]; y
y=x.copy(); y.fill(x[0,0]); y
y=x.copy(); np.fill_diagonal(y,x[1,1]); y
y=x.copy(); np.put(y,[0,5],x[0,:2]); y
y=x.copy(); np.place(y,w>0.8,x[0,:2]) if False else np.copyto(y,x[0],where=w>0.8); y
y=x.copy(); np.putmask(y,x.real>0,x*2); y
y=x.copy(); np.put_along_axis(y,np.array([[1],[0],[2],[3]]),x[:,:1],axis=1); y
y=x.copy(); y.sort(axis=0) if y.dtype.kind=="f" else None; y
x*=2; x[0]
x[1:]=x[:-1]; x
x[0]+=x[1]; x.sum(0)
y=[x[i]*(i+1) for i in range(4)]; sum(y)
y=x.copy(); [y[i].__iadd__(y[i-1]) for i in range(1,4)]; y
y=x*1; y+=w; y*=y; y/=w; y
a,b=np.split(x,2); a*b
np.diagonal(x)*2
np.einsum("ij->ji",x)[1:]
np.lib.stride_tricks.sliding_window_view(x,3,axis=1).sum(-1)
np.broadcast_to(x[0],(3,6))*w
np.roll(x,-2,1)*w
np.roll(x,[1,2],[0,1])
np.rot90(x)
np.pad(x,((1,0),(2,1)),mode="edge")
np.pad(x,1,mode="wrap")
np.pad(x,2,mode="symmetric")
np.pad(x,2,mode="reflect",reflect_type="odd")
np.pad(x,2,mode="linear_ramp")
np.pad(x,2,mode="mean")
np.tile(x,(2,1))
np.repeat(x,[1,2,0,1],axis=0)
np.insert(x,1,x[0],axis=0)
np.delete(x,1,axis=1)
np.take(x,[0,-1,9],axis=1,mode="wrap")
np.choose([0,1,0,1,0,1],[x,x*x])
np.triu(x)+np.tril(x,-1)*2
np.meshgrid(x[0],x[1])
np.linspace(x[0,0],x[1,1],5)
np.geomspace(x[0,0]**2+1,9,4)
np.logspace(0,x[0,0],4)
np.block([[x,x*2],[x*x,x]])
np.stack([x,x*x],-1)
np.concatenate([x[0],x[:,1]])
np.array([[x[0,0],x[1,1]],[1.0,x[2,2]]])
np.full((2,2),x[0,0])*x[:2,:2]
np.asarray(x.tolist())*1.0
np.kron(x[:2,:2],x)
np.convolve(x[0],x[1],"same")
np.correlate(x[0],x[1,:3],"full")
np.polyval(x[0],x[1])
np.polyfit(np.arange(6.),x[0],2)
np.vander(x[0],4)
np.trapezoid(x,np.arange(6.)**2)
np.cross(x[:,:3],x[:,3:])
np.diff(x,2,axis=1)
np.cumprod(x,axis=None)
np.gradient(x)
np.cov(x)
np.average(x,weights=w,axis=1)
np.outer(x[0],x[1])
np.moveaxis(x.reshape(2,2,6),0,-1)
np.ix_([0,1],[1,2]) and x[np.ix_([0,1],[1,2])]
""".strip().splitlines()

# A square matrix, a positive definite one, and a stack.
LINALG = [call.replace("SPD", "(x@x.conj().T+2*np.eye(4))").replace("STACK", "np.stack([x[:,:4],x[:,2:]+np.eye(4)])").replace(
    "SQ", "(x[:,:4]+3*np.eye(4))") for call in r"""
x@x.T
x[0]@x.T@x
np.matmul(STACK,STACK)
np.matmul(STACK,x)
np.dot(x[0],x[1])
np.dot(STACK,x)
np.vdot(x,x*x)
np.inner(x,x[:2])
np.tensordot(STACK,x,([1],[0]))
np.einsum("ij,kj,j->ik",x,x,w)
np.einsum("ii->i",SQ)
np.einsum("aij,ajk->ik",STACK,STACK)
np.einsum("i,i,i",x[0],x[0],x[1])
np.linalg.multi_dot([x,x.T,x])
np.linalg.matrix_power(SQ,3)
np.linalg.matrix_power(SQ,-2)
np.linalg.solve(SQ,x)
np.linalg.solve(SQ,x[:,0])
np.linalg.solve(STACK+2*np.eye(4),x)
np.linalg.inv(SQ)
np.linalg.inv(STACK+2*np.eye(4))
np.linalg.det(SQ)
np.linalg.det(STACK)
np.linalg.slogdet(SQ)
np.linalg.cholesky(SPD)
np.linalg.cholesky(SPD,upper=True)
np.linalg.qr(x.T)
np.linalg.qr(x.T,"r")
np.linalg.svd(x,compute_uv=False)
np.linalg.svdvals(x)
U,s,V=np.linalg.svd(x,full_matrices=False); (U*s)@V
U,s,V=np.linalg.svd(x,full_matrices=False); np.abs(U)*s
np.linalg.eigvalsh(SPD)
np.linalg.eigh(SPD)[0]
v,Q=np.linalg.eigh(SPD); Q@np.diag(np.sqrt(v))@Q.conj().T
v,Q=np.linalg.eigh(SPD,UPLO="U"); np.abs(Q)
np.sum(np.linalg.eigvals(SQ)**2)
np.linalg.pinv(x)
np.linalg.lstsq(x.T,x[0])[0]
np.linalg.norm(x)
np.linalg.norm(x,axis=1)
np.linalg.norm(x,1)
np.linalg.norm(x,np.inf)
np.linalg.norm(x,2)
np.linalg.norm(x,"nuc")
np.linalg.norm(x[0],3)
np.linalg.norm(x,-np.inf,axis=0)
np.linalg.vector_norm(x,axis=1)
np.linalg.matrix_norm(x)
np.linalg.cond(x)
np.linalg.cond(SQ,1)
np.linalg.trace(SQ)
np.linalg.outer(x[0],w)
np.linalg.cross(x[:,:3],x[:,3:])
np.linalg.tensorsolve(SQ,x[:,0])
np.linalg.tensorinv((x.T@x+np.eye(6)).reshape(6,2,3),ind=1)
np.linalg.diagonal(SQ)
np.linalg.matrix_transpose(x)
np.linalg.vecdot(x,x*x)
np.trace(np.linalg.inv(SPD)@SPD@SPD)
""".strip().splitlines()]

FFT = r"""
np.fft.fft(x)
np.fft.fft(x,4,axis=0)
np.fft.fft(x,9,norm="ortho")
np.fft.ifft(x,norm="forward")
np.fft.fft2(x)
np.fft.ifft2(x)
np.fft.fftn(x,s=(3,8),axes=(0,1))
np.fft.ifftn(x)
np.fft.fftshift(np.fft.fft(x))
np.fft.ifftshift(x)
np.fft.irfft(x)
np.fft.irfft(x,7,axis=1)
np.fft.irfft2(x)
np.fft.hfft(x)
np.abs(np.fft.fft(x))**2
np.fft.ifft(np.fft.fft(x)*np.fft.fft(x,axis=1)).real
""".strip().splitlines()

REAL_FFT = r"""
np.fft.rfft(x)
np.fft.rfft(x,5,axis=0,norm="ortho")
np.fft.rfft2(x)
np.fft.rfftn(x)
np.fft.ihfft(x)
np.fft.irfft(np.fft.rfft(x)**2)
np.fft.irfft(np.fft.rfft(x,9),9)
""".strip().splitlines()

SPECIAL = r"""
sp.erf(x)
sp.erfc(x)
sp.erfcx(x)
sp.erfi(x)
sp.erfinv(x*0.4)
sp.erfcinv(1+x*0.4)
sp.dawsn(x)
sp.gamma(np.abs(x)+0.5)
sp.gammaln(np.abs(x)+0.5)
sp.loggamma(np.abs(x)+0.5)
sp.rgamma(np.abs(x)+0.5)
sp.digamma(np.abs(x)+0.5)
sp.psi(np.abs(x)+0.5)
sp.polygamma(1,np.abs(x)+0.5)
sp.beta(np.abs(x),w)
sp.betaln(w,np.abs(x))
sp.betainc(2.0,3.0,np.abs(x)*0.4)
sp.gammainc(2.0,np.abs(x))
sp.gammaincc(w,np.abs(x))
sp.binom(3.5,np.abs(x))
sp.poch(np.abs(x),1.5)
sp.expit(x)
sp.logit(np.abs(x)*0.4)
sp.log_expit(x)
sp.softplus(x) if hasattr(sp,"softplus") else np.logaddexp(0,x)
sp.log_ndtr(x)
sp.ndtr(x)
sp.ndtri(np.abs(x)*0.4)
sp.entr(np.abs(x))
sp.rel_entr(np.abs(x),w)
sp.kl_div(np.abs(x),w)
sp.xlogy(np.abs(x),w)
sp.xlogy(w,np.abs(x))
sp.xlog1py(x,w)
sp.xlog1py(w,np.abs(x))
sp.exprel(x)
sp.expm1(x)
sp.cosm1(x)
sp.exp10(x)
sp.exp1(np.abs(x))
sp.expi(np.abs(x))
sp.expn(2,np.abs(x))
sp.spence(np.abs(x))
sp.zeta(np.abs(x)+1.5,2.0)
sp.zeta(2.5,np.abs(x)+0.5)
sp.i0(x)
sp.i0e(np.abs(x))
sp.i1(x)
sp.i1e(np.abs(x))
sp.iv(1.5,np.abs(x))
sp.ive(1.5,np.abs(x))
sp.j0(x)
sp.j1(x)
sp.jv(1.5,np.abs(x))
sp.jn(2,np.abs(x)) if hasattr(sp,"jn") else sp.jv(2,np.abs(x))
sp.y0(np.abs(x))
sp.y1(np.abs(x))
sp.yn(2,np.abs(x))
sp.yv(0.5,np.abs(x))
sp.k0(np.abs(x))
sp.k0e(np.abs(x))
sp.k1(np.abs(x))
sp.k1e(np.abs(x))
sp.kn(2,np.abs(x))
sp.kv(0.5,np.abs(x))
sp.kve(0.5,np.abs(x))
sp.ellipk(np.abs(x)*0.4)
sp.ellipe(np.abs(x)*0.4)
sp.huber(1.0,x)
sp.pseudo_huber(1.0,x)
sp.boxcox(np.abs(x),0.5)
sp.boxcox1p(np.abs(x),0.5)
sp.inv_boxcox(np.abs(x),0.5)
sp.inv_boxcox1p(np.abs(x),0.5)
sp.softmax(x,axis=1)
sp.log_softmax(x,axis=0)
sp.logsumexp(x,axis=1)
sp.logsumexp(x,b=w)
sp.chdtr(3.0,np.abs(x))
sp.chdtrc(3.0,np.abs(x))
sp.pdtr(2.0,np.abs(x))
sp.stdtr(3.0,x)
sp.fdtr(2.0,3.0,np.abs(x))
sp.multigammaln(np.abs(x)+2,2)
sp.gammaincinv(2.0,np.abs(x)*0.4)
sp.betaincinv(2.0,3.0,np.abs(x)*0.4)
sp.stdtrit(3.0,np.abs(x)*0.4)
sp.gammainccinv(2.0,np.abs(x)*0.4)
sp.chdtri(3.0,np.abs(x)*0.4)
sp.comb(5.5,np.abs(x))
sp.factorial(np.abs(x))
""".strip().splitlines()

# Called on complex numbers as well.
COMPLEX = [*UFUNCS, *PLACES, *LINALG, *FFT]
REAL = [*COMPLEX, *REAL_UFUNCS, *REAL_FFT, *SPECIAL]
