"""Errors as `application/problem+json` (RFC 9457), and the one table of their HTTP statuses."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from math import ceil
from typing import Any

from perdure.base import errors as e

from .rates import Standing
from .reply import Reply

STATUS: dict[type[e.PerdureError], int] = {
    e.PerdureError: 500,
    e.InputError: 422,
    e.ConfigError: 500,
    e.InvalidFile: 422,
    e.SpecNotFound: 404,
    e.NotSupported: 501,
    e.ModelError: 502,
    e.RateLimited: 429,
    e.Overloaded: 503,
    e.ModelTimeout: 504,
    e.ToolError: 500,
    e.BudgetError: 402,
    e.NotAnApprover: 403,
    e.ComputeError: 502,
    e.UnsupportedKind: 501,
    e.NoProviderAvailable: 503,
    e.IdempotencyRequired: 422,
    e.MaxCostRequired: 422,
    e.JobNotFound: 404,
    e.JobCancelled: 409,
    e.JobInterrupted: 409,
    e.RunError: 500,
    e.RunNotFound: 404,
    e.AgentNotFound: 404,
    e.AgentExists: 409,
    e.AgentAtRest: 409,
    e.AgentTerminated: 409,
    e.ApprovalNotFound: 404,
    e.ApprovalChanged: 409,
    e.ApprovalDecided: 409,
    e.ApprovalExpired: 410,
    e.WrongState: 409,
    e.ReplayDivergence: 409,
    e.Interrupted: 503,
    e.DeadlineExceeded: 504,
    e.ClientSilent: 410,
    e.BusError: 500,
    e.BusFull: 503,
    e.NoAnswer: 504,
    e.IdentityError: 422,
    e.UnsafeKey: 500,
    e.FileError: 500,
    e.InvalidPath: 400,
    e.NoSuchFile: 404,
    e.FileExists: 409,
    e.FileDenied: 403,
    e.NotADirectory: 400,
    e.IsADirectory: 400,
    e.DirectoryNotEmpty: 409,
    e.FileUnsupported: 405,
    e.FileNotReady: 409,
    e.FileTooLarge: 413,
    e.BundleError: 422,
    e.BundleTooLarge: 413,
    e.BundleConflict: 409,
    e.StoreError: 500,
    e.StoreBusy: 503,
    e.StoreFull: 507,
    e.GuardFailed: 409,
    e.InboxFull: 429,
    e.RequestError: 422,
    e.Malformed: 400,
    e.WrongMediaType: 415,
    e.TooLarge: 413,
    e.HeadTooLarge: 431,
    e.SlowRequest: 408,
    e.NoSuchRoute: 404,
    e.WrongMethod: 405,
    e.PreconditionFailed: 412,
    e.RangeNotSatisfiable: 416,
    e.Unauthorized: 401,
    e.Forbidden: 403,
    e.MissingScope: 403,
    e.KeyNotFound: 404,
    e.KeyTaken: 409,
    e.TooManyRequests: 429,
    e.Busy: 503,
    e.Stopping: 503,
}
"""By class; a class that is not named has the status of its nearest parent."""

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 1
_MAY_RETRY = frozenset((408, 429, 503))


def status_of(kind: type[e.PerdureError]) -> int:
    return next(STATUS[cls] for cls in kind.__mro__ if cls in STATUS)


def problem(error: e.PerdureError) -> Reply:
    """The error for whoever sent the request: its code, the facts and the cure."""
    headers: dict[str, str] = {}
    match error:
        case e.Unauthorized():
            headers["www-authenticate"] = "Bearer"
        case e.RangeNotSatisfiable():
            headers["content-range"] = f"bytes */{error.facts['size']}"
        case e.TooManyRequests():
            headers.update(Standing(**error.facts).headers())
        case e.WrongMethod():
            headers["allow"] = ", ".join(error.facts.get("allowed", ()))
        case _:
            pass
    return _reply(status_of(type(error)), error.as_dict(), headers, getattr(error, "retry_after", None))


def problem_of_run(error: Mapping[str, Any], *, run_id: str, agent_id: str) -> Reply:
    """How a run failed, as its record tells it."""
    kind = e.ERRORS.get(str(error.get("code", "")), e.PerdureError)
    told = {**error, "run_id": run_id, "agent_id": agent_id}
    return _reply(status_of(kind), told, {}, None)


def unexpected() -> Reply:
    """A defect of ours: whoever asked learns that, and no more."""
    return _reply(
        500, {"code": "unexpected", "message": "the server came to an error that it did not expect"}, {}, None
    )


def _reply(status: int, told: Mapping[str, Any], headers: dict[str, str], retry_after: float | None) -> Reply:
    if status in _MAY_RETRY:
        headers["retry-after"] = str(max(RETRY_AFTER_S, ceil(retry_after or 0)))
    body = {
        "type": f"urn:perdure:error:{told.get('code', 'error')}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": told.get("message", ""),
        **{name: fact for name, fact in told.items() if name != "message"},
    }
    return Reply(body, status, headers=headers, media_type=MEDIA_TYPE)
