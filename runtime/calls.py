"""Calls of a compiled function without Python code in front: a vectorcall that finds the version for the arguments.

`NativeCalls` (`native_class.py`) is a base class; `@calls_natively` on a subclass lets its instances be called by `treadle_call`.
Each instance has a record (`install`): what the arguments of each of its versions look like, and the entry (`entry.py`) of each.
A call that fits none, or comes while `hold` is in force or after `renew`, runs the class's own `__call__`.

    calls.install(instance, [Version(...)])      # the versions to try, in order
"""

from __future__ import annotations

import contextlib
import ctypes
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .engine import Library
from .entry import numpy_function
from .records import FLAGS, MOST_ARGUMENTS, MOST_EXTENTS, Arguments

# What a result is that is not one output: see `Version`.
FINISHED, ALL, NOTHING, ARGUMENT = -1, -2, -3, -4

# Words that the native code reads: how many traces are under way in all threads; the number of the settings in force.
_state = (ctypes.c_int64 * 2)()
_state_lock = threading.Lock()

# A record: the settings' number, __call__, number of versions, the record itself as an object.  Of a version: words in all,
# description of the entry, what the result is, finish, guard (or 0), number of arguments, program that tells whether extents are
# right (or 0; `sizes.py`), which outputs become NumPy scalars, number of keywords, their names, the arguments (`records.py`), those
# with keywords last.
# The record keeps alive what it names, and a call keeps the record: another thread may put a new one in its place.
TEXT = f"""
@treadle_call_state = external global [2 x i64]
@treadle_true = external global i8
declare ptr @PyObject_Vectorcall(ptr, ptr, i64, ptr)
declare i64 @PyLong_AsLongLongAndOverflow(ptr, ptr)

define ptr @treadle_call(ptr %self, ptr %args, i64 %flagged, ptr %names) {{
entry:
  %count = and i64 %flagged, 9223372036854775807
  %record_at = getelementptr i8, ptr %self, i64 24
  %record = load ptr, ptr %record_at
  %more_at = getelementptr i64, ptr %record, i64 2
  %versions = load i64, ptr %more_at
  %first = getelementptr i64, ptr %record, i64 4
  %keeper_at = getelementptr i64, ptr %record, i64 3
  %keeper = load ptr, ptr %keeper_at
  %overflow = alloca i32
  %extents_seen = alloca [{MOST_EXTENTS} x i64]
  %tracing = load i64, ptr @treadle_call_state
  %settings_at = getelementptr i64, ptr @treadle_call_state, i64 1
  %settings = load i64, ptr %settings_at
  %made_for = load i64, ptr %record
  %held = icmp ne i64 %tracing, 0
  %changed = icmp ne i64 %settings, %made_for
  %unnamed = icmp eq ptr %names, null
  br i1 %unnamed, label %counted, label %named
named:
  %names_given = call i64 @PyTuple_Size(ptr %names)
  br label %counted
counted:
  %keywords = phi i64 [ 0, %entry ], [ %names_given, %named ]
  %all = add i64 %count, %keywords
  %many = icmp ugt i64 %all, {MOST_ARGUMENTS}
  %slow0 = or i1 %held, %changed
  %slow1 = or i1 %slow0, %many
  br i1 %slow1, label %slow, label %versions_loop

versions_loop:
  %k = phi i64 [ 0, %counted ], [ %k1, %next ]
  %v = phi ptr [ %first, %counted ], [ %v1, %next ]
  %some = icmp slt i64 %k, %versions
  br i1 %some, label %try, label %slow
try:
  %taken_at = getelementptr i64, ptr %v, i64 5
  %taken = load i64, ptr %taken_at
  %argument0 = getelementptr i64, ptr %v, i64 10
  %keywords_taken_at = getelementptr i64, ptr %v, i64 8
  %keywords_taken = load i64, ptr %keywords_taken_at
  %as_many0 = icmp eq i64 %taken, %all
  %as_many1 = icmp eq i64 %keywords_taken, %keywords
  %as_many = and i1 %as_many0, %as_many1
  %names_taken_at = getelementptr i64, ptr %v, i64 9
  %names_taken = load ptr, ptr %names_taken_at
  br i1 %as_many, label %keyword, label %next
keyword:
  %w = phi i64 [ 0, %try ], [ %w1, %same_keyword ]
  %another_keyword = icmp slt i64 %w, %keywords
  br i1 %another_keyword, label %name, label %arguments
name:
  %name_items = getelementptr i8, ptr %names, i64 TUPLE_ITEMS
  %name_at = getelementptr ptr, ptr %name_items, i64 %w
  %name_given = load ptr, ptr %name_at
  %name_wanted_at = getelementptr ptr, ptr %names_taken, i64 %w
  %name_wanted = load ptr, ptr %name_wanted_at
  %same_name = icmp eq ptr %name_given, %name_wanted
  br i1 %same_name, label %same_keyword, label %next
same_keyword:
  %w1 = add i64 %w, 1
  br label %keyword
next:
  %words = load i64, ptr %v
  %v1 = getelementptr i64, ptr %v, i64 %words
  %k1 = add i64 %k, 1
  br label %versions_loop

arguments:
  %a = phi i64 [ 0, %keyword ], [ %a1, %fits ]
  %row = phi ptr [ %argument0, %keyword ], [ %row1, %fits ]
  %another = icmp slt i64 %a, %all
  br i1 %another, label %class, label %conditioned
class:
  %object_at = getelementptr ptr, ptr %args, i64 %a
  %object = load ptr, ptr %object_at
  %class_at = getelementptr i8, ptr %object, i64 8
  %class_found = load ptr, ptr %class_at
  %class_wanted_at = getelementptr i64, ptr %row, i64 1
  %class_wanted = load ptr, ptr %class_wanted_at
  %same_class = icmp eq ptr %class_found, %class_wanted
  br i1 %same_class, label %kinds, label %next
kinds:
  %kind_at = getelementptr i64, ptr %row, i64 2
  %kind = load i64, ptr %kind_at
  switch i64 %kind, label %fits [ i64 1, label %integer i64 2, label %array i64 3, label %array ]
integer:
  %number = call i64 @PyLong_AsLongLongAndOverflow(ptr %object, ptr %overflow)
  %outside = load i32, ptr %overflow
  %in_range = icmp eq i32 %outside, 0
  br i1 %in_range, label %fits, label %next
array:
  %dtype_at = getelementptr i8, ptr %object, i64 56
  %dtype = load i64, ptr %dtype_at
  %dtype_wanted_at = getelementptr i64, ptr %row, i64 3
  %dtype_wanted = load i64, ptr %dtype_wanted_at
  %flags_at = getelementptr i8, ptr %object, i64 64
  %flags32 = load i32, ptr %flags_at
  %flags_seen = and i32 %flags32, {FLAGS}
  %flags = zext i32 %flags_seen to i64
  %flags_wanted_at = getelementptr i64, ptr %row, i64 4
  %flags_wanted = load i64, ptr %flags_wanted_at
  %rank_at = getelementptr i8, ptr %object, i64 24
  %rank32 = load i32, ptr %rank_at
  %rank = zext i32 %rank32 to i64
  %rank_wanted_at = getelementptr i64, ptr %row, i64 5
  %rank_wanted = load i64, ptr %rank_wanted_at
  %same_dtype = icmp eq i64 %dtype, %dtype_wanted
  %same_flags = icmp eq i64 %flags, %flags_wanted
  %same_rank = icmp eq i64 %rank, %rank_wanted
  %same0 = and i1 %same_dtype, %same_flags
  %same1 = and i1 %same0, %same_rank
  %shaped = icmp eq i64 %kind, 3
  br i1 %same1, label %which, label %next
which:
  br i1 %shaped, label %shaped_axes, label %axes
axes:
  %extents_at = getelementptr i8, ptr %object, i64 32
  %extents = load ptr, ptr %extents_at
  %strides_at = getelementptr i8, ptr %object, i64 40
  %strides = load ptr, ptr %strides_at
  %extents_wanted = getelementptr i64, ptr %row, i64 6
  %strides_wanted = getelementptr i64, ptr %extents_wanted, i64 %rank
  br label %axis
axis:
  %x = phi i64 [ 0, %axes ], [ %x1, %axis_fits ]
  %another_axis = icmp slt i64 %x, %rank
  br i1 %another_axis, label %compare, label %distinct
compare:
  %e_at = getelementptr i64, ptr %extents, i64 %x
  %e = load i64, ptr %e_at
  %e_wanted_at = getelementptr i64, ptr %extents_wanted, i64 %x
  %e_wanted = load i64, ptr %e_wanted_at
  %s_at = getelementptr i64, ptr %strides, i64 %x
  %s = load i64, ptr %s_at
  %s_wanted_at = getelementptr i64, ptr %strides_wanted, i64 %x
  %s_wanted = load i64, ptr %s_wanted_at
  %same_extent = icmp eq i64 %e, %e_wanted
  %same_stride = icmp eq i64 %s, %s_wanted
  %same_axis = and i1 %same_extent, %same_stride
  br i1 %same_axis, label %axis_fits, label %next
axis_fits:
  %x1 = add i64 %x, 1
  br label %axis
shaped_axes:
  %shaped_extents_at = getelementptr i8, ptr %object, i64 32
  %shaped_extents = load ptr, ptr %shaped_extents_at
  %shaped_strides_at = getelementptr i8, ptr %object, i64 40
  %shaped_strides = load ptr, ptr %shaped_strides_at
  %step0_at = getelementptr i64, ptr %row, i64 6
  %step0 = load i64, ptr %step0_at
  %of_axes = getelementptr i64, ptr %row, i64 7
  br label %shaped_axis
shaped_axis:
  %y = phi i64 [ 0, %shaped_axes ], [ %y1, %shaped_fits ]
  %step = phi i64 [ %step0, %shaped_axes ], [ %step1, %shaped_fits ]
  %of_axis = phi ptr [ %of_axes, %shaped_axes ], [ %of_axis1, %shaped_fits ]
  %another_shaped = icmp slt i64 %y, %rank
  br i1 %another_shaped, label %shaped_compare, label %distinct
shaped_compare:
  %axis_number = load i64, ptr %of_axis
  %known_at = getelementptr i64, ptr %of_axis, i64 1
  %known = load i64, ptr %known_at
  %which_at = getelementptr i64, ptr %of_axis, i64 2
  %which_one = load i64, ptr %which_at
  %d_at = getelementptr i64, ptr %shaped_extents, i64 %axis_number
  %d = load i64, ptr %d_at
  %t_at = getelementptr i64, ptr %shaped_strides, i64 %axis_number
  %t = load i64, ptr %t_at
  %lies = icmp eq i64 %t, %step
  %step1 = mul i64 %step, %d
  br i1 %lies, label %shaped_extent, label %next
shaped_extent:
  switch i64 %known, label %as_number [ i64 1, label %first_seen i64 2, label %seen ]
as_number:
  %is_number = icmp eq i64 %d, %which_one
  br i1 %is_number, label %shaped_fits, label %next
first_seen:
  %seen_to = getelementptr i64, ptr %extents_seen, i64 %which_one
  store i64 %d, ptr %seen_to
  %is_many = icmp sge i64 %d, 2
  br i1 %is_many, label %shaped_fits, label %next
seen:
  %seen_at = getelementptr i64, ptr %extents_seen, i64 %which_one
  %seen_before = load i64, ptr %seen_at
  %is_same = icmp eq i64 %d, %seen_before
  br i1 %is_same, label %shaped_fits, label %next
shaped_fits:
  %y1 = add i64 %y, 1
  %of_axis1 = getelementptr i64, ptr %of_axis, i64 3
  br label %shaped_axis
distinct:
  %b = phi i64 [ 0, %axis ], [ 0, %shaped_axis ], [ %b1, %other ]
  %earlier = icmp slt i64 %b, %a
  br i1 %earlier, label %other, label %fits
other:
  %other_at = getelementptr ptr, ptr %args, i64 %b
  %other_object = load ptr, ptr %other_at
  %b1 = add i64 %b, 1
  %twice = icmp eq ptr %other_object, %object
  br i1 %twice, label %next, label %distinct
fits:
  %a1 = add i64 %a, 1
  %row_words = load i64, ptr %row
  %row1 = getelementptr i64, ptr %row, i64 %row_words
  br label %arguments

conditioned:
  %conditions_at = getelementptr i64, ptr %v, i64 6
  %conditions = load ptr, ptr %conditions_at
  %unconditional = icmp eq ptr %conditions, null
  br i1 %unconditional, label %guarded, label %condition
condition:
  %conditions_hold = call i64 @treadle_sizes(ptr %conditions, ptr %args, ptr %extents_seen)
  %right = icmp ne i64 %conditions_hold, 0
  br i1 %right, label %guarded, label %next
guarded:
  call void @Py_IncRef(ptr %keeper)
  %guard_at = getelementptr i64, ptr %v, i64 4
  %guard = load ptr, ptr %guard_at
  %unguarded = icmp eq ptr %guard, null
  br i1 %unguarded, label %run, label %ask
ask:
  %answer = call ptr @PyObject_Vectorcall(ptr %guard, ptr %args, i64 %all, ptr null)
  %raised = icmp eq ptr %answer, null
  br i1 %raised, label %give_up, label %answered
answered:
  call void @Py_DecRef(ptr %answer)
  %holds = icmp eq ptr %answer, @treadle_true
  br i1 %holds, label %run, label %try_no_more
try_no_more:
  call void @Py_DecRef(ptr %keeper)
  br label %slow

run:
  %description_at = getelementptr i64, ptr %v, i64 1
  %description = load ptr, ptr %description_at
  %only_at = getelementptr i64, ptr %v, i64 2
  %only = load i64, ptr %only_at
  %finish_at = getelementptr i64, ptr %v, i64 3
  %finish = load ptr, ptr %finish_at
  %outputs = call ptr @treadle_entry(ptr %description, ptr %args, i64 %all)
  %failed = icmp eq ptr %outputs, null
  br i1 %failed, label %give_up, label %ran
ran:
  %kind_of_outputs_at = getelementptr i8, ptr %outputs, i64 8
  %kind_of_outputs = load ptr, ptr %kind_of_outputs_at
  %is_tuple = icmp eq ptr %kind_of_outputs, @treadle_tuple
  %scalars_at = getelementptr i64, ptr %v, i64 7
  %scalars = load i64, ptr %scalars_at
  %items = getelementptr i8, ptr %outputs, i64 TUPLE_ITEMS
  br i1 %is_tuple, label %scalar, label %finish_it
scalar:
  %o = phi i64 [ 0, %ran ], [ %o1, %output_ready ]
  %left = lshr i64 %scalars, %o
  %some_left = icmp ne i64 %left, 0
  br i1 %some_left, label %output, label %deliver
output:
  %bit = and i64 %left, 1
  %becomes_scalar = icmp ne i64 %bit, 0
  br i1 %becomes_scalar, label %make_scalar, label %output_ready
make_scalar:
  %zero_d_at = getelementptr ptr, ptr %items, i64 %o
  %zero_d = load ptr, ptr %zero_d_at
  call void @Py_IncRef(ptr %zero_d)
  %number_made = call ptr @treadle_scalar(ptr %zero_d)
  %no_number = icmp eq ptr %number_made, null
  br i1 %no_number, label %drop, label %put_scalar
put_scalar:
  %put = call i32 @PyTuple_SetItem(ptr %outputs, i64 %o, ptr %number_made)
  br label %output_ready
output_ready:
  %o1 = add i64 %o, 1
  br label %scalar
drop:
  call void @Py_DecRef(ptr %outputs)
  br label %give_up
deliver:
  %is_one = icmp sge i64 %only, 0
  br i1 %is_one, label %take, label %no_output
take:
  %item_at = getelementptr ptr, ptr %items, i64 %only
  %item = load ptr, ptr %item_at
  call void @Py_IncRef(ptr %item)
  br label %finished
no_output:
  %which_argument = sub i64 {ARGUMENT}, %only
  %is_argument = icmp sge i64 %which_argument, 0
  br i1 %is_argument, label %give_argument, label %no_argument
give_argument:
  %given_at = getelementptr ptr, ptr %args, i64 %which_argument
  %given_back = load ptr, ptr %given_at
  call void @Py_IncRef(ptr %given_back)
  br label %finished
no_argument:
  switch i64 %only, label %finish_it [ i64 {ALL}, label %give_all i64 {NOTHING}, label %give_none ]
give_all:
  call void @Py_IncRef(ptr %outputs)
  br label %finished
give_none:
  call void @Py_IncRef(ptr @treadle_none)
  br label %finished
finish_it:
  %given = alloca ptr, i64 {MOST_ARGUMENTS + 1}
  store ptr %outputs, ptr %given
  %given_args = getelementptr ptr, ptr %given, i64 1
  %bytes = mul i64 %all, 8
  call void @llvm.memcpy.p0.p0.i64(ptr %given_args, ptr %args, i64 %bytes, i1 false)
  %given_count = add i64 %all, 1
  %made = call ptr @PyObject_Vectorcall(ptr %finish, ptr %given, i64 %given_count, ptr null)
  br label %finished
finished:
  %result = phi ptr [ %item, %take ], [ %given_back, %give_argument ], [ %outputs, %give_all ], [ @treadle_none, %give_none ],
                    [ %made, %finish_it ]
  call void @Py_DecRef(ptr %outputs)
  call void @Py_DecRef(ptr %keeper)
  ret ptr %result
give_up:
  call void @Py_DecRef(ptr %keeper)
  ret ptr null

slow:
  %record_last = load ptr, ptr %record_at
  %call_at = getelementptr i64, ptr %record_last, i64 1
  %call = load ptr, ptr %call_at
  %with_self = add i64 %all, 1
  %copied = alloca ptr, i64 %with_self
  store ptr %self, ptr %copied
  %copied_args = getelementptr ptr, ptr %copied, i64 1
  %all_bytes = mul i64 %all, 8
  call void @llvm.memcpy.p0.p0.i64(ptr %copied_args, ptr %args, i64 %all_bytes, i1 false)
  %positional = add i64 %count, 1
  %answer_of_slow = call ptr @PyObject_Vectorcall(ptr %call, ptr %copied, i64 %positional, ptr %names)
  ret ptr %answer_of_slow
}}
@treadle_tuple = external global i8
@treadle_none = external global i8
declare ptr @treadle_scalar(ptr)
declare i64 @PyTuple_Size(ptr)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
""".replace("TUPLE_ITEMS", str(tuple.__basicsize__))


def symbols() -> dict[str, int]:
    """What `TEXT` refers to beside the entry's symbols."""
    names = ("PyObject_Vectorcall", "PyLong_AsLongLongAndOverflow", "PyTuple_Size")
    found = {name: ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0 for name in names}
    return found | {"treadle_call_state": ctypes.addressof(_state), "treadle_tuple": id(tuple), "treadle_true": id(True),
                    "treadle_none": id(None), "treadle_scalar": numpy_function(76)}


@contextlib.contextmanager
def hold() -> Iterator[None]:
    """Calls go through Python for a while, in all threads."""
    with _state_lock:
        _state[0] += 1
    try:
        yield
    finally:
        with _state_lock:
            _state[0] -= 1


def renew() -> None:
    """Records made so far are not used any more."""
    with _state_lock:
        _state[1] += 1


def settings() -> int:
    """What `renew` counts."""
    return _state[1]


@dataclass(frozen=True, slots=True)
class Version:
    """One way to run. entry: a builtin of `entry.py`.  result: the number of the output that it is, `ALL` (the outputs as a tuple),
    `NOTHING` (None), `ARGUMENT` - k (argument number k), or `FINISHED`: then finish(outputs, *args) makes it; that is also called
    with the bytes of an error, to raise it.  scalars: the outputs that become NumPy scalars, as bits.  guard(*args) tells whether
    the version may be used; both get the values of keywords last, without their names."""

    entry: Callable[..., Any]
    arguments: Arguments
    result: int
    scalars: int
    finish: Callable[..., Any]
    guard: Callable[..., bool] | None


class Calls:
    """Gives instances of `NativeCalls` their records; `library` holds `TEXT` and is never unloaded."""

    def __init__(self, library: Library) -> None:
        check_layout()
        self._address = library.address("treadle_call")
        self._lock = threading.Lock()

    def install(self, instance: Any, versions: Sequence[Version]) -> None:
        """Let `instance` try these versions."""
        call = type(instance).__call__
        record = [settings(), id(call), len(versions), 0]
        kept: list[Any] = [call]
        for v in versions:
            description = v.entry.__self__  # type: ignore[attr-defined]
            words = v.arguments.conditions
            conditions: Any = (ctypes.c_int64 * len(words))(*words)
            names: Any = (ctypes.c_int64 * (len(v.arguments.keywords) + 1))(*map(id, v.arguments.keywords))
            record += [10 + len(v.arguments.words), id(description), v.result, id(v.finish),
                       0 if v.guard is None else id(v.guard), v.arguments.count,
                       ctypes.addressof(conditions) if words else 0, v.scalars, len(v.arguments.keywords), ctypes.addressof(names),
                       *v.arguments.words]
            kept += [v, description, conditions, names]
        block: Any = (ctypes.c_int64 * len(record))(*record)
        block[3], block.kept = id(block), kept
        # At no time may an instance hold the address of a record that nobody keeps. The old one goes when the lock is free again:
        # what it kept may run code.
        with self._lock:
            before = getattr(instance, "_record_kept", None)
            instance._record, instance._record_kept = ctypes.addressof(block), block
            instance._called = self._address
        del before


def check_layout() -> None:
    """Arrays and tuples are laid out as `TEXT` expects: dtype at 56, flags at 64, rank at 24; items after a tuple's header."""
    probe, pair = np.zeros((2, 3), np.int16), (object(), object())
    words = (ctypes.c_int64 * 9).from_address(id(probe))
    items = (ctypes.c_int64 * 2).from_address(id(pair) + tuple.__basicsize__)
    seen = (words[3] & 0xFFFFFFFF, words[7], words[8] & 0xFFFFFFFF, *items)
    if seen != (2, id(probe.dtype), probe.flags.num, *map(id, pair)):
        raise RuntimeError("this build of Python or NumPy lays objects out in an unknown way")
