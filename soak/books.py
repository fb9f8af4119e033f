"""The books: what clients were told, what the journal says, what happened outside and what was charged for it have to
be the same."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import apsw
from journal import Reader, Told
from load import EFFECTS, PARTS, Load, Question, every_run
from trouble import Trouble
from world import World

from perdure.kernel.effect import idempotency_key
from perdure.kernel.store.sqlite import SqliteStore

REST_S = 120
"""How long runs may take to come to their ends when nothing is in their way any more."""
AGAIN = 300
"""Questions that are asked a second time, under their keys, when all is over."""
NEAR_S = 5.0
"""How far from a trouble an answer of the model may be lost."""
POOR = 400
"""What an agent of `poor.yaml` may spend in a run, micro-USD."""
SHOWN = 12


@dataclass
class Balance:
    """What was counted, and every line that is not right."""

    counted: dict[str, Any] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def add(self, title: str, lines: Iterator[str] | list[str]) -> None:
        found = list(lines)
        self.wrong += [f"{title}: {line}" for line in found[:SHOWN]]
        if len(found) > SHOWN:
            self.wrong.append(f"{title}: and {len(found) - SHOWN} more")


class Books:
    def __init__(self, world: World, load: Load, trouble: Trouble) -> None:
        self._world = world
        self._load = load
        self._trouble = trouble
        self._reader = Reader()
        self._spent: tuple[int, int] | None = None

    async def balance(self) -> Balance:
        """Let all that was asked come to its end, stop the servers, and compare. The servers are left stopped."""
        found = Balance()
        load, world = self._load, self._world
        found.add("at rest", await self._come_to_rest())
        found.add("asked again", await self._ask_again())
        found.add("notes", await self._read_notes())
        await world.stop()
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
            found.add("answers", _answers(runs, questions, bill["failed"], found))
            found.add("effects", self._effects(runs, outside["happened"], found))
            broken_off = {one.id for one in questions if one.kind == "cancel"}
            found.add("money", await self._money(store, runs, bill["charged"], broken_off, found))
        finally:
            await store.close()
        self._trouble.moments.clear()
        return found

    # -- while the servers are up -------------------------------------------------------------------------------------

    async def _come_to_rest(self) -> list[str]:
        server = self._world.servers[0]
        left: list[Any] = []
        for _ in range(REST_S * 2):
            await self._load.approve()
            await self._load.decide()
            left = await every_run(server, "status=queued&status=running&status=waiting&")
            left = [run for run in left if not run["agent_id"].startswith("clockwork")]
            if not left:
                return []
            await asyncio.sleep(0.5)
        return [f"{run['run_id']} of {run['agent_id']} is {run['status']} {run['waiting_for']}" for run in left]

    async def _ask_again(self) -> list[str]:
        """The same key again: the same run, and the same answer."""
        before = len(self._load.wrong)
        for one in [one for one in self._load.questions if one.answers][-AGAIN:]:
            self._load.note(one, await self._load.insist(one))
        return self._load.wrong[before:]

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

    def _effects(self, runs: list[Told], happened: dict[str, dict[str, int]], found: Balance) -> Iterator[str]:
        intended = {idempotency_key(run.id, key): kind for run in runs for key, kind in run.intents.items()}
        repeated = 0
        for kind in ("idempotent", "checkable", "once"):
            counts = happened.get(kind, {})
            found.counted[f"effects {kind}"] = len(counts)
            for key, count in counts.items():
                if kind == "checkable" and count > 1:
                    repeated += 1  # a probe cannot see what somebody who stands still has yet to send
                elif count != 1:
                    yield f"{key} of class {kind} was done {count} times"
                if intended.get(key) != kind:
                    yield f"{key} of class {kind} was done, and no journal speaks of it"
        found.counted["effects checkable, repeated by one that stood still"] = repeated
        if repeated > self._trouble.done["frozen"] + self._trouble.done["clock jump"]:
            yield f"{repeated} of class checkable were done twice"
        for run in runs:
            for key, kind in run.intents.items():
                outside = idempotency_key(run.id, key)
                if kind in EFFECTS and key in run.done and not happened.get(kind, {}).get(outside):
                    yield f"{run.id} {key} of class {kind} is said to be done and was not"

    async def _money(
        self, store: SqliteStore, runs: list[Told], charged: dict[str, Any], cancelled: set[str], found: Balance
    ) -> list[str]:
        wrong: list[str] = []
        journaled: Counter[str] = Counter()
        for run in runs:
            row = await store.load_run(run.id)
            if row is None or (run.status and row.cost != run.cost):
                wrong.append(f"{run.id} says it cost {row and row.cost}, its records {run.cost}")
            for serial, cost in run.answers:
                journaled[serial] += 1
                if serial not in charged or charged[serial][1] != cost:
                    wrong.append(f"{run.id} counts {cost} for answer {serial}, charged was {charged.get(serial)}")
        wrong += [f"answer {serial} is counted {n} times" for serial, n in journaled.items() if n > 1]
        unheard = {serial: said for serial, said in charged.items() if serial not in journaled}
        for serial, (id, _, at) in unheard.items():
            if id not in cancelled and self._far(at):
                wrong.append(f"answer {serial}, to {id}, is in no journal")
        lost, billed = sum(run.lost for run in runs), sum(cost for _, cost, _ in charged.values())
        spent, missing = sum(run.cost for run in runs), sum(cost for _, cost, _ in unheard.values())
        if lost < missing:
            wrong.append(f"{missing} were charged for answers that nobody heard, {lost} set down for them")
        found.counted |= {
            "charged by the model (micro-USD)": billed,
            "spent by the runs (micro-USD)": spent,
            "of it for calls cut short": lost,
            "answers charged": len(charged),
            "answers charged and never heard": len(unheard),
        }
        if spent - lost != billed - missing:
            wrong.append(f"{spent - lost} were spent on answers, and {billed - missing} charged for them")
        return wrong + await self._scopes(store, sum(run.cost for run in runs))

    async def _scopes(self, store: SqliteStore, spent: int) -> list[str]:
        wrong, cursor = [], ""
        while True:
            page = await store.scopes_like("", cursor=cursor, limit=1_000)
            wrong += [f"{row.id} has {row.reserved} reserved still" for row in page.items if row.reserved]
            cursor = page.next
            if not cursor:
                break
        (row,) = await store.scopes(["project:month"])
        before, self._spent = self._spent, (row.period, row.spent)
        if before is None or before[0] == row.period:
            told = row.spent - (before[1] if before else 0)
            if told != spent:
                wrong.append(f"the project's ledger says {told}, its runs {spent}")
        return wrong

    def _far(self, at: float) -> bool:
        """Whether nothing was done to the servers near this time."""
        return not any(began - NEAR_S <= at <= ended + NEAR_S for began, ended in self._trouble.moments)


def _answers(
    runs: list[Told], questions: list[Question], failed: dict[str, list[str]], found: Balance
) -> Iterator[str]:
    by_asked: dict[str, list[Told]] = defaultdict(list)
    parts: dict[str, list[Told]] = defaultdict(list)
    ends: Counter[str] = Counter()
    for run in runs:
        id, _, part = run.asked.partition("/")
        if part:
            parts[id].append(run)
        elif run.asked != "tick":
            by_asked[run.asked].append(run)
        else:
            ends["scheduled"] += 1
    asked = {one.id: one for one in questions}
    yield from (f"{id!r} was never asked" for id in by_asked if id not in asked)
    for one in questions:
        answering = by_asked[one.id]
        if {run.id for run in answering} != one.runs:
            yield f"{one.kind} {one.id} was told of {one.runs}, and there are {[run.id for run in answering]}"
            continue
        (run,) = answering
        ends[run.status or "open"] += 1
        if one.answers and (run.status != "done" or one.answers != {str(run.output)}):
            yield f"{one.kind} {one.id} was told {one.answers}, its run is {run.status}: {run.output}"
        yield from _course(one, run, parts[one.id], failed)
    found.counted |= {"questions": len(questions), **{f"runs {name}": count for name, count in ends.items()}}


def _course(one: Question, run: Told, parts: list[Told], failed: dict[str, list[str]]) -> Iterator[str]:
    """Whether the run did what its question asks for, or there is a reason why it did not."""
    did = Counter(run.intents[key] for key in run.done if run.intents.get(key) in EFFECTS)
    where = f"{one.kind} {one.id} ({run.id})"
    if run.status == "done":
        wanted = [Counter()] if one.kind in PARTS else [EFFECTS]
        if one.kind == "careful":
            wanted.append(EFFECTS - Counter(idempotent=1))  # a person did not agree
        if did not in wanted:
            yield f"{where} is done, and did {dict(did)}"
        if one.kind in PARTS:
            yield from _helped(one, run, parts, failed)
        elif not str(run.output).startswith(f"{one.id}: answer "):
            yield f"{where} has the answer of another: {run.output}"
    elif run.status == "cancelled":
        if one.kind != "cancel":
            yield f"{where} was cancelled, and nobody asked for it"
    elif run.status == "failed":
        code = run.output.get("code", "") if isinstance(run.output, dict) else ""
        is_poor = one.kind == "poor" and code == "budget.exceeded"
        if not is_poor and not any(failed.get(id) for id in (one.id, *(part.asked for part in parts))):
            yield f"{where} failed for no reason: {run.output}"
    if one.kind == "poor" and run.cost > POOR:
        yield f"{where} spent {run.cost}, of {POOR} that it may"


def _helped(one: Question, run: Told, parts: list[Told], failed: dict[str, list[str]]) -> Iterator[str]:
    """Whether the run has the answers of the others that it asked; None for one that failed for a reason."""
    asked = sorted(part.asked for part in parts)
    if asked != [f"{one.id}/{number}" for number in range(1, PARTS[one.kind] + 1)]:
        yield f"{run.id} of {one.kind} asked {asked}"
        return
    outputs = []
    for part in sorted(parts, key=lambda part: part.asked):
        where = f"{part.id}, asked by {run.id},"
        outputs.append(str(part.output if part.status == "done" else None))
        if part.status != "done" and not failed.get(part.asked):
            yield f"{where} is {part.status} for no reason: {part.output}"
        if part.status == "done" and not str(part.output).startswith(f"{part.asked}: answer "):
            yield f"{where} has the answer of another: {part.output}"
    if str(run.output) != " and ".join(outputs):
        yield f"{run.id} says {run.output}, the others {outputs}"
