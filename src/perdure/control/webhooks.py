"""Webhooks: what other services tell over HTTP, as events that wake an agent, or on a topic for all who hear it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast, get_args

import msgspec

from perdure.agents.project import WebhookSettings
from perdure.agents.spec import AgentSpec
from perdure.base.codec import digest, to_json
from perdure.base.envelope import Envelope
from perdure.base.errors import ConfigError, NoSuchRoute, SpecNotFound
from perdure.kernel.store.rows import RunRow

from .starting import payload_of

if TYPE_CHECKING:
    from perdure.bus.port import Published

    from .runtime import Runtime

Scheme: TypeAlias = Literal["github", "stripe", "slack", "standard", "hmac"]
TOLERANCE_MS = 5 * 60_000


class Webhook(msgspec.Struct, frozen=True):
    """Where deliveries of one source are let in: for one agent, which is asked `input`, or for a `topic`. `headers`
    are those that are told beside the body."""

    source: str
    scheme: Scheme
    secrets: tuple[str, ...]
    tolerance_ms: int
    header: str
    id_header: str
    headers: tuple[str, ...]
    agent_id: str = ""
    input: str = ""
    topic: str = ""

    def __repr__(self) -> str:
        return f"Webhook({self.source!r}, {self.agent_id or self.topic!r})"


class Delivery(msgspec.Struct, frozen=True):
    """One delivery: `id` is what its sender calls it, however often it is sent; `headers` are those asked for that
    came."""

    id: str
    event: str
    body: Any
    headers: dict[str, str] = {}


async def find_webhook(runtime: Runtime, agent: str, source: str) -> Webhook:
    """Raises NoSuchRoute where the agent is not woken by this source, ConfigError where nothing is signed."""
    spec = await _spec(runtime, agent)
    trigger = next((one for one in spec.on if one.webhook == source), None) if spec is not None else None
    if trigger is None:
        raise NoSuchRoute(f"{agent[:100]!r} takes no deliveries of {source[:100]!r}", hint="Name it in `on: webhook`.")
    said = runtime.project.webhooks.get(source, WebhookSettings())
    made = _webhook(source, said, (trigger.secret,) if trigger.secret else _listed(said))
    return msgspec.structs.replace(made, agent_id=agent, input=trigger.input)


def find_source(runtime: Runtime, source: str) -> Webhook:
    """Raises NoSuchRoute where deliveries of this source are not published, ConfigError where nothing is signed."""
    said = runtime.project.webhooks.get(source)
    if said is None or said.topic is None:
        raise NoSuchRoute(
            f"deliveries of {source[:100]!r} are not published", hint="Name a `topic` in `webhooks` of the project."
        )
    return msgspec.structs.replace(_webhook(source, said, _listed(said)), topic=said.topic)


async def take_in(runtime: Runtime, webhook: Webhook, delivery: Delivery) -> RunRow:
    """Accept a delivery; the same again gives the run that it began. Raises InboxFull, AgentTerminated."""
    agent, source = webhook.agent_id, webhook.source
    happened = _happened(webhook, delivery)
    payload = payload_of(f"{webhook.input}\n\n{to_json(happened).decode()}" if webhook.input else happened)
    id = f"env_{digest([agent, source, delivery.id])}"
    envelope = Envelope(id, agent, "webhook", payload, f"webhook:{source}", created_at=runtime.clock.now())
    row = await runtime.store.load_agent(agent)
    found = runtime.library.add(runtime.shelf.spec(agent)) if row is None else await runtime.library.find(row.spec)
    return await runtime.engine.submit(envelope, *found)


async def publish(runtime: Runtime, webhook: Webhook, delivery: Delivery, *, traceparent: str = "") -> Published:
    """Publish a delivery; the same again is not published again, for as long as the first is kept."""
    return await runtime.publish(
        webhook.topic,
        _happened(webhook, delivery),
        id=f"evt_{digest([webhook.source, delivery.id])}",
        kind="webhook",
        sender=f"webhook:{webhook.source}",
        traceparent=traceparent,
        durable=True,
    )


def _happened(webhook: Webhook, delivery: Delivery) -> dict[str, Any]:
    happened = {
        "webhook": webhook.source,
        "event": delivery.event,
        "delivery": delivery.id,
        "body": delivery.body,
    }
    return {**happened, "headers": delivery.headers} if webhook.headers else happened


async def _spec(runtime: Runtime, agent: str) -> AgentSpec | None:
    row = await runtime.store.load_agent(agent)
    if row is not None:
        return await runtime.library.stored(row.spec)
    try:
        return runtime.shelf.spec(agent)
    except SpecNotFound:
        return None


def _listed(said: WebhookSettings) -> tuple[str, ...]:
    return (said.secret,) if isinstance(said.secret, str) else said.secret


def _webhook(source: str, said: WebhookSettings, secrets: tuple[str, ...]) -> Webhook:
    secrets = tuple(secret for secret in secrets if secret)
    if not secrets:
        raise ConfigError(
            f"deliveries of {source} have no secret, so that anybody could send them",
            hint=f"Set webhooks.{source}.secret in the project's file, or `secret` beside `webhook`.",
        )
    named = cast(Scheme, source if source in get_args(Scheme) else "standard")
    tolerance = TOLERANCE_MS if said.tolerance is None else int(said.tolerance)
    return Webhook(source, said.scheme or named, secrets, tolerance, said.header, said.id_header, said.headers)
