"""How often, how many at once, and how slowly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from perdure.base.clock import ManualClock
from perdure.base.errors import ConfigError, TooManyRequests
from perdure.base.messages import ModelResponse, ToolCall
from perdure.server import protocol
from perdure.server.rates import Rate, Rates, parse_rate

Served = Callable[..., AbstractAsyncContextManager[Any]]
ASK = ModelResponse((ToolCall("c1", "ask", {"question": "why?"}),))


async def test_each_key_asks_so_often_and_no_more(served: Served, project: Path) -> None:
    (project / "perdure.toml").write_text('[server]\nrate = "3/m"\n')
    clock = ManualClock()
    async with served(clock=clock) as client:
        left = [(await client.get("/specs")).headers["x-ratelimit-remaining"] for _ in range(3)]
        assert left == ["2", "1", "0"]
        answer = await client.get("/specs")
        assert (answer.status, answer.json["code"], answer.headers["retry-after"]) == (429, "access.rate", "20")
        assert (answer.headers["x-ratelimit-limit"], answer.headers["x-ratelimit-reset"]) == ("3", "60")
        other = {"authorization": f"Bearer {(await client.runtime.add_key('other', ['read'])).secret}"}
        assert (await client.get("/specs", **other)).status == 200  # has a bucket of its own
        assert (await client.get("/healthz")).status == 200
        await clock.advance(20_000)
        assert [(await client.get("/specs")).status for _ in range(2)] == [200, 429]


async def test_without_a_rate_nobody_counts(served: Served) -> None:
    async with served() as client:
        assert "x-ratelimit-limit" not in (await client.get("/specs")).headers


async def test_a_bucket_is_never_more_than_full_and_knows_no_past() -> None:
    for later in (10**9, -(10**9)):  # where somebody sets the clock back
        clock = ManualClock(10**12)
        rates = Rates(Rate(2, 1_000), clock)
        assert rates.take("a").remaining == 1
        await clock.advance(later)
        assert rates.take("a").remaining == (1 if later > 0 else 0)
    with pytest.raises(TooManyRequests) as refused:
        rates.take("a")
    assert refused.value.retry_after == 0.5


@pytest.mark.parametrize(
    ("text", "rate"), [("1/s", Rate(1, 1_000)), ("600/m", Rate(600, 60_000)), ("9/h", Rate(9, 3_600_000))]
)
def test_rates_as_files_hold_them(text: str, rate: Rate) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["0/m", "x", "1/d", "-1/s", "1 / s", ""])
async def test_what_is_no_rate(served: Served, project: Path, text: str) -> None:
    (project / "perdure.toml").write_text(f'[server]\nrate = "{text}"\n')
    with pytest.raises(ConfigError, match="rate"):
        async with served():
            pass


async def test_who_comes_when_it_is_full_is_told_so(served: Served, project: Path) -> None:
    (project / "perdure.toml").write_text("[server]\nin_flight = 2\n")
    async with served([ASK]) as client:
        run = (await client.post("/invoke", {"spec": "clerk", "input": "x"})).json["run_id"]
        streams = [await client.stream("GET", f"/runs/{run}/events") for _ in range(2)]
        answer = await client.get("/specs")
        assert (answer.status, answer.json["code"], answer.headers["retry-after"]) == (503, "server.busy", "1")
        assert (await client.get("/readyz")).status == 503
        assert (await client.get("/healthz")).status == 200
        streams[0].close()
        async with asyncio.timeout(5):
            while (await client.get("/specs")).status != 200:
                await asyncio.sleep(0.01)


async def test_a_head_that_comes_byte_by_byte_is_not_waited_for(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "ARRIVAL_S", 0.2)
    async with served() as client:
        reader, writer = await asyncio.open_connection(client.host, client.port)
        answer = asyncio.create_task(reader.read())
        for byte in b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: " + b"y" * 10_000:
            if answer.done():
                break
            writer.write(bytes([byte]))
            await asyncio.sleep(0.01)
        assert (await answer).startswith(b"HTTP/1.1 408 ")
        writer.close()
