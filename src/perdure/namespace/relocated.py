"""A watch seen from another place: the paths of its changes begin with where its service stands."""

from __future__ import annotations

from .path import Path
from .port import Change, Watch


class Relocated:
    """Puts `above` in front of the path of each change, after taking its first `strip` names away."""

    __slots__ = ("_above", "_strip", "_watch")

    def __init__(self, watch: Watch, above: Path, strip: int = 0) -> None:
        self._watch = watch
        self._above = above
        self._strip = strip

    def __aiter__(self) -> Relocated:
        return self

    async def __anext__(self) -> Change:
        change = await self._watch.__anext__()
        return Change(change.kind, self._above + change.path[self._strip :], change.seq, change.data)

    async def aclose(self) -> None:
        await self._watch.aclose()
