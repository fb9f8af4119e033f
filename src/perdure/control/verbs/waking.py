"""What wakes agents: deployments, deliveries, schedules, topics."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from perdure import control

from . import Verbs

if TYPE_CHECKING:
    from perdure.agents.schedules import Schedule
    from perdure.agents.spec import AgentSpec
    from perdure.base.envelope import Envelope
    from perdure.bus.port import Published
    from perdure.control.capabilities import Capabilities
    from perdure.control.checking import Check
    from perdure.control.comparing import Comparison
    from perdure.control.deploying import Deployed
    from perdure.control.schedules import Planned
    from perdure.control.starting import Runnable
    from perdure.control.subscriptions import Subscribed
    from perdure.control.topics import Topics
    from perdure.control.webhooks import Delivery, Webhook
    from perdure.kernel.store.rows import RunRow
    from perdure.kernel.topics import QoS


class Waking(Verbs):
    """What brings agents something to do."""

    async def deploy(self, target: Runnable, *, agent: str | None = None, overrides: Sequence[str] = ()) -> Deployed:
        """Let an agent or a flow be there, of this spec from its next run on, woken by what its `on` says."""
        definition = self._runtime.library.definition(target, overrides)
        return await control.deploying.deploy(self._runtime, definition, agent=agent)

    async def check(self) -> Check:
        """What the files as they are now would break of what is under way; asks nobody, writes nothing."""
        return await control.checking.check(self._runtime)

    async def compare(self, old: AgentSpec, new: AgentSpec) -> Comparison:
        """What differs between two definitions of an agent, and what that means for cost, rights and runs."""
        return await control.comparing.compare(self._runtime, old, new)

    async def deliver(self, envelope: Envelope) -> RunRow:
        """Accept an envelope for an agent that there is; it is on disk when this returns, and never accepted twice:
        again it gives the run that it began."""
        return await control.delivering.deliver(self._runtime, envelope)

    async def webhook(self, agent: str, source: str) -> Webhook:
        """How deliveries of this source to an agent are signed. Raises NoSuchRoute where it takes none."""
        return await control.webhooks.find_webhook(self._runtime, agent, source)

    async def take_in(self, webhook: Webhook, delivery: Delivery) -> RunRow:
        """Accept a delivery whose signature is right; it is on disk when this returns, and accepted once."""
        return await control.webhooks.take_in(self._runtime, webhook, delivery)

    def webhook_source(self, source: str) -> Webhook:
        """How deliveries of this source, which are published, are signed. Raises NoSuchRoute where none are."""
        return control.webhooks.find_source(self._runtime, source)

    async def publish_delivery(self, webhook: Webhook, delivery: Delivery, *, traceparent: str = "") -> Published:
        """Publish a delivery whose signature is right, on the topic of its source, once."""
        return await control.webhooks.publish(self._runtime, webhook, delivery, traceparent=traceparent)

    async def schedules(self, agent: str) -> list[Planned]:
        """An agent's schedules, the next to come first."""
        return await control.schedules.planned(self._runtime, agent)

    async def schedule(self, agent: str, schedule: Schedule, *, id: str = "") -> Planned:
        """Set a schedule for an agent that there is, or replace the one of this id."""
        return await control.schedules.plan(self._runtime, agent, schedule, id=id)

    async def unschedule(self, agent: str, id: str) -> bool:
        """Drop a schedule; False where there is none of this id."""
        return await control.schedules.drop(self._runtime, agent, id)

    @cached_property
    def topics(self) -> Topics:
        """Topics between agents: publish, request, hear, and read again."""
        return control.topics.Topics(self._runtime)

    async def publish(self, topic: str, payload: Any, **more: Any) -> Published:
        """Publish an event; see `Topics.publish` for what more can be said."""
        return await self.topics.publish(topic, payload, **more)

    @cached_property
    def capabilities(self) -> Capabilities:
        """What programs beside the server offer, called by name."""
        return control.capabilities.Capabilities(self._runtime)

    def heard(self) -> None:
        """The log or the subscriptions changed, by the doing of this process."""
        if "topics" in self.__dict__:
            self.topics.heard()

    def listen(self) -> None:
        """A run of this process waits for an event: it is to hear it also where nobody takes over what lies idle."""
        self.topics.listen()

    async def subscriptions(self, agent: str = "") -> list[Subscribed]:
        """What agents hear: all of them, or one."""
        return await control.subscriptions.list_subscriptions(self._runtime, agent)

    async def subscribe(self, agent: str, pattern: str, *, qos: QoS = "background", input: str = "") -> Subscribed:
        """Let events of these topics begin runs of an agent, from now on."""
        return await control.subscriptions.subscribe(self._runtime, agent, pattern, qos=qos, input=input)

    async def unsubscribe(self, agent: str, id: str) -> bool:
        """End a subscription; False where there is none of this id."""
        return await control.subscriptions.unsubscribe(self._runtime, agent, id)
