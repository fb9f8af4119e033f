"""Answers of Anthropic's Messages in pieces (https://platform.claude.com/docs/en/build-with-claude/streaming)."""

from __future__ import annotations

from typing import Any

import msgspec

from perdure.base.errors import BrokenStream, InvalidAnswer
from perdure.base.messages import Delta, Finished, Part, TextDelta, ThinkingDelta, ToolCallDelta

from ..arguments import parse_arguments
from ..body import decode_body
from ..call_ids import made_up_id
from .answer import part_of, read_block, whole_answer
from .errors import body_error
from .request import ANSWER_TOOL
from .shapes import Block, Event, Piece, Reply, Tokens

_decoder = msgspec.json.Decoder(Event)
_object = msgspec.json.Decoder(dict[str, Any])


class OpenBlock:
    """A block whose pieces are still coming. `call` counts the tool calls, for those who watch."""

    __slots__ = ("block", "call", "json", "raw", "said", "signature")

    def __init__(self, block: Block, raw: dict[str, Any], call: int) -> None:
        self.block = block
        self.raw = raw
        self.call = call
        self.said: list[str] = [block.text or block.thinking or ""]
        self.json: list[str] = []
        self.signature = block.signature or ""

    def part(self, index: int) -> Part | None:
        block = self.block
        if self.json:
            text = "".join(self.json)
            block.input = self.raw["input"] = text if block.name == ANSWER_TOOL else parse_arguments(text)
        if block.type == "text":
            block.text = "".join(self.said)
        elif block.type == "thinking":
            block.thinking, block.signature = "".join(self.said), self.signature
        return part_of(block, self.raw, index)


class Decoder:
    """The answer is whole at `message_stop`, and not before."""

    __slots__ = ("_blocks", "_calls", "_done", "_reply")

    def __init__(self) -> None:
        self._reply = Reply()
        self._blocks: dict[int, OpenBlock] = {}
        self._calls = 0
        self._done = False

    def feed(self, event: str, data: str) -> list[Delta]:
        if self._done or not data:
            return []
        heard = decode_body(_decoder, data)
        kind = heard.type
        if kind == "content_block_delta":
            return self._piece(heard)
        if kind == "content_block_start":
            return self._start(heard)
        if kind == "message_start" and heard.message is not None:
            self._reply = heard.message
        elif kind == "message_delta":
            if heard.delta is not None:
                self._reply.stop_reason = heard.delta.stop_reason or self._reply.stop_reason
            self._count(heard.usage)
        elif kind == "message_stop":
            return self._finish()
        elif kind == "error":
            raise body_error(heard.error)
        return []  # ping, content_block_stop, and kinds still to come

    def end(self) -> list[Delta]:
        if not self._done:
            raise BrokenStream("the stream ended before the answer did")
        return []

    def _start(self, heard: Event) -> list[Delta]:
        if not bytes(heard.content_block):
            raise InvalidAnswer("a block begins without saying what it is")
        block = read_block(heard.content_block)
        held = OpenBlock(block, decode_body(_object, bytes(heard.content_block)), self._calls)
        self._blocks[heard.index] = held
        if block.type == "tool_use" and block.name != ANSWER_TOOL:
            self._calls += 1
            block.id = block.id or made_up_id(heard.index)
            return [ToolCallDelta(held.call, block.id, block.name or "")]
        if block.type == "text" and block.text:
            return [TextDelta(block.text)]
        return []

    def _piece(self, heard: Event) -> list[Delta]:
        held, piece = self._blocks.get(heard.index), heard.delta
        if held is None or piece is None:
            raise InvalidAnswer("a piece came for a block that did not begin", index=heard.index)
        return add_piece(held, piece)

    def _count(self, usage: Tokens | None) -> None:
        """Later counts are totals, not additions, and may name only some kinds."""
        counted = self._reply.usage
        if usage is None or counted is None:
            self._reply.usage = usage or counted
            return
        for kind in Tokens.__struct_fields__:
            value = getattr(usage, kind)
            if value is not None:
                setattr(counted, kind, value)

    def _finish(self) -> list[Delta]:
        self._done = True
        reply = self._reply
        found = [held.part(index) for index, held in sorted(self._blocks.items(), key=lambda entry: entry[0])]
        parts = tuple(part for part in found if part is not None)
        return [Finished(whole_answer(parts, reply.stop_reason, reply.usage, reply.model, reply.id))]


def add_piece(held: OpenBlock, piece: Piece) -> list[Delta]:
    if piece.type == "text_delta" and piece.text:
        held.said.append(piece.text)
        return [TextDelta(piece.text)]
    if piece.type == "thinking_delta" and piece.thinking:
        held.said.append(piece.thinking)
        return [ThinkingDelta(piece.thinking)]
    if piece.type == "signature_delta":
        held.signature += piece.signature or ""
    elif piece.type == "input_json_delta" and piece.partial_json:
        held.json.append(piece.partial_json)
        if held.block.name == ANSWER_TOOL:
            return [TextDelta(piece.partial_json)]
        if held.block.type == "tool_use":
            return [ToolCallDelta(held.call, arguments=piece.partial_json)]
    return []
