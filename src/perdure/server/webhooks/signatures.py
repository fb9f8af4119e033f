"""How services sign what they deliver, and how each names a delivery.

GitHub: https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
Stripe: https://docs.stripe.com/webhooks/signature
Slack: https://docs.slack.dev/authentication/verifying-requests-from-slack
Standard Webhooks: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from perdure.base.codec import digest
from perdure.base.errors import BadSignature, RequestError
from perdure.control.webhooks import Scheme, Webhook

Headers = Mapping[bytes, bytes]
HINT = "The secret has to be the one that the sender signs with, and the body what was signed."


def check(webhook: Webhook, headers: Headers, body: bytes, now: int) -> None:
    """Raise BadSignature unless one of the webhook's secrets signed this, and lately (`now` is in ms)."""
    if not _CHECKS[webhook.scheme](webhook, headers, body, now):
        raise BadSignature("the signature of the delivery is wrong", hint=HINT)


def delivery_id(webhook: Webhook, headers: Headers, body: bytes, value: Any) -> str:
    """What the sender calls the delivery, whose body means `value`. Raises RequestError where it has no name."""
    found: Any
    match webhook.scheme:
        case "github":
            found = _text(headers, "x-github-delivery")
        case "standard":
            found = _text(headers, "webhook-id")
        case "stripe":
            found = value.get("id") if isinstance(value, dict) else None
        case "slack":
            # A command or a click has no id of its own, and is not sent twice.
            named = value.get("event_id") or value.get("trigger_id") if isinstance(value, dict) else None
            found = named or _text(headers, "x-slack-signature")
        case "hmac":
            found = _text(headers, webhook.id_header) if webhook.id_header else digest(body)
    if not isinstance(found, str) or not 0 < len(found) <= 255:
        raise RequestError("the delivery has no id, so that it could not be known again")
    return found


def event_of(webhook: Webhook, headers: Headers, value: Any) -> str:
    """What kind of thing happened, "" where the sender does not say."""
    found = _text(headers, "x-github-event") if webhook.scheme == "github" else None
    if found is None and isinstance(value, dict):
        inner = value.get("event") if webhook.scheme == "slack" else None
        found = inner.get("type") if isinstance(inner, dict) else value.get("type")
    return found if isinstance(found, str) else ""


def _github(webhook: Webhook, headers: Headers, body: bytes, now: int) -> bool:
    said = _text(headers, "x-hub-signature-256")
    return said.startswith("sha256=") and _any(webhook, body, (said.removeprefix("sha256="),))


def _hmac(webhook: Webhook, headers: Headers, body: bytes, now: int) -> bool:
    return _any(webhook, body, (_text(headers, webhook.header).removeprefix("sha256="),))


def _stripe(webhook: Webhook, headers: Headers, body: bytes, now: int) -> bool:
    pairs = [pair.strip().partition("=") for pair in _text(headers, "stripe-signature").split(",")]
    times = [value for name, _, value in pairs if name == "t"]
    said = [value for name, _, value in pairs if name == "v1"]
    return (
        len(times) == 1
        and _is_fresh(webhook, times[0], now)
        and _any(webhook, b"%b.%b" % (times[0].encode(), body), said)
    )


def _slack(webhook: Webhook, headers: Headers, body: bytes, now: int) -> bool:
    time, said = _text(headers, "x-slack-request-timestamp"), _text(headers, "x-slack-signature")
    signed = b"v0:%b:%b" % (time.encode(), body)
    return (
        _is_fresh(webhook, time, now) and said.startswith("v0=") and _any(webhook, signed, (said.removeprefix("v0="),))
    )


def _standard(webhook: Webhook, headers: Headers, body: bytes, now: int) -> bool:
    id, time = _text(headers, "webhook-id"), _text(headers, "webhook-timestamp")
    if not _is_fresh(webhook, time, now):
        return False
    signed = b"%b.%b.%b" % (id.encode(), time.encode(), body)
    known = [b64encode(_sign(_key(secret), signed)).decode() for secret in webhook.secrets]
    said = [value for version, _, value in (one.partition(",") for one in _said(headers)) if version == "v1"]
    return _matches(known, said)


def _said(headers: Headers) -> list[str]:
    return _text(headers, "webhook-signature").split(" ")


def _key(secret: str) -> bytes:
    """The bytes that a secret of Standard Webhooks stands for."""
    if not secret.startswith("whsec_"):
        return secret.encode()
    try:
        return b64decode(secret.removeprefix("whsec_"), validate=True)
    except (Error, ValueError):
        return secret.encode()


def _any(webhook: Webhook, signed: bytes, said: Iterable[str]) -> bool:
    """Whether one of the secrets gives one of these signatures, in hex."""
    return _matches([_sign(secret.encode(), signed).hex() for secret in webhook.secrets], said)


def _matches(known: Iterable[str], said: Iterable[str]) -> bool:
    """Compares all with all, in a time that says nothing of where they differ."""
    said = list(said)[:16]
    return any([hmac.compare_digest(one.encode(), other.encode()) for one in known for other in said])


def _sign(secret: bytes, signed: bytes) -> bytes:
    return hmac.digest(secret, signed, "sha256")


def _is_fresh(webhook: Webhook, time: str, now: int) -> bool:
    """Whether it was signed, at this time in seconds, not too long ago, nor in the future."""
    if not (time.isascii() and time.isdecimal() and len(time) <= 12):
        return False
    return abs(now - int(time) * 1000) <= webhook.tolerance_ms


def _text(headers: Headers, name: str) -> str:
    return headers.get(name.lower().encode(), b"").decode("latin-1").strip()


_CHECKS: dict[Scheme, Callable[[Webhook, Headers, bytes, int], bool]] = {
    "github": _github,
    "stripe": _stripe,
    "slack": _slack,
    "standard": _standard,
    "hmac": _hmac,
}
