"""Events: published once, read in order, removed when they are old; and marks, which are places among them."""

from __future__ import annotations

from perdure.base.errors import AgentNotFound, InputError, VersionConflict
from perdure.kernel.store.ops import (
    EVENT_LIMIT,
    DeleteAgent,
    DropMark,
    MarkIs,
    PublishEvent,
    PutMark,
    SetTimer,
    TrimEvents,
)
from perdure.kernel.store.rows import EventFilter, EventRow, MarkRow, Timer, TopicRow

from .samples import OpenStore, agent, opened, refused

ALL = EventFilter()


def publish(id: str, topic: str = "a.b", at: int = 1) -> PublishEvent:
    return PublishEvent(id, topic, f"data of {id}".encode(errors="replace"), at)


def ids(rows: list[EventRow]) -> list[str]:
    return [row.id for row in rows]


class Events:
    durable = True

    async def test_events_have_one_order_and_each_comes_once(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            assert await store.last_event() == 0
            assert await store.commit([publish("e1"), publish("e2")]) == [(1, True), (2, True)]
            assert await store.commit([publish("e1", "other"), publish("e3")]) == [(1, False), (3, True)]
            assert await store.events(ALL, limit=1) == [EventRow(1, "e1", "a.b", 1, b"data of e1")]
            assert ids(await store.events(ALL, after=1)) == ["e2", "e3"]
            assert ids(await store.events(ALL, before=3, order="newest")) == ["e2", "e1"]
            assert await store.event("e2") == EventRow(2, "e2", "a.b", 1, b"data of e2")
            assert await store.event("e9") is None and await store.last_event() == 3

    async def test_an_event_too_long_is_refused_with_its_commit(self, open_store: OpenStore) -> None:
        long = PublishEvent("e1", "a", bytes(EVENT_LIMIT + 1), 1)
        async with opened(open_store) as store:
            await refused(InputError, store.commit([publish("e0"), long]))
            await refused(InputError, store.commit([publish("e0"), publish("e\udc80")]))
            assert await store.events(ALL) == []
            await store.commit([PublishEvent("e1", "a", bytes(EVENT_LIMIT), 1)])
            assert len((await store.events(ALL))[0].data) == EVENT_LIMIT

    async def test_a_filter_chooses_by_topic_and_time(self, open_store: OpenStore) -> None:
        topics = ["a", "a.b", "a.b.c", "a-b", "ab.c", "a.é"]
        async with opened(open_store) as store:
            await store.commit([publish(topic, topic, at) for at, topic in enumerate(topics)])
            assert ids(await store.events(EventFilter(topic="a.b"))) == ["a.b"]
            assert ids(await store.events(EventFilter(prefix="a."))) == ["a.b", "a.b.c", "a.é"]
            assert ids(await store.events(EventFilter(prefix="a.", since=2), limit=1)) == ["a.b.c"]
            assert await store.events(EventFilter(topic="a", prefix="a.")) == []

    async def test_topics_are_listed_page_by_page(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([publish("e1", "b", 5), publish("e2", "a", 6), publish("e3", "b", 7)])
            page = await store.topics(limit=1)
            assert page.items == [TopicRow("a", 1, 2, 2, 6, 6)]
            assert (await store.topics(cursor=page.next)).items == [TopicRow("b", 2, 1, 3, 5, 7)]
            assert [row.topic for row in (await store.topics("b")).items] == ["b"]

    async def test_trimming_takes_the_oldest_by_time_or_number(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([publish(f"e{n}", "a" if n % 2 else "b", n) for n in range(1, 11)])
            assert await store.commit([TrimEvents("a", 10, before=3)]) == [1]
            assert await store.commit([TrimEvents("a", 10, keep=2)]) == [2]
            assert ids(await store.events(ALL)) == ["e2", "e4", "e6", "e7", "e8", "e9", "e10"]
            assert await store.commit([TrimEvents("b", 6, keep=0)]) == [3]
            assert await store.commit([TrimEvents("a", 99, before=99, most=1), TrimEvents("c", 99, keep=0)]) == [1, 0]
            assert ids(await store.events(ALL)) == ["e8", "e9", "e10"]
            assert await store.commit([TrimEvents("a", 99, keep=0), TrimEvents("b", 99, before=99)]) == [1, 2]
            assert await store.commit([publish("e1")]) == [(11, True)]

    async def test_trimmed_events_come_back_where_their_commit_fails(self, open_store: OpenStore) -> None:
        wrong = SetTimer(Timer("nobody", "r", "k", 1))
        async with opened(open_store) as store:
            await store.commit([publish("e1"), publish("e2"), publish("e3")])
            await refused(AgentNotFound, store.commit([TrimEvents("a.b", 2, keep=0), publish("e4"), wrong]))
            assert ids(await store.events(ALL)) == ["e1", "e2", "e3"]
            assert await store.commit([publish("e1")]) == [(1, False)]

    async def test_the_log_outlives_the_process(self, open_store: OpenStore) -> None:
        if not self.durable:
            return
        async with opened(open_store) as store:
            await store.commit([publish("e1"), publish("e2"), PutMark(MarkRow("m", 1, 7, b"x"))])
            await store.commit([TrimEvents("a.b", 2, keep=0)])
        async with opened(open_store) as store:
            assert await store.last_event() == 2 and await store.mark("m") == MarkRow("m", 1, 7, b"x")
            assert await store.commit([publish("e3")]) == [(3, True)]

    async def test_a_mark_moves_where_it_stands_as_expected(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([PutMark(MarkRow("m", 1, 7))], [MarkIs("m", None)])
            error = await refused(VersionConflict, store.commit([PutMark(MarkRow("m", 9, 7))], [MarkIs("m", None)]))
            assert error.facts == {"name": "m", "seq": 1}
            await store.commit([PutMark(MarkRow("m", 2, 8, b"data"))], [MarkIs("m", 1)])
            assert await store.mark("m") == MarkRow("m", 2, 8, b"data")
            assert await store.commit([DropMark("m"), DropMark("m")]) == [True, False]
            assert await store.mark("m") is None

    async def test_marks_are_listed_and_go_with_their_agent(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            marks = [MarkRow("s:1", 1, 1), MarkRow("s:2", 2, 1, b"", "a"), MarkRow("t", 3, 1, b"", "b")]
            await store.commit([agent("a"), agent("b"), *map(PutMark, marks)])
            page = await store.marks("s:", limit=1)
            assert page.items == marks[:1] and (await store.marks("s:", cursor=page.next)).items == marks[1:2]
            await store.commit([DeleteAgent("a")])
            assert (await store.marks()).items == [marks[0], marks[2]]
            await refused(AgentNotFound, store.commit([PutMark(MarkRow("u", 1, 1, b"", "a"))]))
