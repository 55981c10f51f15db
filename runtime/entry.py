"""The way from Python into a compiled function: one builtin per function, over one native routine that reads a description.

`make_entry` gives a builtin `entry(*args)`.  It takes data pointers, extents, strides and numbers from the arguments,
allocates the results through NumPy, takes temporaries from the arena, releases the GIL if asked to, and calls

    i64 function(ptr slots, ptr error)

`slots` holds one 8-byte word per `Slot`, then the arena's address, then the address of `treadle_parallel`.  On 0 the entry
returns a tuple of the new arrays; otherwise the error record (four i64: code and details), as bytes, unless an exception
is pending (`interrupts.py`): then it raises that.  Whoever calls it has checked types and layouts: the entry reads array
headers without looking.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy._core import _multiarray_umath  # type: ignore[attr-defined]

from .engine import Library
from .sizes import Size, program

# What a slot is filled with. "bitsN": N bits of a NumPy scalar (its part number `axis`); "extent"/"stride": of one axis.
# "room", which comes last: the block for temporaries whose size follows from extents.
SLOT_KINDS = ("data", "output", "int", "float", "real", "imag", "bits8", "bits16", "bits32", "bits64", "extent", "stride",
              "room")


@dataclass(frozen=True, slots=True)
class Slot:
    """One word for the native function: `kind` as in SLOT_KINDS, of argument (or new output) number `index`."""

    kind: str
    index: int
    axis: int = 0


@dataclass(frozen=True, slots=True)
class NewArray:
    """An array that the entry allocates: dtype, extents, strides in bytes (None: C order); numbers, or computed for each call."""

    dtype: np.dtype
    shape: tuple[Size, ...]
    strides: tuple[Size, ...] | None = None

    @property
    def sizes(self) -> tuple[Size, ...]:
        """What is to be computed for it, if anything is."""
        found = (*self.shape, *(self.strides or ()))
        return () if all(isinstance(n, int) for n in found) else found


# The description's words: 0 function, 1 number of slots, 2 number of outputs, 3 arena bytes, 4 release the GIL? (more than 1: value
# number 2 less of the program for sizes tells), 5 treadle_parallel, 6 arena bytes per worker, 7 where the program for sizes begins
# (0: there is none), 8 which of its values the room's bytes are (-1: no room), 9 number of values, then (kind, index, axis) per
# slot, then per output: dtype, rank, has strides? (1) plus are they and the extents values of the program? (2), extents, strides;
# or the number of the first such value.
TEXT = """
@treadle_ndarray = external global i8
declare ptr @treadle_new_array(ptr, ptr, i32, ptr, ptr, ptr, i32, ptr)
declare void @Py_IncRef(ptr)
declare void @Py_DecRef(ptr)
declare ptr @PyTuple_New(i64)
declare i32 @PyTuple_SetItem(ptr, i64, ptr)
declare i64 @PyLong_AsLongLong(ptr)
declare double @PyFloat_AsDouble(ptr)
declare double @PyComplex_RealAsDouble(ptr)
declare double @PyComplex_ImagAsDouble(ptr)
declare ptr @PyErr_Occurred()
declare ptr @PyErr_NoMemory()
declare ptr @PyBytes_AsString(ptr)
declare ptr @PyBytes_FromStringAndSize(ptr, i64)
declare ptr @PyEval_SaveThread()
declare void @PyEval_RestoreThread(ptr)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)

define ptr @treadle_entry(ptr %self, ptr %args, i64 %count) {
entry:
  %error = alloca [4 x i64]
  %d = call ptr @PyBytes_AsString(ptr %self)
  %function = load ptr, ptr %d
  %slot_count_at = getelementptr i64, ptr %d, i64 1
  %slot_count = load i64, ptr %slot_count_at
  %output_count_at = getelementptr i64, ptr %d, i64 2
  %output_count = load i64, ptr %output_count_at
  %arena_at = getelementptr i64, ptr %d, i64 3
  %shared_bytes = load i64, ptr %arena_at
  %worker_at = getelementptr i64, ptr %d, i64 6
  %worker_bytes = load i64, ptr %worker_at
  %workers = load atomic i32, ptr @pool_capacity seq_cst, align 4
  %workers64 = zext i32 %workers to i64
  %all_workers = mul i64 %worker_bytes, %workers64
  %arena_bytes = add i64 %shared_bytes, %all_workers
  %arena_above = add i64 %arena_bytes, 63
  %room_from = and i64 %arena_above, -64
  %release_at = getelementptr i64, ptr %d, i64 4
  %release = load i64, ptr %release_at
  %parallel_at = getelementptr i64, ptr %d, i64 5
  %parallel = load ptr, ptr %parallel_at
  %code_from_at = getelementptr i64, ptr %d, i64 7
  %code_from = load i64, ptr %code_from_at
  %room_value_at = getelementptr i64, ptr %d, i64 8
  %room_value = load i64, ptr %room_value_at
  %has_room = icmp sge i64 %room_value, 0
  %value_count_at = getelementptr i64, ptr %d, i64 9
  %value_count = load i64, ptr %value_count_at
  %values = alloca i64, i64 %value_count
  %program = getelementptr i64, ptr %d, i64 10
  %words = add i64 %slot_count, 2
  %slots = alloca i64, i64 %words
  %outputs = alloca ptr, i64 %output_count
  %has_code = icmp ne i64 %code_from, 0
  br i1 %has_code, label %compute, label %begin
compute:
  %code = getelementptr i64, ptr %d, i64 %code_from
  %last_size = call i64 @treadle_sizes(ptr %code, ptr %args, ptr %values)
  br label %begin
begin:
  %result = call ptr @PyTuple_New(i64 %output_count)
  %none = icmp eq ptr %result, null
  br i1 %none, label %null, label %allocate
allocate:
  %program_words = mul i64 %slot_count, 3
  %first_output = getelementptr i64, ptr %program, i64 %program_words
  br label %output
output:
  %o = phi i64 [ 0, %allocate ], [ %o1, %made ]
  %at = phi ptr [ %first_output, %allocate ], [ %at1, %made ]
  %more_outputs = icmp slt i64 %o, %output_count
  br i1 %more_outputs, label %make, label %fill
make:
  %dtype = load ptr, ptr %at
  %rank_at = getelementptr i64, ptr %at, i64 1
  %rank = load i64, ptr %rank_at
  %rank32 = trunc i64 %rank to i32
  %given_at = getelementptr i64, ptr %at, i64 2
  %given = load i64, ptr %given_at
  %fixed_extents = getelementptr i64, ptr %at, i64 3
  %first_value = load i64, ptr %fixed_extents
  %made_extents = getelementptr i64, ptr %values, i64 %first_value
  %computed = icmp uge i64 %given, 2
  %extents = select i1 %computed, ptr %made_extents, ptr %fixed_extents
  %strides_at = getelementptr i64, ptr %extents, i64 %rank
  %strided = and i64 %given, 1
  %has_strides = icmp ne i64 %strided, 0
  %strides = select i1 %has_strides, ptr %strides_at, ptr null
  call void @Py_IncRef(ptr %dtype)
  %array = call ptr @treadle_new_array(ptr @treadle_ndarray, ptr %dtype, i32 %rank32, ptr %extents,
                                        ptr %strides, ptr null, i32 0, ptr null)
  %no_array = icmp eq ptr %array, null
  br i1 %no_array, label %drop, label %made
made:
  %r0 = call i32 @PyTuple_SetItem(ptr %result, i64 %o, ptr %array)
  %output_at = getelementptr ptr, ptr %outputs, i64 %o
  store ptr %array, ptr %output_at
  %o1 = add i64 %o, 1
  %output_words = mul i64 %rank, 2
  %at1 = getelementptr i64, ptr %fixed_extents, i64 %output_words
  br label %output

fill:
  %s = phi i64 [ 0, %output ], [ %s1, %set ]
  %row = phi ptr [ %program, %output ], [ %row1, %set ]
  %more_slots = icmp slt i64 %s, %slot_count
  br i1 %more_slots, label %slot, label %prepare
slot:
  %kind = load i64, ptr %row
  %index_at = getelementptr i64, ptr %row, i64 1
  %index = load i64, ptr %index_at
  %from_output = icmp eq i64 %kind, 1
  %source = select i1 %from_output, ptr %outputs, ptr %args
  %object_at = getelementptr ptr, ptr %source, i64 %index
  %object = load ptr, ptr %object_at
  switch i64 %kind, label %header [ i64 0, label %data i64 1, label %data i64 2, label %int i64 3, label %float
                                    i64 4, label %real i64 5, label %imag i64 10, label %header i64 11, label %header
                                    i64 6, label %bits i64 7, label %bits i64 8, label %bits i64 9, label %bits
                                    i64 12, label %later ]
later:
  br label %set
data:
  %data_at = getelementptr i8, ptr %object, i64 16
  %data_word = load i64, ptr %data_at
  br label %set
int:
  %int_word = call i64 @PyLong_AsLongLong(ptr %object)
  %maybe_bad = icmp eq i64 %int_word, -1
  br i1 %maybe_bad, label %check, label %set
float:
  %float_value = call double @PyFloat_AsDouble(ptr %object)
  %float_word = bitcast double %float_value to i64
  %float_bad = fcmp oeq double %float_value, -1.0
  br i1 %float_bad, label %check, label %set
real:
  %real_value = call double @PyComplex_RealAsDouble(ptr %object)
  %real_word = bitcast double %real_value to i64
  %real_bad = fcmp oeq double %real_value, -1.0
  br i1 %real_bad, label %check, label %set
imag:
  %imag_value = call double @PyComplex_ImagAsDouble(ptr %object)
  %imag_word = bitcast double %imag_value to i64
  br label %set
check:
  %checked = phi i64 [ %int_word, %int ], [ %float_word, %float ], [ %real_word, %real ]
  %raised = call ptr @PyErr_Occurred()
  %wrong = icmp ne ptr %raised, null
  br i1 %wrong, label %drop, label %set
bits:
  %part_at = getelementptr i64, ptr %row, i64 2
  %part = load i64, ptr %part_at
  %bits_at = getelementptr i8, ptr %object, i64 16
  %is32 = icmp eq i64 %kind, 8
  %part_bytes = select i1 %is32, i64 4, i64 8
  %skip = mul i64 %part, %part_bytes
  %bits_data = getelementptr i8, ptr %bits_at, i64 %skip
  switch i64 %kind, label %bits64 [ i64 6, label %bits8 i64 7, label %bits16 i64 8, label %bits32 ]
bits8:
  %b8 = load i8, ptr %bits_data, align 1
  %w8 = zext i8 %b8 to i64
  br label %set
bits16:
  %b16 = load i16, ptr %bits_data, align 1
  %w16 = zext i16 %b16 to i64
  br label %set
bits32:
  %b32 = load i32, ptr %bits_data, align 1
  %w32 = zext i32 %b32 to i64
  br label %set
bits64:
  %w64 = load i64, ptr %bits_data, align 1
  br label %set
header:
  %axis_at = getelementptr i64, ptr %row, i64 2
  %axis = load i64, ptr %axis_at
  %is_extent = icmp eq i64 %kind, 10
  %field = select i1 %is_extent, i64 32, i64 40
  %field_at = getelementptr i8, ptr %object, i64 %field
  %vector = load ptr, ptr %field_at
  %item_at = getelementptr i64, ptr %vector, i64 %axis
  %item = load i64, ptr %item_at
  br label %set
set:
  %word = phi i64 [ %data_word, %data ], [ %int_word, %int ], [ %float_word, %float ], [ %real_word, %real ],
                  [ %imag_word, %imag ], [ %checked, %check ], [ %w8, %bits8 ], [ %w16, %bits16 ], [ %w32, %bits32 ],
                  [ %w64, %bits64 ], [ %item, %header ], [ 0, %later ]
  %slot_at = getelementptr i64, ptr %slots, i64 %s
  store i64 %word, ptr %slot_at
  %s1 = add i64 %s, 1
  %row1 = getelementptr i64, ptr %row, i64 3
  br label %fill

prepare:
  %arena_slot = getelementptr i64, ptr %slots, i64 %slot_count
  %parallel_slot = getelementptr i64, ptr %arena_slot, i64 1
  store ptr %parallel, ptr %parallel_slot
  br i1 %has_room, label %room, label %sized
room:
  %room_bytes_at = getelementptr i64, ptr %values, i64 %room_value
  %room_bytes = load i64, ptr %room_bytes_at
  %with_room = add i64 %room_from, %room_bytes
  br label %sized
sized:
  %wanted = phi i64 [ %arena_bytes, %prepare ], [ %with_room, %room ]
  %wants = icmp ne i64 %wanted, 0
  br i1 %wants, label %take, label %call
take:
  %taken = call ptr @treadle_arena_take(i64 %wanted)
  %no_memory = icmp eq ptr %taken, null
  br i1 %no_memory, label %memory, label %call
memory:
  %r1 = call ptr @PyErr_NoMemory()
  br label %drop
call:
  %arena = phi ptr [ null, %sized ], [ %taken, %take ]
  store ptr %arena, ptr %arena_slot
  br i1 %has_room, label %place_room, label %ready
place_room:
  %room_at = getelementptr i8, ptr %arena, i64 %room_from
  %room_slot = getelementptr i64, ptr %arena_slot, i64 -1
  store ptr %room_at, ptr %room_slot
  br label %ready
ready:
  call void @llvm.memset.p0.i64(ptr %error, i8 0, i64 32, i1 false)
  %asks = icmp uge i64 %release, 2
  br i1 %asks, label %ask, label %know
ask:
  %release_from = getelementptr i64, ptr %values, i64 -2
  %release_value_at = getelementptr i64, ptr %release_from, i64 %release
  %release_value = load i64, ptr %release_value_at
  br label %know
know:
  %releases = phi i64 [ %release, %ready ], [ %release_value, %ask ]
  %long = icmp ne i64 %releases, 0
  br i1 %long, label %without_gil, label %with_gil
without_gil:
  %thread = call ptr @PyEval_SaveThread()
  %status0 = call i64 %function(ptr %slots, ptr %error)
  call void @treadle_arena_give(ptr %arena)
  call void @PyEval_RestoreThread(ptr %thread)
  br label %return
with_gil:
  %status1 = call i64 %function(ptr %slots, ptr %error)
  call void @treadle_arena_give(ptr %arena)
  br label %return
return:
  %status = phi i64 [ %status0, %without_gil ], [ %status1, %with_gil ]
  %failed = icmp ne i64 %status, 0
  br i1 %failed, label %record, label %done
record:
  %pending = call ptr @PyErr_Occurred()
  %interrupted = icmp ne ptr %pending, null
  br i1 %interrupted, label %drop, label %report
report:
  call void @Py_DecRef(ptr %result)
  %bytes = call ptr @PyBytes_FromStringAndSize(ptr %error, i64 32)
  ret ptr %bytes
done:
  ret ptr %result
drop:
  call void @Py_DecRef(ptr %result)
  br label %null
null:
  ret ptr null
}
"""


def _function_address(function: Any) -> int:
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None
    return address


ctypes.pythonapi.PyCapsule_GetPointer.restype = ctypes.c_void_p
ctypes.pythonapi.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
_numpy_api = ctypes.cast(ctypes.pythonapi.PyCapsule_GetPointer(_multiarray_umath._ARRAY_API, None),
                         ctypes.POINTER(ctypes.c_void_p))


def numpy_function(number: int) -> int:
    """The address of entry `number` of NumPy's C API table."""
    address = _numpy_api[number]
    assert address, number
    return address


def symbols() -> dict[str, int]:
    """What `TEXT` refers to, but for the arena and the pool, whose text belongs to the same module."""
    names = ("Py_IncRef Py_DecRef PyTuple_New PyTuple_SetItem PyLong_AsLongLong PyFloat_AsDouble PyComplex_RealAsDouble "
             "PyComplex_ImagAsDouble PyErr_Occurred PyErr_NoMemory PyBytes_AsString PyBytes_FromStringAndSize "
             "PyEval_SaveThread PyEval_RestoreThread").split()
    found = {name: _function_address(getattr(ctypes.pythonapi, name)) for name in names}
    return found | {"treadle_ndarray": id(np.ndarray), "treadle_new_array": numpy_function(94)}


class _MethodDef(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("function", ctypes.c_void_p), ("flags", ctypes.c_int), ("doc", ctypes.c_char_p)]


_METH_FASTCALL = 0x80
_new_builtin = ctypes.pythonapi.PyCFunction_NewEx
_new_builtin.restype, _new_builtin.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p]


class Entries:
    """Makes entries over the native routine in `library`, which holds `TEXT` and is never unloaded."""

    def __init__(self, library: Library, parallel: int) -> None:
        check_array_layout()
        self._parallel = parallel
        self._method = _MethodDef(b"entry", library.address("treadle_entry"), _METH_FASTCALL, None)
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._method))

    def make(self, function: int, slots: Sequence[Slot], outputs: Sequence[NewArray] = (), arena_bytes: int = 0,
             worker_bytes: int = 0, release_gil: bool | Size = False, room: Size | None = None,
             ) -> Callable[..., tuple[np.ndarray, ...] | bytes]:
        """The builtin for the native function at this address, which must stay loaded as long as it is called."""
        values = [x for o in outputs for x in o.sizes]
        release, room_value = int(release_gil) if isinstance(release_gil, int) else 2 + len(values), -1
        values += [] if isinstance(release_gil, int) else [release_gil]
        if room is not None:
            room_value = len(values)
            values.append(room)
        code_from = 10 + 3 * len(slots) + sum(3 + 2 * len(o.shape) for o in outputs) if values else 0
        words = [function, len(slots), len(outputs), arena_bytes, release, self._parallel, worker_bytes, code_from,
                 room_value, len(values)]
        for s in slots:
            words += [SLOT_KINDS.index(s.kind), s.index, s.axis]
        first = 0
        for o in outputs:
            # The description holds a dtype's bare address: builtin dtypes live for ever, and no other is compiled.
            dtype = np.dtype(o.dtype.char)
            strided, unused = int(o.strides is not None), [0] * len(o.shape)
            if o.sizes:
                words += [id(dtype), len(o.shape), strided | 2, first, *unused, *unused[1:]]
                first += len(o.sizes)
            else:
                words += [id(dtype), len(o.shape), strided, *o.shape, *(o.strides or unused)]  # type: ignore[list-item]
        # Where there is no program a word is read beyond the last output without axes.
        words += program(values) if values else [0]
        description = struct.pack(f"<{len(words)}q", *words)
        return _new_builtin(ctypes.addressof(self._method), description, None)


def check_array_layout() -> None:
    """NumPy's headers are as the entry expects: data at 16, extents at 32, strides at 40; a scalar's value at 16."""
    probe = np.zeros((2, 3, 5), np.float32)[:, ::-1]
    words = (ctypes.c_size_t * 6).from_address(id(probe))
    extents, strides = ((ctypes.c_ssize_t * 3).from_address(words[k]) for k in (4, 5))
    scalar = np.complex128(1.25 - 2.5j)
    value = tuple((ctypes.c_double * 2).from_address(id(scalar) + 16))
    if (words[2], tuple(extents), tuple(strides), value) != (probe.ctypes.data, probe.shape, probe.strides, (1.25, -2.5)):
        raise RuntimeError("this build of NumPy lays arrays out in an unknown way")
