"""LLVM text to machine code in this process.

`Engine.compile` parses and verifies text in a context of its own, makes an ELF object of it, checks that every symbol the
object needs has an address, and loads it; the code lives as long as the returned `Library`.  No LLVM optimisation passes
run: the text is emitted as it should run.  Each object is loaded by a loader of its own: unlike one shared LLJIT, which
keeps about 10 KB for each library it ever held, that gives back everything.

    engine = Engine(cpu.host())
    library = engine.compile("define i64 @twice(i64 %x) { %y = add i64 %x, %x  ret i64 %y }")
    ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(library.address("twice"))(21)
"""

from __future__ import annotations

import ctypes
import functools
import struct
import threading
from collections.abc import Mapping

import llvmlite.binding as llvm

from .cpu import Cpu

llvm.initialize_native_target()
llvm.initialize_native_asmprinter()

# The loader's names are global to the process, and bound while an object is loaded: one object at a time.
_loading = threading.Lock()


class CodeError(Exception):
    """LLVM rejected the text, or a symbol in it has no address. `text` is the text."""

    def __init__(self, message: str, text: str = "") -> None:
        super().__init__(message)
        self.text = text


class Library:
    """Loaded machine code. `object_code` is what was loaded; addresses are valid while this object lives."""

    def __init__(self, object_code: bytes, loader: llvm.ExecutionEngine) -> None:
        self.object_code = object_code
        self._loader = loader

    def address(self, name: str) -> int:
        """The address of a function that the text defines."""
        found = self._loader.get_function_address(name)
        if not found:
            raise CodeError(f"the code defines no function {name}")
        return found

    def keep(self) -> Library:
        """Never unload, not even while the interpreter shuts down: threads may be running in this code."""
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._loader))
        return self


class Engine:
    """Compiles for one CPU. `level` in its methods is LLVM's code generation level: 0 compiles in half the time."""

    def __init__(self, cpu: Cpu) -> None:
        self.cpu = cpu
        self._machines: dict[int, llvm.TargetMachine] = {}
        self._lock = threading.Lock()
        self._layout = str(self._machine(2).target_data)

    def compile(self, text: str, symbols: Mapping[str, int] | None = None, level: int = 2) -> Library:
        """Machine code of `text`; `symbols` gives addresses of the external functions and variables that it declares."""
        return self.load(self.object_code(text, level), symbols or {}, text)

    def object_code(self, text: str, level: int = 2) -> bytes:
        """The ELF object of `text`."""
        with self._lock:
            module = self._parse(text)
            try:
                return self._machine(level).emit_object(module)
            finally:
                module.close()

    def assembly(self, text: str, level: int = 2) -> str:
        """The assembly of `text`, as `compile` would make it."""
        with self._lock:
            module = self._parse(text)
            try:
                return self._machine(level).emit_assembly(module)
            finally:
                module.close()

    def load(self, object_code: bytes, symbols: Mapping[str, int], text: str = "") -> Library:
        """Load an object made earlier."""
        with _loading:
            for name, address in symbols.items():
                llvm.add_symbol(name, address)
            return self._load(object_code, symbols, text)

    def _load(self, object_code: bytes, symbols: Mapping[str, int], text: str) -> Library:
        unknown = [n for n in undefined_symbols(object_code) if n not in symbols and not _bind_to_process(n)]
        if unknown:
            raise CodeError(f"symbols without an address: {', '.join(unknown)}", text)
        # In the shared context: the collector may end a context of its own before the loader that is in it.
        holder = llvm.parse_assembly(f'target triple = "{self.cpu.triple}"')
        loader = llvm.create_mcjit_compiler(holder, self._new_machine(0))
        loader.add_object_file(llvm.ObjectFileRef.from_data(object_code))
        loader.finalize_object()
        return Library(object_code, loader)

    def _parse(self, text: str) -> llvm.ModuleRef:
        head = f'target triple = "{self.cpu.triple}"\ntarget datalayout = "{self._layout}"\n'
        try:
            # A context of its own: the constants of a shared one would never be freed.
            module = llvm.parse_assembly(head + text, llvm.create_context())
            module.verify()
        except RuntimeError as e:
            raise CodeError(f"LLVM rejects the code: {e}", text) from None
        return module

    def _machine(self, level: int) -> llvm.TargetMachine:
        if level not in self._machines:
            self._machines[level] = self._new_machine(level)
        return self._machines[level]

    def _new_machine(self, level: int) -> llvm.TargetMachine:
        # The default code model of a JIT is the large one: nothing need lie within 2 GB of the code.
        target = llvm.Target.from_triple(self.cpu.triple)
        return target.create_target_machine(cpu=self.cpu.name, features=self.cpu.features, opt=level, jit=True)


def _bind_to_process(name: str) -> bool:
    """Bind a function of this process, or of the C and mathematical libraries, which may not be globally visible in it."""
    if llvm.address_of_symbol(name):
        return True
    for library in _system_libraries():
        if hasattr(library, name):
            llvm.add_symbol(name, ctypes.cast(getattr(library, name), ctypes.c_void_p).value)
            return True
    return False


@functools.cache
def _system_libraries() -> list[ctypes.CDLL]:
    return [ctypes.CDLL(name) for name in ("libm.so.6", "libc.so.6")]


def undefined_symbols(object_code: bytes) -> list[str]:
    """The names that an ELF64 object refers to but does not define.

    The loader itself would bind an unknown name to address 0 without a word.
    """
    if object_code[:6] != b"\x7fELF\x02\x01":
        raise CodeError("not a 64-bit little-endian ELF object")
    (offset,) = struct.unpack_from("<Q", object_code, 0x28)
    size, count = struct.unpack_from("<HH", object_code, 0x3A)
    # name, type, flags, address, offset, size, link, info, alignment, entry size
    sections = [struct.unpack_from("<IIQQQQIIQQ", object_code, offset + k * size) for k in range(count)]
    names: list[str] = []
    for _, kind, _, _, start, length, link, *_ in sections:
        if kind != 2:  # the symbol table
            continue
        text = sections[link][4]
        for at in range(start + 24, start + length, 24):
            name, info, _, section, _, _ = struct.unpack_from("<IBBHQQ", object_code, at)
            if section == 0 and name and info >> 4 == 1:  # undefined and global
                begin = text + name
                names.append(object_code[begin:object_code.index(b"\0", begin)].decode())
    return names
