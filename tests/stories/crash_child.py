"""A process that works and may be killed at any instant: it takes over what lies idle, and accepts new runs.

    crash_child.py PROJECT --runs N [--point NAME --nth N [--stop]] [--finish]

Prints a JSON object a line: `doubtful`, what the journal holds intended and not done as the process starts;
`accepted`, a run's id, once `start` has returned; `over` at its end.
With `--stop` it is paused there instead of killed; with `--finish` it ends when no run can go on.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import perdure
from perdure.base.messages import ModelRequest
from perdure.kernel.journal import fold
from perdure.kernel.settings import Settings
from perdure.kernel.store.port import Store
from perdure.kernel.store.rows import RecordFilter, RunFilter, RunRow
from perdure.kernel.store.sqlite import SqliteStore
from perdure.testing import Scripted, call, kill_at
from perdure.testing.crash import Probe, at

SETTINGS = Settings(recover=True, heartbeat_ms=200, lease_ms=800, poll_ms=30, linger_ms=30)
WORKER = [
    [call("look", what="a"), call("charge", what="a"), call("ship", what="a"), call("mail", what="a")],
    [call("charge", what="b"), call("charge", what="b"), call("look", what="b")],
    [call("mail", what="c")],
    "done",
]
HELPER = [[call("charge", what="d"), call("ship", what="d")], "helped"]


def tell(**said: Any) -> None:
    print(json.dumps(said), flush=True)


def turn(request: ModelRequest) -> int:
    """How often the model has answered since the person last spoke."""
    roles = [message.role for message in request.messages]
    return roles[::-1].index("user") - roles[::-1][: roles[::-1].index("user")].count("tool")


def scripted(answers: list[Any]) -> Scripted:
    chance = random.Random(7)

    async def answer(request: ModelRequest) -> Any:
        await asyncio.sleep(chance.random() * 0.002)
        return answers[turn(request)]

    return Scripted(answer)


def models() -> dict[str, Scripted]:
    return {"scripted/worker": scripted(WORKER), "scripted/helper": scripted(HELPER)}


async def unfinished(store: Store) -> list[RunRow]:
    page = await store.runs(RunFilter(status=("queued", "running", "waiting")), limit=10_000)
    return page.items


async def doubtful(store: Store) -> list[list[str]]:
    """Effects of class once that are intended and not done: run and key of each."""
    found = []
    for run in await unfinished(store):
        records = await store.records(RecordFilter(run.agent_id, run.id), limit=10_000)
        past = fold(records)
        found += [
            [run.id, key] for key, one in past.effects.items() if one.state == "intended" and one.effect == "once"
        ]
    return found


async def work(rt: perdure.Runtime, count: int) -> None:
    """Accept runs of every kind, all at once."""

    async def one(number: int) -> None:
        if number % 4 == 3:
            async for event in rt.stream("worker.yaml", "a job"):
                if event.type == "accepted":
                    tell(accepted=event.data["run_id"])
            return
        file, agent = [("worker.yaml", None), ("boss.yaml", None), ("worker.yaml", "bob")][number % 4]
        run = await rt.start(file, "a job", agent=agent)
        tell(accepted=run.id)
        await rt.wait(run)

    await asyncio.gather(*(one(number) for number in range(count)))


async def finish(rt: perdure.Runtime) -> None:
    """Wait until only runs are left that need a person, or wait behind such a one."""
    while not await is_finished(rt.store):
        await asyncio.sleep(0.02)


async def is_finished(store: Store) -> bool:
    left = await unfinished(store)
    stuck = [run for run in left if run.waiting_for == "in_doubt"]
    for run in stuck:
        if any(mail.run_id == run.id for mail in await store.mail(run.agent_id, 100)):
            return False  # it has been decided
    if await unfinished(store) != left:
        return False  # its decision was taken in between the two looks
    agents = {run.agent_id for run in stuck}
    return all(run.agent_id in agents for run in left)


def _stop(_: str) -> None:
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(0.3)  # a thread may run on for a moment, into a transaction that keeps the file locked


def _probe(args: argparse.Namespace) -> Probe:
    if args.stop:
        return at(args.point, args.nth, _stop)
    return kill_at(args.point, args.nth) if args.point else (lambda _: None)


async def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("project", type=Path)
    asked.add_argument("--runs", type=int, default=4)
    asked.add_argument("--point", default="")
    asked.add_argument("--nth", type=int, default=1)
    asked.add_argument("--stop", action="store_true")
    asked.add_argument("--finish", action="store_true")
    args = asked.parse_args()
    probe = _probe(args)
    tell(opening=True)
    store = SqliteStore.open(args.project / ".perdure" / "perdure.db", probe=probe)
    tell(doubtful=await doubtful(store))
    async with perdure.open(args.project, store=store, models=models(), settings=SETTINGS, probe=probe) as rt:
        await work(rt, args.runs)
        if args.finish:
            await finish(rt)
    await store.close()
    tell(over=True)


if __name__ == "__main__":
    asyncio.run(main())
