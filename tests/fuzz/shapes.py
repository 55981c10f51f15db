"""Programs called with arguments of several shapes, so that the version for many shapes is made and used.

Every extent of 2 and more grows by the same number from call to call; layouts stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.comparator import difference, explained, fresh, observe, unjoined
from tests.fuzz.generate import Program
from tests.fuzz.run import define, make_program
from tests.perturb import perturbed_functions

# How much larger than in the program itself the extents are, call by call.
GROWTH = (0, 1, 3, 2, 6, 1, 13, 4)


def resized(x: object, more: int) -> object:
    """An argument like `x` with larger extents, its axes in the same order in memory, with gaps where it has some."""
    if not isinstance(x, np.ndarray) or not more or not x.ndim:
        return x
    shape = tuple(d + more if d >= 2 else d for d in x.shape)
    full = np.resize(x, shape) if x.size else np.zeros(shape, x.dtype)
    if 0 in x.strides and x.size > 1:
        first = tuple(slice(0, 1) if s == 0 else slice(None) for s in x.strides)
        return np.broadcast_to(full[first], shape)
    turned = tuple(slice(None, None, -1 if s < 0 else 1) for s in x.strides)
    if x[turned].flags.c_contiguous or x[turned].flags.f_contiguous:
        out = np.array(full[turned], order="C" if x[turned].flags.c_contiguous else "F")[turned]
    else:
        wide = np.zeros((*shape[:-1], 2 * shape[-1] + 1), x.dtype)
        out = wide[..., 1::2]
        out[...] = full
    if not x.flags.writeable:
        out.flags.writeable = False
    return out


def check_shapes(program: Program, jit: Callable, filename: str = "<fuzz>", joins: bool = False) -> str | None:
    """None if the compiled program agrees with the plain one for every shape."""
    plain = define(program.source, filename)
    compiled = jit(define(program.source, filename))
    for more in GROWTH:
        make = fresh([resized(x, more) for x in program.arguments])
        want, got = observe(plain, make), observe(compiled, make)
        if joins:
            got.result = unjoined(got.result, want.result)
        problem = difference(got, want)
        if problem is not None:
            variants = [observe(f, make) for f in perturbed_functions(program.source, "f", {"np": np})]
            problem = explained(got, want, variants)
        if problem is not None:
            return f"extents + {more}: {problem}"
    program.features["shapes: served by one version" if compiled.versions < len(set(GROWTH)) else "shapes: compiled apart"] += 1
    return None


def check_shapes_seed(seed: int, jit: Callable, control: bool = False) -> tuple[str | None, Program]:
    program = make_program(seed, control)
    return check_shapes(program, jit, f"<fuzz {seed}>", control), program
