"""Watches files: each that is new or changed, and at rest, becomes an event for an agent or on a topic."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path
from typing import Any, TypeAlias

from perdure.agents.project import STATE_FOLDER
from perdure.base.background import Background
from perdure.base.clock import Clock
from perdure.base.codec import digest, pack, to_json, unpack_as
from perdure.base.envelope import Envelope
from perdure.base.errors import PerdureError

from .keeping import Keeping
from .port import Sink

EVERY_MS = 1_000
_Mark: TypeAlias = tuple[int, int]
"""When a file was modified (ns) and its size (bytes)."""
_Marks: TypeAlias = dict[str, _Mark]


class FileWatch:
    """Looks every `every_ms` for regular files below `folder` that match `pattern` (`inbox/*.csv`, `**` for any depth).

    A file is handed over once it looked the same twice in a row, also one that was there before anybody watched. What
    was handed over is kept, so that a restart neither repeats nor misses; files that go tell nothing. The event is
    `{event: created | modified, path, size, modified_at}`, behind `input` where there is one; it is for the agent `to`,
    or else for whoever hears the `topic`. `owner` is whom it is watched for.
    """

    def __init__(
        self,
        folder: Path,
        pattern: str,
        *,
        owner: str,
        keeping: Keeping,
        clock: Clock,
        to: str = "",
        topic: str = "file",
        input: str = "",
        every_ms: int = EVERY_MS,
    ) -> None:
        self.name = f"file:{owner}:{pattern}"
        self.trouble: Exception | None = None
        self._folder = folder
        self._pattern = pattern
        self._owner = owner
        self._keeping = keeping
        self._clock = clock
        self._to = to
        self._topic = topic
        self._input = input
        self._every_ms = every_ms
        self._before: _Marks = {}
        self._work = Background(self._run)

    async def start(self, sink: Sink) -> None:
        self._work.start(sink)

    async def stop(self) -> None:
        await self._work.stop()

    async def _run(self, sink: Sink) -> None:
        while True:
            try:
                await self._look(sink)
                self.trouble = None
            except (PerdureError, OSError) as error:
                self.trouble = error  # what was not accepted is not remembered: the next look hands it over again
            await self._clock.sleep(self._every_ms)

    async def _look(self, sink: Sink) -> None:
        data = await self._keeping.load()
        seen = {} if data is None else unpack_as(data, _Marks)
        found = await asyncio.to_thread(_scan, self._folder, self._pattern)
        kept: _Marks = {path: mark for path, mark in seen.items() if path in found}
        try:
            for path, mark in sorted(found.items()):
                if seen.get(path) != mark and self._before.get(path) == mark:
                    await sink(self._envelope(path, mark, is_new=path not in seen))
                    kept[path] = mark
        finally:
            self._before = found
            if kept != seen:
                await self._keeping.save(pack(kept))

    def _envelope(self, path: str, mark: _Mark, *, is_new: bool) -> Envelope:
        modified_ns, size = mark
        happened: dict[str, Any] = {
            "event": "created" if is_new else "modified",
            "path": path,
            "size": size,
            "modified_at": modified_ns // 1_000_000,
        }
        return Envelope(
            f"env_{digest([self._owner, path, modified_ns, size])}",
            self._to,
            "event",
            f"{self._input}\n\n{to_json(happened).decode()}" if self._input else happened,
            "file",
            topic=self._topic,
            created_at=self._clock.now(),
        )


def _scan(folder: Path, pattern: str) -> _Marks:
    found: _Marks = {}
    for path in folder.glob(pattern):
        shown = path.relative_to(folder)
        if STATE_FOLDER in shown.parts:
            continue
        try:
            one = path.lstat()
        except FileNotFoundError:
            continue  # gone since it was listed
        if stat.S_ISREG(one.st_mode):
            found[shown.as_posix()] = (one.st_mtime_ns, one.st_size)
    return found
