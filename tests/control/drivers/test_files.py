from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from perdure.base.clock import ManualClock
from perdure.base.envelope import Envelope
from perdure.base.errors import InboxFull, PerdureError
from perdure.control.drivers.files import FileWatch
from perdure.control.drivers.keeping import WithAgent
from perdure.kernel.store.memory import MemoryStore
from perdure.kernel.store.ops import PutAgent
from perdure.kernel.store.rows import AgentRow


class Inbox:
    """A sink that keeps what it accepted, and refuses while it is told to."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.refuses: PerdureError | None = None

    async def __call__(self, envelope: Envelope) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.envelopes.append(envelope)

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(one.payload["event"], one.payload["path"]) for one in self.envelopes]


class Place:
    """A folder, watched for an agent by one process after another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = ManualClock()
        self.store = MemoryStore()
        self.inbox = Inbox()

    @asynccontextmanager
    async def watched(self, pattern: str = "inbox/*.csv", **options: str) -> AsyncIterator[FileWatch]:
        await self.store.commit([PutAgent(AgentRow("ann", "spec", 0))])
        keeping = WithAgent(self.store, self.clock, "ann", f"watch:{pattern}")
        watch = FileWatch(self.folder, pattern, owner="ann", to="ann", keeping=keeping, clock=self.clock, **options)
        await watch.start(self.inbox)
        try:
            yield watch
        finally:
            await watch.stop()

    async def look(self, times: int = 2) -> None:
        """Let the watch look so many times."""
        for _ in range(times):
            await self._at_rest()
            await self.clock.advance(1_000)
        await self._at_rest()

    async def _at_rest(self) -> None:
        while not any(not sleeper.done() for _, _, sleeper in self.clock._sleepers):
            await asyncio.sleep(0.001)

    def write(self, name: str, text: str, at: int = 1_700_000_000) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (at, at))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


async def test_a_file_is_told_of_once_when_it_is_new_and_again_when_it_changes(place: Place) -> None:
    async with place.watched():
        await place.look()
        place.write("inbox/a.csv", "1")
        place.write("inbox/a.txt", "1")
        await place.look(5)
        assert place.inbox.told == [("created", "inbox/a.csv")]
        place.write("inbox/a.csv", "12", at=1_700_000_009)
        await place.look(5)
    assert place.inbox.told == [("created", "inbox/a.csv"), ("modified", "inbox/a.csv")]
    first, second = place.inbox.envelopes
    assert first.id != second.id
    assert (first.to, first.kind, first.payload["size"]) == ("ann", "event", 1)
    assert second.payload["modified_at"] == 1_700_000_009_000


async def test_a_file_that_is_still_being_written_is_waited_for(place: Place) -> None:
    async with place.watched():
        await place.look()
        for size in range(1, 6):
            place.write("inbox/a.csv", "x" * size, at=1_700_000_000 + size)
            await place.look(1)
        assert place.inbox.told == []
        await place.look()
    assert [one.payload["size"] for one in place.inbox.envelopes] == [5]


async def test_a_restart_neither_repeats_nor_misses(place: Place) -> None:
    place.write("inbox/there_before.csv", "0")
    async with place.watched():
        place.write("inbox/a.csv", "1")
        await place.look(4)
    place.write("inbox/a.csv", "changed", at=1_700_000_009)
    place.write("inbox/b.csv", "2")
    async with place.watched():
        await place.look(4)
    async with place.watched():
        await place.look(4)
    assert sorted(place.inbox.told) == [
        ("created", "inbox/a.csv"),
        ("created", "inbox/b.csv"),
        ("created", "inbox/there_before.csv"),
        ("modified", "inbox/a.csv"),
    ]


async def test_the_same_happening_has_the_same_id_in_every_process(place: Place) -> None:
    place.write("inbox/a.csv", "1")
    for pattern in ("inbox/*.csv", "**/*.csv"):
        async with place.watched(pattern):
            await place.look(4)
    assert len(place.inbox.envelopes) == 2 and len({one.id for one in place.inbox.envelopes}) == 1


async def test_what_is_refused_is_handed_over_again_later(place: Place) -> None:
    place.write("inbox/a.csv", "1")
    place.inbox.refuses = InboxFull("the inbox is full")
    async with place.watched() as watch:
        await place.look(4)
        assert (place.inbox.told, watch.trouble) == ([], place.inbox.refuses)
        place.inbox.refuses = None
        await place.look(3)
        assert watch.trouble is None
    assert place.inbox.told == [("created", "inbox/a.csv")]


async def test_links_folders_and_the_state_of_the_project_are_not_watched(place: Place, tmp_path: Path) -> None:
    (place.folder / "inbox").mkdir()
    (place.folder / "inbox/link.csv").symlink_to("/etc/hostname")
    (place.folder / "inbox/folder.csv").mkdir()
    place.write(".perdure/a.csv", "1")
    async with place.watched("**/*.csv"):
        await place.look(4)
    assert place.inbox.told == []


async def test_what_an_agent_is_to_do_stands_before_what_happened(place: Place) -> None:
    place.write("inbox/a.csv", "1")
    async with place.watched(input="Import it."):
        await place.look(4)
    (envelope,) = place.inbox.envelopes
    assert envelope.payload.startswith("Import it.\n\n{") and '"inbox/a.csv"' in envelope.payload
