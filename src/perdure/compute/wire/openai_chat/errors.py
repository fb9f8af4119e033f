"""Refusals of Chat Completions and of the servers that speak it, as typed errors."""

from __future__ import annotations

from typing import Any

from perdure.base.errors import ModelError

from ..complaint import Complaint, complaint_of, read_complaint
from ..failure import failure

_STATUS = {
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "insufficient_quota": 429,
    "invalid_request_error": 400,
    "BadRequestError": 400,
    "context_length_exceeded": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
}


def decode_error(status: int, headers: dict[str, str], body: bytes) -> ModelError:
    return failure(status, read_complaint(body), headers)


def body_error(error: Any) -> ModelError:
    """An error inside of an answer that began with 200, as proxies and streams send it."""
    complaint = complaint_of({"error": error})
    return failure(status_of(complaint), complaint)


def status_of(complaint: Complaint) -> int:
    """The HTTP status that a complaint without one stands for."""
    return complaint.status or _STATUS.get(complaint.code) or _STATUS.get(complaint.kind) or 500
