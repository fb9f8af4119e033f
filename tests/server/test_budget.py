"""Budgets over HTTP: seen, set, and large spends agreed to."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

Served = Callable[..., AbstractAsyncContextManager[Any]]
BOSS = """\
name: boss
model: {provider: scripted, name: m, price: {input: 1000, output: 1000}, max_tokens: 10}
budget: {per_day: $5, approval_threshold: $0.000001}
"""


@pytest.fixture
def project(project: Path) -> Path:
    (project / "agents" / "boss.yaml").write_text(BOSS)
    return project


async def test_a_limit_is_seen_and_raised(served: Served) -> None:
    async with served(["hello"]) as client:
        refused = await client.post("/invoke", {"spec": "poor", "agent_id": "ada", "input": "x"})
        assert (refused.status, refused.json["code"]) == (402, "budget.exceeded")
        run_id = refused.json["run_id"]
        (line,) = (await client.get(f"/budget?which={run_id}")).json["items"]
        assert (line["scope"], line["limit_microusd"]) == (f"run:{run_id}", 1)
        raised = await client.ask("PUT", "/budget", {"scope": line["scope"], "limit_microusd": 9_000_000})
        assert raised.json["limit_microusd"] == 9_000_000 and raised.json["is_set"]
        assert (await client.post(f"/runs/{run_id}/resume")).status == 202
        assert (await client.runtime.wait(run_id)).output == "hello"
        back = await client.ask("PUT", "/budget", {"scope": line["scope"], "limit_microusd": None})
        assert back.json["limit_microusd"] == 1 and not back.json["is_set"]


async def test_a_large_spend_is_agreed_to(served: Served) -> None:
    async with served(["hello"]) as client:
        asked = await client.post("/invoke", {"spec": "boss", "input": "x"})
        run_id = asked.json["run_id"]
        assert (asked.status, asked.json["waiting_for"]) == (202, "approval")
        wrong = await client.post("/budget/approve", {"run_id": run_id, "key": "nothing"})
        assert wrong.status == 409
        assert (await client.post("/budget/approve", {"run_id": run_id, "why": "Fine."})).status == 202
        assert (await client.runtime.wait(run_id)).output == "hello"
        assert (await client.post("/budget/approve", {"run_id": run_id})).json["code"] == "run.wrong_state"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"scope": "run:nothing", "limit_microusd": 1}, 422),
        ({"scope": "run:nothing", "limit_microusd": -1}, 422),
        ({"scope": "run:nothing"}, 422),
        ({"scope": "run:nothing", "limit_microusd": 10**30}, 422),
    ],
)
async def test_limits_that_make_no_sense_are_refused(served: Served, body: Any, status: int) -> None:
    async with served() as client:
        assert (await client.ask("PUT", "/budget", body)).status == status
