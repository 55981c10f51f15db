"""Large memory on large pages, as LLVM text.

    ptr large_pages(ptr block, i64 bytes)     the block itself

Walking through hundreds of megabytes on pages of 4 KB, the processor looks up an address every 64 cache lines, which in a virtual
machine takes about as long as reading them.  NumPy asks the same for its arrays from the same size on.
"""

from __future__ import annotations

import sys

FROM_BYTES = 1 << 22
_ADVICE = 14  # MADV_HUGEPAGE
_PAGE = 4096

_ASK = f"""
  %size = icmp uge i64 %bytes, {FROM_BYTES}
  %some = icmp ne ptr %block, null
  %wanted = and i1 %size, %some
  br i1 %wanted, label %ask, label %done
ask:
  %start = ptrtoint ptr %block to i64
  %up = add i64 %start, {_PAGE - 1}
  %page = and i64 %up, -{_PAGE}
  %skipped = sub i64 %page, %start
  %length = sub i64 %bytes, %skipped
  %first = inttoptr i64 %page to ptr
  %r = call i32 @madvise(ptr %first, i64 %length, i32 {_ADVICE})
  br label %done
done:
"""

TEXT = f"""
{"declare i32 @madvise(ptr, i64, i32)" if sys.platform == "linux" else ""}
define internal ptr @large_pages(ptr %block, i64 %bytes) {{
entry:{_ASK if sys.platform == "linux" else ""}
  ret ptr %block
}}
"""
