"""Every public call in both modes, to second order, and over lanes: the table of `public_calls.py` through `surface.py`."""

import numpy as np
import pytest
import treadle as td

from tests.derivatives.public_calls import COMPLEX, REAL
from tests.derivatives.surface import Derivatives, check_gradients_of_lanes, check_lanes

# What has no derivative says which op it is, and why.
REFUSED = {"y=x.copy(); np.multiply.at(y,([0,0],[1,1]),x[0,:2]); y": "scatter_mul: a place may be written several times",
           "sp.zeta(np.abs(x)+1.5,2.0)": "scipy.special.zeta with respect to its first operand"}
# Extents that differ by lane.
RAGGED = ("np.unique", "x[x>0]*2", "x[np.nonzero", "np.extract", "x[1:][", "np.bincount")


def operands(kind):
    """Numbers away from kinks and ties."""
    rng = np.random.default_rng(3)
    x = rng.permutation(np.linspace(0.15, 1.9, 24)).reshape(4, 6) * rng.choice([1, 1, -1], (4, 6))
    w = rng.uniform(0.5, 1.5, 6)
    return (x + 1j * rng.uniform(-1, 1, (4, 6)) if kind == "c" else x), w


# Sixty terms of two series, whose second derivatives compile for minutes.
LONG = ("np.i0(x)",)

EVERY = [("r", call) for call in REAL] + [("c", call) for call in COMPLEX]
SMOOTH = [(kind, call) for kind, call in EVERY if call not in REFUSED]
SHORT = [(kind, call) for kind, call in SMOOTH if call not in LONG]
FEW = [c for c in SMOOTH[::6] if c in SHORT]


@pytest.mark.parametrize("call", REAL)
def test_both_modes_against_differences(call):
    checked = Derivatives(call, *operands("r"))
    if call in REFUSED:
        with pytest.raises(td.errors.UnsupportedError, match=REFUSED[call]) as refusal:
            checked.first()
        assert "<surface" in str(refusal.value)
        return
    checked.first()


@pytest.mark.heavy
@pytest.mark.parametrize("call", [call for call in COMPLEX if call not in REFUSED])
def test_both_modes_of_complex_numbers(call):
    Derivatives(call, *operands("c")).first()


@pytest.mark.parametrize("kind, call", FEW)
def test_second_derivatives(kind, call):
    Derivatives(call, *operands(kind)).second()


@pytest.mark.heavy
@pytest.mark.parametrize("kind, call", SHORT)
def test_every_second_derivative(kind, call):
    Derivatives(call, *operands(kind)).second()


@pytest.mark.parametrize("kind, call", [c for c in EVERY if not c[1].startswith(RAGGED)][::4])
def test_lanes(kind, call):
    check_lanes(call, *operands(kind), few=True)


@pytest.mark.heavy
@pytest.mark.parametrize("kind, call", [c for c in EVERY if not c[1].startswith(RAGGED)])
def test_lanes_at_every_axis_and_nested(kind, call):
    check_lanes(call, *operands(kind))


@pytest.mark.heavy
@pytest.mark.parametrize("kind, call", [c for c in SMOOTH if not c[1].startswith(RAGGED)])
def test_gradients_of_lanes(kind, call):
    check_gradients_of_lanes(call, *operands(kind))
