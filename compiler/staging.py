"""Loops and branches over run-time values: what the hooks of rewritten `for`, `while` and `if` statements do.

A hook is a generator: it runs the statement's body as often as tracing needs, in a block of its own, and reads and writes the
function's variables between the passes.  `Carried` finds what a body changes by tracing it until nothing new turns up.
What cannot be staged is decided by a restart of the trace: peel the first trip, unroll, or read the bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..ir.errors import TreadleError
from ..ir.graph import Block, Op, Value
from ..ir.types import PY_BOOL, PY_INT
from . import integers, tracer
from .arrays import TracedArray, truth_operand, value_of
from .branches import Branch
from .carried import Carried, Control
from .effects import raise_at_run_time
from .iteration import Space, space_of
from .joins import JoinError
from .scalars import TracedScalar
from .state import UNDEFINED, Either, Tentative, Undefined
from .tracer import MOST_UNROLLED, Restart, StagedLoop
from .values import cast_weak

_MOST_PASSES = 40


@contextmanager
def inside(block: Block, loop: StagedLoop | None = None) -> Iterator[None]:
    """Emit into a region that is being built; outer values stay visible.

    If the body is left by an exception, its hook is dropped some time later: then nothing is to be restored any more.
    """
    trace = tracer.current()
    holder = Op("building", [], {}, [], [block])
    holder.block, depth, loops = trace.builder.block, trace.depth, len(trace.loops)
    trace.builder.block, trace.depth = block, depth + 1
    if loop is not None:
        trace.loops.append(loop)
    abandoned = False
    try:
        yield
    except GeneratorExit:
        abandoned = True
        raise
    finally:
        if not abandoned:
            trace.builder.block, trace.depth = holder.block, depth
            del trace.loops[loops:]


def after_pass(block: Block, loop: StagedLoop | None = None) -> None:
    """When a hook goes on after its body: take over again, and turn what the body raised into a raise of the program."""
    trace = tracer.current()
    error, trace.failure = trace.failure, None
    if error is None:
        return
    outer = block.owner.block if block.owner is not None else None
    certain = loop is not None and loop.trips is not None and outer is trace.block
    if certain or not isinstance(error, _RAISED):
        raise error
    trace.builder.block = block
    trace.depth = sum(1 for _ in _blocks_around(block))
    del trace.loops[next((k + 1 for k, x in enumerate(trace.loops) if x is loop), len(trace.loops)):]
    if error.__traceback__ is not None:
        trace.builder.loc = tracer.here()
    _check(tracer.constant(False), _builtin_error(error))
    trace.unreachable.add(block)


# What NumPy and Python raise about a program; anything else is a fault of this package and stays an error of tracing.
_RAISED = (TypeError, ValueError, IndexError, KeyError, AttributeError, NameError, ArithmeticError)


def _builtin_error(error: Exception) -> Exception:
    kind = next(c for c in type(error).__mro__ if c.__module__ == "builtins")
    return kind(str(error))


def _blocks_around(block: Block | None) -> Iterator[Block]:
    while block is not None and block.owner is not None:
        yield block
        block = block.owner.block


def raise_failure() -> None:
    """After a body that runs as plain Python: its exception goes on."""
    trace = tracer.current()
    error, trace.failure = trace.failure, None
    if error is not None:
        raise error


def condition_of(x: Any) -> Any:
    """A condition: a Python truth value if tracing may decide it, else a traced scalar."""
    if isinstance(x, Tentative):
        x = checked_local("", x)
    if isinstance(x, TracedArray):
        x = truth_operand(x)
    if isinstance(x, TracedScalar):
        return bool(x) if x.known is not None else x
    return bool(x)


def truth_value(x: Any) -> Value:
    """The truth of a traced scalar, as a py.bool."""
    return cast_weak(value_of(x), "bool")


def checked_local(name: str, x: Any) -> Any:
    """A local name's value where it may have none: UnboundLocalError, at once or at run time."""
    message = f"cannot access local variable '{name}' where it is not associated with a value"
    if isinstance(x, Undefined):
        raise UnboundLocalError(message)
    return settled(x, UnboundLocalError(message))


def settled(x: Any, error: Exception) -> Any:
    """`x` without tentative values: where one is not defined, the program raises `error`."""
    if isinstance(x, tuple) and any(isinstance(e, (Tentative, tuple)) for e in x):
        items = [settled(e, error) for e in x]
        return tuple(items) if type(x) is tuple else type(x)._make(items)  # type: ignore[attr-defined]  # a namedtuple
    if not isinstance(x, Tentative):
        return x
    defined = value_of(x.defined)
    if isinstance(x.value, TracedScalar):
        value = tracer.emit("check", [x.value.value, defined], exception=type(error).__name__, message=str(error))
        return TracedScalar(value)
    _check(defined, error)
    return x.value


def without_tentatives(x: Any) -> Any:
    """`x` with the values of tentative leaves, where something else says whether they are there."""
    if isinstance(x, Tentative):
        return without_tentatives(x.value)
    if isinstance(x, Either):
        return Either(*(without_tentatives(e) for e in (x.condition, x.then, x.other)))
    if isinstance(x, tuple):
        items = [without_tentatives(e) for e in x]
        return tuple(items) if type(x) is tuple else type(x)._make(items)  # type: ignore[attr-defined]  # a namedtuple
    if isinstance(x, list) and any(isinstance(e, (Tentative, tuple)) for e in x):
        return [without_tentatives(e) for e in x]
    return x


class StagedControl:
    """The hooks of control flow; `hooks.FunctionHooks` inherits them."""

    UNDEFINED = UNDEFINED

    def load_local(self, name: str, x: Any) -> Any:
        return checked_local(name, x)

    def result(self, x: Any, returned: Any) -> Any:
        """What the function returns: None where no `return` was reached."""
        if isinstance(x, Undefined):
            return None
        if isinstance(returned, TracedScalar):
            # A `return` that some paths reach.
            return Either(returned, without_tentatives(x), None)
        return without_tentatives(x)

    # for

    def for_(self, place: str, iterable: Any, get: Callable, set_: Callable, names: tuple, carried: tuple,
             live: tuple, flags: Callable[[], tuple]) -> Iterator[Any]:
        decisions = tracer.current().decisions
        space = space_of(iterable)
        if space is not None and ("specialise", place) in decisions:
            space = space.specialised()
        if space is None or ("unroll", place) in decisions:
            yield from self._unrolled(iterable if space is None else space.specialised(), flags, place)
            return
        if space.is_empty():
            return
        if space.trips == 1:
            yield space.element(space.start)
            raise_failure()
            return
        if ("peel", place) in decisions:
            space = space if space.trips is not None else space.specialised()
            if space.trips is None:
                raise tracer.unsupported("this loop", "its first trip differs from the others, and the number of trips is not "
                                         "known while compiling")
            if space.trips == 0:
                return
            yield space.element(space.start)
            raise_failure()
            if self._stopped(flags, place):
                return
            space = Space(space.start + space.step, space.stop, space.step, space.element)
            if space.trips == 0:
                return
        yield from self._staged_for(place, space, Control(place, get, set_, names, carried, live), flags)

    def _unrolled(self, items: Any, flags: Callable[[], tuple], place: str) -> Iterator[Any]:
        for x in items:
            yield x
            raise_failure()
            if self._stopped(flags, place):
                return

    def _stopped(self, flags: Callable[[], tuple], place: str) -> bool:
        for f in flags():
            if isinstance(f, (TracedScalar, Tentative)):
                f = condition_of(f)
                if isinstance(f, TracedScalar):
                    raise tracer.unsupported("a break or return that depends on run-time values",
                                             "the loop that it leaves is unrolled")
            if f is True:
                return True
        return False

    def _staged_for(self, place: str, space: Space, control: Control, flags: Callable[[], tuple]) -> Iterator[Any]:
        bounds = [value_of(space.start), value_of(space.stop), value_of(space.step)]
        loop = Carried(control)
        for _ in range(_MOST_PASSES):
            body = Block()
            index = body.add_arg(PY_INT)
            _bound_index(index, space)
            loop.open(body)
            stop_arg = body.add_arg(PY_BOOL)
            staged = StagedLoop(place, body, space.trips_at_hand)
            with inside(body, staged):
                yield space.element(TracedScalar(index))
                after_pass(body, staged)
                try:
                    stable = loop.close(body)
                except JoinError as e:
                    raise self._fallback(e, place, space) from None
                if stable:
                    stopped = self._stop_flag(flags)
                    body.yields = loop.yields()
            if stable:
                self._finish_for(loop, space, bounds, body, stop_arg, stopped)
                return
            loop.discard()
        raise tracer.unsupported("this loop", "what it carries from trip to trip does not settle")

    def _stop_flag(self, flags: Callable[[], tuple]) -> Value | None:
        """Whether one of the flags is set, or None if none can be."""
        found: Value | None = None
        for f in flags():
            if f is False or isinstance(f, Undefined):
                continue
            v = truth_value(checked_flag(f))
            found = v if found is None else tracer.emit("py_bitwise_or", [found, v])
        return found

    def _finish_for(self, loop: Carried, space: Space, bounds: list[Value], body: Block, stop_arg: Value,
                    stopped: Value | None) -> None:
        loop.discard()
        initial = [*bounds, *loop.initial()]
        if stopped is None:
            body.args.remove(stop_arg)
            until = None
        else:
            body.yields.append(stopped)
            initial.append(tracer.constant(False))
            until = len(body.yields) - 1
        results = tracer.current().builder.emit("for", initial, {"until": until}, [body], loc=tracer.here())
        surely = space.trips_at_hand is not None or integers.is_nonnegative(_distance(space).plus(integers.form_of(1), -1))
        loop.finish(results, surely)

    def _fallback(self, e: JoinError, place: str, space: Space) -> BaseException:
        """What to do about a loop whose state does not join: decide more while tracing, or give up."""
        decisions = tracer.current().decisions
        known = [b for b in (space.start, space.stop) if isinstance(b, TracedScalar)]
        if known and all(b.known is not None for b in known) and ("specialise", place) not in decisions:
            return Restart(("specialise", place))
        if space.trips is not None and ("peel", place) not in decisions:
            return Restart(("peel", place))
        if space.trips is not None and space.trips <= MOST_UNROLLED:
            return Restart(("unroll", place))
        return tracer.unsupported("this loop", str(e))

    # while

    def while_(self, place: str, test: Callable[[], Any], get: Callable, set_: Callable, names: tuple, carried: tuple,
               live: tuple) -> Iterator[None]:
        decisions = tracer.current().decisions
        if ("peel", place) in decisions:
            first = condition_of(test())
            if isinstance(first, TracedScalar):
                raise tracer.unsupported("this loop", "its first trip differs from the others, and whether there is one is not "
                                         "known while compiling")
            if not first:
                return
            yield
            raise_failure()
        if ("unroll", place) in decisions:
            yield from self._unrolled_while(test)
            return
        yield from self._staged_while(place, test, Control(place, get, set_, names, carried, live))

    def _unrolled_while(self, test: Callable[[], Any]) -> Iterator[None]:
        for _ in range(MOST_UNROLLED * 10):
            t = condition_of(test())
            if isinstance(t, TracedScalar):
                raise tracer.unsupported("this loop", "its test becomes a run-time value in a later trip")
            if not t:
                return
            yield
            raise_failure()
        raise tracer.unsupported("this loop", f"it is unrolled, and makes more than {MOST_UNROLLED * 10} trips")

    def _staged_while(self, place: str, test: Callable[[], Any], control: Control) -> Iterator[None]:
        trace = tracer.current()
        loop = Carried(control)
        for attempt in range(_MOST_PASSES):
            test_block, body = Block(), Block()
            loop.open(test_block)
            with inside(test_block):
                t = condition_of(test())
                if isinstance(t, TracedScalar):
                    test_block.yields = [truth_value(t)]
                else:
                    test_block.yields = [tracer.constant(t)]
            if not isinstance(t, TracedScalar) and attempt == 0 and not t:
                loop.discard()
                return
            loop.discard()
            loop.open(body)
            staged = StagedLoop(place, body, None)
            with inside(body, staged):
                yield
                after_pass(body, staged)
                try:
                    stable = loop.close(body)
                except JoinError as e:
                    raise self._while_fallback(e, place, t) from None
                if stable:
                    body.yields = loop.yields()
            loop.discard()
            if stable:
                if not isinstance(t, TracedScalar):
                    raise Restart(("unroll", place))
                results = trace.builder.emit("while", loop.initial(), {}, [test_block, body], loc=tracer.here())
                loop.finish(results, False)
                return
        raise tracer.unsupported("this loop", "what it carries from trip to trip does not settle")

    def _while_fallback(self, e: JoinError, place: str, test: Any) -> BaseException:
        decisions = tracer.current().decisions
        if not isinstance(test, TracedScalar) and ("unroll", place) not in decisions:
            return Restart(("unroll", place))
        if ("peel", place) not in decisions:
            return Restart(("peel", place))
        return tracer.unsupported("this loop", str(e))

    # if

    def if_(self, place: str, test: Any, get: Callable, set_: Callable, names: tuple, carried: tuple,
            live: tuple | None = None) -> Iterator[bool]:
        condition = condition_of(test)
        if not isinstance(condition, TracedScalar):
            yield condition
            raise_failure()
            return
        branch = Branch(Control(place, get, set_, names, carried, live))
        for side in (True, False):
            block = Block()
            branch.open()
            with inside(block):
                yield side
                after_pass(block)
                branch.close(block)
        branch.merge(truth_value(condition), inside)

    def _branch(self, test: Any, then: Callable[[], Any], otherwise: Callable[[], Any]) -> Any:
        """An `if` inside an expression."""
        box: list[Any] = [UNDEFINED]

        def put(values: tuple) -> None:
            box[0] = values[0]

        for side in self.if_("expression", test, lambda: (box[0],), put, ("value",), ("value",)):
            try:
                box[0] = then() if side else otherwise()
            except Exception as e:
                self.failed(e)
        return box[0]

    def and_(self, a: Any, b: Callable[[], Any]) -> Any:
        test = condition_of(a)
        if not isinstance(test, TracedScalar):
            return b() if test else a
        return self._branch(test, b, lambda: a)

    def or_(self, a: Any, b: Callable[[], Any]) -> Any:
        test = condition_of(a)
        if not isinstance(test, TracedScalar):
            return a if test else b()
        return self._branch(test, lambda: a, b)

    def not_(self, a: Any) -> Any:
        test = condition_of(a)
        if not isinstance(test, TracedScalar):
            return not test
        return TracedScalar(tracer.emit("py_logical_not", [truth_value(test)]))

    def choose(self, test: Any, then: Callable[[], Any], otherwise: Callable[[], Any]) -> Any:
        return self._branch(test, then, otherwise)

    def compare(self, tests: tuple[Callable[[Any, Any], Any], ...], first: Any, *others: Callable[[], Any]) -> Any:
        second = others[0]()
        result = tests[0](first, second)
        if len(tests) == 1:
            return result
        return self.and_(result, lambda: self.compare(tests[1:], second, *others[1:]))

    # Exceptions

    def failed(self, error: Exception) -> None:
        """A body has raised: its hook decides what that means."""
        if isinstance(error, TreadleError):
            raise error
        tracer.current().failure = error

    def raise_(self, error: Any, cause: Any = None) -> None:
        """`raise error`: now, or in a region when the program gets there."""
        if not tracer.current().depth:
            raise error from cause
        error = error() if isinstance(error, type) else error
        if _is_plain(error):
            _check(tracer.constant(False), error)
        else:
            raise_at_run_time(error, cause)
        tracer.current().unreachable.add(tracer.current().builder.block)

    def check(self, test: Any, message: Callable[[], Any], fixed: bool) -> None:
        """assert test, message(); fixed: the message is written out."""
        condition = condition_of(test)
        if isinstance(condition, TracedScalar) and fixed:
            _check(truth_value(condition), _assertion(message))
        elif isinstance(condition, TracedScalar):
            self._branch(condition, lambda: None, lambda: self.raise_(_assertion(message)))
        elif not condition:
            self.raise_(_assertion(message))


def _assertion(message: Callable[[], Any]) -> AssertionError:
    text = message()
    return AssertionError(*([] if text is None else [text]))


def _is_plain(error: BaseException) -> bool:
    """Does compiled code raise this itself? A builtin exception with a text."""
    return type(error).__module__ == "builtins" and len(error.args) < 2 and all(isinstance(a, str) for a in error.args)


def _check(condition: Value, error: BaseException) -> None:
    text = error.args[0] if error.args else ""
    tracer.emit("check", [tracer.constant(True), condition], exception=type(error).__name__,
                message=text.replace("{", "{{").replace("}", "}}"))


def checked_flag(f: Any) -> Any:
    return f.value if isinstance(f, Tentative) else f


def _distance(space: Space) -> integers.Form:
    """stop - start in the direction of the step."""
    start, stop = (integers.form_of(_plain(b)) for b in (space.start, space.stop))
    return stop.plus(start, -1) if space.is_upward else start.plus(stop, -1)


def _plain(x: Any) -> Any:
    return x.value if isinstance(x, TracedScalar) else x


def _bound_index(index: Value, space: Space) -> None:
    """A loop index lies between its loop's bounds."""
    start, stop = (integers.form_of(_plain(b)) for b in (space.start, space.stop))
    one = integers.form_of(1)
    if space.is_upward:
        low, high = [start], [stop.plus(one, -1)]
    else:
        low, high = [stop.plus(one)], [start]
    integers.set_bounds(index, low, high)


