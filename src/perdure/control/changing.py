"""Files that change, found by looking at them: no thread, no library, a few microseconds for each file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from .publishing import Stamp, stamp_of


class Changing:
    """Looks at `files`, asked for anew each time. A change counts once the file looked the same twice in a row, so that
    nobody reads what is still being written; so does that a file came, or went."""

    def __init__(self, files: Callable[[], Iterable[Path]]) -> None:
        self._files = files
        self._known = self._stamps()
        self._before = self._known

    def look(self) -> frozenset[Path]:
        """What has changed since the last time that it was told."""
        now, known, before = self._stamps(), self._known, self._before
        self._before = now
        changed = frozenset(
            path
            for path in now.keys() | known.keys()
            if now.get(path) != known.get(path) and now.get(path) == before.get(path)
        )
        if changed:
            self._known = {**known, **{path: now.get(path) for path in changed}}
        return changed

    def _stamps(self) -> dict[Path, Stamp | None]:
        return {path: stamp_of(path) for path in self._files()}
