"""NumPy's functions over traced arrays, one file per family; importing this package fills the dispatch table.

A function here is composed from the primitives listed at the head of `dispatch.py` and from ops; it has NumPy's own
signature, and raises what NumPy raises.
"""

from . import creation, everyday, fft, joining, linalg, manipulation, products, reductions, selection, ufunc_methods

__all__ = ["creation", "everyday", "fft", "joining", "linalg", "manipulation", "products", "reductions", "selection",
           "ufunc_methods"]
