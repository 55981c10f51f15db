"""SciPy's special functions for compiled code: the inner loops of its ufuncs, called on contiguous strips.

A ufunc is a C object that begins as NumPy's public header `ufuncobject.h` says; from it come the loop for given operand types
and the data that the loop takes.  The loops need no GIL.
"""

from __future__ import annotations

import numpy as np
import scipy

from .engine import CodeError
from .gufuncs import UfuncObject


def _loop(letters: str, name: str) -> tuple[int, int]:
    """The addresses of the ufunc's loop over these operand types, and of its data."""
    found = getattr(scipy.special, name, None)
    ufunc = found if isinstance(found, np.ufunc) else getattr(scipy.special._ufuncs, f"_{name}", None)
    wanted = f"{letters}->{letters[0]}"
    if ufunc is None or wanted not in ufunc.types:
        raise CodeError(f"scipy.special has no {name} over {wanted}")
    head = UfuncObject.from_address(id(ufunc))
    if (head.nin, head.nout) != (ufunc.nin, ufunc.nout):
        raise CodeError("this NumPy's ufuncs are laid out in an unknown way")
    k = ufunc.types.index(wanted)
    return head.functions[k] or 0, head.data[k] or 0


def routine(name: str) -> tuple[str, dict[str, int]]:
    """The LLVM text of `treadle_special_<letters>_<function>`, and the symbols that it uses."""
    _, letters, function = name.split("_", 2)
    address, data = _loop(letters, function)
    size, count = np.dtype(letters[0]).itemsize, len(letters) + 1
    pointers = ", ".join(f"ptr %p{k}" for k in range(count))
    offsets = ", ".join(f"i64 %o{k}" for k in range(count))
    lines = [f"define i64 @treadle_{name}({pointers}, {offsets}, i64 %n) {{", f"%args = alloca [{count} x ptr]",
             f"%steps = alloca [{count} x i64]", "%n_at = alloca i64", "store i64 %n, ptr %n_at"]
    for k in range(count):
        lines += [f"%b{k} = mul i64 %o{k}, {size}", f"%a{k} = getelementptr i8, ptr %p{k}, i64 %b{k}",
                  f"%x{k} = getelementptr ptr, ptr %args, i64 {k}", f"store ptr %a{k}, ptr %x{k}",
                  f"%s{k} = getelementptr i64, ptr %steps, i64 {k}", f"store i64 {size}, ptr %s{k}"]
    lines += [f"call void @loop_{name}(ptr %args, ptr %n_at, ptr %steps, ptr inttoptr (i64 {data} to ptr))", "ret i64 0", "}"]
    return f"declare void @loop_{name}(ptr, ptr, ptr, ptr)\n" + "\n  ".join(lines) + "\n", {f"loop_{name}": address}
