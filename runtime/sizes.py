"""Small programs over the extents of a call's arguments, which native code runs before the call: as words, and what runs them.

A program is a row of instructions for a stack of integers of 64 bits, each an operation of `OPERATIONS` and an operand: the
extents of results (`entry.py`), how large the block for temporaries is, whether the conditions hold that a version was made for
(`calls.py`).  `program` puts expressions, as nested tuples, into words; start with `TEXT` for what they mean.

    program([("add", ("extent", 0, 1), 2)])   # value 0 is args[0].shape[1] + 2
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

# The deepest stack and the longest expression; and the instructions, by their numbers. Divisors are positive.
DEEPEST, MOST_OPERATIONS = 24, 400
_BINARY = ("add", "sub", "mul", "max", "min", "and", "floordiv")
_COMPARISONS = ("ge", "gt", "le", "lt", "eq", "ne")
OPERATIONS = ("end", "const", "extent", "workers", "keep", "neg", *_BINARY, *_COMPARISONS)

# A number, or an operation with its operands: ("extent", argument, axis), ("add", x, y), ...
Size = int | tuple[Any, ...]


def program(sizes: Sequence[Size]) -> tuple[int, ...]:
    """The words of what keeps these values under 0, 1, ...; the last is the result."""
    words: list[int] = []
    for k, size in enumerate(sizes):
        _emit(size, words)
        words += [OPERATIONS.index("keep"), k]
    return (*words, OPERATIONS.index("end"), len(sizes) - 1)


def fits(size: Size) -> bool:
    """Can a program compute it?"""
    return _count(size) <= MOST_OPERATIONS and _depth(size) <= DEEPEST


def _count(size: Size) -> int:
    return 1 if isinstance(size, int) else 1 + sum(_count(x) for x in size[1:])


def _depth(size: Size) -> int:
    """Of the stack that it takes."""
    if isinstance(size, int):
        return 1 if -2**63 <= size < 2**63 else DEEPEST + 1
    return 1 if size[0] == "extent" else max([_depth(x) + k for k, x in enumerate(size[1:])], default=1)


def _emit(size: Size, words: list[int]) -> None:
    if isinstance(size, int):
        words += [OPERATIONS.index("const"), size]
        return
    name, *operands = size
    if name == "extent":
        words += [OPERATIONS.index(name), operands[0] | operands[1] << 32]
        return
    for x in operands:
        _emit(x, words)
    words += [OPERATIONS.index(name), 0]


def _row(name: str) -> str:
    return f"i64 {OPERATIONS.index(name)}, label %{name}"


_INSTRUCTION = {**{n: f"{n} i64 %a, %b" for n in ("add", "sub", "mul", "and")},
                "max": "select i1 %larger, i64 %a, i64 %b", "min": "select i1 %larger, i64 %b, i64 %a"}
_FLOORDIV = """floordiv:
  %quotient = sdiv i64 %a, %b
  %left = srem i64 %a, %b
  %below = ashr i64 %left, 63
  %of_floordiv = add i64 %quotient, %below
  br label %two
"""
_PREDICATE = {n: n if n in ("eq", "ne") else f"s{n}" for n in _COMPARISONS}
_TWO = _FLOORDIV + "".join(f"{n}:\n  %of_{n} = {text}\n  br label %two\n" for n, text in _INSTRUCTION.items()) + "".join(
    f"{n}:\n  %truth_{n} = icmp {p} i64 %a, %b\n  %of_{n} = zext i1 %truth_{n} to i64\n  br label %two\n"
    for n, p in _PREDICATE.items())

# %place is where an instruction's result goes, which is then the top of the stack. Two words under the stack let every
# instruction read two operands.
TEXT = f"""
define i64 @treadle_sizes(ptr %code, ptr %args, ptr %values) {{
entry:
  %stack = alloca [{DEEPEST + 3} x i64]
  store i64 0, ptr %stack
  %second = getelementptr i64, ptr %stack, i64 1
  store i64 0, ptr %second
  %bottom = getelementptr i64, ptr %stack, i64 2
  br label %step
step:
  %at = phi ptr [ %code, %entry ], [ %at1, %put ]
  %top = phi ptr [ %bottom, %entry ], [ %top1, %put ]
  %op = load i64, ptr %at
  %operand_at = getelementptr i64, ptr %at, i64 1
  %operand = load i64, ptr %operand_at
  %at1 = getelementptr i64, ptr %at, i64 2
  %b_at = getelementptr i64, ptr %top, i64 -1
  %b = load i64, ptr %b_at
  %a_at = getelementptr i64, ptr %top, i64 -2
  %a = load i64, ptr %a_at
  %larger = icmp sgt i64 %a, %b
  switch i64 %op, label %end [ {" ".join(_row(n) for n in OPERATIONS)} ]
const:
  br label %put
extent:
  %argument = and i64 %operand, 4294967295
  %axis = lshr i64 %operand, 32
  %object_at = getelementptr ptr, ptr %args, i64 %argument
  %object = load ptr, ptr %object_at
  %extents_at = getelementptr i8, ptr %object, i64 32
  %extents = load ptr, ptr %extents_at
  %found_at = getelementptr i64, ptr %extents, i64 %axis
  %found = load i64, ptr %found_at
  br label %put
workers:
  %capacity = load atomic i32, ptr @pool_capacity seq_cst, align 4
  %threads = zext i32 %capacity to i64
  br label %put
keep:
  %keep_at = getelementptr i64, ptr %values, i64 %operand
  store i64 %b, ptr %keep_at
  br label %put
neg:
  %opposite = sub i64 0, %b
  br label %put
{_TWO}two:
  %of_two = phi i64 {", ".join(f"[ %of_{n}, %{n} ]" for n in (*_BINARY, *_COMPARISONS))}
  br label %put
put:
  %result = phi i64 [ %operand, %const ], [ %found, %extent ], [ %threads, %workers ], [ %a, %keep ],
                    [ %opposite, %neg ], [ %of_two, %two ]
  %place = phi ptr [ %top, %const ], [ %top, %extent ], [ %top, %workers ], [ %a_at, %keep ],
                   [ %b_at, %neg ], [ %a_at, %two ]
  store i64 %result, ptr %place
  %top1 = getelementptr i64, ptr %place, i64 1
  br label %step
end:
  %last_at = getelementptr i64, ptr %values, i64 %operand
  %last = load i64, ptr %last_at
  ret i64 %last
}}
"""
