"""`/webhooks/{agent}/{source}` for an agent and `/webhooks/{source}` for a topic: open to everybody, for its signature
says who sent a delivery."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import msgspec

from perdure.base.errors import Malformed, WrongMediaType
from perdure.bus.port import Published
from perdure.control.webhooks import Delivery, Webhook

from ..endpoint import Call, Endpoint, Nothing
from ..invoke import Accepted, accepted
from ..reply import Reply
from .signatures import check, delivery_id, event_of

MAX_FIELDS = 64


async def deliver(call: Call[bytes, Nothing]) -> Reply:
    """Accept a delivery: it is on disk when this answers, and its agent is woken once, however often it is sent."""
    webhook = await call.runtime.webhook(call.path["agent"], call.path["source"])
    found = _read(call, webhook)
    return found if isinstance(found, Reply) else accepted(await call.runtime.take_in(webhook, found))


async def publish(call: Call[bytes, Nothing]) -> Reply:
    """Publish a delivery on the topic of its source: on disk when this answers, and once, however often it is sent."""
    webhook = call.runtime.webhook_source(call.path["source"])
    found = _read(call, webhook)
    if isinstance(found, Reply):
        return found
    traceparent = call.header("traceparent")[:128]
    return Reply(await call.runtime.publish_delivery(webhook, found, traceparent=traceparent), 202)


def _read(call: Call[bytes, Nothing], webhook: Webhook) -> Delivery | Reply:
    """The delivery in a request, or the answer to one that only asks whether somebody is there. Raises BadSignature."""
    check(webhook, call.headers, call.body, call.runtime.clock.now())
    value = value_of(call.body, call.header("content-type"))
    if (greeting := _greeting(webhook, call, value)) is not None:
        return greeting
    told = {name: said for name in webhook.headers if (said := call.header(name.lower()))}
    event = event_of(webhook, call.headers, value)
    return Delivery(delivery_id(webhook, call.headers, call.body, value), event, value, told)


def _greeting(webhook: Webhook, call: Call[bytes, Nothing], value: Any) -> Reply | None:
    """The answer to a service that only wants to know whether somebody is there."""
    match webhook.scheme, value:
        case "slack", {"type": "url_verification", "challenge": str(challenge)}:
            return Reply(challenge.encode(), media_type="text/plain; charset=utf-8")
        case "github", _ if call.header("x-github-event") == "ping":
            return Reply(status=204)
        case _:
            return None


def value_of(body: bytes, media_type: str) -> Any:
    """What a body means: JSON as data, a form as a mapping (the JSON in its `payload`, where it has one), or text.
    Raises Malformed, WrongMediaType."""
    kind = media_type.partition(";")[0].strip().lower()
    try:
        if kind == "application/x-www-form-urlencoded":
            form = parse_qs(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
            fields = {name: values[-1] for name, values in form.items()}
            return msgspec.json.decode(fields["payload"]) if "payload" in fields else fields
        if kind == "application/json" or kind.endswith("+json"):
            return msgspec.json.decode(body)
        return body.decode()
    except UnicodeDecodeError as error:
        raise WrongMediaType("a delivery is JSON, a form or text", hint="Send JSON.") from error
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Malformed(f"the body is not what its content-type says: {error}") from error


ENDPOINTS = (
    Endpoint(
        "POST",
        "/webhooks/{agent}/{source}",
        deliver,
        body=bytes,
        media="text/plain; charset=utf-8",
        also={202: (Accepted,)},
        is_open=True,
    ),
    Endpoint(
        "POST",
        "/webhooks/{source}",
        publish,
        body=bytes,
        media="text/plain; charset=utf-8",
        answer=Published,
        status=202,
        is_open=True,
    ),
)
