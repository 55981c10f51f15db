"""Facts about the processors that code is generated for: plain data, no detection.

`TARGETS` names the levels that one build may choose among at run time.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """One processor level.

    cpu            LLVM's name for it
    vector_bits    the width of its vector registers
    registers      how many vector registers there are
    masked         loads and stores of part of a vector cost what whole ones do
    fma            there is a fused multiply-add instruction
    scalef         there is an instruction for x * 2**n
    half           there are instructions that convert half precision
    estimates      there are instructions that give a reciprocal to 14 bits, of doubles too
    """

    name: str
    cpu: str
    vector_bits: int
    registers: int
    masked: bool
    fma: bool
    scalef: bool
    half: bool
    estimates: bool = False

    def lanes(self, bytes_per_element: int) -> int:
        """Elements of this size in one register."""
        return self.vector_bits // 8 // bytes_per_element


TARGETS: dict[str, Target] = {t.name: t for t in (
    Target("x86-64-v4", "x86-64-v4", 512, 32, masked=True, fma=True, scalef=True, half=True, estimates=True),
    Target("x86-64-v3", "x86-64-v3", 256, 16, masked=False, fma=True, scalef=False, half=True),
    Target("x86-64-v2", "x86-64-v2", 128, 16, masked=False, fma=False, scalef=False, half=False),
    Target("aarch64", "generic", 128, 32, masked=False, fma=True, scalef=False, half=True),
)}


def target_of(is_x86: bool, vector_bits: int) -> Target:
    """The level of a processor with vectors of this width.

    >>> target_of(True, 256).name
    'x86-64-v3'
    """
    return next(t for t in TARGETS.values() if t.vector_bits == vector_bits and t.name.startswith("x86") == is_x86)
