"""Keys: where in a run something happens, as `scope/kind:name#n`.

A scope is opened by steps and by the branches of `gather`; it is carried by the task, so two branches never share a
counter, and the order in which they finish does not matter. `#n` counts inside its scope and name and is left out for
the first.
"""

from __future__ import annotations

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
        for place in tuple(self.counters):
            if place.startswith(prefix):
                del self.counters[place]


class Scope:
    """Puts `name/` before every key made inside. With `keys` it is never entered again: its counts are forgotten."""

    __slots__ = ("_keys", "_name", "_token")

    def __init__(self, name: str, keys: Keys | None = None) -> None:
        self._name = name
        self._keys = keys

    def __enter__(self) -> None:
        self._token = _scope.set(f"{_scope.get()}{self._name}/")

    def __exit__(self, *_: object) -> None:
        prefix = _scope.get()
        _scope.reset(self._token)
        if self._keys is not None:
            self._keys.close(prefix)


def enter(prefix: str) -> None:
    """Make `prefix/` the scope of this task for the rest of its life."""
    _scope.set(f"{prefix}/")


def here() -> str:
    """The scope of the task that asks, ending in `/` where there is one."""
    return _scope.get()


def tool_of(key: str) -> str:
    """The tool in a key such as `step2/call/1/tool:lookup#2`."""
    name = key.partition("tool:")[2]
    bare, _, count = name.rpartition("#")
    return bare if bare and count.isdecimal() else name
