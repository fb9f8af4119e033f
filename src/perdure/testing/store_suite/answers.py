"""Remembered answers: the first one counts, until it expires or there are too many."""

from __future__ import annotations

from perdure.base.errors import InputError, KeyExists
from perdure.kernel.store.ops import ForgetExpired, NotRemembered, PutSpec, Remember
from perdure.kernel.store.rows import Answer

from .samples import OpenStore, agent, append, opened, refused


def _answer(key: str, data: bytes = b"x", at: int = 0, until: int = 100, keep: int = 10) -> Remember:
    return Remember(key, data, at, until, keep)


class Answers:
    async def test_the_first_answer_counts_until_it_expires(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            assert await store.commit([_answer("k", b"1", 0, 10), _answer("k", b"2", 0, 50)]) == [b"1", b"1"]
            assert await store.commit([_answer("k", b"3", 9, 50)]) == [b"1"]
            assert await store.remembered("k", 9) == b"1"
            assert await store.remembered("k", 10) is None and await store.remembered("other", 0) is None
            assert await store.commit([_answer("k", b"4", 10, 20)]) == [b"4"]
            assert await store.remembered("k", 10) == b"4"

    async def test_not_remembered_guards_against_doing_something_twice(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            guard = (NotRemembered("k", 5),)
            first = store.commit([agent(), append("1"), _answer("k", b"1", 5, 10)], guard)
            second = store.commit([append("2"), _answer("k", b"2", 5, 10)], guard)
            assert (await first)[2] == b"1"
            assert (await refused(KeyExists, second)).facts == {"key": "k"}
            assert await store.remembered("k", 5) == b"1"
            assert await store.commit([append("3")], [NotRemembered("k", 10)]) == [[2]]

    async def test_expired_answers_go_first_then_the_oldest(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([_answer("oldest"), _answer("old", until=200), _answer("expired", until=5)])
            await store.commit([_answer("new", at=10, keep=3)])
            assert [one.key for one in (await store.answers("", 10)).items] == ["new", "old", "oldest"]
            await store.commit([_answer("newer", at=10, keep=3)])
            assert [one.key for one in (await store.answers("", 10)).items] == ["new", "newer", "old"]
            await store.commit([_answer("old", b"again", at=200, until=300), _answer("newest", at=10, keep=2)])
            assert [one.key for one in (await store.answers("", 10)).items] == ["newest", "old"]

    async def test_expired_answers_are_forgotten_when_told_and_as_garbage(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([_answer(f"k{n}", b"123", until=n) for n in (1, 2, 3, 4)])
            assert await store.commit([ForgetExpired(2), ForgetExpired(2)]) == [2, 0]
            await store.commit([PutSpec("unused", b"12345", 1)])
            assert await store.gc() == {"blobs": 0, "specs": 1, "answers": 0, "bytes": 5}
            assert await store.gc(3) == {"blobs": 0, "specs": 0, "answers": 1, "bytes": 3}
            assert [one.key for one in (await store.answers("", 0)).items] == ["k4"]

    async def test_answers_are_listed_by_prefix_in_pages(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([_answer(key) for key in ("a:1", "a:2", "a:3", "b:1", "a")])
            await store.commit([_answer("a:0", until=5)])
            first = await store.answers("a:", 5, limit=2)
            second = await store.answers("a:", 5, limit=2, cursor=first.next)
            assert first.items == [Answer("a:1", b"x", 0, 100), Answer("a:2", b"x", 0, 100)]
            assert [one.key for one in second.items] == ["a:3"] and second.next == ""

    async def test_a_key_that_cannot_be_stored_fails_its_own_commit(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            unstorable = store.commit([_answer("\ud800")])
            after = store.commit([_answer("k")])
            await refused(InputError, unstorable)
            assert await after == [b"x"]
