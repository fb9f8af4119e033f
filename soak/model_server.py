"""A model server that fails in every documented way, and keeps a ledger of what it charges.

OpenAI's Chat Completions on a free port of loopback, in a process of its own, that prints its port and ends with its
standard input. A question is `id | step; step; …`, a step one or more tools joined by `+`: it answers with the calls of
each step in turn and then in words. No two answers are alike: each has a serial number, in its id, and a price.
`GET /weather/0.1` makes one in ten questions fail; `GET /balance` tells what was charged and what failed since it was
last asked, with the monotonic time of each, which all processes of a machine share.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import defaultdict
from typing import Any

PATIENCE_S = 25.0
"""A question that is left to hang is dropped after this; whoever asks gives up before."""

HTML = b"<html>down</html>"
REFUSALS: dict[str, tuple[str, dict[str, str], Any]] = {
    "400": ("400 Bad Request", {}, {"error": {"message": "no", "code": "nonsense"}}),
    "401": ("401 Unauthorized", {}, {"error": {"message": "no"}}),
    "404": ("404 Not Found", {}, {"error": {"message": "no such model"}}),
    "429": ("429 Too Many Requests", {"retry-after": "1"}, {"error": {"message": "slower"}}),
    "500": ("500 Internal Server Error", {}, {"error": {"message": "oops"}}),
    "503": ("503 Unavailable", {}, HTML),
    "garbage": ("200 OK", {}, b"{garbage \xff\xfe"),
    "empty": ("200 OK", {}, b""),
    "no choice": ("200 OK", {}, {"choices": []}),
}
TROUBLES = (*REFUSALS, *("429", "500", "503"), "cut", "hang", "reset", "nonsense")
"""What a failure is drawn from; those that pass are more often."""


class Model:
    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.weather = 0.0
        self.serial = 0
        self.charged: dict[str, tuple[str, int, float]] = {}
        self.failed: dict[str, list[str]] = defaultdict(list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # who asked was killed
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one question; whether the connection is good for another."""
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"GET "):
            writer.write(_whole("200 OK", {}, self._told(head.split()[1].decode())))
            return True
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        question = json.loads(await reader.readexactly(length))
        asked = [n for n, one in enumerate(question["messages"]) if one["role"] == "user"][-1]
        id, _, script = _text(question["messages"][asked]).partition(" | ")
        await asyncio.sleep(self.chance.random() * 0.04)
        if self.chance.random() < self.weather:
            return await self._fail(id, question, reader, writer)
        step = sum(one["role"] == "assistant" for one in question["messages"][asked:])
        self.serial += 1
        serial, said = str(self.serial), self._answer(id, script, step)
        usage = (50 + self.serial % 97, 10 + self.serial % 31)
        writer.write((_streamed if question.get("stream") else _complete)(serial, said, usage))
        await writer.drain()
        self.charged[serial] = (id, usage[0] + 2 * usage[1], time.monotonic())
        return True

    def _answer(self, id: str, script: str, step: int) -> dict[str, Any]:
        steps = [one.strip() for one in script.split(";") if one.strip()]
        if step >= len(steps):
            return {"role": "assistant", "content": f"{id}: answer {self.serial}"}
        calls = [
            {
                "id": f"call_{self.serial}_{number}",
                "type": "function",
                "function": {"name": name, "arguments": json.dumps({"what": id})},
            }
            for number, name in enumerate(steps[step].split("+"))
        ]
        return {"role": "assistant", "content": None, "tool_calls": calls}

    async def _fail(self, id: str, question: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        kind = self.chance.choice(TROUBLES)
        self.failed[id].append(kind)
        if kind in REFUSALS:
            writer.write(_whole(*REFUSALS[kind]))
            return True
        if kind == "hang":
            try:
                await asyncio.wait_for(reader.read(1), PATIENCE_S)  # until the other side gives up
            except TimeoutError:
                pass
        elif kind == "nonsense":
            writer.write(b"what is http?\r\n\r\n")
        elif kind == "cut":
            said = {"role": "assistant", "content": f"{id}: half an"}
            answer = (_streamed if question.get("stream") else _complete)("0", said, (1, 1))
            writer.write(answer[: len(answer) * 2 // 3])
            await writer.drain()
        else:
            writer.transport.abort()
        return False

    def _told(self, path: str) -> Any:
        _, verb, *rest = path.split("/")
        if verb == "weather":
            self.weather = float(rest[0])
            return {}
        told = {"charged": self.charged, "failed": self.failed}
        self.charged, self.failed = {}, defaultdict(list)
        return told


def _text(message: Any) -> str:
    content = message["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def _whole(status: str, headers: dict[str, str], body: Any) -> bytes:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"content-type": "application/json", "content-length": str(len(data)), **headers}
    return f"HTTP/1.1 {status}\r\n{_lines(sent)}\r\n".encode() + data


def _lines(headers: dict[str, str]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())


def _complete(serial: str, message: dict[str, Any], usage: tuple[int, int]) -> bytes:
    choice = {"index": 0, "message": message, "finish_reason": _reason(message)}
    return _whole("200 OK", {}, {"id": serial, "model": "m", "choices": [choice], "usage": _usage(usage)})


def _streamed(serial: str, message: dict[str, Any], usage: tuple[int, int]) -> bytes:
    deltas: list[dict[str, Any]] = [{"role": "assistant"}]
    if message["content"] is None:
        deltas += [{"tool_calls": [{"index": n, **call}]} for n, call in enumerate(message["tool_calls"])]
    else:
        text = message["content"]
        deltas += [{"content": text[: len(text) // 2]}, {"content": text[len(text) // 2 :]}]
    choices = [[{"index": 0, "delta": delta, "finish_reason": None}] for delta in deltas]
    choices += [[{"index": 0, "delta": {}, "finish_reason": _reason(message)}]]
    chunks: list[Any] = [{"id": serial, "model": "m", "choices": one} for one in choices]
    chunks.append({"id": serial, "model": "m", "choices": [], "usage": _usage(usage)})
    data = b"".join(b"data: %b\n\n" % json.dumps(chunk).encode() for chunk in chunks) + b"data: [DONE]\n\n"
    head = _lines({"content-type": "text/event-stream", "transfer-encoding": "chunked"})
    return f"HTTP/1.1 200 OK\r\n{head}\r\n".encode() + b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data)


def _reason(message: dict[str, Any]) -> str:
    return "stop" if message["content"] is not None else "tool_calls"


def _usage(usage: tuple[int, int]) -> dict[str, int]:
    return {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}


async def main(seed: int) -> None:
    server = await asyncio.start_server(Model(seed).serve, "127.0.0.1", 0, backlog=1024, limit=2**24)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
