"""A request made twice is answered once, until its answer expires."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.base.clock import ManualClock
from perdure.base.errors import KeyExists
from perdure.kernel.idempotency import Idempotency, Scope
from perdure.kernel.store.memory import MemoryStore
from perdure.kernel.store.ops import PutAgent
from perdure.kernel.store.rows import AgentRow

SCOPE = Scope("support", "openai")
parts = st.text("a:%3A25", max_size=6)


async def test_the_first_answer_is_given_until_it_expires() -> None:
    clock = ManualClock()
    answers = Idempotency(MemoryStore(), clock)
    assert await answers.get(SCOPE, "k") is None
    assert await answers.put(SCOPE, "k", b"first") == b"first"
    assert await answers.put(SCOPE, "k", b"second") == b"first"
    await clock.advance(3_599_999)
    assert await answers.get(SCOPE, "k") == b"first" and await answers.contains(SCOPE, "k")
    await clock.advance(1)
    assert await answers.get(SCOPE, "k") is None and not await answers.contains(SCOPE, "k")
    assert await answers.put(SCOPE, "k", b"second") == b"second"


async def test_cleanup_counts_what_has_expired() -> None:
    clock = ManualClock()
    answers = Idempotency(MemoryStore(), clock, ttl_ms=1_000)
    await answers.put(SCOPE, "short", b"", ttl_ms=50)
    await answers.put(SCOPE, "usual", b"")
    await clock.advance(60)
    assert await answers.cleanup() == 1
    assert await answers.cleanup() == 0
    assert await answers.get(SCOPE, "usual") == b""


async def test_an_answer_is_remembered_with_what_the_request_does_or_nothing_is_done() -> None:
    store = MemoryStore()
    answers = Idempotency(store, ManualClock())
    for name in ("first", "second"):
        attempt = store.commit(
            [PutAgent(AgentRow(name, "spec", 1)), answers.op(SCOPE, "k", name.encode())], [answers.guard(SCOPE, "k")]
        )
        if name == "first":
            await attempt
            continue
        with pytest.raises(KeyExists):
            await attempt
    assert await store.load_agent("second") is None
    assert await answers.get(SCOPE, "k") == b"first"


async def test_scopes_keep_their_keys_apart() -> None:
    store = MemoryStore()
    answers = Idempotency(store, ManualClock())
    await answers.put(Scope("a", "b:c"), "k", b"1")
    assert await answers.get(Scope("a:b", "c"), "k") is None
    assert await answers.get(Scope("a", "b"), "c:k") is None
    (found,) = (await store.answers(Scope("a", "b:c").prefix, 0)).items
    assert found.key == "a:b%3Ac:k"


@given(st.tuples(parts, parts, parts), st.tuples(parts, parts, parts))
def test_different_requests_never_have_the_same_key(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    keys = [Scope(agent, provider).key(user_key) for agent, provider, user_key in (one, other)]
    assert (keys[0] == keys[1]) == (one == other)
