"""Keys: where in a run something happens, as `scope/kind:name#n`.

A scope is opened by steps and by the branches of `gather`; it is carried by the task, so two branches never share a
counter, and the order in which they finish does not matter. `#n` counts inside its scope and name and is left out for
the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_scope: ContextVar[str] = ContextVar("perdure_scope", default="")


class Keys:
    """Gives out the keys of one execution. `counters` can be stored and handed in again to go on counting."""

    __slots__ = ("counters",)

    def __init__(self, counters: dict[str, int] | None = None) -> None:
        self.counters = dict(counters or {})

    def next(self, kind: str, name: str = "") -> str:
        place = f"{_scope.get()}{kind}:{name}" if name else f"{_scope.get()}{kind}"
        count = self.counters.get(place, 0) + 1
        self.counters[place] = count
        return place if count == 1 else f"{place}#{count}"

    def close(self, prefix: str) -> None:
        """Forget the counts below a scope that is never entered again, so that what a checkpoint keeps stays small."""
        for place in [place for place in self.counters if place.startswith(prefix)]:
            del self.counters[place]


@contextmanager
def scope(name: str) -> Iterator[None]:
    """Put `name/` before every key made inside."""
    token = _scope.set(f"{_scope.get()}{name}/")
    try:
        yield
    finally:
        _scope.reset(token)


@contextmanager
def last_scope(keys: Keys, name: str) -> Iterator[None]:
    """A scope that is never entered again."""
    try:
        with scope(name):
            yield
    finally:
        keys.close(f"{_scope.get()}{name}/")


def enter(prefix: str) -> None:
    """Make `prefix/` the scope of this task for the rest of its life."""
    _scope.set(f"{prefix}/")


def here() -> str:
    """The scope of the task that asks, ending in `/` where there is one."""
    return _scope.get()
