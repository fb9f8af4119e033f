"""Hours of work in the worst of weathers, and books that balance: `scripts/soak --minutes 3`. See README.md."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import vitals
from books import Books
from load import Load
from trouble import Trouble
from vitals import Vitals
from world import World, world

STORM, CALM = 0.55, 0.3
"""Shares of a cycle; the rest is for coming to rest and for the books."""
FAILING, FAIR = 0.15, 0.03
"""Share of the model's answers that fail, in storm and in calm."""
TOLD_EVERY_S = 10


async def soak(given: Namespace) -> dict[str, Any]:
    chance = random.Random(given.seed)
    with tempfile.TemporaryDirectory(prefix="perdure-soak-", ignore_cleanup_errors=True) as name:
        async with world(Path(name), seed=given.seed, disk_mb=given.disk_mb, clocks=not given.plain) as found:
            return await _cycles(given, found, chance)


async def _cycles(given: Namespace, found: World, chance: random.Random) -> dict[str, Any]:
    load = Load(found, chance, given.seed, clients=given.clients, rate=given.rate)
    trouble = Trouble(found, chance, clocks=not given.plain)
    books, health = Books(found, load, trouble), Vitals(found)
    number = max(1, round(given.minutes / given.cycle))
    seconds = given.minutes * 60 / number
    report: dict[str, Any] = {"seed": given.seed, "minutes": given.minutes, "cycles": []}
    report |= {"own_disk": found.disk.is_own, "slow_disk": found.slow_disk.is_there}
    wrong: list[str] = []
    tasks = [asyncio.create_task(health.watch()), asyncio.create_task(_tell(load, trouble, health))]
    try:
        for cycle in range(number):
            await found.start()
            await load.begin()
            await found.outside.model(f"/weather/{FAILING}")
            await trouble.storm(seconds * STORM)
            await found.outside.model(f"/weather/{FAIR}")
            await found.start()
            calm_since = time.monotonic() + seconds * CALM / 6  # a server that has just begun grows
            await asyncio.sleep(seconds * CALM)
            calm = health.calm(calm_since)
            await load.end()
            balance = await books.balance()
            lines = [f"cycle {cycle + 1}, {line}" for line in balance.wrong + vitals.wrong(calm, health.wal_most)]
            report["cycles"].append({**balance.counted, "calm": [one._asdict() for one in calm]})
            print(f"-- cycle {cycle + 1} of {number}: {len(lines)} wrong", *lines, sep="\n   ", flush=True)
            wrong += lines
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    report |= {"asked": dict(load.counts), "troubles": dict(trouble.done), "wrong": wrong}
    return report | {"wal_most_bytes": health.wal_most, "rss_most_mb": round(health.rss_most, 1)}


async def _tell(load: Load, trouble: Trouble, health: Vitals) -> None:
    began = time.monotonic()
    while True:
        await asyncio.sleep(TOLD_EVERY_S)
        asked, done = load.asked, sum(trouble.done.values())
        broken = load.counts["broken off"] + load.counts["stream broken off"]
        at = f"{time.monotonic() - began:6.0f} s"
        print(
            f"{at}  {asked} asked, {broken} broken off, {done} troubles, {health.rss_most:.0f} MB at most", flush=True
        )


def show(report: dict[str, Any]) -> None:
    for cycle, counted in enumerate(report["cycles"], 1):
        print(f"\ncycle {cycle}")
        for name, value in counted.items():
            if name != "calm":
                print(f"  {name:<58}{value:>12,}")
        for one in counted["calm"]:
            grown = f"{one['rss_growth_mb']:+.1f} MB, {one['fd_growth']:+d} files"
            print(f"  {'a server in calm, ' + format(one['seconds'], '.0f') + ' s':<42}{grown:>28}")
    for title in ("asked", "troubles"):
        print(f"\n{title}")
        for name, value in sorted(report[title].items()):
            print(f"  {name:<58}{value:>12,}")
    print(f"\nlongest log {report['wal_most_bytes'] / 2**20:.1f} MB, largest server {report['rss_most_mb']} MB")
    if not report["own_disk"]:
        print("no file system of its own could be mounted: the disk was never full, only files that may not grow")
    if not report["slow_disk"]:
        print("there is no C compiler, or it cannot preload: the disk was never slow, only busy")
    verdict = f"{len(report['wrong'])} lines are wrong" if report["wrong"] else "the books balance"
    print(f"seed {report['seed']}: {verdict}", *report["wrong"], sep="\n  ")


def main() -> int:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument(
        "--seed", type=int, default=None, help="what is asked and done, and when, as far as chance goes"
    )
    parser.add_argument("--clients", type=int, default=12)
    parser.add_argument("--rate", type=float, default=20.0, help="questions per second, of all clients together")
    parser.add_argument("--cycle", type=float, default=20.0, help="minutes from one balance to the next")
    parser.add_argument("--disk-mb", type=int, default=4_096, help="size of the file system that the state is on")
    parser.add_argument("--plain", action="store_true", help="plain `perdure serve`: no clock jumps")
    parser.add_argument("--json", type=Path, help="write the report here too")
    given = parser.parse_args()
    given.seed = int.from_bytes(os.urandom(3)) if given.seed is None else given.seed
    print(f"seed {given.seed}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        report = asyncio.run(soak(given))
        show(report)
        if given.json is not None:
            given.json.write_text(json.dumps(report, indent=1) + "\n")
        return 1 if report["wrong"] else 0
    return 130


if __name__ == "__main__":
    sys.exit(main())
