"""The main job on real data: `python -m treadle demo`.

Unmodified NumPy programs over scikit-learn's bundled data sets run plainly and under `treadle.jit`; the table says whether
the results agree, how long each takes, and what the first call cost.  Every stage of the compiler is written to a folder.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import treadle as td
from treadle.benchmarks import training
from treadle.compiler.lazy import lazy


def kmeans_step(x, centers):
    """One step of Lloyd's algorithm: assign each row to its nearest centre, move the centres to the means."""
    distance = ((x[:, None, :] - centers[None, :, :]) ** 2).sum(axis=2)
    label = distance.argmin(axis=1)
    member = (label[:, None] == np.arange(len(centers))).astype(x.dtype)
    count = np.maximum(member.sum(axis=0), 1)
    return (member.T @ x) / count[:, None], label


def softmax_regression_steps(w, b, x, y, rate):
    """Ten steps of gradient descent on the cross-entropy, gradients by hand; `w` and `b` are updated in place."""
    for _ in range(10):
        z = x @ w + b
        z -= z.max(axis=1, keepdims=True)
        p = np.exp(z)
        p /= p.sum(axis=1, keepdims=True)
        loss = -(y * np.log(p + 1e-12)).sum() / len(x)
        p -= y
        p /= len(x)
        w -= rate * (x.T @ p)
        b -= rate * p.sum(axis=0)
    return loss


def logistic_regression_step(w, x, y, rate):
    """One step of logistic regression on two classes (y is 0 or 1), with a ridge penalty; `w` is updated in place."""
    p = 1 / (1 + np.exp(-(x @ w)))
    w -= rate * (x.T @ (p - y) / len(y) + 1e-3 * w)
    return np.where(y > 0, -np.log(p + 1e-12), -np.log(1 - p + 1e-12)).mean()


def principal_axis(x, v):
    """Twenty power iterations for the first principal component, and the share of variance that it explains."""
    c = x - x.mean(axis=0)
    for _ in range(20):
        v = c.T @ (c @ v)
        v = v / np.sqrt((v * v).sum())
    score = c @ v
    return v, (score * score).sum() / (c * c).sum()


def kernel_smoother(x, y, q, width):
    """Nadaraya-Watson regression: Gaussian-weighted means of y at the points q."""
    d = ((q[:, None, :] - x[None, :, :]) ** 2).sum(axis=-1)
    k = np.exp(-d / (2 * width**2))
    return (k @ y) / k.sum(axis=1)


def diffuse(u, steps=4):
    """Explicit heat steps on a picture, in place, with its border held."""
    for _ in range(steps):
        u[1:-1, 1:-1] += 0.2 * (u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4 * u[1:-1, 1:-1])
    return u.mean()


@dataclass
class Program:
    """`plain` is what runs under NumPy alone, if that is not the function itself."""

    name: str
    data: str
    function: Callable
    arguments: Callable[[], tuple]
    plain: Callable | None = None

    @property
    def under_numpy(self) -> Callable:
        return self.plain or self.function


def programs() -> list[Program]:
    """The demonstration's programs with their data, loaded through scikit-learn."""
    datasets = lazy("sklearn.datasets", "install treadle[ml]; the demonstration reads scikit-learn's bundled data sets")
    digits, cancer, diabetes = datasets.load_digits(), datasets.load_breast_cancer(), datasets.load_diabetes()
    x, y = digits.data / 16.0, np.eye(10)[digits.target]
    cx = (cancer.data - cancer.data.mean(axis=0)) / cancer.data.std(axis=0)
    dx = diabetes.data / diabetes.data.std(axis=0)
    picture = digits.images[:256].reshape(16, 16, 8, 8).transpose(0, 2, 1, 3).reshape(128, 128)
    mosaic = np.kron(picture, np.ones((8, 8)))
    rng = np.random.default_rng(0)
    order = rng.permutation(len(x))
    pictures, labels = x[order], digits.target[order]
    return [
        Program("k-means step", "digits 1797x64, 10 centres", kmeans_step, lambda: (x, x[:10].copy())),
        Program("softmax regression, 10 steps", "digits 1797x64, 10 classes", softmax_regression_steps,
                lambda: (np.zeros((64, 10)), np.zeros(10), x, y, 0.5)),
        Program("logistic regression step", "breast cancer 569x30", logistic_regression_step,
                lambda: (np.zeros(30), cx, cancer.target.astype(float), 0.5)),
        Program("first principal component", "digits 1797x64, 20 iterations", principal_axis,
                lambda: (x, rng.normal(size=64) * 0 + 1.0)),
        Program("kernel smoother", "diabetes 442x10", kernel_smoother, lambda: (dx, diabetes.target, dx, 1.5)),
        Program("heat on a mosaic of digits", "1024x1024, 4 steps", diffuse, lambda: (mosaic.copy(),)),
        Program("network, Adam, a whole run", "digits 1400x64, 30 epochs", training.train,
                lambda: (pictures[:1400], labels[:1400], pictures[1400:], labels[1400:], 1), training.train_by_hand),
    ]


def relative_difference(a: object, b: object) -> float:
    """The largest difference over the largest magnitude, over all arrays in two results."""
    if isinstance(a, (tuple, list)):
        return max(relative_difference(x, y) for x, y in zip(a, b, strict=True))  # type: ignore[arg-type]
    if isinstance(a, dict):
        return max(relative_difference(a[k], b[k]) for k in a | b)  # type: ignore[operator, index]
    a, b = np.asarray(a, float), np.asarray(b, float)
    scale = float(np.max(np.abs(b))) if b.size else 0.0
    return float(np.max(np.abs(a - b))) / (scale or 1.0) if b.size else 0.0


def median_time(function: Callable, arguments: Callable[[], tuple], budget: float) -> float:
    """The median over calls on fresh arguments, within about `budget` seconds."""
    times: list[float] = []
    end = time.perf_counter() + budget
    while len(times) < 3 or (time.perf_counter() < end and len(times) < 200):
        args = arguments()
        begin = time.perf_counter()
        function(*args)
        times.append(time.perf_counter() - begin)
    return sorted(times)[len(times) // 2]


def run(folder: str | Path = "treadle-dump", budget: float = 1.5) -> bool:
    """Run every program; print the table; True if all agree."""
    header = f"{'program':30} {'data':28} {'NumPy':>10} {'Treadle':>10} {'speed-up':>9} {'first call':>11} {'difference':>11}"
    print(header + "\n" + "-" * len(header), flush=True)
    agree = True
    for p in programs():
        compiled = td.jit(p.function)
        plain_args, jit_args = p.arguments(), p.arguments()
        begin = time.perf_counter()
        got = compiled(*jit_args)
        first = time.perf_counter() - begin
        want = p.under_numpy(*plain_args)
        error = max(relative_difference(got, want), relative_difference(jit_args, plain_args))
        agree &= error < 1e-9
        plain, fast = median_time(p.under_numpy, p.arguments, budget), median_time(compiled, p.arguments, budget)
        print(f"{p.name:30} {p.data:28} {plain * 1e3:7.2f} ms {fast * 1e3:7.2f} ms {plain / fast:8.1f}x {first * 1e3:8.0f} ms "
              f"{error:11.1e}", flush=True)
        write_stages(compiled.lower(*p.arguments()), Path(folder) / p.function.__name__)
    print(f"\nEvery stage of each compilation is in {folder}/: the traced and optimised graph, the loops, LLVM, assembly.")
    print("All results agree with NumPy's." if agree else "SOME RESULTS DIFFER FROM NUMPY'S.")
    return agree


def write_stages(lowered, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for k, stage in enumerate(lowered.stages()):
        (folder / f"{k}-{stage}.txt").write_text(lowered.ir(stage))
