"""Mutation of what decides legality, in loop passes, planning and the dependence test: each refusal is switched off in turn,
and some test must fail.

    python -m tests.mutation                      every module
    python -m tests.mutation interleave absorb    these

A mutant is one operand of a condition that leads to a refusal (`if a or b: return None`, taken as false), or of what a
predicate returns (`return a and b`, taken as true; in `REFUSING` predicates, whose truth is the refusal, `return a or b`,
taken as false).  Mutants that no test kills are printed; those in `HARMLESS` change what is worth doing and not what is
right, or stand for what another test refuses as well.  Each mutant runs in a process of its own, made by a fork of this one.
"""

from __future__ import annotations

import ast
import copy
import importlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOOP_PASSES = ("absorb", "alternate", "carry", "contract", "forward", "fuse", "if_convert", "interchange", "interleave",
          "overwritten", "parallel", "sink", "skew", "split", "unroll", "version")
OF_LOOP_PASSES = ("tests/passes/loops/test_legality.py", "tests/passes/loops/test_refusals.py", "tests/passes/loops/test_passes.py")
OF_PLANNING = ("tests/passes/test_legality.py", "tests/passes/test_plan_and_lower.py", "tests/passes/test_in_place_properties.py")
# Where each module is, and the tests that must notice; of a loop pass, a file of its own comes first.
MODULES: dict[str, tuple[str, tuple[str, ...]]] = {
    **{name: ("passes/loops", OF_LOOP_PASSES) for name in LOOP_PASSES},
    **{name: ("passes", OF_PLANNING) for name in ("in_place", "overlap", "liveness", "read_back")},
    "lower_nest": ("passes", (*OF_PLANNING, "tests/passes/loops/test_refusals.py")),
    "skew": ("passes/loops", (*OF_LOOP_PASSES, "tests/passes/loops/test_version.py")),
    "depend": ("ir", ("tests/ir/test_depend.py",)),
}
LIMIT_S = 100

# Predicates whose truth leads to a refusal.
REFUSING = {
    ("carry", "_meets_now"), ("in_place", "_writes_in_order"), ("in_place", "_captured"), ("liveness", "Liveness.after"),
    ("liveness", "Liveness.around"), ("liveness", "Liveness.later"), ("read_back", "_reads"), ("read_back", "_may_write"),
    ("lower_nest", "_reads_elsewhere"),
}

# Asked for the type checker's sake: what comes next asks the same.
OF_TYPES = ("isinstance(blocks, For)", "isinstance(rows, For)", "next is None", "kind != 'var'", "payload != c.combine")
# (pass, function): parts of conditions that decide what is worth doing, not what is right.
HARMLESS: dict[tuple[str, str], tuple[str, ...]] = {
    ("absorb", "_match"): ("MAX_STATEMENTS", "isinstance(s, For) for s in nest.body", "not touched", *OF_TYPES),
    ("absorb", "_rows"): ("blocks.step < 2", "isinstance(s, For) for s in rows.body", "blocks.kind", "rows.kind", "args[0]",
                          *OF_TYPES),
    ("absorb", "absorb"): ("at is None",),
    ("absorb", "_shift"): ("is_store", "index is None"),
    # A loop whose trips are independent has no state; the copied array is allocated in the loop, and the other one is stored to.
    ("alternate", "_find"): ("MIN_TRIPS", "loop.kind"),
    ("alternate", "_copied"): ("strides", "state is old", "dtype"),
    ("alternate", "_turn"): ("state.readonly", "state.dims"),
    ("interleave", "interleave"): ("at is None",),
    ("interleave", "_match"): ("MAX_STATEMENTS", "count < 2"),
    # Between trips, nothing in loops of other kinds is read where it was stored the trip before; loops inside would be right too.
    ("carry", "_carry_in"): ("loop.kind != 'seq'", "For | While"),
    # A temporary of one element could be contracted too: `forward` takes it out altogether.
    ("contract", "_contract_one"): ("len(buffer.dims) < 2",),
    ("fuse", "_alike"): ("MAX_STATEMENTS", "p.vector", "p.jam"),
    ("fuse", "independent"): ("MAX_ACCESSES", "a.is_store or b.is_store"),
    # Without these the answer is "perhaps" more often.
    ("depend", "depend"): ("",),
    ("depend", "_loads"): ("",),
    ("depend", "_Test._in_steps"): ("not changed",),
    ("depend", "_Test.solve"): ("rest",),
    ("depend", "_Test.trips"): ("",),
    ("depend", "_Test._too_long"): ("not in self.first.bounds",),
    # Whose value is read back is right in any case; these decide whether memory is saved.
    ("read_back", "_is_store_of_computed"): ("new.op.block", "is_array", "lowering"),
    ("read_back", "_read_from"): ("block.yields", "count", "block.ops[:at]", "not readers", "_may_write"),
    ("read_back", "_may_write"): ("",),
    ("forward", "_mentions"): ("any", "place.buffers"),
    ("forward", "_forward_store"): ("_mentions",),
    ("if_convert", "_may_convert"): ("MAX_VALUES", "MAX_COST", "not s.yields"),
    # What an update that writes an element twice does, it does in order by itself; its nest comes from elsewhere.
    ("lower_nest", "_is_injective"): ("in alone",),
    ("lower_nest", "_is_one"): ("is_const",),
    ("lower_nest", "_is_near"): ("NEAR",),
    ("lower_nest", "_mark_rows"): ("",),
    ("lower_nest", "_shares_loads"): ("",),
    ("lower_nest", "gathers"): ("inside is None",),
    ("lower_nest", "_only_computes"): ("quot",),
    ("overlap", "_conflicts"): ("access.is_store", "distance is None"),
    # What is read at one place only is in range wherever the update stands.
    ("overlap", "_hoist"): ("access_in_range",),
    ("overlap", "_snapshot"): ("len(own)",),
    ("overlap", "_ring_depth"): ("f.kind",),
    # Whoever writes the old value next may as well write its copy.
    ("in_place", "_reads_only"): ("written_operands", "is not None"),
    # More reads than there are: more copies than needed.
    ("in_place", "_passed_on"): ("owner.name", "is_array"),
    ("interchange", "_swap"): ("outer.kind", "_gain"),
    # What these do to memory that both sweeps touch is at no known distance.
    ("interleave", "_is_sweep"): ("Raise | While | Call",),
    # A loop whose trips are independent reads nothing that an earlier one stores.
    ("overwritten", "_Progress._is_behind"): ("s.kind",),
    ("overwritten", "_Progress._reads_written"): ("_is_written",),
    ("parallel", "is_independent"): ("MAX_STATEMENTS",),
    ("skew", "_candidate"): ("MAX_STATEMENTS", "outer.kind", "inner.kind"),
    ("skew", "_wavefront"): ("_is_short",),
    # Loops that store would be right too.
    ("split", "_is_innermost"): ("x.kind == 'red'",),
    ("unroll", "_unrolled"): ("MAX_STATEMENTS",),
    # Where there is no test there is no condition; a version that still raises in places would be right too.
    # What is never done may as well be left out.
    ("version", "_is_test"): ("s.then[0]",),
    # Memory that is written, what is computed of values, and names that the copy has anew are nothing that ranges know there.
    ("version", "_Ends._is_known"): ("is_stable", "e.kind", "_bound"),
    # What surely fails may as well be asked.
    ("version", "_Ends.tests"): ("form.constant < 0",),
    ("version", "_both"): ("MAX_STATEMENTS", "_pays", "map(_is_test", "Raise"),
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One condition of a function of a pass, taken as a constant; `code` is the function's with that change."""

    module: str
    function: str
    line: int
    text: str
    taken_as: bool
    code: CodeType

    def __str__(self) -> str:
        return f"{self.module}.{self.function}:{self.line}: {self.text}  taken as {self.taken_as}"


def mutants(name: str) -> Iterator[Mutant]:
    """Every mutant of a module."""
    path = ROOT / MODULES[name][0] / f"{name}.py"
    tree = ast.parse(path.read_text())
    for qualname, function in _functions(tree):
        for node, value in _conditions(function, (name, qualname) in REFUSING):
            changed = copy.deepcopy(tree)
            target = next(x for x in ast.walk(changed) if _same_place(x, node))
            code = compile(ast.fix_missing_locations(_Replace(target, value).visit(changed)), str(path), "exec")
            yield Mutant(name, qualname, node.lineno, ast.unparse(node), value, _code_of(code, qualname))


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from ((f"{node.name}.{f.name}", f) for f in node.body if isinstance(f, ast.FunctionDef))


def _conditions(function: ast.FunctionDef, refusing: bool) -> Iterator[tuple[ast.expr, bool]]:
    """Conditions of refusals with what switches them off."""
    predicate = isinstance(function.returns, ast.Name) and function.returns.id == "bool"
    for node in ast.walk(function):
        if isinstance(node, ast.If) and not node.orelse and _refuses(node.body, refusing):
            yield from ((e, False) for e in _operands(node.test, ast.Or))
        elif isinstance(node, ast.Return) and predicate:
            if isinstance(node.value, ast.BoolOp | ast.Compare | ast.UnaryOp | ast.Call):
                yield from ((e, not refusing) for e in _operands(node.value, ast.Or if refusing else ast.And))
        elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.BitAnd):
            yield node.value, True


def _refuses(body: list[ast.stmt], refusing: bool) -> bool:
    if len(body) != 1:
        return False
    s = body[0]
    if isinstance(s, ast.Return) and isinstance(s.value, ast.Constant) and refusing:
        return s.value.value is True
    return isinstance(s, ast.Continue | ast.Break) or (isinstance(s, ast.Return) and (
        s.value is None or (isinstance(s.value, ast.Constant) and s.value.value in (None, False, 0, 1))))


def _operands(test: ast.expr, kind: type) -> list[ast.expr]:
    return test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, kind) else [test]


def _same_place(x: ast.AST, node: ast.expr) -> bool:
    return type(x) is type(node) and (x.lineno, x.col_offset, x.end_lineno, x.end_col_offset) == (
        node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)


class _Replace(ast.NodeTransformer):
    def __init__(self, target: ast.AST, value: bool) -> None:
        self.target, self.value = target, value

    def visit(self, node: ast.AST) -> ast.AST:
        return ast.Constant(self.value) if node is self.target else self.generic_visit(node)


def _code_of(code: CodeType, qualname: str) -> CodeType:
    for name in qualname.split("."):
        code = next(c for c in code.co_consts if isinstance(c, CodeType) and c.co_name == name)
    return code


def _apply(mutant: Mutant, module: ModuleType) -> None:
    found: object = module
    for name in mutant.function.split("."):
        found = getattr(found, name)
    found.__code__ = mutant.code  # type: ignore[attr-defined]


def tests_of(name: str) -> list[str]:
    """The tests of a module."""
    folder, tests = MODULES[name]
    own = f"tests/{folder}/test_{name}.py"
    return [own, *tests] if (ROOT / own).exists() and own not in tests else list(tests)


def outcome(mutant: Mutant) -> str:
    """Nothing if a test fails with the mutant, or does not end; else what happened."""
    folder = MODULES[mutant.module][0].replace("/", ".")
    module = importlib.import_module(f"treadle.{folder}.{mutant.module}")
    child = os.fork()
    if child == 0:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        _apply(mutant, module)
        signal.alarm(LIMIT_S)
        os._exit(int(pytest.main(["-x", "-q", "--import-mode=importlib", f"--confcutdir={ROOT / 'tests'}", "-p", "no:cacheprovider",
                                  *tests_of(mutant.module)])))
    status = os.waitpid(child, 0)[1]
    return "survives" if status == 0 else ""


def is_harmless(mutant: Mutant) -> bool:
    return any(part in mutant.text for part in HARMLESS.get((mutant.module, mutant.function), ()))


def main(names: list[str]) -> int:
    """Try every mutant of these passes; the number of those that no test kills."""
    os.chdir(ROOT)
    left = 0
    for name in names or MODULES:
        start, found, survivors = time.monotonic(), list(mutants(name)), []
        for m in found:
            seen = "" if is_harmless(m) else outcome(m)
            if seen:
                survivors.append(m)
                print(f"  {m}: {seen}", flush=True)
        left += len(survivors)
        print(f"{name}: {len(found)} mutants, {sum(map(is_harmless, found))} harmless, {len(survivors)} survive, "
              f"{time.monotonic() - start:.0f} s", flush=True)
    return left


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
