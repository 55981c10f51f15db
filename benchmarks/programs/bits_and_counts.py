"""Integers: checksums, bit tricks, histograms, sieves, hashing, run lengths."""

from __future__ import annotations

import numpy as np
from treadle.benchmarks.programs.program import Program


def crc16(data, polynomial):
    crc = 0xFFFF
    for b in data:
        current = 0xFF & b
        for _ in range(8):
            if (crc & 1) ^ (current & 1):
                crc = (crc >> 1) ^ polynomial
            else:
                crc >>= 1
            current >>= 1
    crc = ~crc & 0xFFFF
    return ((crc << 8) | ((crc >> 8) & 0xFF)) & 0xFFFF


def sieve(n):
    prime = np.ones(n + 1, dtype=bool)
    prime[:2] = False
    i = 2
    while i * i <= n:
        if prime[i]:
            prime[i * i::i] = False
        i += 1
    return prime.sum()


def histogram_loop(x, lo, hi, bins):
    count = np.zeros(bins, dtype=np.int64)
    scale = bins / (hi - lo)
    for i in range(x.shape[0]):
        if lo <= x[i] < hi:
            count[int((x[i] - lo) * scale)] += 1
    return count


def fnv_hash(data):
    h = np.full(data.shape[0], 2166136261, dtype=np.uint32)
    for j in range(data.shape[1]):
        h = (h ^ data[:, j]) * np.uint32(16777619)
    return h


def xorshift_walk(state, steps):
    position = np.zeros(state.shape[0], dtype=np.int64)
    for _ in range(steps):
        state ^= state << np.uint64(13)
        state ^= state >> np.uint64(7)
        state ^= state << np.uint64(17)
        position += np.where(state & np.uint64(1), 1, -1)
    return position


def run_lengths(x):
    longest = 0
    current = 0
    for i in range(len(x)):
        if i > 0 and x[i] == x[i - 1]:
            current += 1
        else:
            current = 1
        if current > longest:
            longest = current
    return longest


def bubble_sort(x):
    n = len(x)
    for i in range(n):
        swapped = False
        for j in range(n - 1 - i):
            if x[j] > x[j + 1]:
                x[j], x[j + 1] = x[j + 1], x[j]
                swapped = True
        if not swapped:
            break
    return x


def binary_search_all(table, queries):
    out = np.empty(len(queries), dtype=np.int64)
    for k in range(len(queries)):
        lo = 0
        hi = len(table)
        while lo < hi:
            mid = (lo + hi) // 2
            if table[mid] < queries[k]:
                lo = mid + 1
            else:
                hi = mid
        out[k] = lo
    return out


def popcount_pairs(a):
    total = np.zeros((a.shape[0], a.shape[0]), dtype=np.int64)
    for w in range(a.shape[1]):
        total += np.bitwise_count(a[:, None, w] ^ a[None, :, w])
    return total


def _rng():
    return np.random.default_rng(23)


PROGRAMS = [
    Program(crc16, lambda: (_rng().integers(0, 256, 12).astype(np.uint8), 0x8408),
            lambda: (_rng().integers(0, 256, 100_000).astype(np.uint8), 0x8408), "scalar"),
    Program(sieve, lambda: (50,), lambda: (2_000_000,), "array"),
    Program(histogram_loop, lambda: (_rng().normal(size=30), -2.0, 2.0, 5),
            lambda: (_rng().normal(size=500_000), -2.0, 2.0, 50), "scalar"),
    Program(fnv_hash, lambda: (_rng().integers(0, 256, (5, 4)).astype(np.uint32),),
            lambda: (_rng().integers(0, 256, (100_000, 16)).astype(np.uint32),), "array"),
    Program(xorshift_walk, lambda: (_rng().integers(1, 2**60, 5).astype(np.uint64), 6),
            lambda: (_rng().integers(1, 2**60, 10_000).astype(np.uint64), 200), "array"),
    Program(run_lengths, lambda: (_rng().integers(0, 2, 30),), lambda: (_rng().integers(0, 2, 1_000_000),), "scalar"),
    Program(bubble_sort, lambda: (_rng().normal(size=9),), lambda: (_rng().normal(size=1200),), "scalar"),
    Program(binary_search_all, lambda: (np.arange(20.0), _rng().random(6) * 20),
            lambda: (np.arange(100_000.0), _rng().random(100_000) * 1e5), "scalar"),
    Program(popcount_pairs, lambda: (_rng().integers(0, 2**40, (5, 3)).astype(np.uint64),),
            lambda: (_rng().integers(0, 2**40, (500, 16)).astype(np.uint64),), "array"),
]
