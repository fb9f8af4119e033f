"""What agents hear: subscriptions seen, made and ended by a person, or as an agent's file says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from perdure.agents.spec import Trigger
from perdure.base.codec import unpack_as
from perdure.kernel import topics
from perdure.kernel.store.ops import Op
from perdure.kernel.topics import MARKS, QoS, Subscription

from .finding import find_agent

if TYPE_CHECKING:
    from .runtime import Runtime


class Subscribed(msgspec.Struct, frozen=True):
    """A subscription that is there. `seq` is the last event of the log that was seen to, `source` is `spec` where it
    follows the agent's file, and `run_id` the run that listens, where it is one and no agent."""

    id: str
    agent_id: str
    pattern: str
    qos: QoS
    seq: int
    input: str = ""
    run_id: str = ""
    source: str = ""


async def subscribe(
    runtime: Runtime, agent_id: str, pattern: str, *, qos: QoS = "background", input: str = ""
) -> Subscribed:
    """Let events of these topics begin runs of an agent, from now on; one that is there already stays as it is. Raises
    AgentNotFound and InputError."""
    wanted = topics.subscription(agent_id, pattern, qos=qos, input=input)
    await find_agent(runtime.store, agent_id)
    seq = await topics.place(runtime.store, wanted)
    await runtime.store.commit([topics.subscribe(wanted, seq, now=runtime.clock.now())])
    runtime.heard()
    return _shown(wanted, seq)


async def unsubscribe(runtime: Runtime, agent_id: str, id: str) -> bool:
    """End a subscription. False where there is none of this id. Raises AgentNotFound."""
    await find_agent(runtime.store, agent_id)
    (ended,) = await runtime.store.commit([topics.unsubscribe(agent_id, id)])
    runtime.heard()
    return bool(ended)


async def list_subscriptions(runtime: Runtime, agent_id: str = "") -> list[Subscribed]:
    """All subscriptions, or those of one agent, in order of agents."""
    found: list[Subscribed] = []
    cursor = ""
    while True:
        page = await runtime.store.marks(f"{MARKS}{agent_id}/" if agent_id else MARKS, cursor=cursor, limit=500)
        found += [_shown(unpack_as(mark.data, Subscription), mark.seq) for mark in page.items]
        cursor = page.next
        if not cursor:
            return found


async def follow_file(runtime: Runtime, agent_id: str, triggers: tuple[Trigger, ...]) -> None:
    """Let the subscriptions that come from the agent's file be those of `triggers`; the others stay as they are."""
    wanted = {
        one.id: one
        for trigger in triggers
        if trigger.topic is not None
        for one in (topics.subscription(agent_id, trigger.topic, qos=trigger.qos, input=trigger.input, source="spec"),)
    }
    there = {one.id for one in await list_subscriptions(runtime, agent_id) if one.source == "spec"}
    if there == wanted.keys():
        return
    now, last = runtime.clock.now(), await runtime.store.last_event()
    ops: list[Op] = [topics.unsubscribe(agent_id, id) for id in there - wanted.keys()]
    ops += [topics.subscribe(wanted[id], last, now=now) for id in wanted.keys() - there]
    await runtime.store.commit(ops)
    runtime.heard()


def _shown(wanted: Subscription, seq: int) -> Subscribed:
    return Subscribed(
        wanted.id, wanted.agent_id, wanted.pattern, wanted.qos, seq, wanted.input, wanted.run_id, wanted.source
    )
