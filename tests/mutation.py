"""Mutation of the loop passes: each refusal is switched off in turn, and some test of the pass must fail.

    python -m tests.mutation                      every pass
    python -m tests.mutation interleave absorb    these

A mutant is one operand of a condition that leads to a refusal (`if a or b: return None`, taken as false), or of what a
predicate returns (`return a and b`, taken as true).  Mutants that no test kills are printed; those in `HARMLESS` change
what is worth doing and not what is right, or stand for what another test refuses as well.  Each mutant runs in a process
of its own, made by a fork of this one.
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
FOLDER = ROOT / "passes" / "loops"
PASSES = ("absorb", "alternate", "carry", "contract", "forward", "fuse", "if_convert", "interchange", "interleave",
          "overwritten", "parallel", "sink", "skew", "split", "unroll", "version")
GENERAL = ("tests/passes/loops/test_legality.py", "tests/passes/loops/test_passes.py")
LIMIT_S = 150

# (pass, function): parts of conditions that decide what is worth doing, not what is right.
HARMLESS: dict[tuple[str, str], tuple[str, ...]] = {
    ("absorb", "_match"): ("MAX_STATEMENTS", "isinstance(s, For) for s in nest.body", "not touched"),
    ("absorb", "_rows"): ("blocks.step < 2", "isinstance(s, For) for s in rows.body"),
    ("alternate", "_find"): ("MIN_TRIPS",),
    ("fuse", "_alike"): ("MAX_STATEMENTS", "p.vector", "p.lanes", "p.jam"),
    ("fuse", "independent"): ("MAX_ACCESSES",),
    ("if_convert", "_may_convert"): ("MAX_VALUES", "MAX_COST"),
    # What these do to memory that both sweeps touch is at no known distance.
    ("interleave", "_is_sweep"): ("Raise | While | Call",),
    ("parallel", "is_independent"): ("MAX_STATEMENTS",),
    ("skew", "_candidate"): ("MAX_STATEMENTS",),
    ("skew", "_wavefront"): ("_is_short",),
    ("unroll", "_unrolled"): ("MAX_STATEMENTS",),
    ("version", "_both"): ("MAX_STATEMENTS", "_pays"),
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
    """Every mutant of a pass."""
    path = FOLDER / f"{name}.py"
    tree = ast.parse(path.read_text())
    for qualname, function in _functions(tree):
        for node, value in _conditions(function):
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


def _conditions(function: ast.FunctionDef) -> Iterator[tuple[ast.expr, bool]]:
    """Conditions of refusals with what switches them off."""
    for node in ast.walk(function):
        if isinstance(node, ast.If) and not node.orelse and _refuses(node.body):
            yield from ((e, False) for e in _operands(node.test, ast.Or))
        elif isinstance(node, ast.Return) and isinstance(node.value, ast.BoolOp | ast.Compare | ast.UnaryOp | ast.Call):
            if isinstance(function.returns, ast.Name) and function.returns.id == "bool":
                yield from ((e, True) for e in _operands(node.value, ast.And))


def _refuses(body: list[ast.stmt]) -> bool:
    if len(body) != 1:
        return False
    s = body[0]
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
    """The tests of a pass: its own file first."""
    own = f"tests/passes/loops/test_{name}.py"
    return [*([own] if (ROOT / own).exists() else []), *GENERAL]


def outcome(mutant: Mutant) -> str:
    """Nothing if a test of the pass fails with the mutant; else what happened."""
    module = importlib.import_module(f"treadle.passes.loops.{mutant.module}")
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
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM:
        return f"no end within {LIMIT_S} s"
    return "survives" if status == 0 else ""


def is_harmless(mutant: Mutant) -> bool:
    return any(part in mutant.text for part in HARMLESS.get((mutant.module, mutant.function), ()))


def main(names: list[str]) -> int:
    """Try every mutant of these passes; the number of those that no test kills."""
    os.chdir(ROOT)
    left = 0
    for name in names or PASSES:
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
