"""The random generators that a running program draws from, by the address of their state.

Compiled code holds addresses only.  Whoever runs it says which generators it may meet (`using`), and generators made while it
runs are added to these; they live until it ends.  One registry per thread, since a program runs on the thread that calls it.
"""

from __future__ import annotations

import ctypes
import functools
import struct
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

Generator = np.random.Generator | np.random.RandomState


class _Registry(threading.local):
    def __init__(self) -> None:
        self.generators: dict[int, Generator] = {}
        self.locked: set[int] = set()


_registry = _Registry()


def bit_generator(generator: Generator) -> Any:
    return generator.bit_generator if isinstance(generator, np.random.Generator) else generator._bit_generator


def address_of(generator: Generator) -> int:
    """Where the C structure is through which the generator's state advances.

    Of a RandomState it is the one that keeps the normal number drawn in advance; it begins with a pointer to the bit
    generator's (`legacy_place`).
    """
    if isinstance(generator, np.random.Generator):
        return bit_generator(generator).ctypes.bit_generator.value
    place = legacy_place()
    return id(generator) + place if place else bit_generator(generator).ctypes.bit_generator.value


@functools.cache
def legacy_place() -> int:
    """Where in a RandomState the structure lies of a pointer to its bit generator, whether a normal number is at hand, and
    that number; 0 if this NumPy has it nowhere.  Found by looking for a number that was put there."""
    mark, found = 0.1234567891234, np.random.RandomState(1)
    found.set_state({**found.get_state(legacy=False), "has_gauss": 1, "gauss": mark})
    memory = ctypes.string_at(id(found), type(found).__basicsize__)
    place = memory.find(struct.pack("d", mark)) - 16
    if place < 0 or memory.count(struct.pack("d", mark)) != 1:
        return 0
    holder, at_hand = struct.unpack_from("Qi", memory, place)
    inside = 0 <= holder - id(found) <= len(memory) - 40
    own = ctypes.string_at(bit_generator(found).ctypes.bit_generator.value, 40)
    return place if at_hand == 1 and inside and ctypes.string_at(holder, 40) == own else 0


def state_of(generator: Generator) -> Any:
    """What `set_state` needs to make the generator draw the same again."""
    return generator.bit_generator.state if isinstance(generator, np.random.Generator) else generator.get_state(legacy=False)


def set_state(generator: Generator, state: Any) -> None:
    if isinstance(generator, np.random.Generator):
        generator.bit_generator.state = state
    else:
        generator.set_state(state)


def generator_at(address: int) -> Generator:
    return _registry.generators[address]


def add(generator: Generator) -> int:
    """A generator made while a program runs; its address."""
    address = address_of(generator)
    _registry.generators[address] = generator
    return address


@contextmanager
def using(generators: Iterable[Generator]) -> Iterator[None]:
    """While a program that draws from these runs: their locks are held, as NumPy's own methods hold them."""
    before, locked = _registry.generators, _registry.locked
    mine = {address_of(g): g for g in generators}
    _registry.generators, _registry.locked = {**before, **mine}, {*locked, *mine}
    try:
        with ExitStack() as stack:
            # In the order of addresses, so that two programs never wait for each other.
            for address in sorted(mine.keys() - locked):
                stack.enter_context(bit_generator(mine[address]).lock)
            yield
    finally:
        _registry.generators, _registry.locked = before, locked


@contextmanager
def unlocked(address: int) -> Iterator[Generator]:
    """The generator, for one of its own methods, which takes the lock itself."""
    generator = generator_at(address)
    if address not in _registry.locked:
        yield generator
        return
    lock = bit_generator(generator).lock
    _registry.locked = _registry.locked - {address}
    lock.release()
    try:
        yield generator
    finally:
        lock.acquire()
        _registry.locked = _registry.locked | {address}
