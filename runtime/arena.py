"""Memory for temporaries: one block per thread, which grows and is used again by the next call; as LLVM text.

    ptr  treadle_arena_take(i64 bytes)     64-byte aligned; null when there is no memory
    void treadle_arena_give(ptr)           ends the use of what `take` gave (null is fine)

A call within a call on the same thread, and a need beyond `KEEP_BYTES`, get a block of their own, freed when given back.
A thread's block is freed with the thread.
"""

from __future__ import annotations

import ctypes

from . import pages
from .engine import Library

KEEP_BYTES = 1 << 28

# %arena = { base, capacity, 1 while in use }
TEXT = pages.TEXT + f"""
@arena_key = internal global i32 0
declare i32 @pthread_key_create(ptr, ptr)
declare ptr @pthread_getspecific(i32)
declare i32 @pthread_setspecific(i32, ptr)
declare ptr @aligned_alloc(i64, i64)
declare ptr @calloc(i64, i64)
declare void @free(ptr)

define i32 @treadle_arena_init() {{
  %r = call i32 @pthread_key_create(ptr @arena_key, ptr @arena_end)
  ret i32 %r
}}

define internal void @arena_end(ptr %arena) {{
  %base = load ptr, ptr %arena
  call void @free(ptr %base)
  call void @free(ptr %arena)
  ret void
}}

define internal ptr @arena_of_thread() {{
  %key = load i32, ptr @arena_key
  %arena = call ptr @pthread_getspecific(i32 %key)
  %known = icmp ne ptr %arena, null
  br i1 %known, label %found, label %make
found:
  ret ptr %arena
make:
  %new = call ptr @calloc(i64 1, i64 24)
  %bad = icmp eq ptr %new, null
  br i1 %bad, label %end, label %set
set:
  %r = call i32 @pthread_setspecific(i32 %key, ptr %new)
  br label %end
end:
  ret ptr %new
}}

define ptr @treadle_arena_take(i64 %bytes) {{
  %more = add i64 %bytes, 63
  %size = and i64 %more, -64
  %arena = call ptr @arena_of_thread()
  %none = icmp eq ptr %arena, null
  br i1 %none, label %own, label %look
look:
  %capacity_at = getelementptr i64, ptr %arena, i64 1
  %used_at = getelementptr i64, ptr %arena, i64 2
  %used = load i64, ptr %used_at
  %busy = icmp ne i64 %used, 0
  %large = icmp ugt i64 %size, {KEEP_BYTES}
  %apart = or i1 %busy, %large
  br i1 %apart, label %own, label %shared
shared:
  %base = load ptr, ptr %arena
  %capacity = load i64, ptr %capacity_at
  %fits = icmp ule i64 %size, %capacity
  br i1 %fits, label %take, label %grow
grow:
  call void @free(ptr %base)
  store ptr null, ptr %arena
  store i64 0, ptr %capacity_at
  %new = call ptr @aligned_alloc(i64 64, i64 %size)
  %block = call ptr @large_pages(ptr %new, i64 %size)
  %failed = icmp eq ptr %block, null
  br i1 %failed, label %fail, label %grown
grown:
  store ptr %block, ptr %arena
  store i64 %size, ptr %capacity_at
  br label %take
take:
  %given = phi ptr [ %base, %shared ], [ %block, %grown ]
  store i64 1, ptr %used_at
  ret ptr %given
own:
  %apart_block = call ptr @aligned_alloc(i64 64, i64 %size)
  %single = call ptr @large_pages(ptr %apart_block, i64 %size)
  ret ptr %single
fail:
  ret ptr null
}}

define void @treadle_arena_give(ptr %block) {{
  %nothing = icmp eq ptr %block, null
  br i1 %nothing, label %end, label %look
look:
  %arena = call ptr @arena_of_thread()
  %none = icmp eq ptr %arena, null
  br i1 %none, label %single, label %compare
compare:
  %base = load ptr, ptr %arena
  %shared = icmp eq ptr %base, %block
  br i1 %shared, label %unused, label %single
unused:
  %used_at = getelementptr i64, ptr %arena, i64 2
  store i64 0, ptr %used_at
  br label %end
single:
  call void @free(ptr %block)
  br label %end
end:
  ret void
}}
"""


def start(library: Library) -> None:
    """Prepare the arena in `library`, which holds `TEXT`."""
    if ctypes.CFUNCTYPE(ctypes.c_int32)(library.address("treadle_arena_init"))():
        raise MemoryError("no thread-local key is left")
