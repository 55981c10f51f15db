"""The generator and the comparator themselves: programs run, differences are seen, perturbation explains rounding only."""

import numpy as np

from tests.comparator import difference, explained, fresh, observe
from tests.fuzz.run import define, make_program
from tests.perturb import perturbed_functions


def test_programs_are_reproducible_and_agree_with_themselves():
    for seed in range(150):
        program = make_program(seed)
        assert program.source == make_program(seed).source
        f, make = define(program.source, f"<self {seed}>"), fresh(program.arguments)
        assert difference(observe(f, make), observe(f, make)) is None, program.source


def test_the_comparator_sees_a_changed_bit_a_changed_layout_and_a_changed_argument():
    x = np.arange(6.0).reshape(2, 3)
    make = fresh((x,))
    base = observe(lambda a: a + 1, make)
    assert "values differ" in difference(observe(lambda a: np.nextafter(a + 1, 9), make), base)
    assert "strides" in difference(observe(lambda a: np.asfortranarray(a + 1), make), base)
    assert "<f4" in difference(observe(lambda a: (a + 1).astype(np.float32), make), base)

    def mutates(a):
        a[0] = -0.0
        return a[1] + 1

    def mutates_otherwise(a):
        a[0] = 0.0
        return a[1] + 1

    assert "arguments" in difference(observe(mutates, make), observe(mutates_otherwise, make))
    assert difference(observe(lambda a: a, make), observe(lambda a: a.copy(), make)) is not None
    assert "raised" in difference(observe(lambda a: a[5], make), base)


def test_perturbation_explains_ulps_but_not_errors():
    source = "def f(x):\n    return np.exp(x).sum()\n"
    make = fresh((np.linspace(0, 1, 50),))
    f = define("import numpy as np\n" + source, "<perturb>")
    want = observe(f, make)
    variants = [observe(g, make) for g in perturbed_functions(source, "f", {"np": np})]
    assert len({v.result for v in variants}) > 1
    assert explained(observe(lambda x: f(x) * (1 + 3e-16), make), want, variants) is None
    assert explained(observe(lambda x: f(x) * (1 + 1e-12), make), want, variants) is not None


def test_copies_keep_aliasing_layout_and_flags():
    base = np.arange(12.0).reshape(3, 4)
    frozen = np.ones(3)
    frozen.flags.writeable = False
    a, b, c, d = fresh((base, base[1:], base.T[::-1], frozen))()
    a[1, 0] = 99.0
    assert b[0, 0] == 99.0 and c[-1, 1] == 99.0 and c.strides == base.T[::-1].strides and not d.flags.writeable
