"""What a loop refuses since values cannot say it: arrays that it rebinds and writes to while another name shares their memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import tracer
from .arrays import TracedArray
from .passage import options_of
from .sharing import first_arrays, is_visible, shared_in
from .state import Path, name_of, untentative
from .views import Storage

if TYPE_CHECKING:
    from .carried import Carried


def check_aliases(loop: Carried) -> None:
    """Refuse what values cannot say: a rebound array that is written while someone else may see its memory."""
    for path, j in loop.joined.items():
        if j.rank is None:
            continue
        head = untentative(loop.head[path])
        for side, leaves in ((loop.state.leaves, loop.state.leaves), (loop.post, loop.post)):
            x = untentative(side[path])
            if not isinstance(x, TracedArray):
                continue
            storage = x.view.storage
            if storage in loop.own and side is loop.post and not shared_in(storage, path, leaves):
                continue
            visible = is_visible(storage, path, loop.frame if storage in loop.state.storages else {}, leaves)
            if visible and (head.view.storage.written or storage in loop.storages or _written_alias(loop, storage)):
                raise _aliased(loop, path)
    arrays = {p for p, j in loop.joined.items() if j.rank is not None}
    for path, sources in first_arrays(arrays, loop.state.leaves, loop.head, loop.post).items():
        if untentative(loop.head[path]).view.storage.written:
            for q in sources:
                storage = untentative(loop.state.leaves[q]).view.storage
                if is_visible(storage, q, loop.frame if storage in loop.state.storages else {}, loop.state.leaves):
                    raise _aliased(loop, path)


def _aliased(loop: Carried, path: Path) -> BaseException:
    if ("select", loop.control.place) not in tracer.current().decisions:
        return tracer.Restart(("select", loop.control.place))
    return tracer.unsupported(
        f"'{name_of(path)}' is rebound in a loop and written in place",
        "another name may share its memory", f"make it an array of its own first: {path[0]} = {path[0]}.copy()")


def check_choices(loop: Carried) -> None:
    """Refuse two names for one array made in the loop, where one of them may be another array."""
    for path in loop.choices.leaves:
        for x in options_of(untentative(loop.post[path])):
            if isinstance(x, TracedArray) and x.view.storage not in loop.state.storages and shared_in(
                    x.view.storage, path, loop.post):
                raise tracer.unsupported(f"'{name_of(path)}', which is one of several arrays in a loop",
                                         "another name shares its memory", f"copy it: {path[0]} = {path[0]}.copy()")


def _written_alias(loop: Carried, storage: Storage) -> bool:
    return any(isinstance(x := untentative(loop.head[p]), TracedArray) and x.view.storage is storage and storage.written
               for p in loop.joined)
