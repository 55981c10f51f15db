"""Loops and branches over run-time values: what the hooks of rewritten `for`, `while` and `if` statements do.

A hook is a generator: it runs the statement's body as often as tracing needs, in a block of its own, and reads and writes the
function's variables between the passes.  `Carried` finds what a body changes by tracing it until nothing new turns up.
What cannot be staged is decided by a restart of the trace: peel the first trip, unroll, or read the bounds.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from ..ir.graph import Block, Value
from ..ir.types import PY_BOOL, PY_INT
from . import dispatch, integers, tracer
from .arrays import value_of
from .branches import Branch
from .carried import Carried
from .choice import Choice, assuming
from .control import Control
from .effects import raise_in_program
from .growing import growing, restart_growing
from .iteration import Space, space_of
from .joins import JoinError
from .levels import is_by_levels, trips_of
from .regions import (
    after_pass,
    check,
    checked_local,
    condition_of,
    failed,
    inside,
    raise_failure,
    settled,
    truth_of,
    truth_value,
    unbound_free,
    without_tentatives,
)
from .run_time_lists import KEYED, growth
from .scalars import TracedScalar
from .spreading import conditional
from .state import UNDEFINED, Either, Tentative, Undefined
from .tracer import MOST_UNROLLED, Restart, StagedLoop

# A loop of so few trips, without loops in it, that makes a list longer is written out, so that its elements stay apart.
_FEW_TRIPS = 16
_MOST_PASSES = 40


class StagedControl:
    """The hooks of control flow; `hooks.FunctionHooks` inherits them."""

    UNDEFINED = UNDEFINED

    def load_local(self, name: str, x: Any) -> Any:
        return checked_local(name, x)

    def load_enclosing(self, name: str, x: Any) -> Any:
        """A name of a function around this one."""
        if isinstance(x, Undefined):
            raise unbound_free(name)
        return settled(x, unbound_free(name))

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
        iterable = dispatch.FUNCTIONS["iterated"](iterable)
        space = space_of(iterable)
        control = Control(place, get, set_, names, carried, live)
        if space is not None and ("specialise", place) in decisions:
            space = space.specialised()
        # The decision may be about another pass through this place, when the bounds were known.
        if space is None or (("unroll", place) in decisions and space.trips_at_hand is not None):
            yield from self._unrolled(iter(iterable if space is None else space.specialised()), flags, control, None)
            return
        if space.is_empty():
            return
        if space.trips == 1:
            yield space.element(space.start)
            raise_failure()
            return
        if ("peel", place) in decisions:
            yield from self._when(_has_trips(space), control, lambda block: self._peeled(space, control, flags, block))
        else:
            yield from self._staged_for(space, control, flags)

    def _when(self, condition: Any, control: Control, steps: Callable[[Block | None], Iterator[Any]]) -> Iterator[Any]:
        """Run statements under a condition: in a region, unless tracing knows it."""
        test = condition_of(condition)
        if not isinstance(test, TracedScalar):
            if test:
                yield from steps(None)
            return
        branch = Branch(control)
        for side in (True, False):
            block = Block()
            branch.open()
            with inside(block):
                if side:
                    yield from steps(block)
                branch.close(block)
        branch.merge(truth_value(test), inside)

    def _peeled(self, space: Space, control: Control, flags: Callable[[], tuple], block: Block | None) -> Iterator[Any]:
        """The first trip by itself, then a loop for the others."""
        yield space.element(space.start)
        finish_pass(block)
        rest = Space(space.start + space.step, space.stop, space.step, space.element)

        def others(block: Block | None) -> Iterator[Any]:
            if not rest.is_empty():
                yield from self._staged_for(rest, control, flags)

        yield from self._when(self.not_(_any_set(flags)), control, others)

    def _unrolled(self, items: Iterator[Any], flags: Callable[[], tuple], control: Control, block: Block | None,
                  ) -> Iterator[Any]:
        for x in items:
            yield x
            finish_pass(block)
            stopped = condition_of(_any_set(flags))
            if stopped is True:
                return
            if stopped is not False:
                yield from self._when(self.not_(stopped), control, lambda inner: self._unrolled(items, flags, control, inner))
                return

    def _staged_for(self, space: Space, control: Control, flags: Callable[[], tuple]) -> Iterator[Any]:
        lists = growing(control, space)
        if lists is not None:
            space = lists.space
        bounds = [value_of(space.start), value_of(space.stop), value_of(space.step)]
        loop = Carried(control)
        for _ in range(_MOST_PASSES):
            body = Block()
            index = body.add_arg(PY_INT)
            _bound_index(index, space)
            loop.open(body)
            stop_arg = body.add_arg(PY_BOOL)
            staged = StagedLoop(control.place, body, space.trips_at_hand, loop.widened, _most_trips(space))
            with inside(body, staged):
                element = functools.partial(_element, space, index)
                yield from self._pass(loop, control, element, body, staged)
                if lists is not None:
                    lists.collect(loop, control, index)
                try:
                    stable = loop.close(body)
                except JoinError as e:
                    grows = restart_growing(loop.state, space, control.place)
                    raise grows or self._fallback(e, control.place, space, body) from None
                if stable:
                    stopped = self._stop_flag(flags)
                    if lists is not None and stopped is not None:
                        raise Restart(("hold", control.place))
                    body.yields = loop.yields()
            if stable:
                if is_by_levels(body, space.trips_at_hand, body.args[1:], index):
                    raise Restart(("unroll", control.place))
                self._finish_for(loop, space, bounds, body, stop_arg, stopped)
                if lists is not None:
                    lists.finish(control)
                return
            loop.discard()
        raise tracer.unsupported("this loop", "what it carries from trip to trip does not settle")

    def _pass(self, loop: Carried, control: Control, element: Callable[[], Any], body: Block, staged: StagedLoop,
              ) -> Iterator[Any]:
        """One pass through a body; once per option, where one number tells which arrays it works on."""
        chosen = loop.choices.number_of_arrays()
        if chosen is None:
            yield element()
            after_pass(body, staged)
        else:
            yield from self._by_option(chosen, 0, control, element)

    def _by_option(self, chosen: Choice, k: int, control: Control, element: Callable[[], Any]) -> Iterator[Any]:
        branch = Branch(control)
        for side in (True, False):
            block = Block()
            branch.open()
            with inside(block):
                if side or k + 2 == len(chosen.options):
                    with assuming(chosen.tag, k if side else k + 1):
                        yield element()
                        after_pass(block)
                        branch.close(block)
                else:
                    yield from self._by_option(chosen, k + 1, control, element)
                    branch.close(block)
        branch.merge(tracer.emit("py_equal", [chosen.tag.value, tracer.constant(k)]), inside)

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
        loop.finish(results, surely, None if surely else tracer.emit("py_less_equal", [
            integers.as_value(integers.int_of_form(_distance(space))), tracer.constant(0)]))
        if surely and body in tracer.current().unreachable:
            tracer.current().unreachable.add(tracer.current().builder.block)

    def _fallback(self, e: JoinError, place: str, space: Space, body: Block) -> BaseException:
        """What to do about a loop whose state does not join: decide more while tracing, or give up."""
        decisions = tracer.current().decisions
        grows = growth(*e.containers) if e.of_structure else None
        short = space.trips_at_hand is not None and space.trips_at_hand <= _FEW_TRIPS
        if grows is not None and not (short and all(op.name not in ("for", "while") for op in body.ops)):
            return grows
        if ("peel", place) not in decisions:
            return Restart(("peel", place))
        if not e.of_structure and ("select", place) not in decisions:
            return Restart(("select", place))
        known = [b for b in (space.start, space.stop) if isinstance(b, TracedScalar)]
        if known and all(b.known is not None for b in known) and ("specialise", place) not in decisions:
            return Restart(("specialise", place))
        if space.trips is not None and space.trips <= MOST_UNROLLED:
            return Restart(("unroll", place))
        return growth(*e.containers, of=KEYED) or tracer.unsupported("this loop", str(e))

    # while

    def while_(self, place: str, test: Callable[[], Any], get: Callable, set_: Callable, names: tuple, carried: tuple,
               live: tuple, endless: bool) -> Iterator[None]:
        """endless: the test itself always holds, so that there is a first trip."""
        decisions = tracer.current().decisions
        control = Control(place, get, set_, names, carried, live)
        if ("unroll", place) in decisions:
            yield from self._unrolled_while(test, control)
        elif ("peel", place) in decisions:
            yield from self._when(test(), control, lambda block: self._peeled_while(test, control, block))
        else:
            yield from self._staged_while(test, control, endless)

    def _peeled_while(self, test: Callable[[], Any], control: Control, block: Block | None) -> Iterator[None]:
        yield
        finish_pass(block)
        yield from self._staged_while(test, control)

    def _unrolled_while(self, test: Callable[[], Any], control: Control) -> Iterator[None]:
        for _ in range(MOST_UNROLLED * 10):
            t = condition_of(test())
            if isinstance(t, TracedScalar):
                # From here on the test is a run-time value.
                yield from self._staged_while(test, control)
                return
            if not t:
                return
            yield
            raise_failure()
        raise tracer.unsupported("this loop", f"it is unrolled, and makes more than {MOST_UNROLLED * 10} trips")

    def _staged_while(self, test: Callable[[], Any], control: Control, surely: bool = False) -> Iterator[None]:
        trace, place = tracer.current(), control.place
        loop = Carried(control)
        begins: Any = None
        for attempt in range(_MOST_PASSES):
            test_block, body = Block(), Block()
            loop.open(test_block)
            with inside(test_block):
                t = condition_of(test())
                if isinstance(t, TracedScalar):
                    test_block.yields = [truth_value(t)]
                else:
                    test_block.yields = [tracer.constant(t)]
            if attempt == 0:
                begins = t
                if not isinstance(t, TracedScalar) and not t:
                    loop.discard()
                    return
            loop.discard()
            loop.open(body)
            staged = StagedLoop(place, body, None, loop.widened)
            with inside(body, staged):
                yield from self._pass(loop, control, lambda: None, body, staged)
                try:
                    stable = loop.close(body)
                except JoinError as e:
                    raise self._while_fallback(e, place, t, begins) from None
                if stable:
                    body.yields = loop.yields()
            loop.discard()
            if stable:
                initial = loop.initial()
                if is_by_levels(body, trips_of(test_block, body, initial), body.args):
                    raise Restart(("unroll", place))
                # A test that always holds leaves a loop that only an exception ends.
                results = trace.builder.emit("while", initial, {}, [test_block, body], loc=tracer.here())
                loop.finish(results, surely)
                return
        raise tracer.unsupported("this loop", "what it carries from trip to trip does not settle")

    def _while_fallback(self, e: JoinError, place: str, test: Any, begins: Any) -> BaseException:
        """test: as the last pass has it; begins: as the first one has it."""
        decisions = tracer.current().decisions
        if not isinstance(test, TracedScalar) and ("unroll", place) not in decisions:
            grows = (growth(*e.containers) or growth(*e.containers, of=KEYED)) if e.of_structure else None
            return Restart(("unroll", place)) if grows is None else Restart(grows.decision, ("unroll", place))
        if ("peel", place) not in decisions:
            return Restart(("peel", place))
        if not e.of_structure and ("select", place) not in decisions:
            return Restart(("select", place))
        grows = growth(*e.containers) or growth(*e.containers, of=KEYED)
        if grows is None and not isinstance(begins, TracedScalar) and ("unroll", place) not in decisions:
            # Trip by trip the test may follow from what is known, as the extents of arrays that are halved.
            return Restart(("unroll", place))
        return grows or tracer.unsupported("this loop", str(e))

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

    def and_(self, a: Any, b: Callable[[], Any]) -> Any:
        test = condition_of(a)
        if not isinstance(test, TracedScalar):
            return b() if test else a
        return conditional(test, b, lambda: a)

    def or_(self, a: Any, b: Callable[[], Any]) -> Any:
        test = condition_of(a)
        if not isinstance(test, TracedScalar):
            return a if test else b()
        return conditional(test, lambda: a, b)

    def all_true(self, a: Any, b: Callable[[], Any]) -> Any:
        """The truth of `a and b()`."""
        test = condition_of(a)
        if not isinstance(test, TracedScalar):
            return truth_of(b()) if test else False
        return conditional(test, lambda: truth_of(b()), lambda: False)

    def any_true(self, a: Any, b: Callable[[], Any]) -> Any:
        """The truth of `a or b()`."""
        test = condition_of(a)
        if not isinstance(test, TracedScalar):
            return True if test else truth_of(b())
        return conditional(test, lambda: True, lambda: truth_of(b()))

    def not_(self, a: Any) -> Any:
        test = condition_of(a)
        if not isinstance(test, TracedScalar):
            return not test
        return TracedScalar(tracer.emit("py_logical_not", [truth_value(test)]))

    def choose(self, test: Any, then: Callable[[], Any], otherwise: Callable[[], Any]) -> Any:
        return conditional(test, then, otherwise)

    def compare(self, tests: tuple[Callable[[Any, Any], Any], ...], first: Any, *others: Callable[[], Any]) -> Any:
        second = others[0]()
        result = tests[0](first, second)
        if len(tests) == 1:
            return result
        return self.and_(result, lambda: self.compare(tests[1:], second, *others[1:]))

    # Exceptions

    failed = staticmethod(failed)

    def raise_(self, error: Any, cause: Any = None) -> None:
        """`raise error`: now, or in a region when the program gets there."""
        if not tracer.current().depth:
            raise error from cause
        error = error() if isinstance(error, type) else error
        raise_in_program(error, cause)
        tracer.current().unreachable.add(tracer.current().builder.block)

    def check(self, test: Any, message: Callable[[], Any], fixed: bool) -> None:
        """assert test, message(); fixed: the message is written out."""
        condition = condition_of(test)
        if isinstance(condition, TracedScalar) and fixed:
            check(truth_value(condition), _assertion(message))
        elif isinstance(condition, TracedScalar):
            conditional(condition, lambda: None, lambda: self.raise_(_assertion(message)))
        elif not condition:
            self.raise_(_assertion(message))


def _assertion(message: Callable[[], Any]) -> AssertionError:
    text = message()
    return AssertionError(*([] if text is None else [text]))


def finish_pass(block: Block | None) -> None:
    """After a body that ran in this region, or as plain Python."""
    if block is None:
        raise_failure()
    else:
        after_pass(block)


def _element(space: Space, index: Value) -> Any:
    return space.element(TracedScalar(index))


def _most_trips(space: Space) -> int | None:
    """What the number of trips cannot exceed; None if nothing is known."""
    if space.trips_at_hand is not None:
        return space.trips_at_hand
    most = integers.upper_bound(integers.int_of_form(_distance(space)))
    return None if most is None else max(most, 0)


def _has_trips(space: Space) -> Any:
    """Will there be a trip? True where the arguments at hand decide it: that there is one is a guard already."""
    if space.trips_at_hand is not None:
        return True
    return space.start < space.stop if space.is_upward else space.stop < space.start


def _any_set(flags: Callable[[], tuple]) -> Any:
    """Is one of the flags set?"""
    found: Any = False
    for f in map(checked_flag, flags()):
        if f is True:
            return True
        if isinstance(f, TracedScalar):
            found = f if found is False else TracedScalar(tracer.emit("py_bitwise_or", [truth_value(found), truth_value(f)]))
    return found


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


