"""Our own thread pool, as LLVM text, and its settings.

    void treadle_parallel(ptr body, ptr context, i64 lo, i64 hi, i64 chunk)
    i64 treadle_parallel_width()

runs `body(context, chunk_lo, chunk_hi, worker)` for each run of `chunk` iterations of [lo, hi), in any order, on several
threads at once.  The pieces depend on the arguments alone, never on the number of threads.  `worker` is 0 for the caller
and differs between threads that run at the same time.  Inside a piece, and while another thread is using the pool, the
pieces run one after another on the calling thread.

A job is published in `state` = epoch (upper 32 bits), open (bit 16), workers inside (lower 16 bits).  Workers enter an open
job by compare-and-swap; the caller works too, closes the job when the pieces are used up, and waits only for the workers
inside: one that wakes late costs nothing.  Idle workers look for a job for `SPIN_NANOSECONDS`, then sleep in a futex.
A worker keeps off the caller's CPU: woken there, it would wait for the caller to pause.  Threads start at
the first job that wants them, again in a child after fork.
"""

from __future__ import annotations

import ctypes
import os
import platform

from .engine import Library

SPIN_NANOSECONDS = 30_000
# More threads than these share spans.
MOST_SPANS = 64

_ARM = platform.machine() in ("aarch64", "arm64")
_FUTEX = 98 if _ARM else 202
_PAUSE = "call void @llvm.aarch64.hint(i32 1)" if _ARM else "call void @llvm.x86.sse2.pause()"
_PAUSE_DECLARATION = "declare void @llvm.aarch64.hint(i32)" if _ARM else "declare void @llvm.x86.sse2.pause()"

LEAST_CAPACITY = 16

TEXT = f"""
@pool_state = internal global i64 0, align 64
@pool_sleepers = internal global i32 0, align 64
; How many pieces of each span are taken, a cache line apart.
@pool_taken = internal global [{8 * MOST_SPANS} x i64] zeroinitializer, align 64
@pool_spans = internal global i64 1, align 64
@pool_busy = internal global i32 0, align 64
@pool_body = internal global ptr null, align 64
@pool_context = internal global ptr null
@pool_lo = internal global i64 0
@pool_hi = internal global i64 0
@pool_chunk = internal global i64 0
@pool_cpu = internal global i32 -1
@pool_limit = internal global i32 1, align 64
; The most threads that were ever allowed: what is kept per worker is kept for so many.
@pool_capacity = internal global i32 {LEAST_CAPACITY}
@pool_started = internal global i32 0
@pool_key = internal global i32 0
{_PAUSE_DECLARATION}
declare i64 @syscall(i64, ...)
declare i32 @pthread_create(ptr, ptr, ptr, ptr)
declare i32 @pthread_detach(i64)
declare i32 @pthread_sigmask(i32, ptr, ptr)
declare i32 @sigfillset(ptr)
declare i32 @getpid()
declare i32 @sched_yield()
declare i32 @sched_getcpu()
declare i32 @sched_getaffinity(i32, i64, ptr)
declare i32 @sched_setaffinity(i32, i64, ptr)
declare i32 @clock_gettime(i32, ptr)

define i32 @treadle_pool_init() {{
  %r = call i32 @pthread_key_create(ptr @pool_key, ptr null)
  ret i32 %r
}}

; The threads of the parent do not exist in the child.
define void @treadle_pool_forked() {{
  store i32 0, ptr @pool_started
  store i32 0, ptr @pool_sleepers
  store i64 0, ptr @pool_state
  store i32 0, ptr @pool_busy
  ret void
}}

define i32 @treadle_pool_threads() {{
  %n = load atomic i32, ptr @pool_started seq_cst, align 4
  ret i32 %n
}}

define void @treadle_pool_set(i32 %limit) {{
  %before = load i32, ptr @pool_capacity
  %most = call i32 @llvm.smax.i32(i32 %before, i32 %limit)
  store atomic i32 %most, ptr @pool_capacity seq_cst, align 4
  store atomic i32 %limit, ptr @pool_limit seq_cst, align 4
  %r = call i64 (i64, ...) @syscall(i64 {_FUTEX}, ptr @pool_limit, i32 129, i32 2147483647)
  ret void
}}

define internal i64 @clock() {{
  %t = alloca [2 x i64]
  %r = call i32 @clock_gettime(i32 1, ptr %t)
  %s = load i64, ptr %t
  %n_at = getelementptr i64, ptr %t, i64 1
  %n = load i64, ptr %n_at
  %sn = mul i64 %s, 1000000000
  %now = add i64 %sn, %n
  ret i64 %now
}}

; Each thread has a span of the pieces to itself, the same one for every job alike, so that it finds in its cache what it
; had the time before; then it helps with the spans of others.
define internal void @run_pieces(ptr %body, ptr %context, i64 %lo, i64 %hi, i64 %chunk, i64 %worker) {{
entry:
  %spans = load i64, ptr @pool_spans
  %length = sub i64 %hi, %lo
  %up = add i64 %length, %chunk
  %most = sub i64 %up, 1
  %total = sdiv i64 %most, %chunk
  br label %pick
pick:
  %k = phi i64 [ 0, %entry ], [ %k1, %next ]
  %turn = add i64 %worker, %k
  %span = urem i64 %turn, %spans
  %before = mul i64 %span, %total
  %begin = sdiv i64 %before, %spans
  %through = add i64 %before, %total
  %end = sdiv i64 %through, %spans
  %line = shl i64 %span, 3
  %taken = getelementptr i64, ptr @pool_taken, i64 %line
  br label %claim
claim:
  %number = atomicrmw add ptr %taken, i64 1 monotonic
  %piece = add i64 %begin, %number
  %mine = icmp slt i64 %piece, %end
  br i1 %mine, label %run, label %next
run:
  %skip = mul i64 %piece, %chunk
  %first = add i64 %lo, %skip
  %behind = add i64 %first, %chunk
  %last = call i64 @llvm.smin.i64(i64 %behind, i64 %hi)
  call void %body(ptr %context, i64 %first, i64 %last, i64 %worker)
  br label %claim
next:
  %k1 = add i64 %k, 1
  %more = icmp slt i64 %k1, %spans
  br i1 %more, label %pick, label %done
done:
  ret void
}}
declare i64 @llvm.smin.i64(i64, i64)
declare i32 @llvm.smax.i32(i32, i32)

; From now on, run where the caller may, but not on this CPU: a thread that is woken there waits until the caller pauses.
define internal void @keep_off(i32 %cpu) {{
entry:
  %others = alloca [128 x i8], align 8
  %known = icmp ult i32 %cpu, 1024
  br i1 %known, label %look, label %done
look:
  %process = call i32 @getpid()
  %r0 = call i32 @sched_getaffinity(i32 %process, i64 128, ptr %others)
  %failed = icmp ne i32 %r0, 0
  br i1 %failed, label %done, label %leave
leave:
  %word = lshr i32 %cpu, 6
  %word_at = getelementptr i64, ptr %others, i32 %word
  %bit = and i32 %cpu, 63
  %bit64 = zext i32 %bit to i64
  %one = shl i64 1, %bit64
  %rest = xor i64 %one, -1
  %old = load i64, ptr %word_at
  %new = and i64 %old, %rest
  store i64 %new, ptr %word_at
  %r1 = call i32 @sched_setaffinity(i32 0, i64 128, ptr %others)
  br label %done
done:
  ret void
}}

define internal ptr @worker(ptr %number) {{
entry:
  %id = ptrtoint ptr %number to i64
  %id32 = trunc i64 %id to i32
  %signals = alloca [128 x i8], align 16
  %avoided = alloca i32
  store i32 -1, ptr %avoided
  %r0 = call i32 @sigfillset(ptr %signals)
  %r1 = call i32 @pthread_sigmask(i32 2, ptr %signals, ptr null)
  %mark = getelementptr i8, ptr %number, i64 1
  %key = load i32, ptr @pool_key
  %r2 = call i32 @pthread_setspecific(i32 %key, ptr %mark)
  br label %top
top:
  %seen = phi i64 [ 0, %entry ], [ %epoch, %leave ], [ %seen, %slept ], [ %epoch, %new ], [ %seen, %parked ]
  %limit = load atomic i32, ptr @pool_limit seq_cst, align 4
  %extra = icmp sge i32 %id32, %limit
  br i1 %extra, label %parked, label %wait
parked:
  %r3 = call i64 (i64, ...) @syscall(i64 {_FUTEX}, ptr @pool_limit, i32 128, i32 %limit, ptr null)
  br label %top
wait:
  %start = call i64 @clock()
  br label %spin
spin:
  %k = phi i32 [ 0, %wait ], [ %k1, %again ], [ 0, %late ], [ %k, %enter ]
  %state = load atomic i64, ptr @pool_state acquire, align 8
  %epoch = lshr i64 %state, 32
  %change = icmp ne i64 %epoch, %seen
  br i1 %change, label %new, label %idle
idle:
  {_PAUSE}
  %k1 = add i32 %k, 1
  %look = icmp sge i32 %k1, 32
  br i1 %look, label %late, label %again
again:
  br label %spin
late:
  %now = call i64 @clock()
  %waited = sub i64 %now, %start
  %tired = icmp sgt i64 %waited, {SPIN_NANOSECONDS}
  br i1 %tired, label %sleep, label %spin
sleep:
  %caller = load i32, ptr @pool_cpu
  %before = load i32, ptr %avoided
  %stays = icmp eq i32 %caller, %before
  br i1 %stays, label %settled, label %settle
settle:
  call void @keep_off(i32 %caller)
  store i32 %caller, ptr %avoided
  br label %settled
settled:
  %s0 = atomicrmw add ptr @pool_sleepers, i32 1 seq_cst
  %state2 = load atomic i64, ptr @pool_state seq_cst, align 8
  %epoch2 = lshr i64 %state2, 32
  %change2 = icmp ne i64 %epoch2, %seen
  br i1 %change2, label %slept, label %futex
futex:
  %upper = getelementptr i8, ptr @pool_state, i64 4
  %seen32 = trunc i64 %seen to i32
  %r4 = call i64 (i64, ...) @syscall(i64 {_FUTEX}, ptr %upper, i32 128, i32 %seen32, ptr null)
  br label %slept
slept:
  %s1 = atomicrmw sub ptr @pool_sleepers, i32 1 seq_cst
  br label %top
new:
  %open = and i64 %state, 65536
  %is_open = icmp ne i64 %open, 0
  %limit_now = load atomic i32, ptr @pool_limit monotonic, align 4
  %within = icmp slt i32 %id32, %limit_now
  %may_enter = and i1 %is_open, %within
  br i1 %may_enter, label %place, label %top
place:
  %theirs = load i32, ptr @pool_cpu
  %mine = call i32 @sched_getcpu()
  %same = icmp eq i32 %mine, %theirs
  %known = icmp ult i32 %mine, 1024
  %shared = and i1 %same, %known
  br i1 %shared, label %move, label %enter
move:
  call void @keep_off(i32 %mine)
  store i32 %mine, ptr %avoided
  br label %enter
enter:
  %inside = add i64 %state, 1
  %swap = cmpxchg ptr @pool_state, i64 %state, i64 %inside acq_rel monotonic
  %entered = extractvalue {{ i64, i1 }} %swap, 1
  br i1 %entered, label %work, label %spin
work:
  %body = load ptr, ptr @pool_body
  %context = load ptr, ptr @pool_context
  %lo = load i64, ptr @pool_lo
  %hi = load i64, ptr @pool_hi
  %chunk = load i64, ptr @pool_chunk
  call void @run_pieces(ptr %body, ptr %context, i64 %lo, i64 %hi, i64 %chunk, i64 %id)
  br label %leave
leave:
  %s2 = atomicrmw sub ptr @pool_state, i64 1 release
  br label %top
}}

; Called by the thread that holds the pool. Fewer threads than wished are fine.
define internal void @start_threads(i32 %limit) {{
entry:
  %thread = alloca i64
  br label %next
next:
  %started = load i32, ptr @pool_started
  %id = add i32 %started, 1
  %missing = icmp slt i32 %id, %limit
  br i1 %missing, label %start, label %done
start:
  %id64 = zext i32 %id to i64
  %number = inttoptr i64 %id64 to ptr
  %r = call i32 @pthread_create(ptr %thread, ptr null, ptr @worker, ptr %number)
  %failed = icmp ne i32 %r, 0
  br i1 %failed, label %done, label %count
count:
  %t = load i64, ptr %thread
  %r2 = call i32 @pthread_detach(i64 %t)
  store atomic i32 %id, ptr @pool_started seq_cst, align 4
  br label %next
done:
  ret void
}}

; How many threads a job that starts here may use.
define i64 @treadle_parallel_width() {{
  %key = load i32, ptr @pool_key
  %mark = call ptr @pthread_getspecific(i32 %key)
  %nested = icmp ne ptr %mark, null
  %limit = load atomic i32, ptr @pool_limit monotonic, align 4
  %wide = zext i32 %limit to i64
  %width = select i1 %nested, i64 1, i64 %wide
  ret i64 %width
}}

define void @treadle_parallel(ptr %body, ptr %context, i64 %lo, i64 %hi, i64 %chunk) {{
entry:
  %key = load i32, ptr @pool_key
  %mark = call ptr @pthread_getspecific(i32 %key)
  %nested = icmp ne ptr %mark, null
  %mark64 = ptrtoint ptr %mark to i64
  %own = sub i64 %mark64, 1
  %worker = select i1 %nested, i64 %own, i64 0
  %limit = load atomic i32, ptr @pool_limit monotonic, align 4
  %alone = icmp sle i32 %limit, 1
  %length = sub i64 %hi, %lo
  %short = icmp sle i64 %length, %chunk
  %a = or i1 %nested, %alone
  %b = or i1 %a, %short
  br i1 %b, label %serial, label %lock
lock:
  %swap = cmpxchg ptr @pool_busy, i32 0, i32 1 acquire monotonic
  %mine = extractvalue {{ i32, i1 }} %swap, 1
  br i1 %mine, label %publish, label %serial

serial:
  %first = phi i64 [ %lo, %entry ], [ %lo, %lock ], [ %end, %run ]
  %some = icmp slt i64 %first, %hi
  br i1 %some, label %run, label %done
run:
  %end = add i64 %first, %chunk
  %last = call i64 @llvm.smin.i64(i64 %end, i64 %hi)
  call void %body(ptr %context, i64 %first, i64 %last, i64 %worker)
  br label %serial

publish:
  %started = load i32, ptr @pool_started
  %have = add i32 %started, 1
  %few = icmp slt i32 %have, %limit
  br i1 %few, label %start, label %open
start:
  call void @start_threads(i32 %limit)
  br label %open
open:
  %r0 = call i32 @pthread_setspecific(i32 %key, ptr inttoptr (i64 1 to ptr))
  store ptr %body, ptr @pool_body
  store ptr %context, ptr @pool_context
  store i64 %lo, ptr @pool_lo
  store i64 %hi, ptr @pool_hi
  store i64 %chunk, ptr @pool_chunk
  %wide = zext i32 %limit to i64
  %spans = call i64 @llvm.smin.i64(i64 %wide, i64 {MOST_SPANS})
  store i64 %spans, ptr @pool_spans
  br label %reset
reset:
  %span = phi i64 [ 0, %open ], [ %span1, %reset ]
  %line = shl i64 %span, 3
  %taken = getelementptr i64, ptr @pool_taken, i64 %line
  store i64 0, ptr %taken
  %span1 = add i64 %span, 1
  %more = icmp slt i64 %span1, %spans
  br i1 %more, label %reset, label %ready
ready:
  %cpu = call i32 @sched_getcpu()
  store i32 %cpu, ptr @pool_cpu
  %old = load atomic i64, ptr @pool_state monotonic, align 8
  %next = add i64 %old, 4294967296
  %opened = or i64 %next, 65536
  %x = atomicrmw xchg ptr @pool_state, i64 %opened seq_cst
  %sleepers = load atomic i32, ptr @pool_sleepers seq_cst, align 4
  %asleep = icmp sgt i32 %sleepers, 0
  br i1 %asleep, label %wake, label %work
wake:
  %upper = getelementptr i8, ptr @pool_state, i64 4
  %r1 = call i64 (i64, ...) @syscall(i64 {_FUTEX}, ptr %upper, i32 129, i32 2147483647)
  br label %work
work:
  call void @run_pieces(ptr %body, ptr %context, i64 %lo, i64 %hi, i64 %chunk, i64 0)
  %closed = atomicrmw and ptr @pool_state, i64 -65537 seq_cst
  br label %join
join:
  %k = phi i32 [ 0, %work ], [ %k1, %pause ], [ %k1, %yield ]
  %state = load atomic i64, ptr @pool_state acquire, align 8
  %inside = and i64 %state, 65535
  %all = icmp eq i64 %inside, 0
  br i1 %all, label %free, label %wait
wait:
  {_PAUSE}
  %k1 = add i32 %k, 1
  %long = icmp sgt i32 %k1, 1000
  br i1 %long, label %yield, label %pause
pause:
  br label %join
yield:
  %r2 = call i32 @sched_yield()
  br label %join
free:
  store atomic i32 0, ptr @pool_busy release, align 4
  %r3 = call i32 @pthread_setspecific(i32 %key, ptr null)
  br label %done
done:
  ret void
}}
"""


class ThreadPool:
    """The settings of the pool in `library`, which holds `TEXT` and is never unloaded."""

    def __init__(self, library: Library, count: int) -> None:
        self.symbols = {n: library.address(n) for n in ("treadle_parallel", "treadle_parallel_width")}
        self._set = ctypes.CFUNCTYPE(None, ctypes.c_int32)(library.address("treadle_pool_set"))
        self._threads = ctypes.CFUNCTYPE(ctypes.c_int32)(library.address("treadle_pool_threads"))
        self._forked = ctypes.CFUNCTYPE(None)(library.address("treadle_pool_forked"))
        if ctypes.CFUNCTYPE(ctypes.c_int32)(library.address("treadle_pool_init"))():
            raise MemoryError("no thread-local key is left")
        os.register_at_fork(after_in_child=self._forked)
        # As many as what is kept per worker is kept for.
        self.capacity = LEAST_CAPACITY
        self.count = count

    @property
    def count(self) -> int:
        """How many threads, the caller's among them, may work at a job."""
        return self._count

    @count.setter
    def count(self, count: int) -> None:
        if not 1 <= count <= 4096:
            raise ValueError(f"the number of threads must lie in 1..4096, not {count}")
        self._count, self.capacity = count, max(self.capacity, count)
        self._set(count)

    @property
    def started(self) -> int:
        """How many worker threads exist."""
        return self._threads()
