"""The pool: every piece runs once, workers differ, joins are complete, nesting, limits, fork, many Python threads."""

import os
import threading
import time

import numpy as np
import pytest
from treadle.runtime.device import cpu_device
from treadle.runtime.entry import Slot

device = cpu_device()

# context: { ptr counts, ptr workers, ptr inside }; each iteration adds 1 to its count, notes its worker.
TEXT = """
declare void @treadle_parallel(ptr, ptr, i64, i64, i64)
define void @piece(ptr %c, i64 %lo, i64 %hi, i64 %worker) {
entry:
  %counts = load ptr, ptr %c
  %w_at = getelementptr ptr, ptr %c, i64 1
  %workers = load ptr, ptr %w_at
  br label %loop
loop:
  %i = phi i64 [ %lo, %entry ], [ %i1, %loop ]
  %p = getelementptr i64, ptr %counts, i64 %i
  %n = load i64, ptr %p
  %n1 = add i64 %n, 1
  store i64 %n1, ptr %p
  %q = getelementptr i64, ptr %workers, i64 %i
  store i64 %worker, ptr %q
  %i1 = add i64 %i, 1
  %more = icmp slt i64 %i1, %hi
  br i1 %more, label %loop, label %done
done:
  ret void
}
; slots: counts, workers, lo, hi, chunk, repetitions
define i64 @run(ptr %slots, ptr %error) {
entry:
  %lo_at = getelementptr i64, ptr %slots, i64 2
  %lo = load i64, ptr %lo_at
  %hi_at = getelementptr i64, ptr %slots, i64 3
  %hi = load i64, ptr %hi_at
  %chunk_at = getelementptr i64, ptr %slots, i64 4
  %chunk = load i64, ptr %chunk_at
  %times_at = getelementptr i64, ptr %slots, i64 5
  %times = load i64, ptr %times_at
  br label %loop
loop:
  %k = phi i64 [ 0, %entry ], [ %k1, %loop ]
  call void @treadle_parallel(ptr @piece, ptr %slots, i64 %lo, i64 %hi, i64 %chunk)
  %k1 = add i64 %k, 1
  %more = icmp slt i64 %k1, %times
  br i1 %more, label %loop, label %done
done:
  ret i64 0
}
; each piece of the outer job runs an inner job over its own 64 elements
define void @outer_piece(ptr %c, i64 %lo, i64 %hi, i64 %worker) {
  %a = mul i64 %lo, 64
  %b = mul i64 %hi, 64
  call void @treadle_parallel(ptr @piece, ptr %c, i64 %a, i64 %b, i64 5)
  ret void
}
define i64 @nested(ptr %slots, ptr %error) {
  call void @treadle_parallel(ptr @outer_piece, ptr %slots, i64 0, i64 16, i64 1)
  ret i64 0
}
"""
library = device.compile(TEXT)
SLOTS = [Slot("data", 0), Slot("data", 1), *[Slot("int", k) for k in (2, 3, 4, 5)]]
run = device.entry(library.address("run"), SLOTS, release_gil=True)
nested = device.entry(library.address("nested"), SLOTS, release_gil=True)


@pytest.fixture(params=[1, 2, 5])
def threads(request):
    saved = device.pool.count
    device.pool.count = request.param
    yield request.param
    device.pool.count = saved


def arrays(n):
    return np.zeros(n, "i8"), np.full(n, -1, "i8")


@pytest.mark.parametrize("lo, hi, chunk", [(0, 0, 1), (0, 1, 1), (3, 100, 7), (0, 1000, 1), (0, 64, 64), (10, 5, 2)])
def test_every_iteration_runs_once(threads, lo, hi, chunk):
    counts, workers = arrays(1000)
    run(counts, workers, lo, hi, chunk, 1)
    expected = np.zeros(1000, "i8")
    expected[lo:max(lo, hi)] = 1
    assert np.array_equal(counts, expected)
    assert workers.max(initial=0) < threads
    for first in range(lo, hi, chunk):
        assert len(set(workers[first:min(first + chunk, hi)])) == 1


def test_a_hundred_thousand_jobs(threads):
    counts, workers = arrays(64)
    run(counts, workers, 0, 64, 16, 100_000)
    assert (counts == 100_000).all()


def test_jobs_after_a_rest_find_sleeping_workers(threads):
    counts, workers = arrays(256)
    for _ in range(100):
        time.sleep(0.001)
        run(counts, workers, 0, 256, 8, 3)
    assert (counts == 300).all()


def test_nested_jobs_stay_on_their_thread(threads):
    counts, workers = arrays(16 * 64)
    for _ in range(200):
        nested(counts, workers, 0, 0, 0, 0)
    assert (counts == 200).all()
    assert workers.max() < threads and all(len(set(w)) == 1 for w in workers.reshape(16, 64))


def test_many_python_threads(threads):
    data = [arrays(128) for _ in range(4)]

    def work(counts, workers):
        for _ in range(300):
            run(counts, workers, 0, 128, 8, 5)

    started = [threading.Thread(target=work, args=d) for d in data]
    for t in started:
        t.start()
    for t in started:
        t.join()
    assert all((counts == 1500).all() for counts, _ in data)


def test_threads_are_as_many_as_asked_for():
    saved = device.pool.count
    try:
        device.pool.count = 3
        counts, workers = arrays(4096)
        run(counts, workers, 0, 4096, 1, 50)
        assert device.pool.started >= 2 and workers.max() <= 2
        device.pool.count = 1
        run(counts, workers, 0, 4096, 1, 10)
        assert workers.max() == 0
        with pytest.raises(ValueError, match="1..4096"):
            device.pool.count = 0
    finally:
        device.pool.count = saved


def test_a_child_after_fork_starts_its_own_threads():
    counts, workers = arrays(4096)
    run(counts, workers, 0, 4096, 8, 10)
    child = os.fork()
    if child == 0:
        ok = device.pool.started == 0
        run(counts, workers, 0, 4096, 8, 10)
        ok = ok and bool((counts == 20).all()) and (device.pool.count == 1 or device.pool.started > 0)
        os._exit(0 if ok else 1)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            assert status == 0
            break
        time.sleep(0.01)
    else:
        os.kill(child, 9)
        os.waitpid(child, 0)
        pytest.fail("the child hangs")
    run(counts, workers, 0, 4096, 8, 10)
    assert (counts == 20).all()

