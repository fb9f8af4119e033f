"""From an HTTP status and a provider's complaint to a typed error."""

from __future__ import annotations

from typing import Any

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

from .complaint import Complaint
from .retry_after import read_retry_after

_CONTEXT_CODES = {"context_length_exceeded", "exceed_context_size_error", "request_too_large"}
_CONTEXT_WORDS = (
    "maximum context length",  # OpenAI, Azure, vLLM, DeepSeek, Mistral, OpenRouter
    "maximum prompt length",  # xAI
    "context window",
    "prompt is too long",  # Anthropic
    "exceed context limit",  # Anthropic
    "available context size",  # llama.cpp, Ollama
    "maximum number of tokens allowed",  # Gemini
    "max_new_tokens` must be",  # Together
)
_FILTER_CODES = {
    "content_filter",
    "content_policy_violation",
    "image_content_policy_violation",
    "misalignment_policy_violation",
    "bio_policy",
    "invalid_prompt",
}
_FILTER_WORDS = (
    "content management policy",
    "content filtering policy",
    "usage policy",
    "requires moderation",
    "flagged",
)
_QUOTA_CODES = {"insufficient_quota", "billing_error", "billing_hard_limit_reached", "insufficient_balance"}
_QUOTA_WORDS = ("credit balance is too low", "insufficient balance")
_QUOTA_HINT = "The account's quota or credit is used up: add credit, or use another provider."
_TOO_LARGE_HINT = "This request is larger than the whole limit of the account: make it smaller."
_REQUEST_ID = ("x-request-id", "request-id", "apim-request-id", "x-goog-request-id", "cf-ray")


def failure(
    status: int,
    complaint: Complaint,
    headers: dict[str, str] | None = None,
    *,
    retry_after: float | None = None,
    exhausted: bool = False,
) -> ModelError:
    """The error that this answer means.

    `retry_after` is what the body says, in seconds; headers go before it. `exhausted` says that waiting is of no use.
    """
    headers = headers or {}
    facts: dict[str, Any] = {"status": status}
    if complaint.code or complaint.kind:
        facts["provider_code"] = complaint.code or complaint.kind
    request_id = complaint.request_id or next((headers[name] for name in _REQUEST_ID if name in headers), "")
    if request_id:
        facts["request_id"] = request_id

    kind = kind_of(status, complaint)
    if kind is RateLimited and (exhausted or is_exhausted(status, complaint)):
        facts.update(hint=_QUOTA_HINT, retryable=False)
    elif kind is RateLimited and "request too large" in complaint.message.lower():
        facts.update(hint=_TOO_LARGE_HINT, retryable=False)
    elif kind is RateLimited or kind is Overloaded:
        wait = read_retry_after(headers)
        facts["retry_after"] = retry_after if wait is None else wait
    return kind(complaint.message or f"the provider answered with HTTP {status} and gave no reason", **facts)


def is_exhausted(status: int, complaint: Complaint) -> bool:
    """Whether the account has no credit left, so that the same request cannot pass later."""
    return (
        status == 402
        or complaint.code in _QUOTA_CODES
        or complaint.kind in _QUOTA_CODES
        or _says(complaint.message.lower(), _QUOTA_WORDS)
    )


def kind_of(status: int, complaint: Complaint) -> type[ModelError]:
    """The class of error. What the provider names goes before the status, which vendors use less carefully."""
    words = complaint.message.lower()
    codes = {complaint.code, complaint.kind}
    if is_exhausted(status, complaint):
        return RateLimited
    if status == 413 or codes & _CONTEXT_CODES or (status in (400, 422, 500) and _says(words, _CONTEXT_WORDS)):
        return ContextTooLong
    if codes & _FILTER_CODES or (status in (400, 403) and _says(words, _FILTER_WORDS)):
        return ContentFiltered
    if status in (401, 403) or (status == 400 and "api key" in words):
        return AuthFailed
    if status == 404 or "model_not_found" in codes:
        return ModelNotFound
    if status == 429:
        return RateLimited
    if status == 408:
        return ModelTimeout
    if status >= 500 or status in (409, 425):
        return Overloaded
    return InvalidRequest


def _says(text: str, words: tuple[str, ...]) -> bool:
    return any(word in text for word in words)
