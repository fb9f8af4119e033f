"""Anthropic's refusals as typed errors (https://platform.claude.com/docs/en/api/errors)."""

from __future__ import annotations

from typing import Any

from perdure.base.errors import ModelError

from ..complaint import complaint_of, read_complaint
from ..failure import failure

_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


def decode_error(status: int, headers: dict[str, str], body: bytes) -> ModelError:
    return failure(status, read_complaint(body), headers)


def body_error(error: Any) -> ModelError:
    """An error that comes in a stream which began with 200."""
    complaint = complaint_of({"error": error})
    return failure(_STATUS.get(complaint.kind, 500), complaint)
