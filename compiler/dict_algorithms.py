"""What Python's dicts and sets do where run-time values are keys: a hash table in plain Python, traced like the caller's code.

The entries lie in the order in which they were put in; a table of twice as many places has, from the place on that a key's hash
says, the numbers of the entries (linear probing; Knuth, The Art of Computer Programming, vol. 3, section 6.4).  An entry that was
taken out keeps its place, marked, until the entries are moved together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def find(d: Any, key: Any) -> Any:
    """The entry of a key, or -1."""
    slot = d.slot_of(key)
    found = -1
    while True:
        at = d.entry_at(slot)
        if at < 0:
            break
        if d.is_alive(at) and d.key_at(at) == key:
            found = at
            break
        slot = (slot + 1) & d.mask
    return found


def store(d: Any, key: Any, value: Any) -> None:
    """d[key] = value"""
    at = d.find(key)
    if at >= 0:
        d.set_value(at, value)
    else:
        add(d, key, value)


def add(d: Any, key: Any, value: Any) -> None:
    """Put in a key that is not there."""
    if d.is_crowded():
        move_together(d)
    d.push(key, value)
    link(d, key, d.entries - 1)


def link(d: Any, key: Any, at: Any) -> None:
    """Write an entry's number into the table."""
    slot = d.slot_of(key)
    while d.entry_at(slot) >= 0:
        slot = (slot + 1) & d.mask
    d.set_entry(slot, at)


def move_together(d: Any) -> None:
    """Give up the entries that were taken out."""
    n = 0
    for k in range(d.entries):
        if d.is_alive(k):
            d.move_entry(k, n)
            n += 1
    d.cut(n)
    for k in range(n):
        link(d, d.key_at(k), k)


def settle(d: Any) -> None:
    if d.entries != len(d):
        move_together(d)


def item(d: Any, key: Any) -> Any:
    at = d.find(key)
    if at < 0:
        raise KeyError(key)
    return d.value_at(at)


def made_item(d: Any, key: Any, factory: Callable[[], Any]) -> Any:
    """d[key] of a defaultdict."""
    at = d.find(key)
    if at < 0:
        add(d, key, factory())
        at = d.entries - 1
    return d.value_at(at)


def get(d: Any, key: Any, default: Any = None) -> Any:
    at = d.find(key)
    found = default
    if at >= 0:
        found = d.value_at(at)
    return found


def setdefault(d: Any, key: Any, default: Any = None) -> Any:
    at = d.find(key)
    if at < 0:
        add(d, key, default)
        at = d.entries - 1
    return d.value_at(at)


def contains(d: Any, key: Any) -> Any:
    return d.find(key) >= 0


def delete(d: Any, key: Any) -> None:
    at = d.find(key)
    if at < 0:
        raise KeyError(key)
    d.take_out(at)


def pop(d: Any, key: Any) -> Any:
    at = d.find(key)
    if at < 0:
        raise KeyError(key)
    value = d.value_at(at)
    d.take_out(at)
    return value


def pop_or(d: Any, key: Any, default: Any) -> Any:
    at = d.find(key)
    value = default
    if at >= 0:
        value = d.value_at(at)
        d.take_out(at)
    return value


def popitem(d: Any) -> Any:
    if len(d) == 0:
        raise KeyError("popitem(): dictionary is empty")
    at = d.entries - 1
    while not d.is_alive(at):
        at -= 1
    last = (d.key_at(at), d.value_at(at))
    d.take_out(at)
    return last


def update(d: Any, other: Any) -> None:
    for key, value in other.items():
        d[key] = value


def put_pairs(d: Any, pairs: Any) -> None:
    for key, value in pairs:
        d[key] = value


def places(d: Any, found: Any) -> Any:
    """The numbers of the entries that there are, in order, appended to `found`."""
    for k in range(d.entries):
        if d.is_alive(k):
            found.append(k)
    return found


def listed(d: Any, element: Callable[[Any], Any], found: Any) -> Any:
    """What `element` makes of the entries that there are, appended to `found`."""
    for k in range(d.entries):
        if d.is_alive(k):
            found.append(element(k))
    return found


def add_all(s: Any, items: Any) -> None:
    for x in items:
        s.add(x)


def add_keys(s: Any, other: Any) -> None:
    for x in other.keys():
        s.add(x)


def discard(s: Any, x: Any) -> None:
    at = s.find(x)
    if at >= 0:
        s.take_out(at)


def keep_common(found: Any, s: Any, other: Any) -> None:
    for x in s.keys():
        if x in other:
            found.add(x)


def keep_others(found: Any, s: Any, other: Any) -> None:
    for x in s.keys():
        if x not in other:
            found.add(x)


def is_within(s: Any, other: Any) -> Any:
    found = True
    for x in s.keys():
        if x not in other:
            found = False
            break
    return found
