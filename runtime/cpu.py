"""What is known of the CPU that code is compiled for: LLVM's name and features of it, its vector width, its threads.

`host()` describes the machine at hand; `host(limit)` one that is capped at a level ("x86-64-v2", "x86-64-v3",
"x86-64-v4"), so that code for smaller machines can be made and tested on a larger one.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass

import llvmlite.binding as llvm

# Vector bits of each level, and a feature that a machine must have to run it.
LEVELS = {"x86-64-v2": (128, "sse4.2"), "x86-64-v3": (256, "avx2"), "x86-64-v4": (512, "avx512vl")}


@dataclass(frozen=True, slots=True)
class Cpu:
    """triple, name and features as LLVM spells them; `vector_bits` is the width code should use."""

    triple: str
    name: str
    features: str
    vector_bits: int

    @property
    def is_x86(self) -> bool:
        return self.triple.startswith("x86_64")

    def has(self, feature: str) -> bool:
        """Is this feature among those listed? (A level's name implies features that are not listed.)"""
        return f"+{feature}" in self.features.split(",")


@functools.cache
def host(limit: str | None = None) -> Cpu:
    """The machine at hand, or the level `limit` of it."""
    triple = llvm.get_default_triple()
    found = dict(llvm.get_host_cpu_features())
    if limit is not None:
        if limit not in LEVELS or not triple.startswith("x86_64"):
            raise ValueError(f"unknown CPU level {limit!r}: one of {', '.join(LEVELS)} on an x86-64 machine")
        bits, needed = LEVELS[limit]
        if not found.get(needed):
            raise ValueError(f"this machine cannot run code for {limit}: it lacks {needed}")
        return Cpu(triple, limit, "", bits)
    # The whole width pays although LLVM prefers 256 bits on some machines that clock down for 512.
    found.pop("prefer-256-bit", None)
    features = ",".join(f"{'+' if on else '-'}{name}" for name, on in sorted(found.items()))
    return Cpu(triple, llvm.get_host_cpu_name(), features, _vector_bits(found))


def _vector_bits(features: dict[str, bool]) -> int:
    if all(features.get(f) for f in ("avx512f", "avx512bw", "avx512dq", "avx512vl")):
        return 512
    if features.get("avx2") and features.get("fma"):
        return 256
    return 128


def available_threads() -> int:
    """The CPUs this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
