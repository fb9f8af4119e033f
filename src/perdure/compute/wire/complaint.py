"""What a provider says when it refuses, in whichever of the usual shapes."""

from __future__ import annotations

from typing import Any

import msgspec

from perdure.base.redaction import hide_keys

_SHOWN = 500
_json = msgspec.json.Decoder()


class Complaint(msgspec.Struct, frozen=True):
    """`code`, `kind` and `status` are the provider's own, "" and 0 where it gave none; `details` is plain data."""

    message: str
    code: str = ""
    kind: str = ""
    status: int = 0
    details: tuple[dict[str, Any], ...] = ()
    request_id: str = ""


def read_complaint(body: bytes | str) -> Complaint:
    """Reads an error body; one that is not JSON is its own message."""
    try:
        value = _json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        text = body if isinstance(body, str) else body.decode("utf-8", "replace")
        return Complaint(_clean(text.strip()))
    return complaint_of(value)


def complaint_of(value: Any) -> Complaint:
    """The same of decoded JSON: `{error: {…}}` (most), `[{error}]`, `{error: text}`, `{message: …}`, `{detail: …}`."""
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        return Complaint(_clean(_text(value)))
    error = value.get("error")
    inner: dict[str, Any] = error if isinstance(error, dict) else value
    said = inner.get("message") or (error if isinstance(error, str) else None) or value.get("detail") or inner
    code = inner.get("code")
    details = inner.get("details")
    return Complaint(
        message=_clean(_text(said)),
        code=code if isinstance(code, str) else "",
        kind=_word(inner.get("type")) or _word(inner.get("status")),
        status=_http_status(code),
        details=tuple(entry for entry in details if isinstance(entry, dict)) if isinstance(details, list) else (),
        request_id=_word(value.get("request_id")),
    )


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _http_status(code: Any) -> int:
    if isinstance(code, str) and code.isdigit():
        code = int(code)
    return code if isinstance(code, int) and 400 <= code < 600 else 0


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _clean(text: str) -> str:
    """Short enough to show, and without the key that some servers repeat."""
    return hide_keys(text[:_SHOWN])
