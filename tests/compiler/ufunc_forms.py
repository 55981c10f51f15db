"""Every form in which a ufunc can be called, over every dtype: the calls that tests and the audit compare with NumPy.

`forms(ufunc)` gives calls as (text, operands): the text is a Python expression over the operands' names.  `compare` runs a
list of them compiled, in one function, and names those that differ from NumPy; calls that NumPy refuses run one by one.

    python -m tests.compiler.ufunc_forms [ufunc ...]      the whole product, with what differs
"""

from __future__ import annotations

import itertools
import linecache
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import treadle as td

from tests.comparator import bits_equal, difference, explained, fresh, observe
from tests.perturb import perturbed_functions

UFUNCS: dict[str, np.ufunc] = dict(sorted({f.__name__: f for f in vars(np).values() if isinstance(f, np.ufunc)}.items()))
DTYPES = ("?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c8", "c16")
REFUSED = ("g", "G", "O", "M8[s]", "m8[s]")
SPECIAL = (0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 0.5)


class Call(NamedTuple):
    text: str
    operands: dict[str, Any]

    def __str__(self) -> str:
        return self.text + "  # " + ", ".join(
            f"{k}: {v.dtype.str[1:]}{v.shape}" if isinstance(v, np.ndarray | np.generic) else f"{k}: {v!r}"
            for k, v in self.operands.items())


def draw(dtype: str, shape: tuple[int, ...], seed: int, plain: bool = False) -> np.ndarray:
    """Values of every kind: small and large, with the special ones of floats."""
    rng, d = np.random.default_rng(seed), np.dtype(dtype)
    n = int(np.prod(shape))
    if d.kind == "b":
        return (rng.random(n) < 0.5).reshape(shape)
    if d.kind in "iu":
        x = rng.integers(0 if d.kind == "u" else -9, 10, n).astype(d)
        if n > 8 and not plain:
            x[:4] = np.iinfo(d).min, np.iinfo(d).max, 0, 1
        return x.reshape(shape)
    x = rng.normal(size=n) * 2
    if d.kind == "c":
        x = x + 1j * rng.normal(size=n)
    x = x.astype(d)
    if n > len(SPECIAL) and not plain:
        x[:len(SPECIAL)] = rng.permutation(SPECIAL) if d.kind == "f" else rng.permutation(SPECIAL) + 1j
    return x.reshape(shape)


def operands(u: np.ufunc, dtypes: Sequence[str], shape: tuple[int, ...] = (3, 7), plain: bool = False) -> dict[str, Any]:
    """x, or x and y."""
    found = {n: draw(d, shape, k, plain) for k, (n, d) in enumerate(zip("xy", dtypes))}
    if u in (np.power, np.float_power, np.left_shift, np.right_shift, np.ldexp) and found["y"].dtype.kind in "iu":
        found["y"] = np.minimum(np.abs(draw(dtypes[1], shape, 1, plain=True)), 7).astype(dtypes[1])
    return found


def _results(u: np.ufunc, found: dict[str, Any]) -> list[np.ndarray] | None:
    try:
        with np.errstate(all="ignore"):
            r = u(*found.values())
    except (TypeError, ValueError):
        return None
    return [np.asarray(e) for e in (r if isinstance(r, tuple) else (r,))]


def elementwise(name: str, dtypes: Sequence[str]) -> Iterator[Call]:
    """Calls with positional operands, out=, where=, dtype=, casting=, order=, signature=."""
    u = UFUNCS[name]
    f, given = f"np.{name}", operands(u, dtypes)
    a = ", ".join(given)
    yield Call(f"{f}({a})", given)
    results = _results(u, given)
    if results is None:
        return
    outs = {f"o{k}": np.full_like(r, 1) for k, r in enumerate(results)}
    names = ", ".join(outs)
    yield Call(f"{f}({a}, out=({names},))", {**given, **outs})
    yield Call(f"{f}({a}, {names})", {**given, **outs})
    mask = {"m": draw("?", (3, 7), 5)}
    yield Call(f"{f}({a}, out=({names},), where=m)", {**given, **outs, **mask})
    if u.nout == 1:
        wide = {"o0": np.zeros((3, 7), "c16" if results[0].dtype.kind == "c" else "f8")}
        yield Call(f"{f}({a}, out=o0)", {**given, **wide})
        yield Call(f"{f}({a}, out=o0, casting='unsafe')", {**given, "o0": np.zeros((2, 3, 7), "i4")})
        yield Call(f"{f}({a}, out=o0, casting='same_kind')", {**given, "o0": np.zeros((3, 7), "f4")})
        yield Call(f"{f}({a}, out=o0, casting='no')", {**given, "o0": np.zeros((3, 7), "f8")})
        for d in ("f4", "f8", "i8"):
            yield Call(f"{f}({a}, dtype='{d}')", given)
            yield Call(f"{f}({a}, dtype='{d}', casting='unsafe')", {k: v[1:] for k, v in given.items()})
    kinds = results[0].dtype.char
    yield Call(f"{f}({a}, order='F')", given)
    yield Call(f"{f}({a}, subok=False)", {k: np.asfortranarray(v) for k, v in given.items()})
    yield Call(f"{f}({a}, signature='{''.join(v.dtype.char for v in given.values())}->{kinds * u.nout}')", given)
    yield Call(f"{f}({', '.join(n + '[1, 2]' for n in given)})", given)
    yield Call(f"{f}({', '.join(n + '.tolist()' for n in given)})", {k: v[2, 3:] for k, v in given.items()})
    yield Call(f"{f}({', '.join(n + '[0]' for n in given)}, where=m)[m]", {**given, "m": np.ones(7, bool)})


def scalars(name: str) -> Iterator[Call]:
    """Python numbers, alone and beside arrays."""
    u = UFUNCS[name]
    f = f"np.{name}"
    for s in (True, 3, 0.5, 1 + 2j):
        if u.nin == 1:
            yield Call(f"{f}(s)", {"s": s})
            continue
        yield Call(f"{f}(s, t)", {"s": s, "t": s})
        for d in ("i1", "u8", "f2", "f4", "c8"):
            x = operands(u, (d, d), plain=True)["x"]
            yield Call(f"{f}(x, s)", {"x": x, "s": s})
            yield Call(f"{f}(x, {s!r})", {"x": x})


def methods(name: str, dtype: str) -> Iterator[Call]:
    """reduce, accumulate, reduceat, outer, at."""
    u = UFUNCS[name]
    f, x = f"np.{name}", operands(u, (dtype, dtype), (3, 4, 2), plain=True)["x"]
    if u.nin == 1:
        yield Call(f"{f}.at(x, [0, 2, 0])", {"x": x})
        return
    one = {"x": x}
    mask = {**one, "m": draw("?", (3, 4, 2), 5)}
    yield from (Call(f"{f}.reduce({t})", one) for t in (
        "x", "x, axis=1", "x, axis=-1", "x, axis=None", "x, axis=(0, 2)", "x, 1, keepdims=True", "x, initial=2", "x[:, :0], 1",
        "x[:0], 1", "x[:, :1], axis=1", "x[0, 0, 0]", "x.tolist()", "x.T, axis=0", "x, axis=()", "x, axis=5"))
    yield from (Call(f"{f}.reduce({t})", mask) for t in ("x, 1, where=m", "x, axis=1, where=m, initial=1"))
    r = _one(lambda: u.reduce(x, axis=1))
    yield from (Call(f"{f}.reduce(x, 1, dtype='{d}')", one) for d in ("f4", "i8"))
    if r is not None:
        yield Call(f"{f}.reduce(x, 1, out=o)", {**one, "o": np.zeros_like(r)})
        yield Call(f"{f}.reduce(x, 1, None, o)", {**one, "o": np.zeros(r.shape, "f8")})
    yield from (Call(f"{f}.accumulate({t})", one) for t in ("x", "x, axis=1", "x, 2", "x[:0]", "x.T", "x[0, 0, 0]", "x.tolist()"))
    yield from (Call(f"{f}.accumulate(x, 1, dtype='{d}')", one) for d in ("f4", "i8"))
    yield from (Call(f"{f}.reduceat({t})", one) for t in (
        "x, [0, 2]", "x, [0, 2, 1, 3], axis=1", "x, np.array([1, 0]), 2", "x, [0, 9]", "x, [], 1", "x, [1, 1], 1"))
    yield Call(f"{f}.outer(x, y)", {"x": x[0, 0], "y": x[0]})
    yield Call(f"{f}.outer(x[0, 0, 0], x[0])", one)
    yield Call(f"{f}.outer(x[0].tolist(), x[0, 0])", one)
    pair = {"x": x.copy(), "y": operands(u, (dtype, dtype), (3, 4, 2), plain=True)["y"]}
    yield from (Call(t.replace("at", f"{f}.at"), pair) for t in (
        "at(x, [0, 2, 0], y)", "at(x, (0, [1, 1, 2]), y[:, 0])", "at(x, 1, y[0])", "at(x, slice(None, 2), y[0])"))


def _one(call: Any) -> Any:
    try:
        with np.errstate(all="ignore"):
            return call()
    except (TypeError, ValueError):
        return None


def program(calls: Sequence[Call], label: str) -> tuple[str, Any]:
    """The source of, and, a function that makes all the calls: f(case 0's operands, case 1's, ...) -> list."""
    lines = ["import numpy as np", ""]
    for k, c in enumerate(calls):
        lines += [f"def run{k}({', '.join(c.operands)}):", f"    return {c.text}", ""]
    lines += ["def f(*cases):", "    return [" + ", ".join(f"run{k}(*cases[{k}])" for k in range(len(calls))) + "]"]
    source, file = "\n".join(lines) + "\n", f"<forms {label}>"
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)
    scope: dict[str, Any] = {"__name__": "forms"}
    exec(compile(source, file, "exec"), scope)
    return source, scope["f"]


def compare(calls: Sequence[Call], label: str, messages: bool = False) -> list[str]:
    """What differs from NumPy, in words."""
    good, problems = [], []
    for k, c in enumerate(calls):
        source, f = program([c], f"{label} {k}")
        want = observe(f, fresh((tuple(c.operands.values()),)))
        if want.error is None:
            good.append(c)
            continue
        got = observe(td.jit(f), fresh((tuple(c.operands.values()),)))
        if got.error is None or got.error[0] != want.error[0] or (messages and got.error[1] != want.error[1]):
            problems.append(f"{c}: {'returned' if got.error is None else got.error}, NumPy {want.error}")
    return problems + _compare_values(good, label)


def _compare_values(calls: Sequence[Call], label: str) -> list[str]:
    """Halves the calls until the ones that differ stand alone."""
    if not calls:
        return []
    source, f = program(calls, label)
    make = fresh(tuple(tuple(c.operands.values()) for c in calls))
    want, got = observe(f, make), observe(td.jit(f), make)
    found = difference(got, want)
    if found is None:
        return []
    if len(calls) > 1 and got.error is not None:
        half = len(calls) // 2
        return _compare_values(calls[:half], label) + _compare_values(calls[half:], label)
    if len(calls) > 1:
        bad = [c for c, g, w, ga, wa in zip(calls, got.result, want.result, got.arguments, want.arguments)
               if _differs(g, w) or _differs(ga, wa)]
        return [p for c in bad or calls for p in _compare_values([c], label)]
    runs = [observe(g, make) for g in perturbed_functions(source, "f", {"np": np})]
    if got.error is None and (explained(got, want, runs) is None or _close(calls[0], got.result[0], want.result[0])):
        return []
    return [f"{calls[0]}: {found[:300]}"]


def _close(call: Call, got: Any, want: Any) -> bool:
    """Where `out` is wider than what was computed: are these equal as results of the narrower dtype?"""
    narrow = min((v.dtype for v in call.operands.values() if isinstance(v, np.ndarray)), key=lambda d: d.itemsize)
    unit = np.finfo(np.float32 if narrow.itemsize > 1 else np.float16).eps if narrow != np.dtype("f8") else 0.0
    return "out=" in call.text and want.dtype.kind in "fc" and want.dtype == got.dtype and bool(
        np.allclose(got, want, rtol=8 * unit, atol=0, equal_nan=True))


def _differs(g: Any, w: Any) -> bool:
    if isinstance(w, list | tuple):
        return type(g) is not type(w) or len(g) != len(w) or any(map(_differs, g, w))
    if isinstance(w, np.ndarray) and isinstance(g, np.ndarray):
        return g.dtype != w.dtype or g.shape != w.shape or g.strides != w.strides or not bits_equal(g, w)
    return type(g) is not type(w) or not bits_equal(g, w)


def audit(names: Sequence[str]) -> None:
    for name in names:
        u = UFUNCS[name]
        if u.signature is not None:
            continue
        groups: dict[str, list[Call]] = {"scalars": list(scalars(name))}
        for k, d in enumerate(DTYPES):
            others = {d, "f8", DTYPES[(k + 5) % len(DTYPES)]} if u.nin == 2 else {""}
            groups[f"call {d}"] = list(itertools.chain(*(elementwise(name, (d, o) if o else (d,)) for o in sorted(others))))
            groups[f"methods {d}"] = list(methods(name, d))
        for label, calls in groups.items():
            for problem in compare(calls, f"{name} {label}", messages="--messages" in sys.argv):
                print(problem, flush=True)
        print("#", name, sum(map(len, groups.values())), "calls", flush=True)


if __name__ == "__main__":
    audit([a for a in sys.argv[1:] if not a.startswith("-")] or list(UFUNCS))
