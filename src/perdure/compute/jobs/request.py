"""What an agent asks of /compute."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from perdure.base.errors import InputError

KINDS = ("chat", "complete", "embeddings", "image_generate", "image_analyze", "transcribe", "speak")
CUSTOM = "custom:"
LONGEST_MS = 24 * 3_600_000


class ComputeRequest(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One job. `model` is `provider/name`, or a bare name for whichever provider has it. `kind` is one of KINDS, or
    `{"custom": name}`, which is kept as `custom:name`. `input` is what that kind takes."""

    model: Annotated[str, Meta(min_length=1, max_length=200)]
    kind: str | dict[str, str]
    input: Any
    stream: bool = False
    timeout_ms: Annotated[int, Meta(gt=0, le=LONGEST_MS)] | None = None
    idempotency_key: Annotated[str, Meta(min_length=1, max_length=500)] | None = None
    max_cost_microusd: Annotated[int, Meta(ge=0)] | None = None

    def __post_init__(self) -> None:
        kind = self.kind
        if isinstance(kind, dict):
            if set(kind) != {"custom"} or not kind["custom"]:
                raise ValueError('a kind of its own is written {"custom": name}')
            msgspec.structs.force_setattr(self, "kind", CUSTOM + kind["custom"])
        elif kind not in KINDS and not (kind.startswith(CUSTOM) and kind != CUSTOM):
            raise ValueError(f"no kind is called {kind!r}; there are {', '.join(KINDS)}, and {{custom: name}}")

    @property
    def does(self) -> str:
        """The kind, as a word."""
        assert isinstance(self.kind, str)
        return self.kind


_REQUEST = msgspec.json.Decoder(ComputeRequest)


def parse_request(body: bytes) -> ComputeRequest:
    """The request in a body of JSON. Raises InputError, naming the field."""
    try:
        return _REQUEST.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(
            f"not a request of /compute: {error}",
            hint='Write {"model": "provider/name", "kind": "chat", "input": {"messages": […]}}.',
        ) from error
