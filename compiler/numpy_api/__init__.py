"""NumPy's functions over traced arrays, one file per family; importing this package fills the dispatch table.

A function here is composed from the primitives listed at the head of `dispatch.py` and from ops; it has NumPy's own
signature, and raises what NumPy raises.
"""

from . import (
    containers,
    correlation,
    counting,
    creation,
    data_sizes,
    everyday,
    fft,
    gradients,
    joining,
    lanes,
    linalg,
    manipulation,
    ordering,
    polynomials,
    products,
    quantiles,
    reductions,
    reinterpretation,
    searching,
    selection,
    special,
    special_calls,
    ufunc_methods,
    vector_products,
)

__all__ = [
    "containers",
    "correlation",
    "counting",
    "creation",
    "data_sizes",
    "everyday",
    "fft",
    "gradients",
    "joining",
    "lanes",
    "linalg",
    "manipulation",
    "ordering",
    "polynomials",
    "products",
    "quantiles",
    "reductions",
    "reinterpretation",
    "searching",
    "selection",
    "special",
    "special_calls",
    "ufunc_methods",
    "vector_products",
]
