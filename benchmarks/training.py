"""A whole training run in plain NumPy: a small network on pictures of digits, Adam, minibatches, early stopping.

`train` is one function: compiled, it is one native call, shuffles and stopping included.  Its gradient is `td.value_and_grad`'s;
`train_by_hand` is the same run with the gradient written out, as one writes it without a compiler.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import treadle as td

Params = dict[str, Any]


def initial(rng: np.random.Generator, inputs: int, hidden: int, classes: int) -> Params:
    return {"w1": rng.normal(size=(inputs, hidden)) * np.sqrt(2 / inputs), "b1": np.zeros(hidden),
            "w2": rng.normal(size=(hidden, classes)) * np.sqrt(2 / hidden), "b2": np.zeros(classes)}


def loss_of(params: Params, x: Any, y: Any) -> Any:
    """The mean cross-entropy of a network with one hidden layer; y holds class numbers."""
    z = np.maximum(x @ params["w1"] + params["b1"], 0) @ params["w2"] + params["b2"]
    z = z - z.max(axis=1, keepdims=True)
    return (np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(y)), y]).mean()


def loss_and_gradient_by_hand(params: Params, x: Any, y: Any) -> tuple[Any, Params]:
    """The same loss with its gradient written out."""
    h = x @ params["w1"] + params["b1"]
    a = np.maximum(h, 0)
    z = a @ params["w2"] + params["b2"]
    z = z - z.max(axis=1, keepdims=True)
    p = np.exp(z)
    total = p.sum(axis=1, keepdims=True)
    rows = np.arange(len(y))
    loss = (np.log(total[:, 0]) - z[rows, y]).mean()
    p = p / total
    p[rows, y] -= 1
    p = p / len(y)
    back = (p @ params["w2"].T) * (h > 0)
    return loss, {"w1": x.T @ back, "b1": back.sum(axis=0), "w2": a.T @ p, "b2": p.sum(axis=0)}


def adam_run(gradient: Callable[..., Any], x: Any, y: Any, held_x: Any, held_y: Any, seed: int, epochs: int = 30,
             batch: int = 32, rate: float = 1e-3, patience: int = 3) -> tuple[Params, list, list]:
    """The best parameters, the losses of the epochs, and the losses on the held-out part, which decide when to stop."""
    rng = np.random.default_rng(seed)
    params = initial(rng, x.shape[1], 64, 10)
    first = {k: np.zeros_like(v) for k, v in params.items()}
    second = {k: np.zeros_like(v) for k, v in params.items()}
    losses, held = [], []
    best, waited, step = np.inf, 0, 0
    for _ in range(epochs):
        order = rng.permutation(len(x))
        total = 0.0
        for start in range(0, len(x) - batch + 1, batch):
            rows = order[start:start + batch]
            loss, slope = gradient(params, x[rows], y[rows])
            total += loss
            step += 1
            for k, g in slope.items():
                first[k] += 0.1 * (g - first[k])
                second[k] += 0.001 * (g * g - second[k])
                params[k] -= rate * (first[k] / (1 - 0.9**step)) / (np.sqrt(second[k] / (1 - 0.999**step)) + 1e-8)
        losses.append(total * batch / len(x))
        now = loss_of(params, held_x, held_y)
        held.append(now)
        if now < best:
            best, waited = now, 0
        else:
            waited += 1
            if waited == patience:
                break
    return params, losses, held


def train(x: Any, y: Any, held_x: Any, held_y: Any, seed: int) -> tuple[Params, list, list]:
    """A training run with the gradient derived by Treadle."""
    return adam_run(td.value_and_grad(loss_of), x, y, held_x, held_y, seed)


def train_by_hand(x: Any, y: Any, held_x: Any, held_y: Any, seed: int) -> tuple[Params, list, list]:
    """A training run with the gradient written by hand: plain NumPy throughout."""
    return adam_run(loss_and_gradient_by_hand, x, y, held_x, held_y, seed)
