"""One answer of Gemini's as it adds up: a whole answer is a stream of one chunk."""

from __future__ import annotations

import msgspec

from perdure.base.errors import ContentFiltered, InvalidAnswer
from perdure.base.messages import (
    Audio,
    Delta,
    File,
    Image,
    ModelResponse,
    Opaque,
    Part,
    StopReason,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCall,
    ToolCallDelta,
)
from perdure.base.usage import Usage

from ..arguments import arguments_text
from ..body import decode_body
from ..call_ids import made_up_id
from ..seal import seal
from .errors import body_error
from .request import NAME
from .shapes import Blob, Candidate, FunctionCall, Piece, Reply, Tokens

_piece = msgspec.json.Decoder(Piece)
_any = msgspec.json.Decoder()

_STOP: dict[str | None, StopReason] = {
    "STOP": "end",
    "MAX_TOKENS": "length",
    "SAFETY": "filter",
    "RECITATION": "filter",
    "BLOCKLIST": "filter",
    "PROHIBITED_CONTENT": "filter",
    "SPII": "filter",
    "MODEL_ARMOR": "filter",
    "IMAGE_SAFETY": "filter",
    "IMAGE_PROHIBITED_CONTENT": "filter",
    "IMAGE_RECITATION": "filter",
}
_SPOILT = ("MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE", "UNEXPECTED_TOOL_CALL")


class Answer:
    """Takes chunks, gives the deltas they are, and in the end the whole answer."""

    __slots__ = ("_calls", "_id", "_model", "_parts", "_usage", "finish_reason")

    def __init__(self) -> None:
        self.finish_reason: str | None = None
        self._parts: list[Part] = []
        self._calls = 0
        self._usage: Tokens | None = None
        self._model = ""
        self._id = ""

    def take(self, reply: Reply) -> list[Delta]:
        """Raises ContentFiltered where the prompt was blocked, and the error that came instead of an answer."""
        if reply.error is not None:
            raise body_error(reply.error)
        feedback = reply.prompt_feedback
        if feedback is not None and feedback.block_reason and not reply.candidates:
            why = feedback.block_reason_message or f"the prompt was blocked: {feedback.block_reason}"
            raise ContentFiltered(why, provider_code=feedback.block_reason)
        self._usage = reply.usage_metadata or self._usage
        self._model = reply.model_version or self._model
        self._id = reply.response_id or self._id
        deltas: list[Delta] = []
        for candidate in reply.candidates or ():
            if not candidate.index:
                self._take_candidate(candidate, deltas)
        return deltas

    def whole(self) -> ModelResponse:
        stop: StopReason = _STOP.get(self.finish_reason, "other")
        if self._calls and stop == "end":
            stop = "tool_calls"
        usage = None if self._usage is None else usage_of(self._usage)
        return ModelResponse(tuple(self._parts), stop, usage, self._model, self._id)

    def _take_candidate(self, candidate: Candidate, deltas: list[Delta]) -> None:
        if candidate.finish_reason in _SPOILT:
            why = candidate.finish_message or "the model wrote a call that cannot be read"
            raise InvalidAnswer(f"{candidate.finish_reason}: {why}", provider_code=candidate.finish_reason)
        self.finish_reason = candidate.finish_reason or self.finish_reason
        for raw in (candidate.content.parts if candidate.content else None) or ():
            piece = decode_body(_piece, bytes(raw))
            if piece.text is not None:
                self._text(piece.text, bool(piece.thought), piece.thought_signature, deltas)
            elif piece.function_call is not None:
                self._call(piece.function_call, piece.thought_signature, deltas)
            elif piece.inline_data is not None:
                self._parts.append(media_of(piece.inline_data))
                self._sign(piece.thought_signature)
            else:
                self._parts.append(Opaque(NAME, decode_body(_any, bytes(raw))))

    def _text(self, text: str, thought: bool, signature: str | None, deltas: list[Delta]) -> None:
        last = self._parts[-1] if self._parts else None
        if thought:
            if isinstance(last, Thinking) and not last.signature:
                self._parts[-1] = Thinking(last.text + text, seal(NAME, signature))
            elif text or signature:
                self._parts.append(Thinking(text, seal(NAME, signature)))
            if text:
                deltas.append(ThinkingDelta(text))
            return
        if text:
            if isinstance(last, Text):
                self._parts[-1] = Text(last.text + text)
            else:
                self._parts.append(Text(text))
            deltas.append(TextDelta(text))
        self._sign(signature)

    def _sign(self, signature: str | None) -> None:
        """Text and images have no place for a signature, so it follows them."""
        if signature:
            self._parts.append(Opaque(NAME, {"thoughtSignature": signature}))

    def _call(self, call: FunctionCall, signature: str | None, deltas: list[Delta]) -> None:
        index = self._calls
        self._calls += 1
        made = ToolCall(call.id or made_up_id(index), call.name, call.args or {}, seal(NAME, signature))
        self._parts.append(made)
        deltas.append(ToolCallDelta(index, made.id, made.name, arguments_text(made.arguments)))


def media_of(blob: Blob) -> Part:
    kind = blob.mime_type.partition("/")[0]
    if kind == "image":
        return Image(blob.mime_type, blob.data)
    if kind == "audio":
        return Audio(blob.mime_type, blob.data)
    return File(blob.mime_type, blob.data)


def usage_of(tokens: Tokens) -> Usage:
    thoughts = tokens.thoughts_token_count or 0
    return Usage(
        input_tokens=(tokens.prompt_token_count or 0) + (tokens.tool_use_prompt_token_count or 0),
        output_tokens=(tokens.candidates_token_count or 0) + thoughts,
        cached_tokens=tokens.cached_content_token_count or 0,
        reasoning_tokens=thoughts,
    )
