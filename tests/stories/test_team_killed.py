"""A team whose process is killed again and again still asks every member once for each of its turns."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import perdure

TEAM = """
name: talk
model: scripted/any
team:
  mode: chat
  turns: 150
  auto: false
  members:
    ann: {instructions: ann}
    bob: {instructions: bob}
    cleo: {instructions: cleo}
"""
KILLS = 30
MOST = 45
"""Milliseconds that a process lives from its first question on: three turns at 15 ms, so that it is never the last."""


def kill_again_and_again(tmp_path: Path, start_team: Any) -> str:
    """Kill processes that carry a team's run on, then let one end it; gives the run's id."""
    (tmp_path / "talk.team.yaml").write_text(TEAM)
    chance = random.Random(7)
    for _ in range(KILLS):
        child = start_team(tmp_path, f"{chance.uniform(0, MOST):.3f}")
        assert child.end() == -signal.SIGKILL
    last = start_team(tmp_path)
    run: str = last.hear("begun")
    assert last.end() == 0
    assert last.told[-1] == {"over": "done", "output": "150 remarks"}
    return run


async def test_a_team_killed_thirty_times(tmp_path: Path, start_team: Any) -> None:
    run = await asyncio.to_thread(kill_again_and_again, tmp_path, start_team)
    async with perdure.open(tmp_path) as rt:
        detail = await rt.show(run)
        for child_run in detail.children:
            assert (await rt.show(child_run)).summary.status == "done"
        assert len(detail.children) == 151  # all remarks and the sum of them
        replay = await rt.replay(run)
    assert replay.verdict == "same"
    asked = Counter((tmp_path / "asked").read_text().splitlines())
    assert {line.split()[0] for line in asked} == {"ann", "bob", "cleo"}
    assert len(asked) == 151
    # Only who was being asked in the instant of a kill is asked again.
    assert 151 <= asked.total() <= 151 + KILLS
