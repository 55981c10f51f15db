"""The state of one trace: the block being built, storages, inputs, guards and decisions; one current trace per thread.

Everything that traced objects do ends in `emit`, which inserts an op with the user's line.  Start with `Trace`.
"""

from __future__ import annotations

import itertools
import operator
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, FunctionType, TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from ..ir.builder import Builder
from ..ir.errors import UnsupportedError
from ..ir.graph import Block, Value
from ..ir.loc import Loc
from ..ir.types import Type
from ..runtime import calls
from .forms import Facts
from .known import Known, KnownResult, ValueGuard
from .sources import Call, Source
from .traced import Guard

if TYPE_CHECKING:
    from .arrays import TracedArray
    from .contents import Snapshot
    from .views import Storage, View

_PACKAGE = Path(__file__).parent.parent
# Frames of these files are never "the user's line".
_INTERNAL = tuple(str(_PACKAGE / name) for name in ("compiler", "ir", "passes")) + (
    str(Path(np.__file__).parent), "<frozen", "<__array_function__")
# Below the frames of this file are those of the compiled function's caller.
_ENTRY = str(Path("compiler") / "trace.py")

MOST_UNROLLED = 1000


class Restart(BaseException):
    """Trace again from the start with one more decision; if that leads to what has no compiled form, with `otherwise` instead."""

    def __init__(self, decision: tuple, otherwise: tuple | None = None) -> None:
        super().__init__(repr(decision))
        self.decision, self.otherwise = decision, otherwise


@dataclass(frozen=True, slots=True)
class Container:
    """A caller's list or dict, the copy that the function works on, and what the copy held at first."""

    original: Any
    twin: Any
    source: Source
    before: Any


@dataclass(frozen=True, slots=True)
class Shapes:
    """Which extents of a call's arrays are run-time values: `numbers` has per array, by its id, one number or None per axis;
    axes of one number have one extent."""

    numbers: Mapping[int, tuple[int | None, ...]]


@dataclass(frozen=True, slots=True)
class Twin:
    """A traced array that stands for one of the caller's, with the view it had at first."""

    array: TracedArray
    view: View
    source: Source


@dataclass(slots=True)
class StagedLoop:
    """A loop whose body is being traced. trips: their number, if it is known; most: what it cannot exceed. widened: the body
    sees a constant that begins the loop in the type that later trips give it."""

    place: str
    body: Block
    trips: int | None
    widened: bool = False
    most: int | None = None


class TracingBuilder(Builder):
    """Sees to it that extents which follow from run-time extents of arguments are at least 2: a guard, or they are numbers.

    So no rule has to ask whether such an extent is 1, which would be repeated, or 0.
    """

    def __init__(self, block: Block, facts: Facts, guard: Callable[[Guard], None]) -> None:
        super().__init__(block)
        self._facts, self._guard = facts, guard
        self._checked: set[Value] = set()

    def emit(self, name: str, operands: Sequence[Value], attrs: dict | None = None, regions: Sequence[Block] = (),
             loc: Loc | None = None) -> list[Value]:
        results = super().emit(name, operands, attrs, regions, loc)
        if self._facts.symbols:
            for v in results:
                for d in v.dims:
                    if isinstance(d, Value) and d not in self._checked:
                        self._check(d)
        return results

    def _check(self, d: Value) -> None:
        self._checked.add(d)
        known = self._facts.following(d)
        if known is None or d in self._facts.symbols:
            return
        if known.value < 2:
            specialise(d)
        self._guard(ValueGuard(KnownResult(True, operator.ge, (known, Known(2))), True))


class Trace:
    """One function being traced.

    lifted: id of an outside object -> (the object, what stands for it, where it was found).  origins: id -> (object, where
    it was found), for objects that are read attribute by attribute.  twins and containers: by id of the twin.  bindings:
    attributes, globals and closure variables that the function has set, by place, in order; preloaded:
    of those, what was read before the function ran.  unions:
    storages of inputs that overlap.  fresh: objects made in the trace, by id.  rewritten: functions with hooks.
    call: the call at hand.  loops, depth: the staged loops, and all regions, that are open.  marks: per active call of a
    user function, the number of storages there were at its start.  trying: inside how many `try` with handlers.
    failure: what a body has just raised.
    unreachable: regions that end in a raise.
    alternatives: of a joined array, the arrays that it is if a condition holds.
    snapshots: what the caller's objects held that tracing does not see into.
    remembered: by place, what an earlier visit of a loop found out.
    chosen: is there any `Choice`?  assumed: the tags that an enclosing branch has settled.
    pools: by name, the memory of lists in lists.
    appended: by id, what staged loops have appended to lists, with the array and the number that it is an element of.
    listed_keys: the keys of the dicts of which there are copies (`list_elements.note_change`), in their order.
    decisions: what earlier attempts at this trace have found necessary.
    shapes: which extents of arguments are run-time values.
    """

    def __init__(self, call: Call, decisions: frozenset[tuple] = frozenset(), shapes: Shapes | None = None) -> None:
        self.call, self.shapes = call, shapes
        self.block = Block()
        self.facts = Facts()
        self.builder: Builder = TracingBuilder(self.block, self.facts, self.guard)
        self.storages: list[Storage] = []
        self.inputs: list[tuple[Source, Value]] = []
        self.guards: dict[Guard, None] = {}
        self.lifted: dict[int, tuple[Any, Any, Source]] = {}
        self.origins: dict[int, tuple[Any, Source]] = {}
        self.snapshots: list[tuple[Snapshot, Source]] = []
        self.twins: dict[int, Twin] = {}
        self.containers: dict[int, Container] = {}
        self.bindings: dict[Source, Any] = {}
        self.preloaded: dict[Source, Any] = {}
        self.unions: dict[tuple[Source, ...], Storage] = {}
        self.fresh: dict[int, Any] = {}
        self.rewritten: dict[FunctionType, FunctionType] = {}
        self.loops: list[StagedLoop] = []
        self.depth = 0
        self.trying = 0
        self.failure: Exception | None = None
        self.unreachable: set[Block] = set()
        self.alternatives: dict[Storage, list[tuple[Value, TracedArray]]] = {}
        self.marks: list[int] = [0]
        self.remembered: dict[tuple, Any] = {}
        self.decisions = decisions
        self.chosen = False
        self.pools: dict[str, Any] = {}
        self.appended: dict[int, tuple[Any, Any, int]] = {}
        self.assumed: dict[Value, int] = {}
        self.order: Storage  # effects.begin: of calls of Python functions
        self.draws = False  # random numbers
        # Lists made by the program: (list, place, loops and regions around it); and the places of those a region made longer.
        self.lists: dict[int, tuple[list, str, int, int]] = {}
        self.longer: dict[str, None] = {}
        # How often a container or an object that Python holds has been changed.
        self.changes = 0
        self.listed_keys: set[tuple] = set()

    def add_input(self, source: Source, type: Type, name: str = "") -> Value:
        """A new parameter of the function."""
        value = self.block.add_arg(type, name)
        self.inputs.append((source, value))
        return value

    def guard(self, guard: Guard) -> None:
        self.guards[guard] = None


    def bind(self, source: Source, value: Any) -> None:
        """Set an attribute, global or closure variable; in a region it must have been read before, so that paths join."""
        if self.depth and source not in self.bindings:
            raise Restart(("preload", source))
        self.bindings[source] = value


class _Current(threading.local):
    """line: where ops are said to come from, if not from the user's frame."""

    trace: Trace | None = None
    line: Loc | None = None
    problems: list[UnsupportedError] | None = None


_current = _Current()


def is_tracing() -> bool:
    return _current.trace is not None


def current() -> Trace:
    """The trace under way in this thread."""
    if _current.trace is None:
        raise RuntimeError("a traced array was used after its trace had ended")
    return _current.trace


@contextmanager
def tracing(trace: Trace) -> Iterator[Trace]:
    """Make `trace` the current one."""
    saved, _current.trace = _current.trace, trace
    try:
        with calls.hold():
            yield trace
    finally:
        _current.trace = saved


@contextmanager
def noting(problems: list[UnsupportedError]) -> Iterator[None]:
    """Calls that are refused are noted here, and tracing goes on with stand-ins: see `checking.py`."""
    saved, _current.problems = _current.problems, problems
    try:
        yield
    finally:
        _current.problems = saved


def problems() -> list[UnsupportedError] | None:
    """Where refusals are noted, if they are."""
    return _current.problems


def is_internal(filename: str) -> bool:
    """Is this file part of the machinery, so that its frames are not the user's?"""
    return filename.startswith(_INTERNAL)


def user_frame() -> FrameType | None:
    """The innermost frame of the user's code."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and is_internal(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def here() -> Loc | None:
    """The user's line."""
    if _current.line is not None:
        return _current.line
    frame = user_frame()
    if frame is None:
        return None
    return Loc(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)


def user_frames() -> Iterator[FrameType]:
    """The frames of the program, innermost first, up to that of the compiled function."""
    frame = user_frame()
    while frame is not None and not frame.f_code.co_filename.endswith(_ENTRY):
        if not is_internal(frame.f_code.co_filename):
            yield frame
        frame = frame.f_back


def call_path() -> list[str]:
    """The expression under way, and those that called what it is in, innermost first, up to the compiled function."""
    path: list[str] = []
    for frame in user_frames():
        column = next(itertools.islice(frame.f_code.co_positions(), frame.f_lasti // 2, None))[2]
        path.append(f"{frame.f_code.co_filename}:{frame.f_lineno}:{column}")
    return path


@contextmanager
def at_line(traceback: TracebackType | None) -> Iterator[None]:
    """Inside, ops belong to the user's last line of a traceback."""
    place: Loc | None = None
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if not is_internal(code.co_filename):
            place = Loc(code.co_filename, traceback.tb_lineno, code.co_name)
        traceback = traceback.tb_next
    saved, _current.line = _current.line, place
    try:
        yield
    finally:
        _current.line = saved


def unsupported(what: str, why: str = "", instead: str = "") -> UnsupportedError:
    """The error to raise for what cannot be compiled, at the user's line."""
    return UnsupportedError(what, why, instead, here())


def emit(name: str, operands: Sequence[Value], **attrs: Any) -> Value:
    """Insert an op with one result."""
    return emit_all(name, operands, **attrs)[0]


def emit_all(name: str, operands: Sequence[Value], **attrs: Any) -> list[Value]:
    """Insert an op; its results."""
    return current().builder.emit(name, operands, attrs, loc=here())


def constant(value: bool | int | float | complex | np.generic, type: Type | None = None) -> Value:
    """A rank-0 constant: weak for a Python scalar without `type`."""
    return builder().constant(value, type)


def builder() -> Builder:
    """The current builder, set to the user's line."""
    b = current().builder
    b.loc = here()
    return b


def depends_on(value: Value) -> set[Block]:
    """The blocks whose arguments a value is computed from."""
    found: set[Block] = set()
    seen: set[Value] = set()
    todo = [value]
    while todo:
        v = todo.pop()
        if v in seen:
            continue
        seen.add(v)
        if v.op is None:
            if v.block is not None:
                found.add(v.block)
        else:
            todo += v.op.operands
            for region in v.op.regions:
                todo += region.yields
    return found


def follows_from_arguments(value: Value) -> bool:
    """Does what the arguments hold decide this value?"""
    return any(b.owner is None for b in depends_on(value))


# A decision: what a version assumes of the data, and this names, was found to fail.
ASSUME_NOT = "assume not"
# A decision: these of the call's run-time extents are numbers after all.
SPECIALISED = "specialised extents"


def specialise(*values: Value) -> None:
    """Where values follow from run-time extents of arguments, trace again with those extents as numbers."""
    numbers = frozenset[int]().union(*(current().facts.symbols_of(v) for v in values))
    if numbers:
        raise Restart((SPECIALISED, numbers))


def unroll_for(value: Value, most: int = MOST_UNROLLED) -> None:
    """If the index of a loop of at most so many trips decides this value, which tracing needs, trace again with that loop
    unrolled; if extents of arguments do, with these specialised."""
    specialise(value)
    blocks = depends_on(value)
    for loop in reversed(current().loops):
        if loop.body in blocks and loop.trips is not None and loop.trips <= most:
            raise Restart(("unroll", loop.place))


# The op that holds a region which runs exactly once, while it is built.
ONCE = "once"


def in_control() -> bool:
    """Is what is traced now in a loop or branch?"""
    return not runs_once(current().builder.block)


def runs_once(block: Block | None) -> bool:
    """Is a block that is being built in no loop or branch?"""
    while block is not None and block.owner is not None:
        if block.owner.name != ONCE:
            return False
        block = block.owner.block
    return block is not None


def static_extent(d: Any, what: str) -> int:
    """An extent that tracing must know: a loop that changes it is unrolled."""
    if isinstance(d, Value):
        unroll_for(d)
        raise unsupported(what, "an extent is known only at run time")
    return d
