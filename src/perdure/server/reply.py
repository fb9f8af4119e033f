"""What an endpoint answers with: a value, a reply with a status of its own, or a stream of events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec

JSON = "application/json"


def _shown(value: Any) -> Any:
    """Amounts of money and time are integers of types of their own; other things without a form of JSON are told."""
    return int(value) if isinstance(value, int) else str(value)


encode = msgspec.json.Encoder(enc_hook=_shown).encode


class Reply(msgspec.Struct, frozen=True):
    """`body` is encoded as JSON unless it is bytes; None is an empty one."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = {}
    media_type: str = JSON

    def content(self) -> bytes:
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else encode(self.body)


class Events(msgspec.Struct, frozen=True):
    """Server-sent events: each item is a frame, ready to send. The stream is closed with the iterator."""

    frames: AsyncIterator[bytes]
    headers: Mapping[str, str] = {}
