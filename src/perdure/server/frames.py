"""Events as they are sent, each encoded once for everybody who watches."""

from __future__ import annotations

from collections import OrderedDict

from perdure.control.listening import RunEvent

from .sse import frame

KEPT = 256
"""Frames that are kept for others who watch the same."""
LARGEST = 64 * 1024
"""Bytes of a frame that is kept, so that all of them are 16 MiB at most."""


class Frames:
    """The last events as they are sent. Whoever watches the same is handed the same event, and so the same bytes."""

    def __init__(self) -> None:
        self._made: OrderedDict[int, tuple[RunEvent, bytes]] = OrderedDict()

    def of(self, event: RunEvent) -> bytes:
        found = self._made.get(id(event))
        if found is not None:
            return found[1]
        made = frame(event.type, event, _id(event))
        if len(made) <= LARGEST:
            self._made[id(event)] = event, made
            if len(self._made) > KEPT:
                self._made.popitem(last=False)
        return made


def _id(event: RunEvent) -> int | str:
    """Its cursor; nothing where it has none. The beginning of a journal is one too."""
    return str(event.seq) if event.seq or event.type == "now" else ""
