"""A model server that answers at once: OpenAI's Chat Completions over HTTP/1.1, on a free port of loopback.

It is a process of its own, so that its CPU is not counted, and does as little as a server can: one asyncio protocol, no
framework. It prints its port on the first line and ends when its standard input closes. What it says depends on the
conversation alone: after a message of a person it calls the first tool offered, with its schema's first argument set to
a sum; after a tool result that begins with `more` it calls the tool again, and after any other it answers in words, or
with the tool `final_answer` where one is offered. Asked for words at a pace (`pacing.py`) it says them in a stream.
`GET /v1/calls` says how often it was asked; with an argument N it never answers the Nth question.
"""

from __future__ import annotations

import asyncio
import sys
from time import monotonic_ns
from typing import Any, cast

import msgspec
import uvloop
from pacing import Pace, pace_in

MAX_REQUEST = 64 * 1024 * 1024
MAX_CONNECTIONS = 4_096
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
USAGE = {"prompt_tokens": 60, "completion_tokens": 12, "total_tokens": 72}
ANSWER = "25 * 47 is 1,175."
FINAL = "final_answer"
OBSERVATION = "Observation"
"""How the text begins in which smolagents hands a tool's result over, as a message of the user."""


class Message(msgspec.Struct):
    role: str
    content: Any = None


class Function(msgspec.Struct):
    name: str
    parameters: dict[str, Any] = {}


class Tool(msgspec.Struct):
    function: Function


class Question(msgspec.Struct):
    model: str
    messages: list[Message]
    tools: list[Tool] = []
    stream: bool = False


_questions = msgspec.json.Decoder(Question)
_encode = msgspec.json.Encoder().encode


def reply(question: Question) -> tuple[dict[str, Any], str]:
    """The message to answer with, and the reason for its end."""
    last = question.messages[-1]
    again = last.role == "tool" and isinstance(last.content, str) and last.content.startswith("more")
    if question.tools and (again or not has_result(question.messages)):
        return called(question.tools[0].function, "25 * 47"), "tool_calls"
    final = next((tool.function for tool in question.tools if tool.function.name == FINAL), None)
    if final is not None:
        return called(final, ANSWER), "tool_calls"
    return {"role": "assistant", "content": ANSWER}, "stop"


def has_result(messages: list[Message]) -> bool:
    """Whether the last word is a tool's, whatever shape it comes in."""
    last = messages[-1]
    if last.role != "user":
        return last.role == "tool"
    # CrewAI asks to go on, in the user's name, after a tool's result.
    return text(last).startswith(OBSERVATION) or (len(messages) > 1 and messages[-2].role == "tool")


def text(message: Message) -> str:
    if isinstance(message.content, list):
        return "".join(str(part.get("text", "")) for part in message.content)
    return str(message.content)


def called(function: Function, argument: str) -> dict[str, Any]:
    """A message that calls a function; no two calls have the same id."""
    names = list(function.parameters.get("properties", ()))
    arguments = _encode({names[0]: argument} if names else {}).decode()
    named = {"name": function.name, "arguments": arguments}
    call = {"id": f"call_{Connection.asked}", "type": "function", "function": named}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def whole(question: Question) -> bytes:
    message, reason = reply(question)
    body = _encode(
        {
            "id": f"chatcmpl-{Connection.asked}",
            "object": "chat.completion",
            "created": 0,
            "model": question.model,
            "choices": [{"index": 0, "message": message, "finish_reason": reason}],
            "usage": USAGE,
        }
    )
    return _response(b"200 OK", body)


def paced(question: Question) -> Pace | None:
    return pace_in(text(question.messages[-1])) if question.stream and question.messages[-1].role == "user" else None


def streamed(question: Question) -> bytes:
    message, reason = reply(question)
    deltas: list[dict[str, Any]] = [{"role": "assistant"}]
    if "tool_calls" in message:
        deltas += [{"tool_calls": [{"index": 0, **call}]} for call in message["tool_calls"]]
    else:
        deltas += [{"content": word + " "} for word in message["content"].split(" ")]
    events = [_delta(question, delta) for delta in deltas]
    events += _last(question, reason)
    return STREAM + _frames(*events) + _frames(b"[DONE]") + b"0\r\n\r\n"


def _frames(*events: bytes) -> bytes:
    """Events as one chunk of a stream."""
    body = b"".join(b"data: %b\n\n" % event for event in events)
    return b"%x\r\n%b\r\n" % (len(body), body)


def _delta(question: Question, delta: dict[str, Any]) -> bytes:
    return _chunk(question, [{"index": 0, "delta": delta, "finish_reason": None}])


def _last(question: Question, reason: str) -> list[bytes]:
    return [_chunk(question, [{"index": 0, "delta": {}, "finish_reason": reason}]), _chunk(question, [], USAGE)]


def _chunk(question: Question, choices: list[dict[str, Any]], usage: dict[str, int] | None = None) -> bytes:
    chunk = {
        "id": f"chatcmpl-{Connection.asked}",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": question.model,
    }
    return _encode({**chunk, "choices": choices} | ({"usage": usage} if usage else {}))


class Connection(asyncio.Protocol):
    """One client: requests in, answers out, in order."""

    open = 0
    asked = 0
    unanswered = 0
    """The number of the question that is never answered."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._transport: asyncio.Transport
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        Connection.open += 1
        if Connection.open > MAX_CONNECTIONS:
            self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        Connection.open -= 1

    def data_received(self, data: bytes) -> None:
        held = self._held
        held += data
        while (head := held.find(b"\r\n\r\n")) >= 0:
            size = _content_length(held[:head])
            end = head + 4 + size
            if size > MAX_REQUEST:
                return self._transport.abort()
            if len(held) < end:
                return
            if held.startswith(b"GET "):
                self._transport.write(_response(b"200 OK", _encode({"calls": Connection.asked})))
            else:
                self._answer(bytes(held[head + 4 : end]))
            del held[:end]
        if len(held) > 65_536:
            self._transport.abort()

    def _answer(self, body: bytes) -> None:
        try:
            question = _questions.decode(body)
        except msgspec.DecodeError as error:
            said = _encode({"error": {"message": str(error), "type": "invalid_request_error"}})
            self._transport.write(_response(b"400 Bad Request", said))
            return
        Connection.asked += 1
        if Connection.asked == Connection.unanswered:
            return
        pace = paced(question)
        if pace is not None:
            self._transport.write(STREAM + _frames(_delta(question, {"role": "assistant"})))
            self._loop.call_later(pace.every_ms / 1000, self._say, question, pace, 1)
        else:
            self._transport.write(streamed(question) if question.stream else whole(question))

    def _say(self, question: Question, pace: Pace, number: int) -> None:
        """One word, and then the next."""
        if self._transport.is_closing():
            return
        self._transport.write(_frames(_delta(question, {"content": f"{monotonic_ns()} "})))
        if number < pace.words:
            self._loop.call_later(pace.every_ms / 1000, self._say, question, pace, number + 1)
        else:
            self._transport.write(_frames(*_last(question, "stop"), b"[DONE]") + b"0\r\n\r\n")


def _response(status: bytes, body: bytes) -> bytes:
    head = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % (status, len(body)) + body


def _content_length(head: bytearray) -> int:
    lowered = bytes(head).lower()
    at = lowered.find(b"\r\ncontent-length:")
    return 0 if at < 0 else int(lowered[at + 17 :].split(b"\r\n", 1)[0])


async def main() -> None:
    Connection.unanswered = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    uvloop.run(main())
