"""The run-time side of `capture.py`: what rewritten functions do instead of loading, calling and storing directly.

`FunctionHooks` belongs to one function in one trace.  Loads of globals, closure variables and attributes lift what they
find (`lifting.py`); stores to them are recorded and done after the native call; calls go to the table of NumPy
implementations, to `builtins.py`, or into the user's function, which is rewritten in turn.
"""

from __future__ import annotations

import builtins
import functools
import operator
import sys
import types
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..ir.errors import TreadleError, UnsupportedError
from ..ir.opdef import effect_of
from . import dispatch, list_algorithms, pytree, rewriting, tracer
from . import list_functions as lists
from .arrays import TracedArray, any_traced, is_traced
from .attributes import attribute, bound_value, delete_attribute, has_state, is_bound, set_attribute, settle, source_of
from .builtin_functions import BUILTINS
from .choice import Choice, ChosenMethod, first_choice, spread
from .comprehension_hooks import ComprehensionHooks
from .construction import construct, is_record
from .generators import random_function
from .held import look
from .iterables import of_iterable
from .library import is_library_code, is_numpys
from .lifting import lift
from .list_elements import note_change
from .masked_values import call_on_masked, holds_masked
from .match_hooks import MatchHooks
from .purity import check_pure
from .regions import unbound_free
from .run_time_dicts import RunTimeDict, gone_through, keys_listed, listed, made_dict, note_method, run_time_key
from .run_time_lists import RunTimeList, growth, made_list, new_list, note_growth
from .run_time_sets import dict_of, made_set, set_of
from .scalars import TracedScalar
from .sources import Attribute, Cell, Fixed, Global, Item, Source
from .special_methods import IN_PLACE, binary, class_attribute, contains, context, iterated, of_builtin, unary
from .special_methods import compare as compare_objects
from .staging import StagedControl
from .state import choice_of
from .text import Piece, formatted, text_of
from .views import SLICE_COPY

_MISSING = object()


class FunctionHooks(StagedControl, MatchHooks, ComprehensionHooks):
    """The hooks of one rewritten function."""

    slice = slice

    def __init__(self, function: types.FunctionType) -> None:
        self.names = function.__globals__
        self.module = Fixed(self.names, str(self.names.get("__name__", "")))
        cells = function.__closure__ or ()
        self.cells = {n: Fixed(c, n) for n, c in zip(function.__code__.co_freevars, cells, strict=True)}

    @staticmethod
    def defaults(f: types.FunctionType) -> Any:
        """The default values of parameters: read from the function at each call, as its own are."""
        return _lift_defaults(f.__defaults__, Attribute(Fixed(f, f.__qualname__), "__defaults__"))

    @staticmethod
    def keyword_defaults(f: types.FunctionType) -> Any:
        return _lift_defaults(f.__kwdefaults__, Attribute(Fixed(f, f.__qualname__), "__kwdefaults__"))

    def text(self, *pieces: Piece) -> Any:
        """An f-string."""
        return formatted(pieces)

    def percent(self, template: str, values: Any) -> Any:
        """template % values"""
        return text_of(operator.mod, template, values)

    # Names

    def load_global(self, name: str) -> Any:
        source = Global(self.module, name)
        if is_bound(source):
            return bound_value(source, name)
        if name in self.names:
            return lift(self.names[name], source)
        found = getattr(builtins, name, _MISSING)
        if found is _MISSING:
            raise NameError(f"name {name!r} is not defined", name=name)
        return found

    def store_global(self, name: str, value: Any) -> None:
        tracer.current().bind(Global(self.module, name), value)

    def load_cell(self, name: str) -> Any:
        source = Cell(self.cells[name], name)
        if is_bound(source):
            return bound_value(source, name)
        try:
            contents = self.cells[name].object.cell_contents
        except ValueError:
            raise unbound_free(name) from None
        return lift(contents, source)

    def store_cell(self, name: str, value: Any) -> None:
        tracer.current().bind(Cell(self.cells[name], name), value)

    # Attributes

    def attribute(self, owner: Any, name: str) -> Any:
        if name != "append":
            look(owner)
        return attribute(owner, name)

    def set_attribute(self, owner: Any, name: str, value: Any) -> None:
        set_attribute(owner, name, value)

    def delete_attribute(self, owner: Any, name: str) -> None:
        delete_attribute(owner, name)

    def list_(self, place: str, items: list) -> Any:
        return made_list(place, items)

    def list_of_parts(self, place: str, *parts: tuple[bool, Any]) -> Any:
        """A list display with stars. parts: is it starred, and its value."""
        parts = tuple([(starred, _iterated(x) if starred else x) for starred, x in parts])
        if not any(starred and isinstance(x, RunTimeList) for starred, x in parts):
            return made_list(place, [e for starred, x in parts for e in (x if starred else (x,))])
        return lists.joined_list(parts)

    def dict_of_parts(self, place: str, starred: tuple[int, ...], *parts: Any) -> Any:
        return made_dict(place, starred, parts)

    def set_of_parts(self, place: str, items: Any) -> Any:
        return set_of(items) if isinstance(items, RunTimeList) else made_set(place, items)

    def dict_of_pairs(self, place: str, pairs: Any) -> Any:
        return dict_of(place, pairs)

    # Subscripts

    def getitem(self, owner: Any, index: Any) -> Any:
        run_time_key(owner, index)
        index = lists.array_index(owner, index)
        if tracer.current().chosen and (isinstance(owner, Choice) or first_choice(index) is not None):
            return spread(self.getitem, owner, index)
        if is_traced(owner) or type(owner) in (list, tuple, dict) or isinstance(owner, RunTimeList):
            look(owner)
            if isinstance(index, TracedScalar) and type(owner) in (list, tuple) and index.known is None:
                return lists.element_at(owner, index)
            if isinstance(index, slice):
                return lists.slice_of_list(owner, index) if type(owner) is list else owner[index]
            return owner[index]
        found = class_attribute(type(owner), "__getitem__")
        if isinstance(found, types.FunctionType) and not is_library_code(found.__code__):
            return self.call(found, owner, index)
        if (special := dispatch.FUNCTIONS.get(("getitem", type(owner)))) is not None:
            return settle(special(owner, index))
        if isinstance(found, types.FunctionType) and any_traced(index):
            return dispatch.FUNCTIONS["numpy body"](found, (owner, index), {})
        result = settle(owner[index])
        known = tracer.current().origins.get(id(owner))
        return result if known is None else lift(result, Item(known[1], index))

    def setitem(self, owner: Any, index: Any, value: Any) -> None:
        run_time_key(owner, index)
        index = lists.place_written(owner, index)
        if tracer.current().chosen and (isinstance(owner, Choice) or first_choice(index) is not None or (
                isinstance(owner, TracedArray) and first_choice(value) is not None)):
            spread(self.setitem, owner, index, value)
            return
        found = class_attribute(type(owner), "__setitem__")
        if isinstance(found, types.FunctionType) and not is_library_code(found.__code__) and not is_traced(owner):
            self.call(found, owner, index, value)
        elif id(owner) in tracer.current().origins:
            tracer.current().bind(Item(tracer.current().origins[id(owner)][1], index), value)
        elif type(owner) is list and isinstance(index, TracedScalar):
            lists.set_element(owner, index, value)
        else:
            note_change(owner)
            owner[index] = value

    def delete_item(self, owner: Any, index: Any) -> None:
        """del owner[index]"""
        run_time_key(owner, index)
        if isinstance(owner, Choice) or first_choice(index) is not None:
            spread(self.delete_item, owner, index)
            return
        if type(owner) is list:
            note_growth(owner, "del")
            if any_traced(index):
                raise growth(owner) or tracer.unsupported("del of a list's element where run-time values decide")
        note_change(owner)
        del owner[index]

    def binary(self, op: str, a: Any, b: Any) -> Any:
        if op == "Mult" and (found := lists.repeated(a, b)) is not None:
            return found
        result = binary(call, op, a, b)
        return new_list(result) if type(a) is list or type(b) is list else result

    def unary(self, op: str, a: Any) -> Any:
        return unary(call, op, a)

    def context(self, manager: Any) -> Any:
        return context(call, manager)

    def augment(self, op: str, old: Any, value: Any) -> Any:
        if tracer.current().chosen and first_choice((old, value)) is not None:
            if isinstance(old, Choice) and all(isinstance(x, TracedArray) for x in old.options):
                def change(x: Any, v: Any) -> None:
                    IN_PLACE[op](x, v)

                spread(change, old, value)
                return old  # whichever it is, it stays that array
            return spread(IN_PLACE[op], old, value)
        if type(old) is dict:
            note_change(old)
        return IN_PLACE[op](old, value)

    def item_place(self, owner: Any, index: Any) -> tuple[Any, Any, Any]:
        """The place of `owner[index] op= value`, with what it holds."""
        return owner, index, self.getitem(owner, index)

    def augment_item(self, op: str, place: tuple[Any, Any, Any], value: Any) -> None:
        owner, index, old = place
        if isinstance(old, TracedArray) and old.view.storage.frozen is SLICE_COPY:
            old.view.storage.frozen = None  # it is stored back below, and nobody else has it
        self.setitem(owner, index, self.augment(op, old, value))

    def attribute_place(self, owner: Any, name: str) -> tuple[Any, str, Any]:
        return owner, name, self.attribute(owner, name)

    def augment_attribute(self, op: str, place: tuple[Any, str, Any], value: Any) -> None:
        owner, name, old = place
        self.set_attribute(owner, name, self.augment(op, old, value))

    # Other expressions

    def contains(self, container: Any, x: Any) -> Any:
        if isinstance(container, Choice) or isinstance(x, Choice):
            return spread(self.contains, container, x)
        run_time_key(container, x)
        if isinstance(container, RunTimeDict):
            return container.contains(x)
        container = listed(container)
        if isinstance(container, RunTimeList) or (type(container) in (list, tuple) and (any_traced(container) or is_traced(x))):
            return call(list_algorithms.contains, (container, x), {})
        return contains(call, container, x)

    def compare_two(self, op: str, a: Any, b: Any) -> Any:
        """a op b, one comparison."""
        if isinstance(a, Choice) or isinstance(b, Choice):
            return spread(self.compare_two, op, a, b)
        if isinstance(a, (tuple, list)) and type(a) is type(b) and (any_traced(a) or any_traced(b)):
            return self._in_order(op, a, b)
        return compare_objects(call, self.not_, op, a, b)

    def _in_order(self, op: str, a: Any, b: Any) -> Any:
        """Tuples or lists compared: by the first elements that are not equal, else by length."""
        if op == "NotEq":
            return self.not_(self._in_order("Eq", a, b))
        if op == "Eq" and len(a) != len(b):
            return False
        if not a or not b:
            return compare_objects(call, self.not_, op, len(a), len(b))
        unequal = (lambda: False) if op == "Eq" else lambda: self.compare_two(op, a[0], b[0])
        return self.choose(self.compare_two("Eq", a[0], b[0]), lambda: self._in_order(op, a[1:], b[1:]), unequal)

    def is_(self, a: Any, b: Any) -> Any:
        """a is b"""
        if isinstance(a, Choice) or isinstance(b, Choice):
            return spread(operator.is_, a, b)
        if type(a) is dict and type(b) is dict and tuple(a) == tuple(b) and tuple(a) in tracer.current().listed_keys:
            raise tracer.unsupported("whether two dicts are one object", "one of them may be a copy", "compare what they hold")
        return a is b

    def enter_try(self) -> tuple[int, int]:
        """A mark of what has been emitted so far. Inside, what follows from the arguments is computed at once."""
        trace = tracer.current()
        mark = (len(trace.builder.block.ops), trace.trying)
        trace.trying += 1
        return mark

    def leave_try(self, mark: tuple[int, int]) -> None:
        """What may raise at run time cannot be handled: refuse it rather than skip the handler."""
        tracer.current().trying = mark[1]
        for op in tracer.current().builder.block.ops[mark[0]:]:
            if effect_of(op) == "check":
                raise tracer.unsupported("try around what may raise at run time", f"{op.name} may, and compiled code cannot "
                                         "enter a handler", "test the condition with an if")

    def handle(self, mark: tuple[int, int]) -> None:
        """At the start of every `except`: what says that the function cannot be compiled is not for the user to handle."""
        error = sys.exc_info()[1]
        if isinstance(error, TreadleError):
            raise error
        tracer.current().trying = mark[1]

    # Calls

    def call(self, f: Any, /, *args: Any, **kwargs: Any) -> Any:
        try:
            return choice_of(call(f, args, kwargs))
        except UnsupportedError as e:
            noted = tracer.problems()
            if noted is None or e in noted:
                raise
            noted.append(e)
            return dispatch.FUNCTIONS["stand in"](f, args, kwargs, e)


def call(f: Any, args: tuple, kwargs: dict) -> Any:
    """f(*args, **kwargs) inside a trace."""
    if isinstance(f, Choice):
        return spread(call, f, args, kwargs)
    if tracer.current().chosen and first_choice((args, kwargs)) is not None and _spreads(f):
        return spread(functools.partial(call, f), args, kwargs)
    if holds_masked(args, kwargs) and _is_array_function(f):
        return call_on_masked(f, args, kwargs)
    if (algorithm := lists.algorithm_for(f, args)) is not None:
        return call(algorithm, args, kwargs)
    if isinstance(f, types.BuiltinMethodType) and f.__name__ in ("extend", "extendleft"):
        args = tuple(map(lists.one_list, args))
    is_python = isinstance(f, types.FunctionType | types.MethodType) or is_record(f)
    args = args if is_python else keys_listed(f, args)
    if (gone := of_iterable(f, args, kwargs)) is not None:
        return new_list(gone[0]) if type(gone[0]) is list else gone[0]
    if not is_python and any(isinstance(a, RunTimeList) for a in args):
        return lists.call_on_list(f, args, kwargs)
    if isinstance(f, types.BuiltinMethodType) and isinstance(f.__self__, (list, dict, deque, set)):
        note_method(f, args)
    if isinstance(f, types.BuiltinFunctionType) and (of_list := lists.of_plain_list(f, args, kwargs)) is not None:
        return new_list(of_list[0]) if f is sorted else of_list[0]
    found = of_builtin(call, f, args, kwargs) if isinstance(f, (type, types.BuiltinFunctionType)) else None
    if found is not None:
        return found[0]
    if (drawn := random_function(f)) is not None:
        return drawn(*args, **kwargs)
    implementation = dispatch.find(f)
    if implementation is not None and (f in _CREATION or any_traced(args) or any_traced(kwargs)):
        return implementation(*args, **kwargs)
    if isinstance(f, (type, types.BuiltinFunctionType, types.FunctionType)) and f in BUILTINS:
        return BUILTINS[f](*args, **kwargs)
    if isinstance(f, types.FunctionType):
        return call_function(f, args, kwargs)
    if isinstance(f, types.MethodType):
        return call(f.__func__, (f.__self__, *args), kwargs)
    if isinstance(f, functools.partial):
        return _call_partial(f, args, kwargs)
    if isinstance(f, type):
        return construct(call, f, args, kwargs)
    instance = dispatch.FUNCTIONS.get(("call", type(f)))
    if instance is not None:
        return instance(f, *args, **kwargs)
    if is_numpys(f) and (any_traced(args) or any_traced(kwargs)):
        return dispatch.FUNCTIONS["numpy body"](f, args, kwargs)
    if isinstance(f, types.BuiltinMethodType) and isinstance(f.__self__, str):
        return text_of(f, *[list(a) if isinstance(a, Iterator) else a for a in args], **kwargs)
    method = class_attribute(type(f), "__call__")
    if isinstance(method, types.FunctionType) and not is_library_code(method.__code__):
        return call(method, (f, *args), kwargs)
    check_pure(f)
    if f is sorted or (isinstance(f, types.BuiltinMethodType) and type(f.__self__) is list and f.__name__ == "copy"):
        return new_list(f(*args, **kwargs))
    return settle(f(*args, **kwargs))


# These put their arguments into containers, or take them apart as they need.
_KEEPING = (list, tuple, dict, zip, enumerate, range, len, print, reversed, functools.partial, str, repr, format)


def _spreads(f: Any) -> bool:
    """Must a choice among the arguments of `f` be settled before the call? Not for the user's functions, nor for containers."""
    if isinstance(f, (types.FunctionType, types.MethodType)):
        return dispatch.find(f) is not None or is_library_code(getattr(f, "__func__", f).__code__)
    if isinstance(f, types.BuiltinMethodType) and isinstance(f.__self__, (list, dict, deque, set, str)):
        return False
    if isinstance(f, ChosenMethod) or any(f is k for k in _KEEPING):
        return False
    return not isinstance(f, type) or f in BUILTINS or issubclass(f, np.generic)


def _is_array_function(f: Any) -> bool:
    return f is len or isinstance(f, np.ufunc) or dispatch.find(f) is not None


# These make arrays that the function may write to, so they are part of the program whatever their arguments are.
_CREATION: frozenset[Any] = frozenset(
    (np.zeros, np.ones, np.empty, np.ndarray, np.full, np.arange, np.linspace, np.eye, np.identity, np.tri,
     np.fromiter))


def call_function(f: types.FunctionType, args: tuple, kwargs: dict) -> Any:
    """Call a Python function: the user's are rewritten, libraries' run as they are."""
    if rewriting.is_rewritten(f.__code__):
        return f(*args, **kwargs)
    if is_library_code(f.__code__):
        if is_numpys(f) and (any_traced(args) or any_traced(kwargs)):
            return dispatch.FUNCTIONS["numpy body"](f, args, kwargs)
        check_pure(f)
        return _of_library(f, args, kwargs)
    return call_rewritten(f, args, kwargs, FunctionHooks)


def call_rewritten(f: types.FunctionType, args: tuple, kwargs: dict, hooks: type[FunctionHooks]) -> Any:
    """Call a Python function with hooks of this class."""
    trace = tracer.current()
    trace.marks.append(len(trace.storages))
    try:
        return rewritten(f, hooks)(*args, **kwargs)
    finally:
        trace.marks.pop()


def _of_library(f: types.FunctionType, args: tuple, kwargs: dict) -> Any:
    """What library code returns: not of the attributes of the caller's objects, which it would read as they once were."""
    trace = tracer.current()
    given = [x for x in (*args, *kwargs.values()) if id(x) in trace.origins and has_state(x) and hasattr(x, "__dict__")]
    result = f(*args, **kwargs)
    if given and any(type(x) is np.ndarray or (hasattr(x, "__dict__") and not callable(x)
                                                       and id(x) not in trace.origins and id(x) not in trace.fresh)
                     for x in pytree.flatten(result)[0]):
        raise tracer.unsupported(f"{f.__module__}.{f.__qualname__} of an object",
                                 "it reads attributes out of sight of compiled code",
                                 "take the attributes themselves")
    return settle(result)


def rewritten(f: types.FunctionType, hooks: type[FunctionHooks]) -> types.FunctionType:
    """`f` with hooks, for the current trace; `f` itself where there is no source."""
    trace = tracer.current()
    found = trace.rewritten.get(f)
    if found is None:
        code = rewriting.rewrite(f)
        found = f
        if code is not None:
            found = types.FunctionType(code, f.__globals__, f.__name__, hooks.defaults(f), (types.CellType(hooks(f)),))
            found.__kwdefaults__ = hooks.keyword_defaults(f)
        trace.rewritten[f] = found
    return found


def _lift_defaults(defaults: Any, source: Source) -> Any:
    if isinstance(defaults, tuple):
        return tuple(lift(v, Item(source, k)) for k, v in enumerate(defaults))
    if isinstance(defaults, dict):
        return {k: lift(v, Item(source, k)) for k, v in defaults.items()}
    return None


def _call_partial(f: functools.partial, args: tuple, kwargs: dict) -> Any:
    source = source_of(f)
    bound = [lift(a, Item(Attribute(source, "args"), k)) for k, a in enumerate(f.args)]
    named = {k: lift(a, Item(Attribute(source, "keywords"), k)) for k, a in f.keywords.items()}
    return call(f.func, (*bound, *args), {**named, **kwargs})


dispatch.FUNCTIONS["call"] = call


def _iterated(x: Any) -> Any:
    """What a `for` goes through."""
    return gone_through(iterated(call, lists.one_list(x)))


dispatch.FUNCTIONS["iterated"] = _iterated
