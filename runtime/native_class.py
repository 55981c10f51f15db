"""A base class whose instances the interpreter calls by an address that they hold (`calls.py` fills it in)."""

from __future__ import annotations

import ctypes
from typing import Any, TypeVar

# Of a CPython type object: where its flags are, and the flag that lets its instances be called by vectorcall.
_TYPE_FLAGS, _HAVE_VECTORCALL = 168, 1 << 11


class _Spec(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("size", ctypes.c_int), ("item", ctypes.c_int), ("flags", ctypes.c_uint),
                ("slots", ctypes.c_void_p)]


class _Slot(ctypes.Structure):
    _fields_ = [("number", ctypes.c_int), ("value", ctypes.c_void_p)]


class _Member(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("type", ctypes.c_int), ("offset", ctypes.c_ssize_t), ("flags", ctypes.c_int),
                ("doc", ctypes.c_char_p)]


def _base() -> Any:
    """A class whose instances hold two addresses: of the function that is called for them, and of their record."""
    integer, read_only, members, default_and_base = 19, 1, 72, (1 << 18) | (1 << 10)
    rows = (_Member * 4)(_Member(b"__vectorcalloffset__", integer, 16, read_only, None),
                         _Member(b"_called", integer, 16, 0, None), _Member(b"_record", integer, 24, 0, None), _Member())
    slots = (_Slot * 2)(_Slot(members, ctypes.addressof(rows)), _Slot(0, None))
    spec = _Spec(b"treadle.NativeCalls", 32, 0, default_and_base, ctypes.addressof(slots))
    make = ctypes.pythonapi.PyType_FromSpec
    make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p]
    found = make(ctypes.addressof(spec))
    found.kept = (rows, slots, spec)
    return found


NativeCalls: Any = _base()

C = TypeVar("C", bound=type)


def calls_natively(cls: C) -> C:
    """Let instances be called by the function whose address they hold; while that is 0, `__call__` is."""
    flags = ctypes.c_ulong.from_address(id(cls) + _TYPE_FLAGS)
    size = ctypes.c_ssize_t.from_address(id(cls) + 32)
    if (flags.value, size.value) == (cls.__flags__, cls.__basicsize__):
        flags.value |= _HAVE_VECTORCALL
    return cls
