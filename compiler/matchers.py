"""Fast tests whether a call's arguments have the signature of a compiled version.

`matcher(args)` writes, as Python source, the few comparisons that suffice when all arguments are plain arrays and Python
numbers, and compiles it: about half a microsecond for one array.  It accepts only calls that `signature` would give the
same key; other arguments have no matcher.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Matcher = Callable[[tuple], bool]

# NPY_ARRAY_ALIGNED | NPY_ARRAY_WRITEABLE
_FLAGS = 0x100 | 0x400
MOST_ARGUMENTS = 16


def matcher(args: tuple) -> Matcher | None:
    """A function that tells whether other arguments have the same signature as these, or None."""
    if len(args) > MOST_ARGUMENTS or not all(type(a) in (np.ndarray, int, float, bool, complex) for a in args):
        return None
    arrays = [k for k, a in enumerate(args) if type(a) is np.ndarray]
    if len({id(args[k]) for k in arrays}) < len(arrays):
        return None
    names: dict[str, Any] = {"ndarray": np.ndarray}
    tests = [t for k, a in enumerate(args) for t in _tests(k, a, names)]
    # The same array given twice is another signature.
    tests += [f"a{j} is not a{k}" for n, k in enumerate(arrays) for j in arrays[:n] if args[j].shape == args[k].shape]
    unpack = "".join(f"a{k}, " for k in range(len(args)))
    lines = ["def accepts(args):", f"    if len(args) != {len(args)}:", "        return False"]
    if args:
        lines.append(f"    {unpack}= args")
    lines.append(f"    return {' and '.join(tests) or 'True'}")
    exec(compile("\n".join(lines), "<signature>", "exec"), names)
    return names["accepts"]


def _tests(k: int, a: Any, names: dict[str, Any]) -> list[str]:
    if type(a) is np.ndarray:
        names |= {f"dtype{k}": a.dtype, f"shape{k}": a.shape, f"strides{k}": a.strides}
        return [f"a{k}.__class__ is ndarray", f"a{k}.shape == shape{k}", f"a{k}.dtype is dtype{k}",
                f"a{k}.strides == strides{k}", f"a{k}.flags.num & {_FLAGS} == {a.flags.num & _FLAGS}"]
    names[f"class{k}"] = type(a)
    tests = [f"a{k}.__class__ is class{k}"]
    if type(a) is int:
        tests.append(f"{-2**63} <= a{k} < {2**63}" if -2**63 <= a < 2**63 else f"a{k} == {a}")
    return tests
