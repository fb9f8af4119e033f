"""Balancing the books: everything comes to its end, the servers stop, and what each side says is gathered."""

from __future__ import annotations

import asyncio
import json
import sys
import time

import apsw
from accounts import Balance, answers_wrong, effects_wrong, money_wrong
from journal import AT_ONCE, Reader, Told
from load import NEWS, Load, every_run
from news import news_wrong
from trouble import Trouble
from world import World

from client import BROKEN
from perdure.base.codec import unpack, unpack_as
from perdure.kernel.store.rows import EventFilter, EventRow
from perdure.kernel.store.sqlite import SqliteStore
from perdure.kernel.topics import MARKS, Subscription

REST_S = 120
"""How long runs may take to come to their ends when nothing is in their way any more."""
AGAIN = 300
"""Questions that are asked a second time, under their keys, when all is over."""


class Books:
    def __init__(self, world: World, load: Load, trouble: Trouble) -> None:
        self._world = world
        self._load = load
        self._trouble = trouble
        self._reader = Reader()
        self._spent: tuple[int, int] | None = None
        self._last_event = 0
        self._events = 0

    async def balance(self) -> Balance:
        """Let all that was asked come to its end, stop the servers, and compare. The servers are left stopped."""
        found = Balance()
        load, world = self._load, self._world
        found.add("at rest", await self._come_to_rest())
        await self._ask_again()
        found.add("notes", await self._read_notes())
        began = time.monotonic()
        await world.stop()
        self._trouble.moments.append((began, time.monotonic()))  # what a schedule began may be put away in it
        for server in world.servers:
            found.add("servers", server.faults)
            server.faults = []
        found.add("clients", load.wrong)
        found.add("database", self._integrity())
        found.counted["database (KB)"] = world.database.stat().st_size >> 10
        found.add("chains", await self._verify(found))
        bill, outside = await world.outside.model("/balance"), await world.outside.effects("balance")
        store = SqliteStore.open(world.database)
        try:
            runs = await self._reader.read(store)
            questions, load.questions, load.wrong = load.questions, [], []
            found.add("journal", (f"{run.id}: {line}" for run in runs for line in run.wrong))
            found.add("answers", answers_wrong(runs, questions, bill["failed"], found))
            stood_still = self._trouble.done["frozen"] + self._trouble.done["clock jump"]
            found.add("effects", effects_wrong(runs, outside["happened"], stood_still, found))
            cancelled = {one.id for one in questions if one.kind == "cancel"}
            found.add("money", money_wrong(runs, bill["charged"], cancelled, self._trouble.moments, found))
            found.add("ledger", await self._ledger(store, runs))
            found.add("news", await self._news(store, runs, found))
        finally:
            await store.close()
        self._trouble.moments.clear()
        return found

    # -- while the servers are up -------------------------------------------------------------------------------------

    async def _come_to_rest(self) -> list[str]:
        server = self._world.servers[0]
        left = ["nobody knows: the servers do not answer"]
        for _ in range(REST_S * 2):
            await self._load.approve()
            try:
                await self._load.let_go_on()
                await self._load.decide()
                runs = await every_run(server, "status=queued&status=running&status=waiting&")
            except BROKEN:
                continue
            left = [
                f"{run['run_id']} of {run['agent_id']} is {run['status']} {run['waiting_for']}"
                for run in runs
                if not run["agent_id"].startswith("clockwork")
            ]
            left += await self._unheard()
            if not left:
                break
            await asyncio.sleep(0.5)
        return left

    async def _unheard(self) -> list[str]:
        """Subscriptions of agents that have not had all that was published."""
        last = max(self._load.news.values(), default=0)
        _, found = await self._world.servers[0].ask("GET", "/subscriptions")
        return [
            f"{one['agent_id']} has heard {one['pattern']} up to {one['seq']}, there is {last}"
            for one in found
            if one["source"] == "spec" and one["seq"] < last
        ]

    async def _ask_again(self) -> None:
        """The same key again: the same run, and the same answer, as the accounts will find."""
        for one in [one for one in self._load.questions if one.answers][-AGAIN:]:
            self._load.note(one, await self._load.insist(one))

    async def _read_notes(self) -> list[str]:
        found = []
        for notes in self._load.notes:
            status, number = await self._world.servers[1].ask("GET", notes.path)
            if notes.written and (status != 200 or not notes.written <= number <= notes.number):
                found.append(f"{notes.path} holds {number}, {notes.written} was written")
        self._load.notes.clear()
        return found

    # -- when they are stopped ----------------------------------------------------------------------------------------

    def _integrity(self) -> list[str]:
        connection = apsw.Connection(str(self._world.database))
        try:
            found = [str(line) for (line,) in connection.execute("pragma integrity_check")]
        finally:
            connection.close()
        return [] if found == ["ok"] else found

    async def _verify(self, found: Balance) -> list[str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", "from perdure.cli.main import main; main()", "runs", "verify", "--json"),
            cwd=self._world.scratch / "project",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, error = await process.communicate()
        try:
            told = json.loads(said)
        except ValueError:
            return [error.decode()[-500:]]
        found.counted |= {"agents": told["agents"], "records": told["records"]}
        return [str(problem) for problem in told["problems"]]

    async def _ledger(self, store: SqliteStore, runs: list[Told]) -> list[str]:
        """What the store's own sums say, against those of the records."""
        wrong, cursor = [], ""
        for run in runs:
            row = await store.load_run(run.id)
            if row is None or (run.status and row.cost != run.cost):
                wrong.append(f"{run.id} says it cost {row and row.cost}, its records {run.cost}")
            if run.status and run.reserved:
                wrong.append(f"{run.id} is {run.status} and keeps {run.reserved}")
        # A run that a schedule began may be put away in the middle of a call, and what it set aside stays so.
        put_away = {"project:month": sum(sum(run.reserved.values()) for run in runs)}
        while True:
            page = await store.scopes_like("", cursor=cursor, limit=1_000)
            wrong += [
                f"{row.id} has {row.reserved} reserved, its runs {put_away.get(row.id, 0)}"
                for row in page.items
                if row.reserved != put_away.get(row.id, 0)
            ]
            cursor = page.next
            if not cursor:
                break
        (row,) = await store.scopes(["project:month"])
        before, self._spent = self._spent, (row.period, row.spent)
        if before is None or before[0] == row.period:
            told = row.spent - (before[1] if before else 0)
            if told != (spent := sum(run.spent for run in runs)):
                wrong.append(f"the project's ledger says {told}, its runs {spent}")
        return wrong

    async def _news(self, store: SqliteStore, runs: list[Told], found: Balance) -> list[str]:
        """What was published, against the log and what each subscription had of it."""
        published, self._load.news = self._load.news, {}
        log: list[EventRow] = []
        while rows := await store.events(EventFilter(topic=NEWS), after=self._last_event, limit=AT_ONCE):
            log += rows
            self._last_event = rows[-1].seq
        marks = (await store.marks(MARKS, limit=AT_ONCE)).items
        heard = [one for mark in marks if (one := unpack_as(mark.data, Subscription)).source == "spec"]
        wrong = list(news_wrong(runs, published, log, heard, found))
        self._events += len(log)
        counter = await store.load_agent("counter")
        count = unpack(counter.state)["count"] if counter is not None and counter.state else 0
        if count != self._events:
            wrong.append(f"the agent that counts them has counted {count} of {self._events}")
        return wrong
