"""`jit`: a function that is compiled for the arguments it is called with.

A `Jitted` keeps one `Version` per signature of a call and per outcome of its guards.  A call first tries the versions used
last, each with a matcher made for it (`matchers.py`); then looks its signature up; then compiles.  While another function is
being traced, a jitted one is simply part of it.
"""

from __future__ import annotations

import functools
import inspect
import sys
import threading
from collections.abc import Callable, Hashable, Iterable
from types import MethodType
from typing import Any

from ..ir.errors import AssumptionError, CompilationError, UnsupportedError, VerificationError
from ..ir.generators import set_state, state_of, using
from ..runtime import calls, records
from ..runtime.engine import CodeError
from ..runtime.native_class import NativeCalls, calls_natively
from ..runtime.sizes import fits
from . import extent_programs, hooks, tracer
from .assumptions import largest_rooms, revised, rooms
from .config import FLAGS, config
from .executable import Executable, Overlap
from .lowered import Lowered
from .matchers import Matcher, is_of_extents, matcher
from .native_results import from_arguments, native_result
from .pipeline import Options, build
from .raising import trim
from .replay import Log, recording
from .results import NewArray
from .shape_families import FEW_SHAPES, Family, Pattern, extents, general_key
from .signature import Static, signature
from .sources import Argument, Call, Extent
from .trace import trace
from .traced import Traced
from .tracer import Shapes

# The versions whose matchers a call tries before it makes its signature; and how many one function keeps.
RECENT = 4
MOST_VERSIONS = 512
for _flag in FLAGS.values():
    if _flag.changes_code or _flag.name == "disable":
        config.watch(_flag.name, lambda value: calls.renew())

# What run-time extents must not lead to where one shape alone compiles: it is the compiler's fault, and hidden only from users.
_FAULTS = (VerificationError, CompilationError, CodeError, AssertionError, KeyError, AttributeError, TypeError)
# After so many versions of one signature, Python numbers among the arguments are no longer specialised on.
MOST_SPECIALISED = 8


class Version:
    """One compiled form of a function."""

    __slots__ = ("arguments", "code_key", "count", "direct", "executable", "guarded", "in_order", "matches_arguments", "only",
                 "traced")

    def __init__(self, traced: Traced, executable: Executable, accepts: Matcher | None,
                 arguments: records.Arguments | None = None) -> None:
        """arguments: of calls without Python code in front, if there may be any."""
        self.traced, self.executable, self.matches_arguments = traced, executable, accepts
        self.arguments = arguments
        self.code_key, self.guarded = config.code_key, bool(traced.guards)
        # Shortcuts: the parameters are just the first arguments, in order; the result is just one new array.
        given = [s for s in traced.inputs if type(s) is not Extent]
        self.count = len(given)
        keywords = arguments.keywords if arguments is not None else ()
        positional = arguments.count - len(keywords) if arguments is not None else self.count
        places: list[int | str | None] = [*range(positional), *keywords]
        self.in_order = [s.key if type(s) is Argument else None for s in given] == places[:self.count]
        self.direct = self.in_order and all(type(k) is int for k in places[:self.count])
        self.only = traced.result.output if isinstance(traced.result, NewArray) and not traced.effects else None

    def run(self, call: Call) -> Any:
        if self.traced.generators is not None:
            generators = [s.read(call) for s in self.traced.generators]
            saved = [state_of(g) for g in generators] if self.executable.assumes else []
            try:
                with using(generators):
                    return self._run(call)
            except AssumptionError:
                for g, state in zip(generators, saved, strict=True):
                    set_state(g, state)
                raise
        return self._run(call)

    def _run(self, call: Call) -> Any:
        values = call.args[:self.count] if self.direct else self.traced.bind(call)
        outputs = self.executable.run(values)
        return self.traced.finish(outputs, call) if self.only is None else outputs[self.only]

    @property
    def native(self) -> calls.Version | None:
        """How `runtime.calls` runs it, if the native code is all there is to run."""
        if self.arguments is None or not self.in_order or self.executable.entry is None or self.traced.generators is not None:
            return None
        new = self.executable.new_outputs
        result, scalars = native_result(self.traced, new)
        if result == calls.FINISHED and len(new) < len(self.traced.function.outputs):
            return None
        guard = self.may_run if self.guarded or self.executable.may_meet else None
        known = from_arguments(self.traced)
        finish = self.finish if known is None else self._finishing(known)
        return calls.Version(self.executable.entry, self.arguments, result, scalars, finish, guard)

    def _finishing(self, result: Callable[[tuple], Any]) -> Callable[..., Any]:
        """`finish` where the arguments give the result."""
        def finish(outputs: Any, *args: Any) -> Any:
            if type(outputs) is bytes:
                raise self.executable.error(outputs)
            return result(args)

        return finish

    def may_run(self, *args: Any) -> bool:
        """Do the guards hold, and do no arrays meet that must not?"""
        if self.executable.may_meet and self.executable.meet(args[:self.count]):
            return False
        return not self.guarded or self.traced.matches(self._call(args))

    def _call(self, args: tuple) -> Call:
        """A call with these values, those of keywords last."""
        assert self.arguments is not None
        positional = len(args) - len(self.arguments.keywords)
        return Call(args[:positional], dict(zip(self.arguments.keywords, args[positional:], strict=True)), [])

    def finish(self, outputs: Any, *args: Any) -> Any:
        """The result of a call without Python code in front; or the error raised that its record stands for."""
        if type(outputs) is bytes:
            raise self.executable.error(outputs)
        return self.traced.finish(outputs, self._call(args))


@calls_natively
class Jitted(NativeCalls):
    """A function that runs compiled. Called like the function itself; also as a method.

    has_plain_form: without compilation it is simply `function`; a derivative is compiled even then.
    """

    has_plain_form = True

    def __init__(self, function: Callable[..., Any], options: Options, static_argnames: Iterable[str]) -> None:
        functools.update_wrapper(self, function)
        self.function, self.options = function, options
        self._static = Statics(function, static_argnames)
        self._versions: dict[Hashable, list[Version]] = {}
        self._families: dict[Hashable, Family] = {}
        self._recent: tuple[Version, ...] = ()
        self._settings = calls.settings()
        # What was found out about the room that lists need.
        self._rooms: frozenset[tuple] = frozenset()
        self._lock = threading.RLock()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not ((config.disable and self.has_plain_form) or tracer.is_tracing()):
            if self._settings != calls.settings():
                self._remember(*self._recent)
            for version in self._recent:
                if version.code_key is config.code_key and version.matches_arguments(args, kwargs):  # type: ignore[misc]
                    call = Call(args, kwargs, [])
                    if not version.guarded or version.traced.matches(call):
                        return self._run(version, call)
        return self._call(args, kwargs)

    def _call(self, args: tuple, kwargs: dict) -> Any:
        if tracer.is_tracing():
            return hooks.call(self.function, args, kwargs)
        if config.disable and self.has_plain_form:
            return self.function(*args, **kwargs)
        args, kwargs = self._static.mark(args, kwargs)
        key, call = signature(args, kwargs)
        key = (key, config.code_key)
        version = self._find(key, call) or self._find_shaped(key, call)
        if version is None:
            with self._lock:
                version = self._find(key, call) or self._find_shaped(key, call) or self._compile_new(key, call)
        return self._run(version, call)

    def _run(self, version: Version, call: Call) -> Any:
        tried = {version.traced.assumptions}
        log: Log | None = None
        while True:
            try:
                if log is None and not version.executable.assumes:
                    return version.run(call)
                log = log or Log()
                with recording(log):
                    return version.run(call)
            except Overlap:
                # Reads would see what earlier statements wrote through the other array: a version of its own has them united.
                version = self._united(call)
            except AssumptionError as e:
                version = self._assuming(version, call, str(e), tried)

    def _assuming(self, version: Version, call: Call, failed: str, tried: set[frozenset[tuple]]) -> Version:
        """The version that assumes the opposite of what has failed; from now on it is tried first."""
        wanted = largest_rooms(revised(version.traced.assumptions, failed) | self._rooms)
        if wanted in tried:
            raise UnsupportedError(failed, "they are real at one time and complex at another within one call",
                                   "make the matrix complex: a.astype(complex)")
        tried.add(wanted)
        self._outgrown(version, rooms(wanted))
        key, _ = signature(call.args, call.kwargs)
        key = (key, config.code_key)
        with self._lock:
            known = self._versions.get(key, [])
            for other in known:
                same = other.traced.assumptions == wanted and other.traced.unites == version.traced.unites
                if same and other.traced.matches(call):
                    self._versions[key] = [other, *(v for v in known if v is not other)]
                    self._remember(other, *(v for v in self._recent if v is not other))
                    return other
            return self._compile(key, call, wanted)

    def _outgrown(self, version: Version, found: frozenset[tuple]) -> None:
        """From now on the function is compiled with this room; a version for many shapes that has less is forgotten."""
        if found == rooms(version.traced.assumptions):
            return
        with self._lock:
            self._rooms = largest_rooms(self._rooms | found)
            self._remember(*(v for v in self._recent if v is not version))
            for family in self._families.values():
                family.versions = [(p, v) for p, v in family.versions if v is not version]

    def _united(self, call: Call) -> Version:
        """The version for a call whose arrays overlap in memory."""
        key, _ = signature(call.args, call.kwargs)
        key = (key, config.code_key)
        with self._lock:
            for version in self._versions.get(key, ()):
                if version.traced.unites and version.traced.matches(call):
                    return version
            return self._compile(key, call)

    def _find(self, key: Hashable, call: Call) -> Version | None:
        for version in self._versions.get(key, ()):
            if version.traced.matches(call):
                return version
        return None

    def _find_shaped(self, key: Hashable, call: Call) -> Version | None:
        """A version for many shapes that serves this one."""
        family = self._families.get(general_key(key, call)) if self._families else None
        if family is None or not family.versions:
            return None
        at_hand = extents(call)
        for pattern, version in family.versions:
            if pattern.accepts(at_hand) and version.traced.matches(call):
                return version
        return None

    def _compile_new(self, key: Hashable, call: Call) -> Version:
        """The version for a call that none serves: for its shape, or for many if the function has met several."""
        if config.shapes == "never":
            return self._compile(key, call)
        family = self._families.setdefault(general_key(key, call), Family())
        at_hand = extents(call)
        family.note(at_hand, call.args)
        wanted = family.pattern(at_hand, 1 if config.shapes == "always" else FEW_SHAPES)
        if wanted is None:
            return self._compile(key, call)
        try:
            shaped, problem = self._compile_shaped(family, wanted, call), None
        except Exception as e:
            # Whether it is an error of the program is shown by the version for this shape alone.
            shaped, problem = None, e
        if shaped is not None:
            return shaped
        version = self._compile(key, call)
        if config.shapes == "always" and isinstance(problem, _FAULTS):
            raise problem
        family.failures += 1  # what run-time extents prevented
        return version

    def _compile_shaped(self, family: Family, wanted: Pattern, call: Call) -> Version | None:
        """A version for many shapes; None where tracing or code generation needs their numbers."""
        numbers = wanted.by_array(call)
        try:
            traced = self._trace_shaped(call, Shapes(numbers), family.numbers_differ)
            if not traced.symbols:
                family.learn(wanted, wanted.with_symbols(traced.symbols))
                return None
            executable = Executable(traced.function, build(traced.function, self.options), traced.shapes, traced.inputs)
        except UnsupportedError:
            return None
        used = wanted.with_symbols(traced.symbols)
        family.learn(wanted, used)
        own = [g for g in traced.guards if is_of_extents(g)]
        by_array = used.by_array(call)
        accepts = matcher(call.args, call.kwargs, by_array, own) if not self._static.names else None
        holds = extent_programs.of_guards(own, extent_programs.position_of_argument)
        as_native = accepts is not None and not call.kwargs and holds is not None and fits(holds)
        described = records.described(call.args, by_array, holds) if as_native else None
        version = Version(traced, executable, accepts, described)
        version.guarded = len(own) < len(traced.guards)
        family.versions.insert(0, (used, version))
        if accepts is not None:
            self._remember(version, *self._recent)
        return version

    def _trace_shaped(self, call: Call, shapes: Shapes, run_time_scalars: bool) -> Traced:
        if run_time_scalars:
            try:
                traced = trace(self.function, call.args, call.kwargs, True, self._rooms, shapes)
                if traced.symbols:
                    return traced
            except UnsupportedError:
                pass  # some number is needed after all
        return trace(self.function, call.args, call.kwargs, assumptions=self._rooms, shapes=shapes)

    def _remember(self, *versions: Version) -> None:
        """The versions that calls try first, some of them without any Python code."""
        self._settings = calls.settings()
        self._recent = versions[:RECENT]
        plain = config.disable and self.has_plain_form
        usable = [n for v in self._recent if v.code_key is config.code_key and not plain and (n := v.native) is not None]
        if versions:
            versions[0].executable.calls.install(self, usable)

    @property
    def versions(self) -> int:
        """How many forms of the function have been compiled."""
        return sum(map(len, self._versions.values())) + sum(len(f.versions) for f in self._families.values())

    def _compile(self, key: Hashable, call: Call, assumptions: frozenset[tuple] = frozenset()) -> Version:
        traced, executable = self._build(call, len(self._versions.get(key, ())) >= MOST_SPECIALISED, assumptions)
        accepts = matcher(call.args, call.kwargs) if not self._static.names else None
        described = records.described((*call.args, *call.kwargs.values()), keywords=[*call.kwargs]) if accepts is not None else None
        version = Version(traced, executable, accepts, described)
        if sum(map(len, self._versions.values())) >= MOST_VERSIONS:
            self._versions.pop(next(iter(self._versions)))
        self._versions[key] = [version, *self._versions.get(key, ())]
        if version.matches_arguments is not None:
            self._remember(version, *self._recent)
        return version

    def _build(self, call: Call, run_time_scalars: bool, assumptions: frozenset[tuple]) -> tuple[Traced, Executable]:
        if run_time_scalars:
            try:
                traced = self._trace(call, True, assumptions)
                return traced, Executable(traced.function, build(traced.function, self.options))
            except UnsupportedError:
                pass  # some value is needed after all: one more version for it
        traced = self._trace(call, False, assumptions)
        return traced, Executable(traced.function, build(traced.function, self.options))

    def _trace(self, call: Call, run_time_scalars: bool = False, assumptions: frozenset[tuple] = frozenset()) -> Traced:
        refuse_suspended(self.function)
        try:
            return trace(self.function, call.args, call.kwargs, run_time_scalars, largest_rooms(assumptions | self._rooms))
        except Exception as e:
            raise trim(e) from e.__cause__

    def lower(self, *args: Any, **kwargs: Any) -> Lowered:
        """What this call is compiled to, stage by stage. Nothing is run."""
        args, kwargs = self._static.mark(args, kwargs)
        key, call = signature(args, kwargs)
        return Lowered(self._trace(call), key, self.options)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __repr__(self) -> str:
        return f"<jit of {getattr(self.function, '__qualname__', self.function)!s}>"

    def __reduce__(self) -> Any:
        """By its name, as functions, where a module has it under this name; else what it was made of."""
        name = getattr(self, "__qualname__", "")
        found: Any = sys.modules.get(getattr(self, "__module__", None) or "")
        for part in name.split("."):
            found = getattr(found, part, None)
        if found is self:
            return name
        return jit_with, (self.function, self.options, tuple(self._static.names))


def refuse_suspended(function: Callable[..., Any]) -> None:
    """UnsupportedError for a function whose body does not run to its end in one call."""
    kind = "a generator" if inspect.isgeneratorfunction(function) else \
        "a coroutine" if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function) else None
    if kind is not None:
        raise UnsupportedError(f"{getattr(function, '__qualname__', function)}, which makes {kind}",
                               "a compiled function runs to its end in one call", "return a list of the values")


class Statics:
    """The arguments that count by value, wherever they stand in a call."""

    def __init__(self, function: Callable[..., Any], names: Iterable[str]) -> None:
        self.names = (names,) if isinstance(names, str) else tuple(names)
        self.positions: dict[int, str] = {}
        if not self.names:
            return
        parameters = inspect.signature(function).parameters
        for name in self.names:
            if name not in parameters and not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
                raise ValueError(f"static_argnames: {name!r} is not a parameter of {getattr(function, '__name__', function)}")
        self.positions = {k: n for k, n in enumerate(parameters) if n in self.names}

    def mark(self, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        """The call's arguments with the static ones wrapped."""
        if not self.names:
            return args, kwargs
        args = tuple(self._wrap(self.positions[k], a) if k in self.positions else a for k, a in enumerate(args))
        return args, {n: self._wrap(n, v) if n in self.names else v for n, v in kwargs.items()}

    def _wrap(self, name: str, value: Any) -> Static:
        try:
            hash(value)
        except TypeError:
            raise TypeError(f"the static argument {name} must be hashable, got a {type(value).__name__}") from None
        return Static(value)


def jit(f: Callable[..., Any] | None = None, *, target: str | None = None, boundscheck: bool = True,
        static_argnames: str | Iterable[str] = ()) -> Any:
    """Compile `f` when it is called; also `@jit(boundscheck=False)`.

    target: "cpu", or None for where the arguments are.  boundscheck=False drops the checks of array indices: an index out
    of range is then undefined.  static_argnames: parameters whose values, not types, select what is compiled.

        @treadle.jit
        def step(x, y):
            return np.tanh(x) + y
    """
    options = Options(target, boundscheck)
    if f is None:
        return functools.partial(jit_with, options=options, static_argnames=static_argnames)
    return jit_with(f, options, static_argnames)


def jit_with(f: Callable[..., Any], options: Options, static_argnames: str | Iterable[str] = ()) -> Any:
    """`f` compiled with these options; static and class methods stay what they are."""
    if isinstance(f, (staticmethod, classmethod)):
        return type(f)(jit_with(f.__func__, options, static_argnames))
    if isinstance(f, Jitted):
        f = f.function
    if not callable(f):
        raise TypeError(f"jit takes a function, not a {type(f).__name__}")
    return Jitted(f, options, static_argnames)
