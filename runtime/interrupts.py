"""How a long native loop hears of Ctrl-C: as LLVM text.

    i64 treadle_interrupted()

Called now and then by compiled code, on the thread that Python called it from, with the GIL or without.  At most every few
milliseconds it lets Python handle the signals that have arrived; the result is not 0 if a handler raised.  Then the native
function returns at once, with -1 for the error's number, and the pending exception is Python's to pass on.
"""

from __future__ import annotations

import ctypes
import platform

# The counter that user code may read, and what it counts between two looks: some 5 ms.
_ARM = platform.machine() in ("aarch64", "arm64")
_COUNTER, _PERIOD = ("llvm.readsteadycounter", 1 << 17) if _ARM else ("llvm.readcyclecounter", 1 << 24)

TEXT = f"""
@interrupts_looked = internal global i64 0
declare i64 @{_COUNTER}()
declare i32 @PyGILState_Ensure()
declare void @PyGILState_Release(i32)
declare i32 @PyErr_CheckSignals()

define i64 @treadle_interrupted() {{
  %now = call i64 @{_COUNTER}()
  %before = load atomic i64, ptr @interrupts_looked monotonic, align 8
  %passed = sub i64 %now, %before
  %soon = icmp ult i64 %passed, {_PERIOD}
  br i1 %soon, label %no, label %look
look:
  store atomic i64 %now, ptr @interrupts_looked monotonic, align 8
  %state = call i32 @PyGILState_Ensure()
  %raised = call i32 @PyErr_CheckSignals()
  call void @PyGILState_Release(i32 %state)
  %result = sext i32 %raised to i64
  ret i64 %result
no:
  ret i64 0
}}
"""


def symbols() -> dict[str, int]:
    """What `TEXT` refers to."""
    names = ("PyGILState_Ensure", "PyGILState_Release", "PyErr_CheckSignals")
    found = {n: ctypes.cast(getattr(ctypes.pythonapi, n), ctypes.c_void_p).value for n in names}
    return {n: address for n, address in found.items() if address is not None}
