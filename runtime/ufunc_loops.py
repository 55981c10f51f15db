"""The loops of NumPy's own ufuncs for compiled code: `treadle_ufunc_<type>_<name>`, around a loop's address.

A loop is a C function over strided memory that needs no GIL.  NumPy reduces with one by a step of 0 for the state and the
result; `ir.loops.Call` says how the routine is called.  Loops that may raise (whole powers of negative exponent) must not be
given what they raise for.
"""

from __future__ import annotations

import numpy as np

from .blas import element
from .engine import CodeError
from .gufuncs import UfuncObject


def _loop(letter: str, name: str) -> tuple[int, int]:
    """The addresses of the ufunc's loop over this type, and of its data."""
    ufunc = getattr(np, name, None)
    wanted = f"{letter}{letter}->{letter}"
    if not isinstance(ufunc, np.ufunc) or wanted not in ufunc.types:
        raise CodeError(f"numpy has no {name} over {wanted}")
    head = UfuncObject.from_address(id(ufunc))
    if (head.nin, head.nout) != (ufunc.nin, ufunc.nout):
        raise CodeError("this NumPy's ufuncs are laid out in an unknown way")
    k = ufunc.types.index(wanted)
    return head.functions[k] or 0, head.data[k] or 0 if head.data else 0


def routine(name: str) -> tuple[str, dict[str, int]]:
    """The LLVM text of `treadle_ufunc_<type>_<name>`, and the symbols that it uses."""
    _, letter, function = name.split("_", 2)
    address, data = _loop(letter, function)
    size = np.dtype(letter).itemsize // (2 if letter in "FDG" else 1)
    every = range(3)
    parameters = [*(f"ptr %b{k}" for k in every), *(f"i64 %o{k}" for k in every), "i64 %n", *(f"i64 %s{k}" for k in every)]
    lines = ["%args = alloca [3 x ptr]", "%steps = alloca [3 x i64]", "%count = alloca i64", "store i64 %n, ptr %count"]
    for k in every:
        lines += [element(f"p{k}", f"%b{k}", f"%o{k}", size), f"%a{k} = getelementptr ptr, ptr %args, i64 {k}",
                  f"store ptr %p{k}, ptr %a{k}", f"%t{k} = mul i64 %s{k}, {size}",
                  f"%w{k} = getelementptr i64, ptr %steps, i64 {k}", f"store i64 %t{k}, ptr %w{k}"]
    lines += [f"call void @loop_{name}(ptr %args, ptr %count, ptr %steps, ptr inttoptr (i64 {data} to ptr))", "ret i64 0"]
    body = "\n  ".join(lines)
    text = f"define i64 @treadle_{name}({', '.join(parameters)}) {{\n  {body}\n}}\n"
    return f"declare void @loop_{name}(ptr, ptr, ptr, ptr)\n{text}", {f"loop_{name}": address}
