"""Whole runs in one compiled call: optimizers, clustering, sampling, searching, as one writes them in NumPy."""

from dataclasses import dataclass

import numpy as np
import pytest
import treadle as td

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = (X @ np.array([1.0, -2, 0.5]) + 0.1 * RNG.normal(size=60))
LABELS = (Y > 0).astype(int)
GRAPH = RNG.random((12, 12)) < 0.2


def loss(p, x, y):
    r = x @ p["w"] + p["b"] - y
    return (r * r).mean()


def momentum(x, y, seed):
    rng = np.random.default_rng(seed)
    p, v = {"w": np.zeros(3), "b": 0.0}, {"w": np.zeros(3), "b": 0.0}
    history = []
    for epoch in range(20):
        rate = 0.1 * 0.9**epoch
        order = rng.permutation(len(x))
        for start in range(0, len(x), 16):
            rows = order[start:start + 16]
            value, slope = td.value_and_grad(loss)(p, x[rows], y[rows])
            for k in p:
                v[k] = 0.9 * v[k] - rate * slope[k]
                p[k] = p[k] + v[k]
        history.append(loss(p, x, y))
        if len(history) > 3 and history[-1] > history[-2] - 1e-9:
            break
    return p, history


def rmsprop(x, y, seed):
    w, s, lowest, waited = np.zeros(3), np.zeros(3), np.inf, 0
    metrics = {"loss": [], "norm": []}
    for step in range(100):
        r = x @ w - y
        g = 2 * x.T @ r / len(x)
        s = 0.9 * s + 0.1 * g * g
        w -= 0.05 * g / (np.sqrt(s) + 1e-8)
        now = (r * r).mean()
        metrics["loss"].append(now)
        metrics["norm"].append(np.linalg.norm(g))
        if now < lowest - 1e-4:
            lowest, waited = now, 0
        else:
            waited += 1
            if waited > 5:
                break
    return w, metrics, step


@dataclass
class Adam:
    first: np.ndarray
    second: np.ndarray
    step: int = 0

    def update(self, w, g):
        self.step += 1
        self.first = 0.9 * self.first + 0.1 * g
        self.second = 0.999 * self.second + 0.001 * g * g
        return w - 0.05 * (self.first / (1 - 0.9**self.step)) / (np.sqrt(self.second / (1 - 0.999**self.step)) + 1e-8)


def adam_in_a_dataclass(x, y, seed):
    state, w = Adam(np.zeros(3), np.zeros(3)), np.zeros(3)
    for _ in range(50):
        w = state.update(w, 2 * x.T @ (x @ w - y) / len(x))
    return w, state.step, state.first


def k_fold(x, y, seed):
    rng = np.random.default_rng(seed)
    folds = np.array_split(rng.permutation(len(x)), 5)
    scores = []
    for k in range(5):
        test = folds[k]
        train = np.concatenate([folds[j] for j in range(5) if j != k])
        w = np.linalg.solve(x[train].T @ x[train] + 1e-3 * np.eye(3), x[train].T @ y[train])
        scores.append(((x[test] @ w - y[test]) ** 2).mean())
    return np.array(scores), np.mean(scores)


def k_means(x, y, seed):
    rng = np.random.default_rng(seed)
    centers = x[rng.choice(len(x), size=6, replace=False)] + 3.0 * (np.arange(6) == 5)[:, None]
    for trip in range(30):
        label = ((x[:, None, :] - centers) ** 2).sum(axis=2).argmin(axis=1)
        new = centers.copy()
        for k in range(6):
            members = x[label == k]
            if len(members) > 0:
                new[k] = members.mean(axis=0)
            else:
                new[k] = x[rng.integers(len(x))]
        moved = np.abs(new - centers).max()
        centers = new
        if moved < 1e-9:
            break
    return centers, label, trip


def mixture(x, y, seed):
    z = x[:, 0]
    mean, spread, share = np.array([-1.0, 1.0]), np.ones(2), np.full(2, 0.5)
    last = -np.inf
    for _ in range(60):
        density = share * np.exp(-0.5 * ((z[:, None] - mean) / spread) ** 2) / spread
        total = density.sum(axis=1, keepdims=True)
        r = density / total
        n = r.sum(axis=0)
        mean = (r * z[:, None]).sum(axis=0) / n
        spread = np.sqrt((r * (z[:, None] - mean) ** 2).sum(axis=0) / n) + 1e-3
        share = n / len(z)
        now = np.log(total).sum()
        if now - last < 1e-6:
            break
        last = now
    return mean, spread, share, now


def metropolis(x, y, seed):
    rng = np.random.default_rng(seed)
    w, kept, accepted = np.zeros(3), [], 0
    energy = ((x @ w - y) ** 2).sum()
    for step in range(300):
        trial = w + 0.1 * rng.normal(size=3)
        new = ((x @ trial - y) ** 2).sum()
        if np.log(rng.random()) < energy - new:
            w, energy, accepted = trial, new, accepted + 1
        if step >= 100 and step % 10 == 0:
            kept.append(w.copy())
    return np.mean(kept, axis=0), accepted


def bootstrap(x, y, seed):
    rng = np.random.default_rng(seed)
    means = np.empty(200)
    for k in range(200):
        means[k] = y[rng.integers(0, len(y), len(y))].mean()
    return np.percentile(means, [2.5, 97.5]), means.std()


def particle_filter(x, y, seed):
    rng = np.random.default_rng(seed)
    p, estimates = rng.normal(size=100), []
    for t in range(20):
        p = 0.9 * p + 0.3 * rng.normal(size=100)
        weight = np.exp(-0.5 * (y[t] - p) ** 2)
        weight /= weight.sum()
        if 1 / (weight**2).sum() < 50:
            p = p[np.searchsorted(np.cumsum(weight), (rng.random() + np.arange(100)) / 100).clip(0, 99)]
        estimates.append(p.mean())
    return np.array(estimates)


def annealing(x, y, seed):
    rng = np.random.default_rng(seed)
    d = np.round(100 * np.sqrt(((x[:20, None] - x[:20]) ** 2).sum(axis=2)))
    tour, heat = np.arange(20), 100.0
    length = d[tour, np.roll(tour, -1)].sum()
    best, best_tour = length, tour.copy()
    while heat > 5:
        i, j = rng.integers(0, 20, 2)
        lo, hi = min(i, j), max(i, j)
        trial = tour.copy()
        trial[lo:hi + 1] = tour[lo:hi + 1][::-1]
        now = d[trial, np.roll(trial, -1)].sum()
        if now < length or rng.random() < np.exp((length - now) / heat):
            tour, length = trial, now
            if length < best:
                best, best_tour = length, tour.copy()
        heat *= 0.98
    return best, best_tour


def reachable(x, y, seed):
    frontier, seen, depth = np.array([0]), np.zeros(12, bool), 0
    seen[0] = True
    order = np.full(12, -1)
    order[0] = 0
    while len(frontier) > 0:
        depth += 1
        found = GRAPH[frontier].any(axis=0) & ~seen
        seen |= found
        order[found] = depth
        frontier = np.flatnonzero(found)
    return order, depth


def sieve(x, y, seed):
    left, found, total = np.arange(2, 60), 0, 0
    while len(left) > 0:
        p = left[0]
        found, total = found + 1, total + p
        left = left[left % p != 0]
    return found, total


def run_lengths(x, y, seed):
    z = LABELS
    starts = np.flatnonzero(np.concatenate(([True], z[1:] != z[:-1])))
    lengths = np.diff(np.append(starts, len(z)))
    return z[starts], lengths, np.repeat(z[starts], lengths)


def perceptron(x, y, seed):
    rng = np.random.default_rng(seed)
    w, mistakes = np.zeros(3), []
    for _ in range(10):
        wrong = 0
        for i in rng.permutation(len(x)):
            if (x[i] @ w > 0) != (y[i] > 0):
                w = w + (2 * (y[i] > 0) - 1) * x[i]
                wrong += 1
        mistakes.append(wrong)
        if wrong == 0:
            break
    return w, mistakes


def trimmed(x, y, seed):
    kept = np.arange(len(x))
    for _ in range(5):
        w = np.linalg.solve(x[kept].T @ x[kept], x[kept].T @ y[kept])
        r = np.abs(x @ w - y)
        new = np.flatnonzero(r < 2.5 * np.median(r[kept]))
        if len(new) == len(kept):
            break
        kept = new
    return w, len(kept)


RUNS = [momentum, rmsprop, adam_in_a_dataclass, k_fold, k_means, mixture, metropolis, bootstrap, particle_filter, annealing,
        reachable, sieve, run_lengths, perceptron, trimmed]


def close(got, want):
    assert type(got) is type(want)
    if isinstance(want, (tuple, list)):
        assert len(got) == len(want)
        for g, w in zip(got, want, strict=True):
            close(g, w)
    elif isinstance(want, dict):
        assert got.keys() == want.keys()
        for k in want:
            close(got[k], want[k])
    else:
        np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("run", RUNS, ids=lambda f: f.__name__)
def test_a_whole_run(run):
    jitted = td.jit(run)
    for seed in (1, 2):
        close(jitted(X, Y, seed), run(X, Y, seed))
