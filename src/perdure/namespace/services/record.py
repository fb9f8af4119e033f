"""A record of the journal as plain data for people and programs to read."""

from __future__ import annotations

from typing import Any

import msgspec

from perdure.base.codec import NIL, to_json, unpack
from perdure.kernel.journal import decode
from perdure.kernel.records import Record


def shown(record: Record) -> dict[str, Any]:
    """`seq`, `at` (ms), `type`, `run_id`, `key`, the fields of its event that say something, and its `body`."""
    event = msgspec.structs.asdict(decode(record))
    found: dict[str, Any] = {"seq": record.seq, "at": record.at, "type": record.type}
    if record.run_id:
        found["run_id"] = record.run_id
    if record.key:
        found["key"] = record.key
    for name, value in event.items():
        if isinstance(value, msgspec.Raw):
            if value != NIL:
                found[name] = _plain(value)
        elif value not in ("", None, (), {}):
            found[name] = value
    return found


def line(record: Record) -> bytes:
    """The same as one line of JSON, without its end."""
    return to_json(shown(record))


def _plain(body: msgspec.Raw) -> Any:
    """What is packed; a value's bytes as text where they are text."""
    value = unpack(body)
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value
    return value
