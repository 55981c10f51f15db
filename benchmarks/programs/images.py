"""Images by loops over pixels and by whole arrays: filters, transforms, labels, dithering."""

from __future__ import annotations

import numpy as np
from treadle.benchmarks.programs.program import Program


def median_filter_3x3(img):
    h, w = img.shape
    out = img.copy()
    for i in range(1, h - 1):
        for j in range(1, w - 1):
            out[i, j] = np.median(img[i - 1:i + 2, j - 1:j + 2])
    return out


def bilateral_filter(img, radius, sigma_s, sigma_r):
    h, w = img.shape
    out = np.zeros_like(img)
    for i in range(h):
        for j in range(w):
            total = 0.0
            weight = 0.0
            for di in range(-radius, radius + 1):
                for dj in range(-radius, radius + 1):
                    y, x = i + di, j + dj
                    if 0 <= y < h and 0 <= x < w:
                        g = np.exp(-(di * di + dj * dj) / (2 * sigma_s ** 2) - (img[y, x] - img[i, j]) ** 2 / (2 * sigma_r ** 2))
                        total += g * img[y, x]
                        weight += g
            out[i, j] = total / weight
    return out


def floyd_steinberg(img):
    h, w = img.shape
    for y in range(h):
        for x in range(w):
            old = img[y, x]
            new = np.round(old)
            img[y, x] = new
            err = old - new
            if x + 1 < w:
                img[y, x + 1] += err * 7 / 16
            if y + 1 < h:
                if x > 0:
                    img[y + 1, x - 1] += err * 3 / 16
                img[y + 1, x] += err * 5 / 16
                if x + 1 < w:
                    img[y + 1, x + 1] += err * 1 / 16


def connected_components(mask):
    h, w = mask.shape
    parent = np.arange(h * w)
    def find(x):
        while parent[x] != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        return x
    for i in range(h):
        for j in range(w):
            if mask[i, j]:
                if i > 0 and mask[i - 1, j]:
                    a, b = find(i * w + j), find((i - 1) * w + j)
                    if a != b:
                        parent[max(a, b)] = min(a, b)
                if j > 0 and mask[i, j - 1]:
                    a, b = find(i * w + j), find(i * w + j - 1)
                    if a != b:
                        parent[max(a, b)] = min(a, b)
    labels = np.full((h, w), -1)
    for i in range(h):
        for j in range(w):
            if mask[i, j]:
                labels[i, j] = find(i * w + j)
    return labels


def hough_lines(edges, n_theta):
    h, w = edges.shape
    diag = int(np.ceil(np.hypot(h, w)))
    theta = np.linspace(-np.pi / 2, np.pi / 2, n_theta)
    c, s = np.cos(theta), np.sin(theta)
    acc = np.zeros((2 * diag, n_theta), dtype=np.int64)
    for y in range(h):
        for x in range(w):
            if edges[y, x]:
                for t in range(n_theta):
                    rho = int(round(x * c[t] + y * s[t])) + diag
                    acc[rho, t] += 1
    return acc


def perona_malik(img, lam, steps):
    u = img.copy()
    for _ in range(steps):
        n = np.zeros_like(u)
        s = np.zeros_like(u)
        e = np.zeros_like(u)
        w = np.zeros_like(u)
        n[1:] = u[:-1] - u[1:]
        s[:-1] = u[1:] - u[:-1]
        e[:, :-1] = u[:, 1:] - u[:, :-1]
        w[:, 1:] = u[:, :-1] - u[:, 1:]
        flow = np.exp(-(n / 0.1) ** 2) * n + np.exp(-(s / 0.1) ** 2) * s
        flow += np.exp(-(e / 0.1) ** 2) * e + np.exp(-(w / 0.1) ** 2) * w
        u = u + lam * flow
    return u


def _drawn(make):
    return make(np.random.default_rng(11))


PROGRAMS = [
    Program(median_filter_3x3,
            lambda: _drawn(lambda r: (r.random((8, 9)),)),
            lambda: _drawn(lambda r: (r.random((80, 90)),)), "array"),
    Program(bilateral_filter,
            lambda: _drawn(lambda r: (r.random((8, 9)).astype(np.float32), 2, 1.0, 0.2)),
            lambda: _drawn(lambda r: (r.random((40, 50)).astype(np.float32), 3, 1.5, 0.2)), "scalar"),
    Program(floyd_steinberg,
            lambda: _drawn(lambda r: (r.random((8, 9)).astype(np.float32),)),
            lambda: _drawn(lambda r: (r.random((150, 140)).astype(np.float32),)), "scalar"),
    Program(connected_components,
            lambda: _drawn(lambda r: (r.random((8, 9)) > 0.5,)),
            lambda: _drawn(lambda r: (r.random((120, 120)) > 0.5,)), "scalar"),
    Program(hough_lines,
            lambda: _drawn(lambda r: (r.random((9, 10)) > 0.7, 8)),
            lambda: _drawn(lambda r: (r.random((100, 120)) > 0.9, 90)), "scalar"),
    Program(perona_malik,
            lambda: _drawn(lambda r: (r.random((7, 8)), 0.1, 4)),
            lambda: _drawn(lambda r: (r.random((200, 250)), 0.1, 20)), "array"),
]
