"""A question written as Chat Completions takes it, its answer read, and a call over loopback HTTP."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from time import perf_counter

import pyperf

sys.path.append(str(Path(__file__).parents[1]))

from canned import FIRST
from project import model_server

from perdure.base.messages import Message, ModelRequest, Text, ToolCall, ToolDefinition, ToolResult
from perdure.compute.transport.plain.transport import PlainTransport
from perdure.compute.transport.port import Post
from perdure.compute.wire.openai_chat import OPENAI_CHAT, QUIRKS

PARAMETERS = {"type": "object", "properties": {"expression": {"type": "string"}}, "required": ["expression"]}
REQUEST = ModelRequest(
    "bench",
    (
        Message("user", (Text("What's 25 * 47?"),)),
        Message("assistant", (ToolCall("call_1", "calculate", {"expression": "25 * 47"}),)),
        Message("tool", (ToolResult("call_1", "calculate", (Text("1175"),)),)),
    ),
    system="You are a careful assistant. Use the calculator for every calculation.",
    tools=(ToolDefinition("calculate", 'Multiply two numbers, as in "25 * 47".', PARAMETERS),),
)


async def calls(url: str, body: bytes, loops: int) -> float:
    transport = PlainTransport()
    post = Post(f"{url}/chat/completions", body, {"content-type": "application/json"})
    await transport.post(post)
    started = perf_counter()
    for _ in range(loops):
        await transport.post(post)
    took = perf_counter() - started
    await transport.close()
    return took


def call(loops: int) -> float:
    with model_server() as url:
        return asyncio.run(calls(url, OPENAI_CHAT.request(REQUEST, QUIRKS["compatible"]).body, loops))


if __name__ == "__main__":
    runner = pyperf.Runner()
    runner.bench_func("request of three messages, encoded", OPENAI_CHAT.request, REQUEST, QUIRKS["compatible"])
    runner.bench_func("answer with a tool call, decoded", OPENAI_CHAT.response, FIRST)
    runner.bench_time_func("plain HTTP call over loopback", call)
