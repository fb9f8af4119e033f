"""A server that is killed again and again: what it accepted is answered, and no question has two answers.

The model never says the same thing twice, so that an answer that was made a second time is told from one that was kept.
`PERDURE_SERVER_KILLS` says how often it is killed (50), `PERDURE_CRASH_SEED` when.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import socket
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import perdure

SOURCE = Path(perdure.__file__).parent.parent
KILLS = int(os.environ.get("PERDURE_SERVER_KILLS", "50"))
SEED = int(os.environ.get("PERDURE_CRASH_SEED", "20"))
CLIENTS = 12
CROWD = 1_000
PATIENCE = 240

AGENT = """\
name: clerk
model: {provider: compatible, name: m, price: {input: 1, output: 1}}
tools: ["../tools.py:look"]
"""
TOOLS = '''\
import time
from perdure import tool

@tool(effect="read")
async def look(what: str) -> str:
    """Look something up."""
    return f"{what} seen at {time.time_ns()}"
'''
Broken = (OSError, EOFError, IndexError, ValueError)
"""What a client sees of a server that dies: no connection, no answer, half an answer."""


class Server:
    """A server that dies and comes back, on the same port every time."""

    def __init__(self, folder: Path, serve: Callable[..., Any]) -> None:
        self.folder = folder
        self._serve = serve
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self._port = str(found.getsockname()[1])
        self._process: Any = None
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}

    async def start(self) -> None:
        self._process = await asyncio.to_thread(
            self._serve, self.folder, "--port", self._port, environment=self._environment
        )

    async def kill(self) -> None:
        if self._process is not None:
            said = await asyncio.to_thread(self._process.close)
            assert "Traceback" not in said, said

    async def ask(self, method: str, path: str, body: Any = None, key: str = "") -> tuple[int, Any]:
        answer: tuple[int, Any] = await self._process.ask(method, path, body, key)
        return answer

    async def insist(self, path: str, body: Any, key: str) -> tuple[int, Any]:
        """Ask until there is an answer, as a client does that has a key for what it wants."""
        while True:
            try:
                status, answer = await self.ask("POST", path, body, key)
            except Broken:
                await asyncio.sleep(0.02)
                continue
            if status != 503:
                return status, answer
            assert answer["retryable"], answer


@asynccontextmanager
async def model() -> AsyncIterator[tuple[str, Callable[[], int]]]:
    """Where a model is served that looks up what it is asked about and says what it saw, every time in other words;
    and how many answers it has given."""
    given = itertools.count(1)
    last = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal last
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                said = json.loads(await reader.readexactly(length))["messages"][-1]
                last = next(given)
                await asyncio.sleep(last % 7 * 0.005)
                if said["role"] == "tool":
                    message = {"role": "assistant", "content": f"{last}: {said['content']}"}
                else:
                    call = {"name": "look", "arguments": json.dumps({"what": said["content"]})}
                    calls = [{"id": f"call_{last}", "type": "function", "function": call}]
                    message = {"role": "assistant", "content": None, "tool_calls": calls}
                choice = {"index": 0, "message": message, "finish_reason": "stop"}
                usage = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
                body = json.dumps({"id": f"c{last}", "model": "m", "choices": [choice], "usage": usage}).encode()
                kind = b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
                writer.write(b"HTTP/1.1 200 OK\r\n" + kind + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # who asked was killed
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1024)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", lambda: last
        server.close()


@pytest.fixture
def told(tmp_path: Path, serve: Any) -> Callable[[Callable[[Server, Callable[[], int]], Awaitable[None]]], None]:
    """Runs a story about a server, its model beside it."""

    def tell(story: Callable[[Server, Callable[[], int]], Awaitable[None]]) -> None:
        async def main() -> None:
            (tmp_path / "agents").mkdir()
            (tmp_path / "agents" / "clerk.yaml").write_text(AGENT)
            (tmp_path / "tools.py").write_text(TOOLS)
            async with model() as (url, given):
                (tmp_path / "perdure.toml").write_text(f'[providers.compatible]\nbase_url = "{url}"\n')
                server = Server(tmp_path, serve)
                try:
                    await asyncio.wait_for(story(server, given), PATIENCE)
                finally:
                    await server.kill()

        asyncio.run(main())

    return tell


def test_clients_that_retry_lose_nothing_and_get_one_answer_each(told: Any) -> None:
    print(f"PERDURE_CRASH_SEED={SEED}: {KILLS} kills")
    chance = random.Random(SEED)

    async def story(server: Server, given: Callable[[], int]) -> None:
        answers: dict[str, set[str]] = defaultdict(set)
        runs: dict[str, set[str]] = defaultdict(set)
        asked: set[str] = set()
        is_over = False

        async def client(name: int) -> None:
            for number in itertools.count():
                if is_over:
                    return
                key = f"{name}-{number}"
                asked.add(key)
                body: dict[str, Any] = {"spec": "clerk", "input": f"thing {key}"}
                if name % 3 == 0:
                    body["agent_id"] = f"clerk-of-{name}"  # one conversation, a question at a time
                if name % 3 == 1:
                    status, receipt = await server.insist("/invoke", {**body, "async": True}, key)
                    assert status == 202, receipt
                    runs[key].add(receipt["run_id"])
                # Twice at the same moment, as by a client that lost its patience.
                for status, answer in await asyncio.gather(
                    *(server.insist("/invoke", body, key) for _ in range(1 + number % 2))
                ):
                    assert status == 200, answer
                    answers[key].add(answer["output"])
                    runs[key].add(answer["run_id"])

        await server.start()
        clients = [asyncio.create_task(client(name)) for name in range(CLIENTS)]
        for _ in range(KILLS):
            await asyncio.sleep(chance.random() * 0.4)
            await server.kill()
            await server.start()
        is_over = True
        await asyncio.gather(*clients)

        for key in asked:
            body: dict[str, Any] = {"spec": "clerk", "input": f"thing {key}"}
            if int(key.partition("-")[0]) % 3 == 0:
                body["agent_id"] = f"clerk-of-{key.partition('-')[0]}"
            _, again = await server.ask("POST", "/invoke", body, key)
            answers[key].add(again["output"])
            runs[key].add(again["run_id"])
            assert len(answers[key]) == 1, (key, answers[key])
            assert len(runs[key]) == 1, (key, runs[key])
            assert f": thing {key} seen at " in again["output"]
        assert len(set().union(*answers.values())) == len(asked), "two questions have the same answer"
        listed = await every_run(server)
        assert {run["run_id"] for run in listed} == set().union(*runs.values())
        assert {run["status"] for run in listed} == {"done"}
        assert len(asked) > KILLS, "work was done between the kills"
        assert given() > 2 * len(asked), "some kills fell into the middle of a run"

    told(story)


def test_every_receipt_survives_a_kill_that_comes_at_once(told: Any) -> None:
    async def story(server: Server, given: Callable[[], int]) -> None:
        await server.start()
        body = {"spec": "clerk", "async": True}
        receipts: dict[str, str] = {}
        half = asyncio.Event()

        async def client(name: int) -> None:
            try:
                status, receipt = await server.ask("POST", "/invoke", {**body, "input": f"thing {name}"})
            except Broken:
                return
            assert status == 202, receipt
            receipts[receipt["run_id"]] = f"thing {name}"
            if len(receipts) > CROWD // 2:
                half.set()

        async def kill() -> None:
            await half.wait()
            await server.kill()

        await asyncio.gather(kill(), *(client(name) for name in range(CROWD)))
        before = len(receipts)
        assert before > CROWD // 2
        await server.start()
        await asyncio.gather(*(client(name) for name in range(CROWD, 2 * CROWD)))
        assert len(receipts) == before + CROWD
        await server.kill()
        await server.start()
        while await every_run(server, "status=queued&status=running&"):
            await asyncio.sleep(0.1)
        listed = {run["run_id"]: run["status"] for run in await every_run(server)}
        assert receipts.keys() <= listed.keys(), "a receipt was given for a run that there is not"
        assert set(listed.values()) == {"done"}
        for run, thing in receipts.items():
            _, found = await server.ask("GET", f"/runs/{run}")
            assert f": {thing} seen at " in found["output"]

    told(story)


async def every_run(server: Server, which: str = "") -> list[Any]:
    found, cursor = [], ""
    while True:
        _, page = await server.ask("GET", f"/runs?{which}limit=1000&cursor={cursor}")
        found += page["items"]
        cursor = page["next"]
        if not cursor:
            return found
