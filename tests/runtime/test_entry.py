"""Calls from Python: words of every kind, results, error records, temporaries, references, the GIL."""

import ctypes
import gc
import sys
import threading

import numpy as np
import pytest
from treadle.runtime.device import cpu_device
from treadle.runtime.entry import NewArray, Slot

device = cpu_device()

# Copies slot words 1.. to the i64 array in slot 0.
COPY = """
define i64 @copy{count}(ptr %slots, ptr %error) {{
entry:
  %to = load ptr, ptr %slots
  %from = getelementptr i64, ptr %slots, i64 1
  call void @llvm.memcpy.p0.p0.i64(ptr %to, ptr %from, i64 {bytes}, i1 false)
  ret i64 0
}}
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
"""
FAIL = """
define i64 @fail(ptr %slots, ptr %error) {
  %x = load i64, ptr %slots
  store i64 3, ptr %error
  %d = getelementptr i64, ptr %error, i64 1
  store i64 %x, ptr %d
  ret i64 4
}"""


def words_of(slots, *args, count=None):
    n = count or len(slots)
    library = device.compile(COPY.format(count=n, bytes=8 * n))
    f = device.entry(library.address(f"copy{n}"), [Slot("output", 0), *slots], [NewArray(np.dtype("i8"), (n,))])
    (out,) = f(*args)
    return out


def test_python_numbers():
    out = words_of([Slot("int", 0), Slot("float", 1), Slot("real", 2), Slot("imag", 2), Slot("int", 3)], -5, 2.5, 3 - 4j, True)
    assert out[0] == -5 and list(out[1:4].view("f8")) == [2.5, 3, -4] and out[4] == 1
    assert list(words_of([Slot("int", 0), Slot("float", 1)], -1, -1.0).view("f8")[1:]) == [-1.0]


@pytest.mark.parametrize("kind, value, error", [("int", 1 << 64, OverflowError), ("int", 1.5, TypeError),
                                                ("float", "a", TypeError)])
def test_wrong_numbers_raise(kind, value, error):
    with pytest.raises(error):
        words_of([Slot(kind, 0)], value)


def test_scalars_of_each_width():
    values = [np.int8(-1), np.uint16(65535), np.float32(1.5), np.float64(2.5)]
    slots = [Slot(f"bits{8 * v.itemsize}", k) for k, v in enumerate(values)]
    out = words_of(slots, *values)
    assert out[0] == 255 and out[1] == 65535 and out[2:3].view("f4")[0] == 1.5 and out[3:].view("f8")[0] == 2.5
    out = words_of([Slot("bits32", 0, 0), Slot("bits32", 0, 1), Slot("bits64", 1, 1), Slot("bits8", 2)],
                   np.complex64(1 - 2j), np.complex128(3j), np.True_)
    assert list(out[:1].view("f4")[:1]) == [1] and list(out[1:2].view("f4")[:1]) == [-2]
    assert out[2:3].view("f8")[0] == 3 and out[3] == 1


def test_headers_of_arrays():
    x = np.zeros((4, 6), "f4")[::-2, 1::2]
    out = words_of([Slot("data", 0), *[Slot(k, 0, axis) for k in ("extent", "stride") for axis in (0, 1)]], x)
    assert list(out) == [x.ctypes.data, *x.shape, *x.strides]


def test_results_have_the_layout_asked_for():
    library = device.compile(COPY.format(count=1, bytes=8))
    f = device.entry(library.address("copy1"), [Slot("output", 0), Slot("int", 0)],
                     [NewArray(np.dtype("i8"), (2, 3), (8, 16)), NewArray(np.dtype("c16"), ()),
                      NewArray(np.dtype(bool), (0, 2))])
    a, b, c = f(9)
    assert a.shape == (2, 3) and a.strides == (8, 16) and a[0, 0] == 9 and a.flags.owndata and a.flags.writeable
    assert b.shape == () and b.dtype == complex and c.shape == (0, 2) and c.dtype == bool


def test_error_records():
    library = device.compile(FAIL)
    f = device.entry(library.address("fail"), [Slot("int", 0)], [NewArray(np.dtype("f8"), (3,))])
    assert list(np.frombuffer(f(42), "i8")) == [3, 42, 0, 0]


def test_nothing_leaks():
    library = device.compile(FAIL + COPY.format(count=1, bytes=8))
    dtype, x = np.dtype("f8"), np.zeros(3)
    good = device.entry(library.address("copy1"), [Slot("output", 0), Slot("data", 0)], [NewArray(dtype, (3,))])
    bad = device.entry(library.address("fail"), [Slot("int", 0)], [NewArray(dtype, (3,))], arena_bytes=1000)
    gc.collect()  # garbage of other tests holds references to the dtype
    counts = sys.getrefcount(dtype), sys.getrefcount(x)
    before = sys.getallocatedblocks()
    for _ in range(20000):
        good(x)
        bad(1)
        with pytest.raises(TypeError):
            bad(x)
    gc.collect()
    assert abs(sys.getrefcount(dtype) - counts[0]) < 100 and sys.getrefcount(x) == counts[1]
    assert sys.getallocatedblocks() - before < 500


def test_arena_is_aligned_and_used_again():
    out = [words_of_arena(1000), words_of_arena(1000), words_of_arena(900)]
    assert len(set(out)) == 1 and out[0] % 64 == 0
    large = words_of_arena(1 << 20)
    assert large % 64 == 0 and words_of_arena(1000) == large
    found = []
    t = threading.Thread(target=lambda: found.append(words_of_arena(1000)))
    t.start()
    t.join()
    assert found[0] != large


def words_of_arena(size):
    library = device.compile(COPY.format(count=1, bytes=8))
    f = device.entry(library.address("copy1"), [Slot("output", 0)], [NewArray(np.dtype("i8"), (1,))], arena_bytes=size)
    return int(f()[0][0])


def test_no_memory_is_an_error():
    with pytest.raises(MemoryError):
        words_of_arena(1 << 60)


def test_a_call_within_a_call_has_its_own_arena():
    inner = []

    @ctypes.CFUNCTYPE(None)
    def callback():
        inner.append(words_of_arena(100))

    library = device.engine.compile("""
declare void @treadle_test_callback()
define i64 @outer(ptr %slots, ptr %error) {
  call void @treadle_test_callback()
  %to = load ptr, ptr %slots
  %arena_at = getelementptr i64, ptr %slots, i64 1
  %arena = load i64, ptr %arena_at
  store i64 %arena, ptr %to
  ret i64 0
}""", {"treadle_test_callback": ctypes.cast(callback, ctypes.c_void_p).value})
    f = device.entry(library.address("outer"), [Slot("output", 0)], [NewArray(np.dtype("i8"), (1,))], arena_bytes=100)
    assert int(f()[0][0]) not in inner and len(inner) == 1


def test_the_gil_is_released_when_asked():
    """The native code waits until another thread, which only runs without the lock, has answered."""
    library = device.compile("""
declare i32 @usleep(i32)
define i64 @wait(ptr %slots, ptr %error) {
entry:
  %words = load ptr, ptr %slots
  %answer = getelementptr i64, ptr %words, i64 1
  store atomic i64 1, ptr %words seq_cst, align 8
  br label %loop
loop:
  %k = phi i64 [ 0, %entry ], [ %next, %loop ]
  %r = call i32 @usleep(i32 1000)
  %next = add i64 %k, 1
  %found = load atomic i64, ptr %answer seq_cst, align 8
  %answered = icmp ne i64 %found, 0
  %late = icmp sgt i64 %next, 60000
  %end = or i1 %answered, %late
  br i1 %end, label %exit, label %loop
exit:
  ret i64 0
}""")
    words = np.zeros(2, np.int64)

    def answer():
        while not words[0]:
            pass
        words[1] = 7

    f = device.entry(library.address("wait"), [Slot("data", 0)], release_gil=True)
    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    f(words)
    assert words[1] == 7
    thread.join()


def test_the_arena_has_room_for_every_worker():
    library = device.compile(COPY.format(count=1, bytes=8))
    f = device.entry(library.address("copy1"), [Slot("output", 0)], [NewArray(np.dtype("i8"), (1,))], worker_bytes=1 << 57)
    with pytest.raises(MemoryError):
        f()
