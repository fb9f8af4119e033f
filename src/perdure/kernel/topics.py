"""Topics, as runs see them: what they publish goes into the log with their commit, and what they subscribe to comes
into their agent's inbox from there.

A subscription is a mark in the log: its seq is the last event that was seen to, its bytes say what it wants.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from perdure.base.codec import digest, pack
from perdure.base.envelope import DEFAULT_PRIORITY, MAX_HOPS, Envelope
from perdure.base.errors import InputError
from perdure.base.topic import ADDRESS, check_pattern, check_topic

from .outgoing import Outgoing
from .store.ops import EVENT_LIMIT, DropMark, Op, PublishEvent, PutMark
from .store.port import Store
from .store.rows import MarkRow

if TYPE_CHECKING:
    from .context import Context

QoS: TypeAlias = Literal["realtime", "batched", "background"]
"""What happens where a subscriber is behind: `realtime` loses the oldest, the others wait; `batched` is handed all that
waits at once."""

MARKS = "subscription:"
"""What the names of subscriptions begin with among the marks."""
PRIORITIES = range(0, 101)
MOST_ID = 255
MOST_KIND = 64


class Subscription(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an agent wants to hear. `input` is what it is asked with each event. With `run_id` the events answer that
    run, and no others. One whose `source` is `spec` follows the agent's file."""

    id: str
    agent_id: str
    pattern: str
    qos: QoS = "background"
    input: str = ""
    run_id: str = ""
    source: Literal["spec", ""] = ""

    @property
    def mark(self) -> str:
        return f"{MARKS}{self.agent_id}/{self.id}"


def subscription(
    agent_id: str,
    pattern: str,
    *,
    qos: QoS = "background",
    input: str = "",
    run_id: str = "",
    source: Literal["spec", ""] = "",
) -> Subscription:
    """A subscription, whose id is the same wherever the same is wanted. Raises InputError."""
    id = f"sub_{digest([agent_id, pattern, qos, input, run_id, source])}"
    return Subscription(id, agent_id, check_pattern(pattern), qos, input, run_id, source)


def subscribe(wanted: Subscription, after: int, *, now: int) -> PutMark:
    """What it takes to hear events behind the seq `after`."""
    return PutMark(MarkRow(wanted.mark, after, now, pack(wanted), wanted.agent_id))


def unsubscribe(agent_id: str, id: str) -> DropMark:
    return DropMark(f"{MARKS}{agent_id}/{id}")


async def place(store: Store, wanted: Subscription) -> int:
    """Where a subscription begins: where it stands, if it is there, else at the end of the log."""
    mark = await store.mark(wanted.mark)
    return await store.last_event() if mark is None else mark.seq


def publication(envelope: Envelope) -> PublishEvent:
    """What it takes to publish an envelope: to its topic, or to the one that `to` names."""
    topic = envelope.topic or envelope.to.removeprefix(ADDRESS)
    event = msgspec.structs.replace(envelope, to="", topic=topic)
    return PublishEvent(event.id, topic, pack(event), event.created_at)


def check_event(envelope: Envelope) -> PublishEvent:
    """What it takes to publish an envelope, where that can be done. Raises InputError."""
    made = publication(envelope)
    check_topic(made.topic)
    if envelope.reply_to.startswith(ADDRESS):
        check_topic(envelope.reply_to.removeprefix(ADDRESS))
    if len(made.data) > EVENT_LIMIT:
        raise InputError(
            f"the event has {len(made.data):,} bytes, which is more than {EVENT_LIMIT:,}",
            hint="Put what is large into a file or a value, and publish where it is.",
        )
    if len(envelope.kind) > MOST_KIND or len(envelope.id) > MOST_ID or not envelope.id:
        raise InputError(f"an id has 1 to {MOST_ID} characters, and a kind at most {MOST_KIND}")
    if envelope.priority not in PRIORITIES:
        raise InputError(f"a priority is 0 (the first) to {PRIORITIES[-1]}, not {envelope.priority}")
    if envelope.hops > MAX_HOPS:
        raise InputError(f"the event was passed on more than {MAX_HOPS} times: it goes round in circles")
    return made


def unpublishable(envelope: Envelope) -> str | None:
    """Why an envelope of a run cannot be published, None where it can: then its sender keeps it."""
    if envelope.hops > MAX_HOPS:
        return "hops"
    try:
        check_event(envelope)
    except InputError:
        return "unpublishable"
    return None


class Topics:
    """The topics, as one run sees them: `ctx.topics`."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._x = ctx._x

    def publish(
        self,
        topic: str,
        payload: Any,
        *,
        kind: str = "event",
        thread: str = "",
        correlation: str = "",
        reply_to: str = "",
        priority: int = DEFAULT_PRIORITY,
        expires_in_ms: int | None = None,
    ) -> str:
        """Publish an event when this tick commits; gives its id. Answers to it go to the topic `reply_to`, else to this
        agent as messages. Raises InputError."""
        key = self._x.keys.next("publish", topic)
        now = self._x.clock.now()
        envelope = self._ctx._letter(
            key,
            f"{ADDRESS}{topic}",
            payload,
            kind=kind,
            correlation=correlation,
            priority=priority,
            expires_at=None if expires_in_ms is None else now + expires_in_ms,
        )
        if thread or reply_to:
            envelope = msgspec.structs.replace(
                envelope,
                thread=thread or envelope.thread,
                reply_to=f"{ADDRESS}{reply_to}" if reply_to else envelope.reply_to,
            )
        if envelope.hops <= MAX_HOPS:  # one too many is lost when it is sent, as any message is
            check_event(envelope)
        self._x.send(key, Outgoing(envelope))
        return envelope.id

    async def subscribe(self, pattern: str, *, qos: QoS = "background", input: str = "") -> str:
        """Let events of these topics begin runs of this agent, from now on; gives the subscription's id. Doing it again
        changes nothing."""
        return await self._subscribe(subscription(self._ctx.agent_id, pattern, qos=qos, input=input))

    async def listen(self, pattern: str, *, after: int | None = None, name: str = "") -> str:
        """Let events of these topics come to this run, to be taken by `hear`: from now on, or those behind the seq
        `after`. Gives the subscription's id; it ends with the run, or by `unsubscribe`. Under another `name`
        the same events come once more."""
        wanted = subscription(self._ctx.agent_id, pattern, run_id=self._ctx.run_id)
        if name:
            wanted = msgspec.structs.replace(wanted, id=f"sub_{digest([wanted.id, name])}")
        return await self._subscribe(wanted, after)

    @asynccontextmanager
    async def listening(self, pattern: str, *, after: int | None = None, name: str = "") -> AsyncIterator[str]:
        """Listen while this is entered. A branch that is cut off listens no more, so that nothing comes for nobody."""
        id = await self.listen(pattern, after=after, name=name)
        try:
            yield id
        finally:
            if not self._ctx.is_over:
                with self._ctx.shielded():
                    self.unsubscribe(id)

    async def hear(self, id: str, *, timeout_ms: int | None = None) -> Envelope | None:
        """The next event that `listen` brings; None when the time is up."""
        return await self._x.wait("reply", "hear", about={"subscription": id}, due_in=timeout_ms)

    def unsubscribe(self, id: str) -> None:
        """End a subscription of this agent when this tick commits; one that there is not changes nothing."""
        self._later(self._x.keys.next("unsubscribe", id), id, unsubscribe(self._ctx.agent_id, id))

    async def _subscribe(self, wanted: Subscription, after: int | None = None) -> str:
        async def look(_: str) -> int:
            return await place(self._x.store, wanted)

        key = self._x.keys.next("subscribe", wanted.pattern)
        if after is None:
            after = int(await self._ctx.effect("topics", wanted.pattern, look, effect="read"))
        self._later(key, wanted.id, subscribe(wanted, after, now=self._x.clock.now()))
        return wanted.id

    def _later(self, key: str, id: str, op: Op) -> None:
        self._x.send(key, Outgoing(Envelope(id, ADDRESS, "event", sender=self._ctx.agent_id), ops=(op,)))
