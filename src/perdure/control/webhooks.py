"""Webhooks: what other services tell an agent over HTTP, as events that wake it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast, get_args

import msgspec

from perdure.agents.project import WebhookSettings
from perdure.agents.spec import AgentSpec, Trigger
from perdure.base.codec import digest, to_json
from perdure.base.envelope import Envelope
from perdure.base.errors import ConfigError, NoSuchRoute, SpecNotFound
from perdure.kernel.store.rows import RunRow

from .starting import payload_of

if TYPE_CHECKING:
    from .runtime import Runtime

Scheme: TypeAlias = Literal["github", "stripe", "slack", "standard", "hmac"]
TOLERANCE_MS = 5 * 60_000


class Webhook(msgspec.Struct, frozen=True):
    """Where deliveries of one source to one agent are let in. `input` is what the agent is asked."""

    agent_id: str
    source: str
    scheme: Scheme
    secrets: tuple[str, ...]
    tolerance_ms: int
    header: str
    id_header: str
    input: str

    def __repr__(self) -> str:
        return f"Webhook({self.agent_id!r}, {self.source!r})"


class Delivery(msgspec.Struct, frozen=True):
    """One delivery: `id` is what its sender calls it, however often it is sent."""

    id: str
    event: str
    body: Any


async def find_webhook(runtime: Runtime, agent: str, source: str) -> Webhook:
    """Raises NoSuchRoute where the agent is not woken by this source, ConfigError where nothing is signed."""
    spec = await _spec(runtime, agent)
    trigger = next((one for one in spec.on if one.webhook == source), None) if spec is not None else None
    if trigger is None:
        raise NoSuchRoute(f"{agent[:100]!r} takes no deliveries of {source[:100]!r}", hint="Name it in `on: webhook`.")
    said = runtime.project.webhooks.get(source, WebhookSettings())
    secrets = _secrets(trigger, said)
    if not secrets:
        raise ConfigError(
            f"deliveries of {source} have no secret, so that anybody could send them",
            hint=f"Set webhooks.{source}.secret in the project's file, or `secret` beside `webhook`.",
        )
    named = cast(Scheme, source if source in get_args(Scheme) else "standard")
    tolerance = TOLERANCE_MS if said.tolerance is None else int(said.tolerance)
    return Webhook(agent, source, said.scheme or named, secrets, tolerance, said.header, said.id_header, trigger.input)


async def take_in(runtime: Runtime, webhook: Webhook, delivery: Delivery) -> RunRow:
    """Accept a delivery; the same again gives the run that it began. Raises InboxFull, AgentTerminated."""
    agent, source = webhook.agent_id, webhook.source
    happened = {"webhook": source, "event": delivery.event, "delivery": delivery.id, "body": delivery.body}
    payload = payload_of(f"{webhook.input}\n\n{to_json(happened).decode()}" if webhook.input else happened)
    id = f"env_{digest([agent, source, delivery.id])}"
    envelope = Envelope(id, agent, "webhook", payload, f"webhook:{source}", created_at=runtime.clock.now())
    row = await runtime.store.load_agent(agent)
    found = runtime.library.add(runtime.shelf.spec(agent)) if row is None else await runtime.library.find(row.spec)
    return await runtime.engine.submit(envelope, *found)


async def _spec(runtime: Runtime, agent: str) -> AgentSpec | None:
    row = await runtime.store.load_agent(agent)
    if row is not None:
        return await runtime.library.stored(row.spec)
    try:
        return runtime.shelf.spec(agent)
    except SpecNotFound:
        return None


def _secrets(trigger: Trigger, said: WebhookSettings) -> tuple[str, ...]:
    listed = (said.secret,) if isinstance(said.secret, str) else said.secret
    return tuple(secret for secret in ((trigger.secret,) if trigger.secret else listed) if secret)
