"""Every refusal becomes one typed error, whatever shape the server gave it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from perdure.base.errors import (
    AuthFailed,
    ContentFiltered,
    ContextTooLong,
    InvalidRequest,
    ModelError,
    ModelNotFound,
    ModelTimeout,
    Overloaded,
    RateLimited,
)
from perdure.compute.wire.complaint import Complaint, read_complaint
from perdure.compute.wire.failure import failure
from perdure.compute.wire.retry_after import read_retry_after


def fail(status: int, message: str = "no", headers: dict[str, str] | None = None, **said: Any) -> ModelError:
    return failure(status, Complaint(message, **said), headers)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequest),
        (401, AuthFailed),
        (403, AuthFailed),
        (404, ModelNotFound),
        (405, InvalidRequest),
        (408, ModelTimeout),
        (409, Overloaded),
        (413, ContextTooLong),
        (422, InvalidRequest),
        (429, RateLimited),
        (500, Overloaded),
        (502, Overloaded),
        (503, Overloaded),
        (504, Overloaded),
        (529, Overloaded),
    ],
)
def test_the_status_decides_where_nothing_else_is_said(status: int, kind: type[ModelError]) -> None:
    error = fail(status)
    assert type(error) is kind
    assert error.facts == {"status": status}
    assert str(fail(status, "")) == f"the provider answered with HTTP {status} and gave no reason"


@pytest.mark.parametrize(
    "message",
    [
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens.",
        "prompt is too long: 208310 tokens > 200000 maximum",
        "input length and `max_tokens` exceed context limit: 199000 + 8192 > 200000",
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        "the request exceeds the available context size. try increasing the context size",
        "This model's maximum prompt length is 131072 but the request contains 140000 tokens.",
        "`inputs` tokens + `max_new_tokens` must be <= 4097",
    ],
)
def test_a_context_that_is_too_long_is_known_by_its_message(message: str) -> None:
    assert type(fail(400, message)) is ContextTooLong


def test_codes_go_before_the_status() -> None:
    assert type(fail(400, code="context_length_exceeded")) is ContextTooLong
    assert type(fail(400, kind="exceed_context_size_error")) is ContextTooLong
    assert type(fail(400, code="content_filter")) is ContentFiltered
    assert type(fail(403, "Your input was flagged: it requires moderation")) is ContentFiltered
    assert type(fail(400, code="model_not_found")) is ModelNotFound
    assert type(fail(400, "Incorrect API key provided")) is AuthFailed


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (429, {"code": "insufficient_quota"}),
        (402, {"message": "Insufficient Balance"}),
        (400, {"message": "Your credit balance is too low to access the API"}),
        (403, {"kind": "billing_error"}),
    ],
)
def test_an_empty_account_is_not_asked_again(status: int, said: dict[str, str]) -> None:
    error = failure(status, Complaint(said.pop("message", "no"), **said), {"retry-after": "1"})
    assert type(error) is RateLimited
    assert not error.retryable
    assert error.retry_after is None
    assert "credit" in error.hint


def test_a_request_over_the_whole_limit_is_not_asked_again() -> None:
    error = fail(429, "Request too large for gpt-4o: Limit 30000, Requested 45000.", {"retry-after": "1"})
    assert isinstance(error, RateLimited)
    assert not error.retryable


def test_facts_tell_status_code_and_request() -> None:
    error = fail(429, "slow down", {"x-request-id": "req_1"}, code="rate_limit_exceeded")
    assert error.facts == {"status": 429, "provider_code": "rate_limit_exceeded", "request_id": "req_1"}
    assert error.retryable
    assert error.as_dict()["message"] == "slow down"
    assert fail(500, request_id="req_2", kind="api_error").facts["request_id"] == "req_2"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:30 GMT", "date": "Wed, 21 Oct 2015 07:28:00 GMT"}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:27:00 GMT", "date": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:30 GMT"}, None),
        ({"retry-after": "soon", "date": "Wed, 21 Oct 2015 07:28:00 GMT"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s"}, 360.0),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "20ms"}, 0.02),
        ({"x-ratelimit-remaining-requests": "5", "x-ratelimit-reset-requests": "1s"}, None),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "later"}, None),
        ({"x-ratelimit-remaining-requests": "0"}, None),
    ],
)
def test_the_time_to_wait_is_read_from_headers(headers: dict[str, str], seconds: float | None) -> None:
    assert read_retry_after(headers) == seconds
    error = fail(429, "slow down", headers)
    assert isinstance(error, RateLimited)
    assert error.retry_after == seconds


@pytest.mark.parametrize(
    ("body", "message", "code", "kind"),
    [
        ('{"error": {"message": "m", "type": "t", "param": null, "code": "c"}}', "m", "c", "t"),
        ('{"error": "m"}', "m", "", ""),
        ('{"code": "c", "error": "m"}', "m", "c", ""),
        ('{"object": "error", "message": "m", "type": "BadRequestError", "code": 400}', "m", "", "BadRequestError"),
        ('{"detail": "m"}', "m", "", ""),
        ('{"detail": [{"msg": "m"}]}', '[{"msg":"m"}]', "", ""),
        ('{"object":"error","message":{"detail":[1]},"type":"t"}', '{"detail":[1]}', "", "t"),
        ('[{"error": {"code": 400, "message": "m", "status": "INVALID_ARGUMENT"}}]', "m", "", "INVALID_ARGUMENT"),
        ('{"error": {}}', "{}", "", ""),
        ("Bad gateway\n", "Bad gateway", "", ""),
        ("", "", "", ""),
        ("null", "null", "", ""),
        ("[]", "[]", "", ""),
    ],
)
def test_a_complaint_is_read_in_every_usual_shape(body: str, message: str, code: str, kind: str) -> None:
    complaint = read_complaint(body.encode())
    assert (complaint.message, complaint.code, complaint.kind) == (message, code, kind)
    assert read_complaint(body) == complaint


def test_a_status_inside_of_the_body_is_kept() -> None:
    assert read_complaint(b'{"error": {"code": "429", "message": "m"}}').status == 429
    assert read_complaint(b'{"error": {"code": 1113, "message": "m"}}').status == 0
    assert read_complaint(b"\xff\xfe").message == "\ufffd\ufffd"


@pytest.mark.parametrize(
    "key",
    [
        "sk-proj-abcdefgh12345678",
        "sk-ant-api03-xyzxyzxyz",
        "gsk_abcdefgh1234",
        "AIzaSyA1234567890",
        "xai-1234567890abc",
    ],
)
def test_no_key_is_repeated(key: str) -> None:
    body = msgspec.json.encode({"error": {"message": f"Incorrect API key provided: {key}. Find yours at example.com."}})
    assert read_complaint(body).message == "Incorrect API key provided: [redacted] Find yours at example.com."
    assert len(read_complaint(b"x" * 9999).message) == 500
