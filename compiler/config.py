"""Settings: one registry of flags, each with its default, its environment variable, and whether it changes what is compiled.

`config` is public as `treadle.config`; reading an attribute reads a flag, setting it checks the value.  Lower layers never
read the environment: what they need is passed to them.

    treadle.config.num_threads = 4
    with treadle.config.override(disable=True): ...
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

Value = bool | int | str | None


@dataclass(frozen=True, slots=True)
class Flag:
    """One setting. kind: the Python type of its value; None is also allowed where it is the default."""

    name: str
    kind: type
    default: Value
    environment: str
    help: str
    changes_code: bool = False
    choices: tuple = ()

    def parse(self, text: str) -> Value:
        """The value that an environment variable gives."""
        if self.kind is bool:
            if text.lower() not in ("0", "1", "true", "false", "on", "off", ""):
                raise ValueError(f"{self.environment}={text!r}: expected 0 or 1")
            return text.lower() in ("1", "true", "on")
        if not text:
            return self.default
        try:
            return self.check(self.kind(text))
        except (TypeError, ValueError) as e:
            raise ValueError(f"{self.environment}={text!r}: {e}") from None

    def check(self, value: Value) -> Value:
        """`value` itself, or an error that says what is allowed."""
        if value is None and self.default is None:
            return None
        if type(value) is not self.kind:
            raise TypeError(f"{self.name} must be of type {self.kind.__name__}, not {type(value).__name__}")
        if self.choices and value not in self.choices:
            raise ValueError(f"{self.name} must be one of {', '.join(map(str, self.choices))}, not {value!r}")
        if self.kind is int and value < 1:  # type: ignore[operator]
            raise ValueError(f"{self.name} must be at least 1, not {value}")
        return value


FLAGS = {f.name: f for f in (
    Flag("num_threads", int, None, "TREADLE_NUM_THREADS", "threads a compiled function may use; None: all"),
    Flag("cpu", str, None, "TREADLE_CPU", "compile for this level of the CPU instead of all it can do", True,
         ("x86-64-v2", "x86-64-v3", "x86-64-v4")),
    Flag("dump", str, None, "TREADLE_DUMP", "folder in which each compilation writes all its stages"),
    Flag("shapes", str, "auto", "TREADLE_SHAPES", "extents of arguments are run-time values: after a few shapes, always, or never",
         True, ("auto", "always", "never")),
    Flag("disable", bool, False, "TREADLE_DISABLE", "call the plain Python functions instead of compiled code"),
    Flag("verify", bool, False, "TREADLE_VERIFY", "check the IR's invariants after every pass"),
    Flag("full_tracebacks", bool, False, "TREADLE_FULL_TRACEBACKS", "keep the compiler's own frames in tracebacks"),
)}


class Config:
    """The flags' values as attributes."""

    num_threads: int | None
    cpu: str | None
    dump: str | None
    shapes: str
    disable: bool
    verify: bool
    full_tracebacks: bool
    code_key: tuple
    _flags: dict[str, Flag]
    _watchers: dict[str, list[Callable[[Any], Any]]]
    _code_keys: dict[tuple, tuple]

    def __init__(self, flags: dict[str, Flag], environment: dict[str, str]) -> None:
        values = {n: f.parse(environment[f.environment]) if f.environment in environment else f.default
                  for n, f in flags.items()}
        self.__dict__.update(values)
        self.__dict__["_flags"] = flags
        self.__dict__["_watchers"] = {}
        self.__dict__["_code_keys"] = {}
        self.__dict__["code_key"] = self._code_key()

    def __setattr__(self, name: str, value: Value) -> None:
        if name not in self._flags:
            raise AttributeError(f"there is no setting {name!r}; there are {', '.join(self._flags)}")
        self.__dict__[name] = self._flags[name].check(value)
        if self._flags[name].changes_code:
            self.__dict__["code_key"] = self._code_key()
        for watch in self._watchers.get(name, ()):
            watch(value)

    def watch(self, name: str, changed: Callable[[Any], Any]) -> None:
        """Call `changed(value)` whenever this flag is set."""
        self._watchers.setdefault(name, []).append(changed)

    @contextmanager
    def override(self, **values: Value) -> Iterator[None]:
        """Other values for a while. They hold for all threads."""
        saved = {n: getattr(self, n) for n in values}
        try:
            for n, v in values.items():
                setattr(self, n, v)
            yield
        finally:
            for n, v in saved.items():
                setattr(self, n, v)

    def _code_key(self) -> tuple:
        """The values of the flags that change what is compiled; public as `code_key`, one object for equal values."""
        key = tuple(getattr(self, n) for n, f in self._flags.items() if f.changes_code)
        return self._code_keys.setdefault(key, key)

    def describe(self) -> str:
        """All flags: value, environment variable, meaning."""
        return "\n".join(f"{n} = {getattr(self, n)!r}   ({f.environment}) {f.help}" for n, f in self._flags.items())

    def __repr__(self) -> str:
        return self.describe()


config = Config(FLAGS, dict(os.environ))
