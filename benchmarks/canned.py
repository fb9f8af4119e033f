"""A model server without a socket: two answers, ready made, for a question and for the result of its tool."""

from __future__ import annotations

import asyncio

import msgspec
from project import ANSWER

from perdure.compute.transport.memory import MemoryTransport, Reply
from perdure.compute.transport.port import Answer, Post

_CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {
            "id": "call_1",
            "type": "function",
            "function": {"name": "calculate", "arguments": '{"expression":"25 * 47"}'},
        }
    ],
}
_HEADERS = {"content-type": "application/json"}


def _completion(message: object, reason: str) -> bytes:
    return msgspec.json.encode(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 0,
            "model": "bench",
            "choices": [{"index": 0, "message": message, "finish_reason": reason}],
            "usage": {"prompt_tokens": 60, "completion_tokens": 12, "total_tokens": 72},
        }
    )


FIRST = _completion(_CALL, "tool_calls")
LAST = _completion({"role": "assistant", "content": ANSWER}, "stop")


class CannedTransport(MemoryTransport):
    """Answers in the loop's next round, as a socket does at the earliest. Keeps no calls."""

    def __init__(self) -> None:
        super().__init__(lambda post: Reply((LAST if b'"role":"tool"' in post.body else FIRST,), headers=_HEADERS))

    async def post(self, post: Post) -> Answer:
        await asyncio.sleep(0)
        return Answer(200, _HEADERS, LAST if b'"role":"tool"' in post.body else FIRST)
