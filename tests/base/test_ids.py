"""Ids sort by the time they were made."""

from __future__ import annotations

from uuid import UUID

from perdure.base.clock import ManualClock
from perdure.base.ids import Ids, seeded, uuid7


async def test_ids_sort_by_time_and_have_a_prefix():
    clock = ManualClock(1_000)
    ids = Ids(clock)
    first = ids.new("run")
    await clock.advance(1)
    second = ids.new("run")
    assert first.startswith("run_") and first < second


def test_the_same_seed_gives_the_same_ids():
    def some():
        ids = Ids(ManualClock(), seeded(7))
        return [ids.new("run"), ids.new("env"), ids.short()]

    assert some() == some()
    assert len(set(some())) == 3 and len(some()[2]) == 8


def test_it_is_a_uuid_of_version_seven():
    made = UUID(uuid7(1_750_000_000_000, bytes(range(10))))
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert made.int >> 80 == 1_750_000_000_000
