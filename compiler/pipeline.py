"""From a traced function to native code: the passes of each target, in order, and the stages that can be looked at.

`GRAPH_PASSES` and `LOOP_PASSES` below are the whole pipeline.  `build` runs it and returns the module's text with what is
needed to call it; given a `Record`, it keeps every stage as text.
"""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..codegen.llvm import emit
from ..ir.builder import Slot
from ..ir.errors import CompilationError
from ..ir.expr import expression_scope
from ..ir.graph import Function, walk_ops
from ..ir.loops import LoopFunction
from ..ir.loops_text import show_loops
from ..ir.target import TARGETS, Target
from ..ir.text import show
from ..ir.types import WEAK_PYTHON, ArrayType, Type, WeakType
from ..ir.verify import verify
from ..ir.verify_loops import verify_loops
from ..ir.walk import callees
from ..passes.arena import arena
from ..passes.barriers import barriers
from ..passes.cse import cse
from ..passes.dce import dce
from ..passes.inline import inline
from ..passes.licm import licm
from ..passes.loops.absorb import absorb
from ..passes.loops.alternate import alternate
from ..passes.loops.carry import carry
from ..passes.loops.contract import contract
from ..passes.loops.forward import forward
from ..passes.loops.fuse import fuse
from ..passes.loops.if_convert import if_convert
from ..passes.loops.interchange import interchange
from ..passes.loops.interleave import interleave
from ..passes.loops.marking import marking
from ..passes.loops.overwritten import overwritten
from ..passes.loops.parallel import parallel
from ..passes.loops.parts import parts
from ..passes.loops.sink import sink
from ..passes.loops.skew import skew
from ..passes.loops.split import split
from ..passes.loops.sweep import sweep
from ..passes.loops.unroll import unroll
from ..passes.loops.version import version
from ..passes.lower import lower
from ..passes.manager import Pass, Step, run_passes
from ..passes.plan import Copied, plan
from ..passes.simplify import simplify
from ..passes.unchecked import unchecked
from ..runtime.callbacks import Datum, HostCallback
from ..runtime.cpu import Cpu
from ..runtime.device import CpuDevice, cpu_device
from ..runtime.engine import CodeError, Library
from .config import config

GRAPH_PASSES = [
    Pass("inline", "replace calls by what they call", inline),
    Pass("simplify", "fold constants; scalar, shape and branch algebra", simplify),
    Pass("cse", "merge equal ops", cse),
    Pass("licm", "move what a loop computes alike in every trip before it", licm),
    Pass("dce", "drop what nothing needs", dce),
    Pass("barriers", "drop the marks of what is to be computed again", barriers),
]

UNCHECKED = Pass("unchecked", "drop the checks of array indices", unchecked)

LOOP_PASSES = [
    Pass("sink", "store once after a branch whose arms store to one cell", sink),
    Pass("if_convert", "compute both values of a small branch and choose", if_convert),
    Pass("version", "test once before a loop what its trips would test", version),
    Pass("overwritten", "drop fills of which nothing is seen", overwritten),
    Pass("unroll", "write out loops over two to four trips that only compute", unroll),
    Pass("alternate", "let two arrays take turns where a loop copies its state", alternate),
    Pass("fuse", "make neighbouring loops over shared memory one", fuse),
    Pass("absorb", "make rows where a reduction takes them", absorb),
    Pass("interleave", "let one sweep follow another a few rows behind", interleave),
    Pass("forward", "read what was just stored from a register", forward),
    Pass("contract", "keep only one trip of a temporary that no other trip sees", contract),
    Pass("split", "cut loops where their index decides what they read", split),
    Pass("parallel", "find the loops whose trips are independent", parallel),
    Pass("interchange", "bring parallel loops out of recurrences along rows", interchange),
    Pass("skew", "advance several rows of a recurrence as a wavefront", skew),
    Pass("carry", "keep what the next trip reads in a register", carry),
    Pass("parts", "go through complex numbers part by part where both are treated alike", parts),
    Pass("sweep", "read large arrays row by row where a reduction runs across rows", sweep),
    Pass("marking", "choose the loops that run in vectors and on threads", marking),
    Pass("arena", "give temporaries their place in one block of memory", arena),
]

STAGES = ("traced", "optimized", "planned", "loops", "llvm", "asm")


@dataclass(frozen=True, slots=True)
class Options:
    """What `jit` was asked for. target: "cpu" or None."""

    target: str | None = None
    boundscheck: bool = True

    def __post_init__(self) -> None:
        if self.target not in (None, "cpu"):
            raise ValueError(f"target must be None or 'cpu', not {self.target!r}")


@dataclass(eq=False, slots=True)
class Record:
    """What one compilation went through: a text per stage, the passes with their times, the copies that were made."""

    stages: dict[str, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    copies: list[Copied] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Native:
    """Loaded code: `function` is the address of `i64 (ptr slots, ptr error)`; the library keeps it loaded.

    may_be_long: it has loops that look for signals.
    """

    loops: LoopFunction
    library: Library
    function: int
    device: CpuDevice
    callbacks: dict[str, HostCallback]
    may_be_long: bool


def device() -> CpuDevice:
    """The CPU, at the level that the settings ask for."""
    found = cpu_device(config.cpu)
    threads = config.num_threads or found.default_threads
    if found.pool.count != threads:
        found.pool.count = threads
    return found


config.watch("num_threads", lambda threads: device())


def target_of(cpu: Cpu) -> Target:
    """The code generator's facts about this CPU."""
    if not cpu.is_x86:
        return TARGETS["aarch64"]
    return TARGETS[{512: "x86-64-v4", 256: "x86-64-v3", 128: "x86-64-v2"}[cpu.vector_bits]]


def build(function: Function, options: Options, record: Record | None = None) -> Native:
    """Optimise, lower, emit and load `function`."""
    where = device()
    folder = _dump_folder(function.name)
    if folder is not None and record is None:
        record = Record()
    callbacks = host_callbacks(function)
    with expression_scope():
        loops = to_loops(function, options, record)
        _keep(record, "loops", lambda: show_loops(loops))
        module = _timed(record, "emit", lambda: emit(loops, target_of(where.cpu)))
    _keep(record, "llvm", lambda: module.text)
    try:
        _keep(record, "asm", lambda: where.engine.assembly(module.text))
        library = _timed(record, "compile", lambda: where.compile(
            module.text, callbacks={name: c.address for name, c in callbacks.items()}))
    except CodeError as e:
        raise CompilationError(str(e)) from None
    if folder is not None and record is not None:
        write_stages(folder, record)
    return Native(loops, library, library.address(module.entry), where, callbacks, "treadle_interrupted" in module.externals)


def host_callbacks(function: Function) -> dict[str, HostCallback]:
    """The Python functions that compiled code will call, by symbol."""
    ops = [op for f in callees(function) for op in walk_ops(f.block) if op.name == "callback"]
    return {f"treadle_callback_{op.attrs['function'].number}": HostCallback(
        op.attrs["function"].call, [datum(v.type) for v in op.operands[1:]], [datum(t) for t in op.attrs["types"]])
        for op in ops}


def datum(t: Type) -> Datum:
    """An operand or result of a callback, whose operand 0 is the order of effects."""
    if isinstance(t, WeakType):
        return Datum(t.dtype, python=WEAK_PYTHON[t.kind])
    assert isinstance(t, ArrayType)
    return Datum(t.dtype, t.rank, tuple(d if isinstance(d, int) else None for d in t.dims),
                 tuple(d.operand - 1 if isinstance(d, Slot) else None for d in t.dims))


def to_loops(function: Function, options: Options, record: Record | None) -> LoopFunction:
    """The loop program of a traced function; to be called in an expression scope."""
    _keep(record, "traced", lambda: show(function))
    steps = record.steps if record is not None else None
    passes = GRAPH_PASSES if options.boundscheck else [UNCHECKED, *GRAPH_PASSES]
    function = _timed(record, "optimize", lambda: run_passes(function, passes, check=config.verify, record=steps))
    _keep(record, "optimized", lambda: show(function))
    planned = _timed(record, "plan", lambda: plan(function))
    if config.verify:
        verify(planned.function)
    _keep(record, "planned", lambda: show(planned.function))
    if record is not None:
        record.copies += planned.copies
    loops = _timed(record, "lower", lambda: lower(planned.function))
    for p in LOOP_PASSES:
        loops = _timed(record, p.name, functools.partial(p.run, loops))
    if config.verify:
        verify_loops(loops)
    # A symbol that can clash with no function of a library, whatever the user's function is called.
    loops.name = f"compiled_{plain_name(loops.name)}"
    return loops


def plain_name(name: str) -> str:
    """`name` with letters, digits and underscores only."""
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in name)


def _keep(record: Record | None, stage: str, text: Callable[[], str]) -> None:
    if record is not None:
        record.stages[stage] = text()


def _timed(record: Record | None, name: str, work: Callable[[], Any]) -> Any:
    start = time.perf_counter()
    result = work()
    if record is not None:
        record.seconds[name] = time.perf_counter() - start
    return result


_dump_numbers = itertools.count(1)
SUFFIXES = {"llvm": "ll", "asm": "s"}


def _dump_folder(name: str) -> Path | None:
    """A new folder for this compilation, if stages are to be dumped."""
    if config.dump is None:
        return None
    while True:
        folder = Path(config.dump) / f"{next(_dump_numbers):03}-{plain_name(name)}"
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            continue


def write_stages(folder: Path, record: Record) -> None:
    """Each stage as a file, in order."""
    for k, (stage, text) in enumerate(record.stages.items()):
        (folder / f"{k}-{stage}.{SUFFIXES.get(stage, 'txt')}").write_text(text)
