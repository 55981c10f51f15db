"""What Python's lists, and heapq on them, do element by element, on lists whose length only the run knows.

Plain Python over appends, reads, writes and pops from the end, traced like the caller's own code (`library.py`).  Heaps are
those of the standard library's `heapq`: the element at k is no larger than those at 2k + 1 and 2k + 2, and the comparisons are
made in the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def extend(items: Any, more: Any) -> None:
    for x in more:
        items.append(x)


def extend_by_numbers(items: Any, array: Any) -> None:
    """The elements as Python's numbers."""
    for x in array:
        items.append(x.item())


def insert(items: Any, index: Any, x: Any) -> None:
    n = len(items)
    at = max(index + n, 0) if index < 0 else min(index, n)
    items.append(x)
    for k in range(n, at, -1):
        items[k] = items[k - 1]
    items[at] = x


def pop(items: Any, index: Any) -> Any:
    n = len(items)
    if n == 0:
        raise IndexError("pop from empty list")
    return _taken_out(items, place_in(index, n, "pop index out of range"))


def delete(items: Any, index: Any) -> None:
    _taken_out(items, place_in(index, len(items), "list assignment index out of range"))


def _taken_out(items: Any, at: Any) -> Any:
    x = items[at]
    for k in range(at, len(items) - 1):
        items[k] = items[k + 1]
    items.pop()
    return x


def remove(items: Any, x: Any) -> None:
    at = position_of(items, x)
    if at < 0:
        raise ValueError("list.remove(x): x not in list")
    pop(items, at)


def index(items: Any, x: Any) -> Any:
    at = position_of(items, x)
    if at < 0:
        raise ValueError("list.index(x): x not in list")
    return at


def position_of(items: Any, x: Any) -> Any:
    """The place of the first element that equals x, or -1."""
    found = -1
    for k in range(len(items)):
        if items[k] == x:
            found = k
            break
    return found


def count(items: Any, x: Any) -> Any:
    found = 0
    for k in range(len(items)):
        if items[k] == x:
            found += 1
    return found


def contains(items: Any, x: Any) -> Any:
    return position_of(items, x) >= 0


def reverse(items: Any) -> None:
    n = len(items)
    for k in range(n // 2):
        low, high = items[k], items[n - 1 - k]
        items[k] = high
        items[n - 1 - k] = low


def equal_where_alike(a: Any, b: Any, equal: Callable[[Any, Any], Any]) -> Any:
    """Are arrays whose extents only the run knows of the same extents and elements?"""
    if a.shape != b.shape:
        return False
    return equal(a, b)


def extreme(items: Any, better: Callable[[Any, Any], Any], key: Callable[[Any], Any] | None, message: str) -> Any:
    """The element that `better` prefers, of equals the first."""
    if len(items) == 0:
        raise ValueError(message)
    best = items[0]
    if key is None:
        for k in range(1, len(items)):
            if better(items[k], best):
                best = items[k]
    else:
        most = key(best)
        for k in range(1, len(items)):
            found = key(items[k])
            if better(found, most):
                best, most = items[k], found
    return best


def extreme_or(items: Any, better: Callable[[Any, Any], Any], key: Callable[[Any], Any] | None, default: Any) -> Any:
    """The same, or what stands for it if there are no elements."""
    found = default
    if len(items) > 0:
        found = extreme(items, better, key, "")
    return found


def total(items: Any, start: Any) -> Any:
    """The sum; of nothing, what it starts with, whose type may be another one."""
    found = start
    if len(items) > 0:
        found = start + items[0]
        for k in range(1, len(items)):
            found = found + items[k]
    return found


def any_of(items: Any) -> Any:
    found = False
    for x in items:
        if x:
            found = True
            break
    return found


def all_of(items: Any) -> Any:
    found = True
    for x in items:
        if not x:
            found = False
            break
    return found


def larger(a: Any, b: Any) -> Any:
    return a > b


def smaller(a: Any, b: Any) -> Any:
    return a < b


def keys_of(items: Any, key: Callable[[Any], Any], keys: Any) -> Any:
    for k in range(len(items)):
        keys.append(key(items[k]))
    return keys


def selected(items: Any, element: Callable[[Any], Any], test: Callable[[Any], Any], found: Any) -> Any:
    """[element(x) for x in items if test(x)], in an empty list."""
    for x in items:
        if test(x):
            found.append(element(x))
    return found


def flattened(items: Any, inner: Callable[[Any], Any], test: Callable[[Any], Any], found: Any) -> Any:
    """[y for x in items if test(x) for y in inner(x)], in an empty list."""
    for x in items:
        if test(x):
            for y in inner(x):
                found.append(y)
    return found


def put_in_rows(rows: Any, flat: Any) -> Any:
    """The elements of lists of one length, one after the other, appended to `flat`; returns that length."""
    n, m = len(rows), 0
    if n > 0:
        m = len(rows[0])
    for row in rows:
        if len(row) != m:
            raise ValueError("setting an array element with a sequence. The requested array has an inhomogeneous shape after 1 "
                             f"dimensions. The detected shape was ({n},) + inhomogeneous part.")
        for x in row:
            flat.append(x)
    return m


def clipped(x: Any, n: Any, low: Any, high: Any) -> Any:
    """A bound of a slice of a list of n elements."""
    if x < 0:
        x += n
    return max(low, min(x, high))


def place_in(index: Any, n: Any, message: str) -> Any:
    """The place that an index means in a list of n elements."""
    if index < -n or index >= n:
        raise IndexError(message)
    if index < 0:
        index += n
    return index


def slice_of(items: Any, start: Any, count: Any, step: Any, found: Any) -> Any:
    """`count` elements from `start` on, appended to `found`."""
    for k in range(count):
        found.append(items[start + k * step])
    return found


def delete_slice(items: Any, start: Any, stop: Any) -> None:
    n = len(items)
    for k in range(stop, n):
        items[k - (stop - start)] = items[k]
    for _ in range(stop - start):
        items.pop()


def repeated(items: Any, times: Any, found: Any) -> Any:
    """The elements so many times, appended to `found`."""
    for _ in range(times):
        for x in items:
            found.append(x)
    return found


def append_bounded(items: Any, x: Any, most: Any) -> None:
    """Append to a deque of at most so many elements."""
    if most > 0:
        if len(items) == most:
            items.popleft()
        items.push(x)


def appendleft_bounded(items: Any, x: Any, most: Any) -> None:
    if most > 0:
        if len(items) == most:
            items.pop()
        items.push_left(x)


def extendleft(items: Any, more: Any) -> None:
    for x in more:
        items.appendleft(x)


def rotate(items: Any, steps: Any = 1) -> None:
    n = len(items)
    if n > 0:
        for _ in range(steps % n):
            items.push_left(items.pop())


def make_room_right(items: Any, more: Any, room: Any) -> None:
    """Move a deque's elements to the beginning of its memory, if that makes room behind them."""
    if items.head >= len(items) and items.head + len(items) + more > room:
        items.move(0)


def make_room_in_pool(items: Any, more: Any) -> None:
    if len(items) + more > items.capacity:
        items.move_to_end(2 * (len(items) + more))


def make_room_left(items: Any) -> None:
    if items.head == 0:
        items.leave(len(items) + 1)


def heappush(heap: Any, item: Any) -> None:
    heap.append(item)
    _sift_down(heap, 0, len(heap) - 1)


def heappop(heap: Any) -> Any:
    last = heap.pop()
    result = last
    if len(heap) > 0:
        result = heap[0]
        heap[0] = last
        _sift_up(heap, 0)
    return result


def heapreplace(heap: Any, item: Any) -> Any:
    result = heap[0]
    heap[0] = item
    _sift_up(heap, 0)
    return result


def heappushpop(heap: Any, item: Any) -> Any:
    result = item
    if len(heap) > 0 and heap[0] < item:
        result = heap[0]
        heap[0] = item
        _sift_up(heap, 0)
    return result


def heapify(heap: Any) -> None:
    for k in range(len(heap) // 2 - 1, -1, -1):
        _sift_up(heap, k)


def _sift_down(heap: Any, start: Any, at: Any) -> None:
    """Move the element at `at` towards the root as long as it is smaller than its parent."""
    item = heap[at]
    while at > start:
        parent = (at - 1) // 2
        if not item < heap[parent]:
            break
        heap[at] = heap[parent]
        at = parent
    heap[at] = item


def _sift_up(heap: Any, start: Any) -> None:
    """Let the smaller child rise until a leaf is reached, then move the element that was at `start` back from there."""
    end, at = len(heap), start
    item = heap[start]
    child = 2 * at + 1
    while child < end:
        right = child + 1
        if right < end and not heap[child] < heap[right]:
            child = right
        heap[at] = heap[child]
        at = child
        child = 2 * at + 1
    heap[at] = item
    _sift_down(heap, start, at)
