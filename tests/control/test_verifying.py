"""Verify: a changed, missing or moved record is found."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from perdure.base.errors import AgentNotFound, InputError


async def test_an_untouched_journal_is_whole(opened: Any) -> None:
    async with opened(["hello"] * 3) as rt:
        result = await rt.run("clerk.yaml", "hi", agent="bob")
        await rt.run("clerk.yaml", "hi", agent="eve")
        everything = await rt.verify()
        assert (everything.agents, everything.ok) == (2, True)
        assert everything.records > (await rt.verify("bob")).records > 0
        assert (await rt.verify(result.run_id)).agents == 1


async def test_a_record_changed_behind_its_back_is_named(opened: Any, project: Path) -> None:
    async with opened(["hello"] * 3) as rt:
        await rt.run("clerk.yaml", "hi", agent="bob")
        await rt.run("clerk.yaml", "hi", agent="eve")
    with sqlite3.connect(project / ".perdure" / "perdure.db") as file:
        changed = file.execute("UPDATE records SET at = at + 1 WHERE seq = (SELECT max(seq) FROM records)").rowcount
    file.close()
    assert changed == 1
    async with opened() as rt:
        verification = await rt.verify()
    assert not verification.ok
    assert {problem.agent_id for problem in verification.problems} == {"eve"}


async def test_what_is_neither_an_agent_nor_a_run_cannot_be_verified(opened: Any) -> None:
    async with opened(["hello"] * 3) as rt:
        with pytest.raises(AgentNotFound):
            await rt.verify("nobody")
        first = await rt.run("clerk.yaml", "hi")
        await rt.run("clerk.yaml", "hi")
        with pytest.raises(InputError):
            await rt.verify(first.run_id[:8])
