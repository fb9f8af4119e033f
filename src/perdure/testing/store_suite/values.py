"""Values: bytes that an agent keeps under keys of its own."""

from __future__ import annotations

from perdure.base.codec import digest_bytes
from perdure.base.errors import AgentNotFound, InputError, VersionConflict
from perdure.kernel.store.ops import VALUE_LIMIT, DeleteAgent, DropValue, PutValue, ValueIs
from perdure.kernel.store.port import Store
from perdure.kernel.store.rows import ValueRow

from .samples import OpenStore, agent, append, opened, refused


def _put(key: str, data: bytes = b"x", agent_id: str = "a") -> PutValue:
    return PutValue(agent_id, key, data, 7)


async def _keys(store: Store, prefix: str = "", agent_id: str = "a") -> list[str]:
    """All keys with this prefix, read in pages of two."""
    found: list[str] = []
    cursor = ""
    while True:
        page = await store.values(agent_id, prefix, cursor=cursor, limit=2)
        found += [row.key for row in page.items]
        cursor = page.next
        if not cursor:
            return found


class Values:
    async def test_a_value_is_kept_until_it_is_replaced_or_dropped(self, open_store: OpenStore) -> None:
        one, two = digest_bytes(b"one"), digest_bytes(b"two")
        async with opened(open_store) as store:
            assert await store.commit([agent("a"), agent("b"), _put("k", b"one")]) == [None, None, one]
            assert await store.value("a", "k") == ValueRow("a", "k", b"one", 7, one)
            assert await store.commit([PutValue("a", "k", b"two", 8)]) == [two]
            assert await store.value("a", "k") == ValueRow("a", "k", b"two", 8, two)
            assert await store.value("b", "k") is None and await store.value("nobody", "k") is None
            dropped = [DropValue("b", "k"), DropValue("a", "k"), DropValue("a", "k"), DropValue("nobody", "k")]
            assert await store.commit(dropped) == [False, True, False, False]
            assert await store.value("a", "k") is None

    async def test_values_are_listed_by_prefix_in_order_of_their_keys(self, open_store: OpenStore) -> None:
        keys = ["goal:2", "goal:10", "goal", "goal:", "goal:\U0010ffff", "goal;", "gob", "é", "%", "go_l:1", "a\0b"]
        async with opened(open_store) as store:
            await store.commit([agent("a"), agent("b"), *(_put(key) for key in keys), _put("goal:3", agent_id="b")])
            assert await _keys(store) == sorted(keys)
            assert await _keys(store, "goal:") == ["goal:", "goal:10", "goal:2", "goal:\U0010ffff"]
            assert await _keys(store, "goal:2") == ["goal:2"]
            assert await _keys(store, "go_") == ["go_l:1"] and await _keys(store, "a\0") == ["a\0b"]
            assert await _keys(store, "none") == [] and await _keys(store, agent_id="nobody") == []
            assert await _keys(store, agent_id="b") == ["goal:3"]

    async def test_many_values_change_together_or_not_at_all(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent(), _put("k1"), _put("k2")])
            await refused(AgentNotFound, store.commit([_put("k3"), DropValue("a", "k1"), _put("k", agent_id="nobody")]))
            assert await _keys(store) == ["k1", "k2"]
            await store.commit([_put("k3"), DropValue("a", "k1")])
            assert await _keys(store) == ["k2", "k3"]

    async def test_value_is_guards_against_changes_by_others(self, open_store: OpenStore) -> None:
        absent = ValueIs("a", "k", None)
        async with opened(open_store) as store:
            await store.commit([agent()], [absent])
            (first,) = await store.commit([_put("k", b"1")], [absent, ValueIs("nobody", "k", None)])
            error = await refused(VersionConflict, store.commit([_put("k", b"lost")], [absent]))
            assert error.facts == {"agent_id": "a", "key": "k", "digest": first}
            (second,) = await store.commit([_put("k", b"2")], [ValueIs("a", "k", first)])
            await refused(VersionConflict, store.commit([_put("k", b"lost")], [ValueIs("a", "k", first)]))
            await store.commit([DropValue("a", "k")], [ValueIs("a", "k", second)])
            error = await refused(VersionConflict, store.commit([_put("k", b"lost")], [ValueIs("a", "k", second)]))
            assert error.facts["digest"] is None and await store.value("a", "k") is None

    async def test_the_project_keeps_values_of_its_own(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([_put("k", b"1", ""), agent("a"), _put("k")], [ValueIs("", "k", None)])
            assert await store.value("", "k") == ValueRow("", "k", b"1", 7, digest_bytes(b"1"))
            assert await _keys(store, agent_id="") == ["k"] and await _keys(store, "l", agent_id="") == []
            await refused(VersionConflict, store.commit([_put("k", b"2", "")], [ValueIs("", "k", None)]))
            await store.commit([DeleteAgent("a")])
            await store.gc(9)
            assert await _keys(store, agent_id="") == ["k"]
            assert await store.commit([DropValue("", "k"), DropValue("", "k")]) == [True, False]
            assert await store.value("", "k") is None

    async def test_a_value_that_is_too_long_or_has_no_key_fails_its_own_commit(self, open_store: OpenStore) -> None:
        longest = b"x" * VALUE_LIMIT
        async with opened(open_store) as store:
            await store.commit([agent(), _put("k", longest), _put("empty", b"")])
            long = store.commit([append("1"), _put("k", longest + b"y")])
            nameless = store.commit([append("2"), _put("")])
            surrogate = store.commit([append("3"), _put("\ud800")])
            after = store.commit([append("4")])
            assert (await refused(InputError, long)).facts["limit"] == VALUE_LIMIT
            await refused(InputError, nameless)
            await refused(InputError, surrogate)
            assert await after == [[1]]
            row, empty = await store.value("a", "k"), await store.value("a", "empty")
            assert row is not None and row.data == longest and empty is not None and empty.data == b""

    async def test_the_values_of_a_deleted_agent_are_gone(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent("a"), agent("b"), _put("k"), _put("k", agent_id="b")])
            await store.commit([DeleteAgent("a"), agent("a")])
            assert await _keys(store) == [] and await _keys(store, agent_id="b") == ["k"]
