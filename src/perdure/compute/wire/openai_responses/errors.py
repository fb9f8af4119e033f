"""Refusals of the Responses API as typed errors."""

from __future__ import annotations

from typing import Any

from perdure.base.errors import ModelError

from ..complaint import complaint_of, read_complaint
from ..failure import failure

_STATUS = {"rate_limit_exceeded": 429, "insufficient_quota": 429, "context_length_exceeded": 400}
_OURS = ("invalid_", "image_", "unsupported_", "empty_", "failed_to_download")
"""Beginnings of codes that blame the request."""


def decode_error(status: int, headers: dict[str, str], body: bytes) -> ModelError:
    return failure(status, read_complaint(body), headers)


def body_error(error: Any) -> ModelError:
    """The error of a response with status `failed`, or of an `error` event."""
    complaint = complaint_of({"error": error})
    code = complaint.code or complaint.kind
    return failure(complaint.status or _STATUS.get(code) or (400 if code.startswith(_OURS) else 500), complaint)
