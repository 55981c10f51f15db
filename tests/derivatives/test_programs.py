"""Gradients of whole programs against central differences."""

import pytest
import treadle as td

from tests.derivatives.differences import check_gradient
from tests.derivatives.programs import PROGRAMS


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradient(name):
    f, args = PROGRAMS[name]
    check_gradient(td.grad, f, args)
