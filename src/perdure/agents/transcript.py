"""A conversation that was held somewhere else and goes on here, with what its sender wishes of the answer."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from perdure.base.messages import Message, ModelRequest, ToolDefinition

Share: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
Positive: TypeAlias = Annotated[int, Meta(ge=1, le=1_000_000_000)]


class Options(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is wished of the answer. `tools` are the sender's, who calls them; `tool_choice` (see `ModelRequest`) is for
    the first answer only, or the model could never come to its last."""

    tools: tuple[ToolDefinition, ...] = ()
    tool_choice: str = "auto"
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Share | None = None
    max_tokens: Positive | None = None
    stop: tuple[str, ...] = ()
    reasoning_effort: str | None = None
    output_schema: dict[str, Any] | None = None

    def apply(self, request: ModelRequest) -> ModelRequest:
        """The request as it is wished, where the agent leaves that open: what its file states stays, of two bounds the
        lower one counts, and the stops are those of both."""
        bounds = [bound for bound in (request.max_tokens, self.max_tokens) if bound is not None]
        return replace(
            request,
            tool_choice=self.tool_choice,
            temperature=self.temperature if request.temperature is None else request.temperature,
            top_p=self.top_p if request.top_p is None else request.top_p,
            max_tokens=min(bounds, default=None),
            stop=tuple(dict.fromkeys((*request.stop, *self.stop))),
            reasoning_effort=request.reasoning_effort or self.reasoning_effort,
        )


class Transcript(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The payload of such a message. The last word in it is what is to be answered."""

    transcript: Annotated[tuple[Message, ...], Meta(min_length=1)]
    options: Options = Options()


def transcript_of(payload: Any) -> Transcript | None:
    """The transcript in a message's payload; None for any other data."""
    if not isinstance(payload, dict) or "transcript" not in payload:
        return None
    try:
        return msgspec.convert(payload, Transcript)
    except msgspec.ValidationError:
        return None
