"""What a loop carries from trip to trip, found as a fixpoint over passes through its body.

The first pass takes everything as it is outside.  What differs at the end of a pass (variables and other leaves, storages) is
carried from the next pass on, as arguments of the body: run-time extents first, then leaves, then the starts of views that
move, then storages.  The last pass, in which nothing new turned up, is the loop's body.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any

from ..ir.graph import Block, Value, defining_block, is_inside
from ..ir.types import PY_BOOL, PY_INT, ArrayType, Dim, same_dims
from . import integers, tracer
from .arrays import TracedArray, value_of
from .choice import Choice, at_hand
from .control import Control
from .joins import Joined, JoinError, defined_value, dims_of_leaf, join, leaf_value, scalar_type, values_beside, widens, wrap_leaf
from .jumps import RETURN_VALUE
from .loop_aliases import check_aliases, check_choices
from .loop_choices import LoopChoices
from .loop_lists import LoopLists
from .loop_rooms import LoopRooms, classes, extent_key
from .moving import MovingView, dims_inside, moving_view, view_from
from .padding import memory_of, padded, unpadded
from .pooled_lists import PooledList
from .scalars import TracedScalar
from .sharing import freeze_copy, is_visible, names_holding, note_alternative, told_apart
from .state import (
    LENGTH,
    UNDEFINED,
    UNREACHABLE,
    Either,
    Path,
    State,
    Tentative,
    Undefined,
    container_at,
    hollow,
    is_static,
    is_structured,
    name_of,
    same_leaf,
    take_apart,
    untentative,
)
from .structures import as_options, common_options, options_by_structure
from .views import Frozen


class Carried:
    """The fixpoint of one loop."""

    def __init__(self, control: Control) -> None:
        trace = tracer.current()
        # The loop runs only while nothing has been returned: what was, or may be, returned is no state of its head.
        control.set(self._without_return(control, control.get()))
        self.control, self.state = control, control.snapshot()
        self.frame = names_holding(tracer.user_frame(), control.live)
        self.joined: dict[Path, Joined] = {}
        self.dims: dict[Path, tuple[Dim, ...]] = {}
        self.groups: dict[tuple[Path, int], Hashable] = {}
        # What is a copy of something that others may see stays one.
        self.frozen: dict[Path, str | Frozen] = {}
        # Of extents that may grow.
        self.rooms = LoopRooms(control.place)
        self.views: dict[Path, MovingView] = {}
        self.choices = LoopChoices(self.state.storages, control.place)
        self.lists = LoopLists(control)
        self.still: set[Path] = set()
        self.growth: dict[Path, int] = {}
        # What is returned that is no number or array: a string, None.
        self.static: dict[Path, Any] = {}
        hints = trace.remembered.setdefault(("storages", control.place), set())
        self.storages = [s for s in self.state.storages if s in hints]
        self._guess()

    @staticmethod
    def _without_return(control: Control, values: tuple) -> tuple:
        return tuple(UNDEFINED if n == RETURN_VALUE else x for n, x in zip(control.names, values, strict=True))

    def _guess(self) -> None:
        """Begin with the scalar types that an earlier visit ended with: nested loops then take few passes."""
        for path, joined in tracer.current().remembered.get(("leaves", self.control.place), {}).items():
            x = self.state.leaves.get(path)
            if joined.rank is None and x is not None and path[-1] != LENGTH:
                try:
                    again = joined if isinstance(x, Undefined) else join(path, x, x)
                    if again.rank is None and (again.type == joined.type or widens(x, joined)) and (
                            again.tentative == joined.tentative):
                        self.joined[path] = joined
                except JoinError:
                    continue

    # One pass

    def group_keys(self) -> list[Hashable]:
        return list(dict.fromkeys(self.groups.values()))

    def open(self, block: Block) -> None:
        """Start a pass: the state of the loop's head, with what is carried as arguments of `block`."""
        self.state.restore()
        trace = tracer.current()
        extents = {g: block.add_arg(PY_INT) for g in self.group_keys()}
        self._bound_extents(extents)
        changed: dict[Path, Any] = {}
        self.heads: dict[Path, Value] = {}
        for path, j in self.joined.items():
            dims = tuple(extents[self.groups[path, k]] if (path, k) in self.groups else d
                         for k, d in enumerate(self.dims.get(path, ())))
            v = self.heads[path] = block.add_arg(j.type if j.rank is None else ArrayType(j.type.dtype, self.rooms.of(path, dims)))
            v = self._unpadded(path, v, dims, block)
            changed[path] = wrap_leaf(v, j, [block.add_arg(t) for t in j.beside])
            self._keep_frozen(path, changed[path])
            self._bound_growth(path, v)
        changed.update(self.choices.open(block))
        changed.update(self.lists.open(block))
        for path, m in self.views.items():
            changed[path] = m.at([block.add_arg(PY_INT) for _ in range(m.count)])
            if m.tentative:
                changed[path] = Tentative(changed[path], TracedScalar(block.add_arg(PY_BOOL)))
        for s in self.storages:
            s.value = block.add_arg(ArrayType(s.dtype, s.dims))
        self.head = {**self.state.leaves, **changed}
        self.head_values = {s: s.value for s in trace.storages}
        self.own = {x.view.storage for x in map(untentative, changed.values()) if isinstance(x, TracedArray)} - set(
            self.state.storages)
        self.own |= set(self.choices.storages())
        self.new_groups: dict[tuple[Path, int], Hashable] = {}
        self.control.set(self._without_return(self.control, self.state.variables(changed)))

    def _bound_extents(self, extents: dict[Hashable, Value]) -> None:
        for g, v in extents.items():
            own = [p for p, group in self.groups.items() if group == g]
            rooms = [self.rooms.sizes[p] for p in own if p in self.rooms.sizes]
            # Without a room of its own the extent never grows (`_check_rooms`), so the first one bounds it.
            most = [integers.form_of(min(rooms))] if rooms else [integers.form_of(self.dims[path][k]) for path, k in own[:1]]
            integers.set_bounds(v, [integers.form_of(0)], most)

    def _unpadded(self, path: Path, v: Value, dims: tuple[Dim, ...], block: Block | None = None) -> Value:
        """The elements of a leaf that there are; in `block`, if that is not the current one."""
        if not self.rooms.has(path):
            return v
        builder = tracer.current().builder
        outer, builder.block = builder.block, block or builder.block
        v = unpadded(v, dims)
        builder.block = outer
        return v

    def _bound_growth(self, path: Path, v: Value) -> None:
        """A counter that only grows is never below where it began; one that only falls, never above."""
        step, before = self.growth.get(path), self.state.leaves[path]
        if step is None or v.type != PY_INT:
            return
        begin = integers.form_of(before if isinstance(before, int) else before.value)
        integers.set_bounds(v, [begin] if step >= 0 else [], [begin] if step <= 0 else [])

    def close(self, block: Block) -> bool:
        """End a pass: compare with its head. True if nothing new has to be carried."""
        control = self.control
        self.state.adopt_inputs()
        for s in self.state.storages:
            self.head_values.setdefault(s, self.state.storages[s])
        if block in tracer.current().unreachable:
            # The body raises: it hands on what it was given.
            self.post = dict(self.head)
            for s, v in self.head_values.items():
                s.value = v
            return True
        self.post = self.state.without_dead(State(control.names, control.get(), control.carried).leaves)
        if isinstance(self.post.get((RETURN_VALUE,)), Undefined):
            self.post.update({p: x if p[-1] == LENGTH else UNDEFINED for p, x in self.state.leaves.items()
                              if p[0] == RETURN_VALUE})
            if (RETURN_VALUE,) not in self.state.leaves:
                del self.post[(RETURN_VALUE,)]
        if self._adopt_options() or self._adopt_structure():
            return False
        stable = True
        for path, before in self.state.leaves.items():
            if path not in self.post:
                raise self._of_another_structure(path)
            after = self.post[path]
            if path[-1] == LENGTH and before != after:
                raise self._of_another_structure(path)
            known = self.lists.end(path, before, after, self.state.leaves, self.post) if path not in self.choices else None
            if known is not None:
                stable &= known
                continue
            if path in self.choices:
                stable &= self.choices.end(path, before, after, block)
                continue
            if told_apart(before, after):
                self._begin_choice(path, before, after, block)
                stable = False
                continue
            if path not in self.joined and same_leaf(before, after):
                continue
            if path[0] == RETURN_VALUE and isinstance(before, Undefined) and is_static(after):
                self.static[path] = after
                continue
            moves = self._follow_view(path, before, after, block)
            if moves is None and self._is_choice(path, before, after):
                self._begin_choice(path, before, after, block)
                stable = False
            elif moves is None:
                stable &= self._join_leaf(path, before, after, block)
            else:
                stable &= not moves
        if classes(self.new_groups) != classes(self.groups):
            stable = False
        self.groups = dict(self.new_groups)
        stable &= self._check_rooms()
        if stable:
            stable &= self.choices.refine(self.post)
        stable &= self._check_growth()
        for s, v in self.head_values.items():
            if s.value is not v and s not in self.storages and s in self.state.storages:
                self.storages.append(s)
                tracer.current().remembered[("storages", control.place)].add(s)
                stable = False
        return stable

    def _is_choice(self, path: Path, before: Any, after: Any) -> bool:
        """Must this leaf stay one of several objects?"""
        ends = [at_hand(untentative(x)) for x in (before, after)]
        if any(isinstance(x, Choice) for x in ends):
            return True
        if ("select", self.control.place) not in tracer.current().decisions:
            return False
        if all(isinstance(x, (TracedArray, Undefined)) for x in ends) and any(
                isinstance(x, TracedArray) and x.view.storage in self.state.storages for x in ends):
            return True
        try:
            join(path, before, after, True)
        except JoinError:
            return True
        return False

    def _begin_choice(self, path: Path, before: Any, after: Any, block: Block) -> None:
        self.choices.begin(path, before, after, block)
        self.joined.pop(path, None)
        self.dims.pop(path, None)
        for key in [g for g in self.new_groups if g[0] == path]:
            del self.new_groups[key]
        self.rooms.forget(path)

    def _adopt_options(self) -> bool:
        """A name that is a tuple at the end of a trip and something else before it is one of both from the next pass on."""
        new = False
        for k, name in enumerate(self.control.names):
            before, now = self.state.values[k], self.control.get()[k]
            options = None if name == RETURN_VALUE or name not in self.control.carried else common_options(before, now)
            if options is None:
                continue
            known = options_by_structure(before)
            if is_structured(before) and known is not None and len(known) == len(options):
                # Alike but for what this pass ended with.
                for p in [p for p in self.post if p[0] == name]:
                    del self.post[p]
                take_apart((name,), as_options(now, options), self.post, [])
                continue
            self._replace(k, as_options(before, options))
            new = True
            break
        return new

    def _adopt_structure(self) -> bool:
        """A name without value before the loop that gets a tuple: its leaves are then without value."""
        for path in self.post:
            if path in self.state.leaves:
                continue
            before = self.state.leaves.get(path[:1])
            if not isinstance(before, Undefined):
                raise self._of_another_structure(path)
            k = self.control.names.index(path[0])
            now = self.control.get()[k]
            if not isinstance(now, (tuple, Either, PooledList)) and not is_structured(now) and path[0] != RETURN_VALUE:
                raise JoinError(f"'{path[0]}' is a container made inside the loop and used after it", True)
            self._replace(k, hollow(now))
            return True
        return False

    def _of_another_structure(self, path: Path) -> JoinError:
        values = [x for state in (self.state.values, self.control.get())
                  for n, x in zip(self.control.names, state, strict=True) if n == path[0]]
        inner = [container_at(x, path) for x in values]
        return JoinError(f"the structure of '{name_of(path[:1])}' changes", True, inner + values)

    def _replace(self, k: int, value: Any) -> None:
        """Begin again with another value of variable number k before the loop."""
        name, values = self.control.names[k], list(self.state.values)
        values[k] = value
        self.state.restore()
        self.control.set(tuple(values))
        self.state = self.control.snapshot()
        self.state.values = tuple(values)
        self.choices.outer = self.state.storages
        for found in (self.joined, self.dims, self.views, self.static, self.choices.leaves, self.lists.own, self.growth):
            for p in [p for p in found if p[0] == name]:
                del found[p]  # type: ignore[attr-defined]
        self.still = {p for p in self.still if p[0] != name}
        self.groups = {g: key for g, key in self.groups.items() if g[0][0] != name}

    def _follow_view(self, path: Path, before: Any, after: Any, block: Block) -> bool | None:
        """Treat the leaf as a view that moves over one storage: True if that is new, None if it is none."""
        if path in self.still or path in self.joined:
            return None
        old, found = self.views.get(path), None
        end = untentative(after)
        if isinstance(end, TracedArray) and end.view.storage in self.state.storages:
            if old is not None:
                found = moving_view(old.view, end.view)
            elif isinstance(before, TracedArray):
                found = moving_view(before.view, end.view)
            elif isinstance(before, Undefined):
                found = view_from(end, block)
                if found is not None and before is UNREACHABLE:
                    found = replace(found, tentative=False)
            elif isinstance(before, Tentative) and isinstance(before.value, TracedArray):
                found = moving_view(before.value.view, end.view)
                found = None if found is None else replace(found, tentative=True, array=end if before.value is end else None)
        if found is None:
            self.views.pop(path, None)
            self.still.add(path)
            return None
        if old is None:
            self.views[path] = found
            return True
        new = old.joined(found)
        self.views[path] = replace(new, array=old.array if old.array is end else None)
        return not new.moves_like(old)

    def _join_leaf(self, path: Path, before: Any, after: Any, block: Block) -> bool:
        old = self.joined.get(path)
        new = join(path, before, after, True)
        if old is not None:
            new = replace(new, tentative=new.tentative or old.tentative, stepped=new.stepped or old.stepped)
        self._note_growth(path, before, after)
        if new.rank is not None:
            first = dims_of_leaf(before) or dims_of_leaf(after)
            if not dims_of_leaf(before) and dims_inside(first, block):
                first = tuple(0 if isinstance(d, Value) and is_inside(defining_block(d), block) else d for d in first)
            self.dims.setdefault(path, first)
            self._group_dims(path, dims_of_leaf(after))
        self.joined[path] = new
        end = untentative(after)
        if old is None and isinstance(end, TracedArray) and end.view.storage in self.state.storages and not same_dims(
                tuple(dims_of_leaf(before)), end.view.dims) and is_visible(end.view.storage, path, self.frame, self.post):
            self.frozen[path] = "a part of another array that a loop hands on in another size each trip"
        for x in map(untentative, (before, after)):
            if isinstance(x, TracedArray) and x.view.storage.frozen is not None and path not in self.frozen:
                self.frozen[path] = x.view.storage.frozen
                return False
        if old is not None and new.form != old.form:
            raise JoinError(f"the memory order of '{name_of(path)}' changes")
        return old is not None and old == new

    def _group_dims(self, path: Path, after: tuple[Dim, ...]) -> None:
        """Extents that change; those that change alike are one carried extent."""
        for k, (a, b) in enumerate(zip(self.dims[path], after, strict=True)):
            known = (path, k) in self.groups
            if not known and (a is b or a == b):
                continue
            end: Hashable = "same" if known and b is dims_of_leaf(self.head[path])[k] else extent_key(b)
            self.new_groups[path, k] = (extent_key(a), end)

    def _check_rooms(self) -> bool:
        """Extents that shrink stay within the memory of the first ones; others need room."""
        stable = True
        for path, k in self.groups:
            end, head = (dims_of_leaf(side[path]) for side in (self.post, self.head))
            if end and ((path, k) in self.rooms.sizes or not head or not integers.at_most(end[k], head[k])):
                stable &= self.rooms.fit(path, k, self.dims[path], end[k], self.joined[path].type.dtype.itemsize)
        return stable

    def _note_growth(self, path: Path, before: Any, after: Any) -> None:
        head = self.head[path]
        if not (isinstance(after, TracedScalar) and after.kind == "int"):
            return
        if isinstance(before, bool) or not (isinstance(before, int) or (isinstance(before, TracedScalar) and before.kind == "int")):
            return
        if path in self.joined and isinstance(head, TracedScalar):
            step = integers.form_of(after.value).plus(integers.form_of(head.value), -1)
            self._seen_growth[path] = step.constant if not step.terms else None

    @property
    def _seen_growth(self) -> dict[Path, int | None]:
        return self.__dict__.setdefault("seen_growth", {})

    def _check_growth(self) -> bool:
        """The steps of counters, as this pass has them, must be those that it assumed."""
        stable = True
        for path, step in self._seen_growth.items():
            assumed = self.growth.get(path)
            if path in self.growth and assumed not in (step, None):
                self.growth[path] = None  # type: ignore[assignment]
                stable = False
            elif path not in self.growth:
                self.growth[path] = step  # type: ignore[assignment]
                stable &= step is None
        self._seen_growth.clear()
        return stable

    def discard(self) -> None:
        """Back to the state before the loop."""
        self.state.restore()
        self.control.set(self.state.variables({}))

    # The finished loop

    def initial(self) -> list[Value]:
        """The operands that begin what is carried."""
        out: list[Value] = []
        begin: dict[Hashable, Value] = {}
        for (path, k), g in self.groups.items():
            if g not in begin:
                begin[g] = integers.as_value(self.dims[path][k])
                out.append(begin[g])
        for path, j in self.joined.items():
            dims = tuple(begin[self.groups[path, k]] if (path, k) in self.groups else d
                         for k, d in enumerate(self.dims.get(path, ())))
            x = self.state.leaves[path]
            v = leaf_value(x, j, dims)
            out += [padded(v, self.rooms.of(path, dims)) if self.rooms.has(path) else v, *values_beside(x, j)]
        out += self.choices.values(self.state.leaves, False)
        out += self.lists.values(self.state.leaves)
        for path, m in self.views.items():
            before = self.state.leaves[path]
            if isinstance(before, Undefined):
                out += [tracer.constant(0)] * m.count
            else:
                out += [integers.as_value(d) for d in m.numbers(untentative(before).view)]
            if m.tentative:
                out.append(defined_value(before))
        return out + [self.state.storages[s] for s in self.storages]

    def yields(self) -> list[Value]:
        """What the body hands to the next trip; called inside the body."""
        check_aliases(self)
        check_choices(self)
        out: list[Value] = []
        end: dict[Hashable, Value] = {}
        for (path, k), g in self.groups.items():
            if g not in end:
                dims = dims_of_leaf(self.post[path]) or dims_of_leaf(self.head[path])
                end[g] = integers.as_value(self.rooms.checked(g, self.groups, dims[k]))
                out.append(end[g])
        for path, j in self.joined.items():
            x = self.post[path]
            dims = tuple(end[self.groups[path, k]] if (path, k) in self.groups else d
                         for k, d in enumerate(self.dims.get(path, ())))
            out += [self._handed_on(path, x, j, dims), *values_beside(x, j)]
        out += self.choices.values(self.post, True)
        out += self.lists.values(self.post)
        for path, m in self.views.items():
            out += [integers.as_value(d) for d in m.numbers(untentative(self.post[path]).view)]
            if m.tentative:
                out.append(defined_value(self.post[path]))
        self.written = [s for s in self.storages]
        return out + [s.value for s in self.storages]

    def _handed_on(self, path: Path, x: Any, joined: Joined, dims: tuple[Dim, ...]) -> Value:
        """A leaf at the end of a trip; one with room as the memory that it lies in already, if that is as large."""
        if not self.rooms.has(path):
            return leaf_value(x, joined, dims)
        room, end = self.rooms.of(path, dims), untentative(x)
        whole = memory_of(value_of(end)) if isinstance(end, TracedArray) and end.dtype == joined.type.dtype else None  # type: ignore[union-attr]
        return whole if whole is not None and same_dims(whole.dims, room) else padded(
            leaf_value(x, joined, dims), room, self.heads[path])

    @property
    def widened(self) -> bool:
        """Does the body see a constant of another type than it is at first?"""
        return any(j.rank is None and not isinstance(x := untentative(self.state.leaves[p]), Undefined) and scalar_type(x) != j.type
                   for p, j in self.joined.items())

    def finish(self, results: Sequence[Value], surely: bool, without_trip: Value | None = None) -> None:
        """The state after the loop. surely: at least one trip is made; without_trip: whether none was, if that is known."""
        self.state.restore()
        it = iter(results)
        extents = {g: next(it) for g in self.group_keys()}
        self._bound_extents(extents)
        changed: dict[Path, Any] = {}
        for path, j in self.joined.items():
            dims = tuple(extents[self.groups[path, k]] if (path, k) in self.groups else d
                         for k, d in enumerate(self.dims.get(path, ())))
            v = self._unpadded(path, next(it), dims)
            changed[path] = wrap_leaf(v, j, [next(it) for _ in j.beside], surely and self._is_defined(path))
            self._keep_frozen(path, changed[path])
            freeze_copy(path, changed[path], self.control.place, self.state, self.post, self.frame, surely)
            if without_trip is not None:
                note_alternative(changed[path], without_trip, self.state.leaves[path], self.state)
        changed.update(self.choices.finish(it, {p: surely and self._is_defined(p) for p in self.choices.leaves}))
        changed.update(self.lists.finish(it))
        for path, m in self.views.items():
            changed[path] = m.at([next(it) for _ in range(m.count)])
            if m.tentative:
                bit = next(it)
                if not (surely and self._is_defined(path)):
                    changed[path] = Tentative(changed[path], TracedScalar(bit))
        for s in self.storages:
            s.value, s.written = next(it), True
        changed.update(self.static)
        remembered = tracer.current().remembered
        remembered[("leaves", self.control.place)] = dict(self.joined)
        self.control.set(self.state.variables(changed))

    def _is_defined(self, path: Path) -> bool:
        return not isinstance(self.post[path], (Undefined, Tentative))

    def _keep_frozen(self, path: Path, x: Any) -> None:
        if path in self.frozen and isinstance(untentative(x), TracedArray):
            untentative(x).view.storage.frozen = self.frozen[path]
