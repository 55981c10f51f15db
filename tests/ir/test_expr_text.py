"""Expressions as text: small ones as written, large shared ones with their parts named."""

from treadle.ir.expr import expression_scope, show, var


def test_small_expressions_are_written_out():
    with expression_scope():
        y = var("y", "f64")
        assert show((y + 1.0) * (y + 1.0)) == "((y + 1.0) * (y + 1.0))"


def test_the_text_of_a_shared_expression_is_linear_in_its_nodes():
    with expression_scope():
        x = var("x", "f64")
        for _ in range(60):
            x = x * x + 1.0
        text = show(x)
        assert len(text) < 2000 and "t2 = ((t1 * t1) + 1.0)" in text and text.startswith("((t59 * t59) + 1.0) where")
