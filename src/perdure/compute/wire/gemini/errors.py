"""Gemini's refusals as typed errors (https://ai.google.dev/gemini-api/docs/troubleshooting, google.rpc.Status)."""

from __future__ import annotations

from typing import Any

from perdure.base.duration import parse_duration
from perdure.base.errors import InputError, ModelError

from ..complaint import Complaint, complaint_of, read_complaint
from ..failure import failure

_STATUS = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}


def decode_error(status: int, headers: dict[str, str], body: bytes) -> ModelError:
    return _failure(status, read_complaint(body), headers)


def body_error(error: Any) -> ModelError:
    """An error that comes in a stream which began with 200."""
    complaint = complaint_of({"error": error})
    return _failure(complaint.status or _STATUS.get(complaint.kind, 500), complaint, {})


def _failure(status: int, complaint: Complaint, headers: dict[str, str]) -> ModelError:
    return failure(
        status, complaint, headers, retry_after=_retry_delay(complaint), exhausted=_is_used_up_for_today(complaint)
    )


def _retry_delay(complaint: Complaint) -> float | None:
    """Seconds, from google.rpc.RetryInfo: `{"retryDelay": "34.07s"}`."""
    for detail in complaint.details:
        if str(detail.get("@type", "")).endswith("google.rpc.RetryInfo"):
            try:
                return parse_duration(str(detail.get("retryDelay"))) / 1000
            except InputError:
                return None
    return None


def _is_used_up_for_today(complaint: Complaint) -> bool:
    """From google.rpc.QuotaFailure: ids of quotas such as GenerateRequestsPerDayPerProjectPerModel-FreeTier."""
    return any(
        "PerDay" in str(violation.get("quotaId", ""))
        for detail in complaint.details
        if str(detail.get("@type", "")).endswith("google.rpc.QuotaFailure")
        for violation in detail.get("violations") or ()
    )
