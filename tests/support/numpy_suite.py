"""Runs NumPy's own tests with its functions compiled:

    python -m tests.support.numpy_suite test_numeric [more modules] [-- pytest options]
    python -m tests.support.numpy_suite --page [--results=FOLDER] [modules]      writes docs/conformance.md

(All modules take half an hour; what some gave is kept in FOLDER, if there is one, and the page is written of all that lies there.)

A test module's `np`, the functions and ufuncs it has imported from NumPy, and those that its tests get as parameters are replaced
by ones that call `td.jit` of the function whenever an argument holds numbers and none holds what has no compiled form (objects,
texts, records, dates, subclasses, long doubles).  A call that is refused by name runs as NumPy does, and is counted.

Compiled code gives no warnings of floating-point arithmetic and heeds no `np.errstate`.  So that tests which expect these go on to
compare values, NumPy's function is called before, on copies, for its warnings and FloatingPointErrors alone.
"""

from __future__ import annotations

import copy
import functools
import json
import re
import subprocess
import sys
import tempfile
import types
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import treadle as td

from tests.support.conformance import MODULES, PAGE, Run, explanation, page, run_of

REFUSED: Counter[str] = Counter()
COMPILED: Counter[str] = Counter()
FOLDERS = ("numpy._core.tests", "numpy.lib.tests", "numpy.linalg.tests", "numpy.fft.tests", "numpy.polynomial.tests",
           "numpy.random.tests")
# What tests compare with, and what makes no array or reads no values.
KEPT = {"array", "asarray", "asanyarray", "errstate", "testing", "zeros", "ones", "empty", "arange", "full"}
SUBMODULES = ("linalg", "fft")
UFUNC_METHODS = ("reduce", "accumulate", "reduceat", "outer", "at")
NUMBERS = (bool, int, float, complex)


def _leaves(x: Any) -> Iterator[Any]:
    if type(x) in (list, tuple):
        for e in x:
            yield from _leaves(e)
    elif type(x) is dict:
        yield from _leaves([*x.values()])
    else:
        yield x


def _is_numeric(x: Any) -> bool:
    return isinstance(x, np.ndarray | np.generic) and x.dtype.kind in "biufc" and x.dtype.isnative and \
        x.dtype.char not in "gG" and (type(x) is np.ndarray or isinstance(x, np.generic))


def _compilable(args: tuple, kwargs: Mapping[str, Any]) -> bool:
    """Is there a numeric array or scalar, or a list of numbers first, and nothing else that holds elements?"""
    given = [*_leaves([args, dict(kwargs)])]
    if any(isinstance(x, np.ndarray | np.generic | str | bytes) and not _is_numeric(x) for x in _leaves([args, kwargs.get("out")])):
        return False
    listed = bool(args) and type(args[0]) in (list, tuple) and all(isinstance(x, NUMBERS) for x in _leaves(args[0]))
    return listed or any(map(_is_numeric, given))


def _warn(f: Callable[..., Any], args: tuple, kwargs: Mapping[str, Any]) -> None:
    """NumPy's warnings and floating-point errors for this call, unless copies would fill the memory."""
    if any(isinstance(x, np.ndarray) and x.size > 2**22 for x in _leaves([args, kwargs])):
        return
    args, kwargs = copy.deepcopy((args, kwargs))
    try:
        f(*args, **kwargs)
    except FloatingPointError:
        raise
    except Exception:
        return  # of errors, compiled code has its own


def compiled(f: Callable[..., Any], name: str) -> Callable[..., Any]:
    """`f`, compiled where it gets numbers."""
    jitted = td.jit(lambda *args, **kwargs: f(*args, **kwargs))

    @functools.wraps(f)
    def function(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = tuple(map(_original, args)), {k: _original(v) for k, v in kwargs.items()}
        if not _compilable(args, kwargs):
            return f(*args, **kwargs)
        _warn(f, args, kwargs)
        try:
            result = jitted(*args, **kwargs)
        except td.errors.UnsupportedError:
            REFUSED[name] += 1
            return f(*args, **kwargs)
        COMPILED[name] += 1
        return result

    return function


class Ufunc:
    """A ufunc, its calls and methods compiled; otherwise itself."""

    def __init__(self, ufunc: np.ufunc) -> None:
        self.original = ufunc
        self._call = compiled(ufunc, ufunc.__name__)
        for name in UFUNC_METHODS:
            setattr(self, name, compiled(getattr(ufunc, name), f"{ufunc.__name__}.{name}"))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._call(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.original, name)

    def __repr__(self) -> str:
        return repr(self.original)

    def __hash__(self) -> int:
        return hash(self.original)

    def __eq__(self, other: object) -> bool:
        return self.original is _original(other)


def _original(x: Any) -> Any:
    return x.original if isinstance(x, Ufunc) else x


class Namespace(types.ModuleType):
    """A module of NumPy, its functions compiled."""

    def __init__(self, module: types.ModuleType) -> None:
        super().__init__(module.__name__)
        self._module = module

    def __getattr__(self, name: str) -> Any:
        found = replacement(getattr(self._module, name), name)
        setattr(self, name, found)
        return found


REPLACED: dict[int, Any] = {}


def replacement(x: Any, name: str) -> Any:
    """What tests get in the place of `x`: itself, if it is no function of NumPy's."""
    if x is np or (isinstance(x, types.ModuleType) and (name in SUBMODULES or x in (np.linalg, np.fft, np._core.umath))):
        return Namespace(x)
    if type(x) in (list, tuple) and any(map(replaceable, x)):
        return type(x)(replacement(e, "") for e in x)
    if not replaceable(x):
        return x
    if id(x) not in REPLACED:
        REPLACED[id(x)] = Ufunc(x) if isinstance(x, np.ufunc) else compiled(x, x.__name__)
    return REPLACED[id(x)]


def replaceable(x: Any) -> bool:
    if isinstance(x, np.ufunc):
        return getattr(np, x.__name__, getattr(np.linalg, x.__name__, None)) is x
    if not isinstance(x, type(np.sum) | types.BuiltinFunctionType | types.FunctionType):
        return False
    name = getattr(x, "__name__", "")
    return name not in KEPT and any(getattr(home, name, None) is x for home in (np, np.linalg, np.fft))


class Plugin:
    """Replaces what the collected modules know as NumPy, and notes what becomes of each test."""

    def __init__(self, plain: bool) -> None:
        self.plain = plain
        self.outcomes: dict[str, list[str]] = {}

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        if self.plain:
            return
        for module in {i.module for i in items if hasattr(i, "module")}:
            classes = [c for c in vars(module).values() if isinstance(c, type) and c.__module__ == module.__name__]
            for holder in (module, *classes):
                for name, value in list(vars(holder).items()):
                    if not name.startswith("__") and (found := replacement(value, name)) is not value:
                        setattr(holder, name, found)
        for item in items:
            if hasattr(item, "callspec"):
                item.callspec.params.update({k: replacement(v, "") for k, v in item.callspec.params.items()})

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "call" or report.outcome != "passed":
            crash = getattr(report.longrepr, "reprcrash", None)
            self.outcomes[report.nodeid] = [report.outcome, crash.message if crash else str(report.longrepr or "")]


def _modules(name: str) -> list[str]:
    """The test modules of this name: NumPy has some twice."""
    every = [f"{folder}.{name}" for folder in FOLDERS if find_spec(folder)]
    found = [name] if "." in name else list(filter(find_spec, every))
    if not found:
        raise SystemExit(f"NumPy has no tests {name}")
    return found


def run(modules: list[str], options: list[str], plain: bool) -> dict[str, list[str]]:
    """What becomes of each test of the modules."""
    plugin = Plugin(plain)
    fixed = ["-q", "-p", "no:cacheprovider", "--no-header", "--import-mode=prepend"]
    pytest.main(["--pyargs", *modules, *fixed, *options], plugins=[plugin])
    return plugin.outcomes


def _apart(module: str, *flags: str) -> dict[str, Any]:
    """A run in a process of its own."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        subprocess.run([sys.executable, "-m", "tests.support.numpy_suite", module, f"--json={file.name}", *flags, "--", "--tb=no"],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        text = Path(file.name).read_text()
    return json.loads(text) if text else {"outcomes": {}, "compiled": 0, "refused": {}}


def write_page(names: list[str], results: Path) -> None:
    """Run these modules, keep what they gave in `results`, and write the page of all that lies there."""
    for module in [m for n in names for m in _modules(n)]:
        run = run_of(module, _apart(module, "--plain"), _apart(module))
        (results / f"{module}.json").write_text(json.dumps(run))
        differing = {n: m[:150] for n, m in run.failed.items() if explanation(n, m) is None}
        print(module, run.passed, len(run.failed), differing, flush=True)
    order = [m for n in MODULES for m in _modules(n)]
    found = [results / f"{m}.json" for m in order]
    PAGE.write_text(page([Run(*json.loads(f.read_text())) for f in found if f.exists()]))


def main(arguments: list[str]) -> None:
    split = arguments.index("--") if "--" in arguments else len(arguments)
    flags = [a for a in arguments[:split] if a.startswith("--")]
    names = [a for a in arguments[:split] if not a.startswith("--")]
    if "--page" in flags:
        folder = next((f.partition("=")[2] for f in flags if f.startswith("--results=")), None)
        with tempfile.TemporaryDirectory() as made:
            write_page(names or ([] if folder else list(MODULES)), Path(folder or made))
        return
    outcomes = run([m for n in names for m in _modules(n)], arguments[split + 1:], "--plain" in flags)
    for flag in flags:
        if found := re.match("--json=(.*)", flag):
            Path(found[1]).write_text(json.dumps({"outcomes": outcomes, "compiled": COMPILED.total(), "refused": dict(REFUSED)}))
    print("calls compiled:", COMPILED.total(), "of", len(COMPILED), "functions")
    print("calls refused:", REFUSED.total(), dict(REFUSED.most_common(40)))


if __name__ == "__main__":
    main(sys.argv[1:])
