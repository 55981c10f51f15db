"""Memory of run-time size for temporaries: `treadle_heap_reserve` and `treadle_heap_release`, as LLVM text.

A function keeps two words per temporary: the block's address and its size, both 0 at first.  Reserving gives an address at
a multiple of 64, or 0 if there is no memory; a block that is large enough already is used again, its contents undefined.
"""

from __future__ import annotations

from . import pages

TEXT = pages.TEXT + """
declare ptr @malloc(i64)
declare void @free(ptr)

define i64 @treadle_heap_reserve(ptr %blocks, i64 %at, i64 %bytes) {
entry:
  %word = getelementptr i64, ptr %blocks, i64 %at
  %size_word = getelementptr i64, ptr %word, i64 1
  %old = load ptr, ptr %word
  %size = load i64, ptr %size_word
  %wanted = add i64 %bytes, 64
  %fits = icmp uge i64 %size, %wanted
  br i1 %fits, label %done, label %grow
grow:
  call void @free(ptr %old)
  %got = call ptr @malloc(i64 %wanted)
  %new = call ptr @large_pages(ptr %got, i64 %wanted)
  store ptr %new, ptr %word
  %failed = icmp eq ptr %new, null
  %new_size = select i1 %failed, i64 0, i64 %wanted
  store i64 %new_size, ptr %size_word
  br i1 %failed, label %none, label %done
none:
  ret i64 0
done:
  %block = phi ptr [ %old, %entry ], [ %new, %grow ]
  %raw = ptrtoint ptr %block to i64
  %up = add i64 %raw, 63
  %address = and i64 %up, -64
  ret i64 %address
}

define i64 @treadle_heap_release(ptr %blocks, i64 %at, i64 %count) {
entry:
  br label %test
test:
  %k = phi i64 [ 0, %entry ], [ %next, %give ]
  %more = icmp slt i64 %k, %count
  br i1 %more, label %give, label %done
give:
  %two = shl i64 %k, 1
  %word = getelementptr i64, ptr %blocks, i64 %two
  %block = load ptr, ptr %word
  call void @free(ptr %block)
  %next = add i64 %k, 1
  br label %test
done:
  ret i64 0
}
"""
