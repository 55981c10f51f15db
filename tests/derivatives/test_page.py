"""The examples on the page about derivatives."""

import doctest
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "derivatives.md"


def test_examples():
    result = doctest.testfile(str(PAGE), module_relative=False)
    assert result.attempted > 10 and not result.failed
