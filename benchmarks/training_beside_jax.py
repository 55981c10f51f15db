"""`python -m treadle.benchmarks.training_beside_jax`: the digits run beside JAX and plain NumPy, by batch size.

JAX's version is the whole run under `jax.jit`: `lax.scan` over the batches, `lax.while_loop` over the epochs, the orders of the
rows drawn by NumPy beforehand, float64.  The losses of all three must agree.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import treadle as td
from treadle.benchmarks import training
from treadle.compiler.lazy import lazy

BATCHES = (8, 16, 32)
EPOCHS = 10
REPEATS = 7


def jax_run(jax: ModuleType, epochs: int, batch: int, rate: float = 1e-3, patience: int = 3) -> Callable[..., tuple]:
    """(params, orders, x, y, held_x, held_y) -> the final params, the losses and those on the held-out part."""
    jnp, lax, each = jax.numpy, jax.lax, jax.tree.map

    def loss_of(p: Any, x: Any, y: Any) -> Any:
        z = jnp.maximum(x @ p["w1"] + p["b1"], 0) @ p["w2"] + p["b2"]
        z = z - z.max(axis=1, keepdims=True)
        return (jnp.log(jnp.exp(z).sum(axis=1)) - z[jnp.arange(len(y)), y]).mean()

    def run(params: Any, orders: Any, x: Any, y: Any, held_x: Any, held_y: Any) -> tuple:
        steps = (len(x) - batch) // batch + 1

        def step(carry: tuple, rows: Any) -> tuple:
            p, first, second, t, total = carry
            loss, slope = jax.value_and_grad(loss_of)(p, x[rows], y[rows])
            t = t + 1
            first = each(lambda m, g: m + 0.1 * (g - m), first, slope)
            second = each(lambda v, g: v + 0.001 * (g * g - v), second, slope)
            p = each(lambda w, m, v: w - rate * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8), p, first, second)
            return (p, first, second, t, total + loss), None

        def epoch(state: tuple) -> tuple:
            k, p, first, second, t, best, waited, losses, held, _ = state
            rows = orders[k][:steps * batch].reshape(steps, batch)
            (p, first, second, t, total), _ = lax.scan(step, (p, first, second, t, 0.0), rows)
            now = loss_of(p, held_x, held_y)
            waited = jnp.where(now < best, 0, waited + 1)
            return (k + 1, p, first, second, t, jnp.minimum(best, now), waited, losses.at[k].set(total * batch / len(x)),
                    held.at[k].set(now), waited == patience)

        zeros = each(jnp.zeros_like, params)
        start = (0, params, zeros, zeros, 0.0, jnp.inf, 0, jnp.zeros(epochs), jnp.zeros(epochs), False)
        end = lax.while_loop(lambda s: (s[0] < epochs) & ~s[-1], epoch, start)
        return end[1], end[7], end[8]

    return jax.jit(run)


def _shortest(runs: list[Callable[[], Any]]) -> list[float]:
    """The shortest time of each, taken in turns."""
    best = [np.inf] * len(runs)
    for _ in range(REPEATS):
        for k, run in enumerate(runs):
            begun = time.perf_counter()
            run()
            best[k] = min(best[k], time.perf_counter() - begun)
    return best


def main() -> None:
    jax = lazy("jax", "install jax to run this comparison")
    jax.config.update("jax_enable_x64", True)
    digits = lazy("sklearn.datasets", "install treadle[ml]").load_digits()
    order = np.random.default_rng(0).permutation(len(digits.data))
    x, y = digits.data[order] / 16.0, digits.target[order]
    data = (x[:1400], y[:1400], x[1400:], y[1400:])
    print(f"{'batch':>5} {'Treadle':>9} {'JAX':>9} {'NumPy':>9}  microseconds a step")
    for batch in BATCHES:
        ours = td.jit(lambda *a, batch=batch: training.adam_run(
            td.value_and_grad(training.loss_of), *a, epochs=EPOCHS, batch=batch))
        theirs = jax_run(jax, EPOCHS, batch)

        def peer(theirs: Callable[..., tuple] = theirs) -> tuple:
            rng = np.random.default_rng(1)
            params = training.initial(rng, 64, 64, 10)
            orders = np.stack([rng.permutation(1400) for _ in range(EPOCHS)])
            return jax.block_until_ready(theirs(params, orders, *data))

        def plain(batch: int = batch) -> tuple:
            return training.adam_run(training.loss_and_gradient_by_hand, *data, 1, epochs=EPOCHS, batch=batch)

        np.testing.assert_allclose(ours(*data, 1)[1], plain()[1], rtol=1e-9)
        np.testing.assert_allclose(peer()[1], plain()[1], rtol=1e-9)
        a, b, c = (t / (EPOCHS * (1400 // batch)) * 1e6 for t in _shortest([lambda: ours(*data, 1), peer, plain]))
        print(f"{batch:5} {a:9.1f} {b:9.1f} {c:9.1f}  {b / a:.2f}x JAX, {c / a:.2f}x NumPy", flush=True)


if __name__ == "__main__":
    main()
