"""A small writer of LLVM functions for the library routines: integers with Python's operators, counted loops, branches.

Integers are i64 values (`Int`); pointers, and everything else, are their text.  Memory for Fortran's arguments, which go by
address, lies in the entry block.  Control flow is `with`: what is computed inside a loop or branch is not used behind it.

    w = Writer("sum_of", "ptr x, i64 n")
    with w.loop(0, w["n"]) as i:
        ...
    text = w.finish()
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager


class Int:
    """An i64 value of a writer."""

    __slots__ = ("text", "writer")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, writer: Writer, text: str) -> None:
        self.writer, self.text = writer, text

    def __str__(self) -> str:
        return self.text

    def _made(self, opcode: str, left: Int | int, right: Int | int) -> Int:
        return Int(self.writer, self.writer.put(f"{opcode} i64 {left}, {right}"))

    def _compared(self, relation: str, other: Int | int) -> str:
        return self.writer.put(f"icmp {relation} i64 {self}, {other}")

    def __add__(self, other: Int | int) -> Int:
        return self._made("add", self, other)

    def __sub__(self, other: Int | int) -> Int:
        return self._made("sub", self, other)

    def __rsub__(self, other: int) -> Int:
        return self._made("sub", other, self)

    def __mul__(self, other: Int | int) -> Int:
        return self._made("mul", self, other)

    def __floordiv__(self, other: Int | int) -> Int:
        """Of numbers that are not negative."""
        return self._made("udiv", self, other)

    def __and__(self, other: Int | int) -> Int:
        return self._made("and", self, other)

    def __or__(self, other: Int | int) -> Int:
        return self._made("or", self, other)

    __radd__, __rmul__ = __add__, __mul__

    def __lt__(self, other: Int | int) -> str:
        return self._compared("slt", other)

    def __le__(self, other: Int | int) -> str:
        return self._compared("sle", other)

    def __gt__(self, other: Int | int) -> str:
        return self._compared("sgt", other)

    def __ge__(self, other: Int | int) -> str:
        return self._compared("sge", other)

    def equals(self, other: Int | int) -> str:
        return self._compared("eq", other)

    def differs(self, other: Int | int) -> str:
        return self._compared("ne", other)


class Writer:
    """One function being written; `w["n"]` is its parameter of that name."""

    def __init__(self, name: str, parameters: str, result: str = "void", linkage: str = "internal ") -> None:
        self._head = f"define {linkage}{result} @{name}({', '.join(_percent(p) for p in parameters.split(', '))}) {{\nentry:"
        self._memory: list[str] = []
        self._lines: list[str] = []
        self._block = "start"
        self._numbers = itertools.count()

    def __getitem__(self, name: str) -> Int:
        return Int(self, f"%{name}")

    def put(self, right: str) -> str:
        """A new value."""
        name = f"%v{next(self._numbers)}"
        self._lines.append(f"  {name} = {right}")
        return name

    def do(self, line: str) -> None:
        self._lines.append(f"  {line}")

    def memory(self, kind: str) -> str:
        """A pointer to memory of the function's own."""
        name = f"%m{next(self._numbers)}"
        self._memory.append(f"  {name} = alloca {kind}")
        return name

    def integer(self, right: str) -> Int:
        return Int(self, self.put(right))

    # memory

    def at(self, base: str, offset: Int | int) -> str:
        """The address `offset` bytes behind another."""
        return self.put(f"getelementptr i8, ptr {base}, i64 {offset}")

    def load(self, kind: str, pointer: str) -> str:
        return self.put(f"load {kind}, ptr {pointer}, align {_ALIGNMENT.get(kind, 8)}")

    def store(self, kind: str, value: str | Int | int, pointer: str) -> None:
        self.do(f"store {kind} {value}, ptr {pointer}, align {_ALIGNMENT.get(kind, 8)}")

    def word(self, base: str, number: int) -> Int:
        """The i64 number `number` of a block of words."""
        return Int(self, self.load("i64", self.at(base, 8 * number)))

    def short(self, pointer: str) -> Int:
        """A 32-bit integer."""
        return self.integer(f"sext i32 {self.load('i32', pointer)} to i64")

    # choices

    def choose(self, condition: str, yes: Int | int, no: Int | int) -> Int:
        return self.integer(f"select i1 {condition}, i64 {yes}, i64 {no}")

    def choose_pointer(self, condition: str, yes: str, no: str) -> str:
        return self.put(f"select i1 {condition}, ptr {yes}, ptr {no}")

    def least(self, a: Int | int, b: Int | int) -> Int:
        return self.integer(f"call i64 @llvm.smin.i64(i64 {a}, i64 {b})")

    def most(self, a: Int | int, b: Int | int) -> Int:
        return self.integer(f"call i64 @llvm.smax.i64(i64 {a}, i64 {b})")

    # control

    def _begin(self, block: str) -> None:
        self._lines.append(f"{block}:")
        self._block = block

    @contextmanager
    def loop(self, lo: Int | int, hi: Int | int, step: Int | int = 1) -> Iterator[Int]:
        """For i in range(lo, hi, step), whose step is positive."""
        k = next(self._numbers)
        before, i = self._block, f"%i{k}"
        self.do(f"br label %head{k}")
        self._begin(f"head{k}")
        place = len(self._lines)
        more = self.put(f"icmp slt i64 {i}, {hi}")
        self.do(f"br i1 {more}, label %body{k}, label %after{k}")
        self._begin(f"body{k}")
        yield Int(self, i)
        self.do(f"%next{k} = add i64 {i}, {step}")
        self.do(f"br label %head{k}")
        self._lines.insert(place, f"  {i} = phi i64 [ {lo}, %{before} ], [ %next{k}, %{self._block} ]")
        self._begin(f"after{k}")

    @contextmanager
    def when(self, condition: str) -> Iterator[None]:
        k = next(self._numbers)
        self.do(f"br i1 {condition}, label %then{k}, label %after{k}")
        self._begin(f"then{k}")
        yield
        self.do(f"br label %after{k}")
        self._begin(f"after{k}")

    def unless(self, condition: str) -> AbstractContextManager[None]:
        return self.when(self.put(f"xor i1 {condition}, true"))

    def give(self, result: str) -> None:
        """Return here; inside of a branch, what follows runs only where the branch is not taken."""
        k = next(self._numbers)
        self.do(f"ret {result}")
        self._begin(f"behind{k}")

    def finish(self, result: str = "void") -> str:
        body = "\n".join([self._head, *self._memory, "  br label %start", "start:", *self._lines, f"  ret {result}"])
        return body + "\n}\n"

    # calls

    def fortran(self, name: str, *arguments: Int | int | str) -> None:
        """Call a Fortran subroutine: integers by address as 32-bit numbers, letters too, pointers as they are."""
        given = []
        for x in arguments:
            if isinstance(x, str):
                given.append(f"ptr {x if x[0] in '%@' else letter(x)}")
                continue
            place = self.memory("i32")
            short = self.put(f"trunc i64 {x} to i32") if isinstance(x, Int) else x
            self.store("i32", str(short), place)
            given.append(f"ptr {place}")
        self.do(f"call void @{name}({', '.join(given)})")

    def parallel(self, body: str, words: Sequence[Int | int | str], lo: Int | int, hi: Int | int, chunk: Int | int) -> None:
        """Spread `body(context, lo, hi, worker)`, whose context holds these words: integers and pointers."""
        context = self.memory(f"[{max(len(words), 1)} x i64]")
        for k, x in enumerate(words):
            pointer = isinstance(x, str)
            self.store("ptr" if pointer else "i64", x, self.at(context, 8 * k))
        self.do(f"call void @treadle_parallel(ptr @{body}, ptr {context}, i64 {lo}, i64 {hi}, i64 {chunk})")

    def words(self, kinds: str, context: str = "%context") -> list:
        """What `parallel` put into the context, in its order: p for a pointer, i for an integer."""
        found: list = []
        for k, kind in enumerate(kinds):
            found.append(self.load("ptr", self.at(context, 8 * k)) if kind == "p" else self.word(context, k))
        return found


_ALIGNMENT = {"i32": 4, "i8": 1, "float": 4}
BODY_PARAMETERS = "ptr context, i64 lo, i64 hi, i64 worker"


def letter(x: str) -> str:
    """The constant that holds a letter, which `letters` defines."""
    return f"@letter_{x}"


def letters(text: str) -> str:
    """Definitions of these letters."""
    return "".join(f'@letter_{x} = internal constant [1 x i8] c"{x}"\n' for x in text)


def _percent(parameter: str) -> str:
    kind, name = parameter.split()
    return f"{kind} %{name}"
