"""Passes, text to text: each case in tests/golden/passes/PASS.txt is a program before the pass and after it.

    == title
    func f(...) ...
    -- after
    func f(...) ...

`pytest --update-goldens` writes the second half of every case anew; read the difference before you commit it.
"""

import re
from pathlib import Path

import pytest
from treadle.ir.parse import parse
from treadle.ir.rewrite import Fired
from treadle.ir.text import show
from treadle.ir.verify import verify
from treadle.passes.cse import cse
from treadle.passes.dce import dce
from treadle.passes.inline import inline
from treadle.passes.licm import licm
from treadle.passes.simplify import simplify, simplify_rules
from treadle.passes.vectorize import vectorize

FOLDER = Path(__file__).parent.parent / "golden" / "passes"


def simplify_and_clean(function):
    return dce(simplify(function))


def vectorize_first(function):
    """Four lanes of the first argument; the others are shared."""
    return vectorize(function, [k == 0 for k in range(len(function.block.args))], 4).function


PASSES = {"simplify": simplify_and_clean, "cse": cse, "dce": dce, "licm": licm, "inline": inline, "vectorize": vectorize_first}


def cases(name):
    """(title, before, after) of every case in a file."""
    out = []
    for part in re.split("^== ", (FOLDER / f"{name}.txt").read_text(), flags=re.MULTILINE)[1:]:
        title, _, programs = part.partition("\n")
        before, _, after = programs.partition("-- after\n")
        out.append((title, before.strip() + "\n", after.strip() + "\n"))
    return out


@pytest.mark.parametrize("name", PASSES)
def test_golden(name, update_goldens):
    made = [(title, before, show(verify(PASSES[name](verify(parse(before)))))) for title, before, _ in cases(name)]
    if update_goldens:
        text = "\n".join(f"== {title}\n{before}-- after\n{after}" for title, before, after in made)
        (FOLDER / f"{name}.txt").write_text(text)
    for (title, before, got), (_, _, want) in zip(made, cases(name), strict=True):
        assert got == want, f"{title}\n{before}"


def test_every_rule_of_simplify_has_a_case():
    fired = {}
    for title, before, _ in cases("simplify"):
        record: list[Fired] = []
        simplify(parse(before), record)
        fired[title] = {r.rule for r in record}
    missing = [r.name for r in simplify_rules.rules if not any(r.name in rules for rules in fired.values())]
    assert not missing
    wrong = [title for title, rules in fired.items() if title in {r.name for r in simplify_rules.rules} and title not in rules]
    assert not wrong
    untouched = [title for title, rules in fired.items() if title.startswith("not: ") and rules]
    assert not untouched
