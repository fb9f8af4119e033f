"""What clients ask, in every way there is to ask, and what they remember of it."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from contextlib import aclosing
from typing import Any

from world import Server, World

import client
from client import BROKEN, Answer
from perdure.kernel.effect import idempotency_key

SCRIPT = "look; charge+ship; mail"
EFFECTS = Counter(idempotent=1, checkable=1, once=1)
"""What a run of SCRIPT does outside."""

KINDS = {
    "sync": 4,
    "async": 3,
    "stream": 3,
    "conversation": 3,
    "careful": 1,
    "poor": 1,
    "boss": 1,
    "asker": 1,
    "cancel": 1,
    "note": 1,
    "errand": 2,
    "news": 2,
}
PARTS = {"boss": 2, "asker": 1}
"""How many other runs a question of this kind begins; what they are asked is `<id>/1`, `<id>/2`."""

NEWS = "news.soak"
"""The topic that clients publish to."""

TURNS = 30
"""Questions of one conversation, before there is another one."""

NOT_NOW = (429, 503, 507)
PATIENCE_S = 20


class Question:
    """Something that was asked, under a key: the runs that receipts and answers told of, and the answers themselves."""

    def __init__(self, id: str, kind: str, path: str, body: dict[str, Any]) -> None:
        self.id = id
        self.kind = kind
        self.path = path
        self.body = body
        self.runs: set[str] = set()
        self.answers: set[str] = set()
        self.is_cancelled = False


class Notes:
    """A file of an agent's directory that one client writes: what was said to be written is what is read."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.number = 0
        self.written = 0


class Load:
    """Clients that ask until they are told to stop. `wrong` are answers that nobody should get, `news` the events that
    were published, by id, with their numbers in the log."""

    def __init__(self, world: World, chance: random.Random, seed: int, *, clients: int, rate: float) -> None:
        self.questions: list[Question] = []
        self.notes: list[Notes] = []
        self.news: dict[str, int] = {}
        self.wrong: list[str] = []
        self.counts: Counter[str] = Counter()
        self._world = world
        self._chance = chance
        self._seed = seed
        self._clients = clients
        self._pause = clients / rate
        self._numbers = itertools.count()
        self._is_over = False
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def asked(self) -> int:
        return sum(self.counts[kind] for kind in KINDS)

    async def begin(self) -> None:
        self._is_over = False
        await self._until("POST", "/agents", {"spec": "helper", "agent_id": "oracle"})
        for name in range(self._clients):
            self._tasks.append(asyncio.create_task(self._client(name)))
        self._tasks.append(asyncio.create_task(self._approver()))

    async def end(self) -> None:
        """Let clients come to the end of what they ask."""
        self._is_over = True
        await asyncio.gather(*self._tasks)
        self._tasks.clear()

    # -- clients ------------------------------------------------------------------------------------------------------

    async def _client(self, name: int) -> None:
        talk = Talk(self._seed, name)
        notes = Notes("")
        while not self._is_over:
            kind = self._chance.choices(list(KINDS), list(KINDS.values()))[0]
            id = f"{self._seed}-{next(self._numbers)}"
            self.counts[kind] += 1
            try:
                if kind == "note":
                    notes = await self._note(notes, f"notes-{self._seed}-{name}")
                elif kind == "news":
                    await self._publish(id)
                else:
                    await self._ask(kind, id, talk)
            except AssertionError as error:
                self.wrong.append(f"{kind} {id}: {error}")
            await asyncio.sleep(self._chance.random() * 2 * self._pause)

    async def _ask(self, kind: str, id: str, talk: Talk) -> None:
        spec = kind if kind in ("careful", "poor", "errand", *PARTS) else "worker"
        body: dict[str, Any] = {"spec": spec, "input": f"{id} | {SCRIPT}"}
        if kind == "errand":
            body["input"] = {"asked": f"{id} | errand", "ends": self._chance.choice(["well", "well", "badly"])}
        path = "/invoke"
        if kind == "conversation":
            agent = talk.agent()
            if talk.turn > 1 and self._chance.random() < 0.5:
                path, body = f"/agents/{agent}/send", {"input": body["input"]}
            else:
                body["agent_id"] = agent
        one = Question(id, kind, path, body)
        one.is_cancelled = kind == "cancel" or (kind == "errand" and self._chance.random() < 0.2)
        self.questions.append(one)
        if kind == "stream":
            await self._stream(one)
        elif kind in ("sync", "poor") or (kind == "conversation" and path == "/invoke"):
            # Now and then twice at the same moment, as by a client that has lost its patience.
            for answer in await asyncio.gather(*(self.insist(one) for _ in range(1 + (self._chance.random() < 0.2)))):
                self.note(one, answer)
        else:
            later = {} if path != "/invoke" else {"async": True}
            self.note(one, await self.insist(one, **later))
        if one.is_cancelled:
            await asyncio.sleep(self._chance.random() * (0.2 if kind == "cancel" else 2))
            for run in one.runs:
                try:
                    await self._any().ask("POST", f"/runs/{run}/cancel", {})
                except BROKEN:
                    pass  # perhaps it is cancelled, perhaps not

    async def insist(self, one: Question, **more: Any) -> Answer:
        """Ask until there is an answer or a receipt. Who has waited for long is content with a receipt."""
        for tried in itertools.count():
            body = {**one.body, **more}
            if tried > 3 and one.path == "/invoke":
                body["async"] = True
            try:
                answer = await self._any().ask("POST", one.path, body, key=one.id, s=PATIENCE_S)
            except BROKEN:
                self.counts["broken off"] += 1
            else:
                if answer.status not in NOT_NOW or "run_id" in answer.body:
                    return answer
                self.counts[f"refused: {answer.body.get('code')}"] += 1
            await asyncio.sleep(0.05 + self._chance.random() * 0.2)
        raise AssertionError

    def note(self, one: Question, answer: Answer) -> None:
        """Remember what came back. A run that failed is an answer too."""
        status, body = answer
        if not isinstance(body, dict) or not body.get("run_id"):
            self.wrong.append(f"{one.kind} {one.id}: {status} {str(body)[:300]}")
            return
        one.runs.add(body["run_id"])
        if status == 200:
            one.answers.add(str(body["output"]))

    async def _stream(self, one: Question) -> None:
        """Hear a run to its end, by another connection with the last cursor where one breaks off."""
        last = 0
        for tried in range(12):
            server = self._any()
            run = next(iter(one.runs), "")
            body = {**one.body, "stream": True}
            asked = ("GET", f"/runs/{run}/events", None) if run else ("POST", one.path, body)
            key = "" if run else one.id
            try:
                found = client.events(server.port, server.token, *asked, key=key, after=last, s=PATIENCE_S)
                async with aclosing(found):
                    async for event in found:
                        if event.id:
                            assert event.id > last, f"the stream went back from {last} to {event.id}"
                            last = event.id
                        if event.kind == "accepted":
                            one.runs.add(event.data["run_id"])
                        elif event.kind == "result":
                            result = event.data["result"]
                            one.runs.add(result["run_id"])
                            if result["status"] == "done":
                                one.answers.add(str(result["output"]))
                            return
            except BROKEN:
                self.counts["stream broken off"] += 1
                await asyncio.sleep(0.1 + 0.1 * tried)
        if not one.runs:
            self.note(one, await self.insist(one, **{"async": True}))

    async def _note(self, notes: Notes, agent: str) -> Notes:
        """Write the next number into a file of the agent."""
        if not notes.path:
            notes.path = f"/agents/{agent}/memory/number"
            await self._until("POST", "/agents", {"spec": "worker", "agent_id": agent})
            self.notes.append(notes)
        notes.number += 1
        await self._until("PUT", notes.path, str(notes.number).encode())
        notes.written = notes.number
        return notes

    async def _publish(self, id: str) -> None:
        """Publish an event until it has a number, now and then once more: the same number, or it is there twice."""
        for _ in range(1 + (self._chance.random() < 0.2)):
            said = await self._until("POST", f"/bus/{NEWS}", {"id": id, "payload": {"news": id}})
            seq = self.news.setdefault(id, said["seq"])
            assert seq == said["seq"], f"{id} is number {seq} and number {said['seq']} of the log"

    async def _until(self, method: str, path: str, body: Any) -> Any:
        while True:
            try:
                answer = await self._any().ask(method, path, body, s=PATIENCE_S)
            except BROKEN:
                answer = Answer(503, None)
            if answer.status in (200, 201, 202, 204, 409):
                return answer.body
            assert answer.status in NOT_NOW, f"{method} {path}: {answer}"
            await asyncio.sleep(0.1)

    # -- people -------------------------------------------------------------------------------------------------------

    async def _approver(self) -> None:
        while not self._is_over:
            await self.approve()
            try:
                await self.let_go_on()
            except BROKEN:
                pass  # told again in a moment
            await asyncio.sleep(0.5)

    async def approve(self) -> None:
        """Say something to all that is asked."""
        try:
            server = self._any()
            _, page = await server.ask("GET", "/approvals?limit=1000", s=10)
            for one in page["items"]:
                said = "approve" if self._chance.random() < 0.7 else "deny"
                answer = await server.ask("POST", f"/approvals/{one['id']}/{said}", {}, s=10)
                self.counts[said] += answer.status == 202
        except (*BROKEN, KeyError):
            pass  # asked again in a moment

    async def let_go_on(self) -> None:
        """Tell errands that wait for it to go on, each in one event: who waits is on record, and misses none."""
        server = self._any()
        for run in await every_run(server, "status=waiting&"):
            if run["agent_id"].startswith("errand") and run["waiting_for"] == "reply":
                id = run["run_id"]
                await server.ask("POST", "/bus/errands.go", {"id": f"go-{id}", "payload": {"run": id}}, s=10)

    async def decide(self) -> None:
        """What an operator does about effects in doubt: look outside whether it happened, and say so."""
        happened = (await self._world.outside.effects("report"))["happened"].get("once", {})
        server = self._any()
        for run in await every_run(server, "status=waiting&"):
            if run["waiting_for"] != "in_doubt":
                continue
            _, detail = await server.ask("GET", f"/runs/{run['run_id']}")
            for wait in detail["waits"]:
                if wait["kind"] == "in_doubt":
                    is_done = happened.get(idempotency_key(run["run_id"], wait["key"]), 0)
                    how = "done" if is_done else "retry"
                    said = {"key": wait["key"], "how": how, "value": "once done", "why": "looked"}
                    status, _ = await server.ask("POST", f"/runs/{run['run_id']}/resolve", said)
                    self.counts[f"in doubt: {how}"] += status == 202

    def _any(self) -> Server:
        return self._chance.choice(self._world.servers)


class Talk:
    """Which agent a client talks to."""

    def __init__(self, seed: int, name: int) -> None:
        self._name = f"talk-{seed}-{name}"
        self._turns = 0

    @property
    def turn(self) -> int:
        return self._turns % TURNS

    def agent(self) -> str:
        number = self._turns // TURNS
        self._turns += 1
        return f"{self._name}-{number}"


async def every_run(server: Server, which: str = "") -> list[Any]:
    found, cursor = [], ""
    while True:
        status, page = await server.ask("GET", f"/runs?{which}limit=1000&cursor={cursor}")
        if status != 200:
            raise ValueError(f"{status}: {page}")
        found += page["items"]
        cursor = page["next"]
        if not cursor:
            return found
