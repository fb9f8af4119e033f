"""Errors in the shape that clients of OpenAI's API read."""

from __future__ import annotations

from msgspec.structs import replace

from ..reply import JSON, Reply

_TYPES = {
    400: "invalid_request_error",
    402: "insufficient_quota",
    404: "invalid_request_error",
    409: "conflict_error",
    413: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
}


def told(problem: Reply) -> Reply:
    """The problem as `{"error": {message, type, param, code}}`."""
    body = problem.body
    message = f"{body['detail']} {body['hint']}" if body.get("hint") else body["detail"]
    kind = _TYPES.get(problem.status, "server_error")
    error = {"message": message, "type": kind, "param": None, "code": body["code"]}
    return replace(problem, body={"error": error}, media_type=JSON)
