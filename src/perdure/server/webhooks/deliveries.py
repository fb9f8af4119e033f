"""`/webhooks/{agent}/{source}`: open to everybody, for the signature of a delivery says who sent it."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import msgspec

from perdure.base.errors import Malformed, WrongMediaType
from perdure.control.webhooks import Delivery, Webhook

from ..endpoint import Call, Endpoint, Nothing
from ..invoke import Accepted, accepted
from ..reply import Reply
from .signatures import check, delivery_id, event_of

MAX_FIELDS = 64


async def deliver(call: Call[bytes, Nothing]) -> Reply:
    """Accept a delivery: it is on disk when this answers, and its agent is woken once, however often it is sent."""
    webhook = await call.runtime.webhook(call.path["agent"], call.path["source"])
    check(webhook, call.headers, call.body, call.runtime.clock.now())
    value = value_of(call.body, call.header("content-type"))
    if (greeting := _greeting(webhook, call, value)) is not None:
        return greeting
    event = event_of(webhook, call.headers, value)
    delivery = Delivery(delivery_id(webhook, call.headers, call.body, value), event, value)
    return accepted(await call.runtime.take_in(webhook, delivery))


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
)
