"""What was spent, and what goes on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from perdure.base.errors import InputError
from perdure.cli.when import parse_when
from perdure.control.overview import Overview
from perdure.wiring import serve

Perdure = Callable[..., Result]
Asked = Callable[..., Any]


@pytest.fixture
def ran(asked: Asked) -> list[Any]:
    """One run that is done, and one that waits."""
    done = asked("run", "calculator.yaml", "--input", "25 * 47", "--agent", "calc")
    waiting = asked("run", "asker.yaml", "--input", "go", "--agent", "curious", code=3)
    return [done, waiting]


def test_what_was_spent_is_told_by_run_agent_model_and_day(perdure: Perdure, asked: Asked, ran: list[Any]) -> None:
    by_agent = asked("cost", "--by", "agent")
    assert {line["name"]: line["calls"] for line in by_agent["lines"]} == {"calc": 2, "curious": 1}
    by_run = asked("cost", "--by", "run")
    assert {line["name"] for line in by_run["lines"]} == {run["run_id"] for run in ran}
    assert by_agent["total"] == by_run["total"] == asked("cost")["total"]
    (model,) = asked("cost", "--by", "model")["lines"]
    assert model["name"] == "demo/planner" and model["input_tokens"] > 0
    assert asked("cost", "--since", "1h", "--until", "2999-01-01")["total"]["calls"] == 3
    assert asked("cost", "--until", "1h")["lines"] == []
    head, *lines, total = perdure("cost", "--by", "agent").stdout.splitlines()
    assert head.split() == ["AGENT", "CALLS", "TOKENS", "IN", "TOKENS", "OUT", "COST"]
    assert len(lines) == 2 and total.split()[:2] == ["total", "3"]
    assert "not a time: 'soon'" in perdure("cost", "--since", "soon", code=2).stderr


def test_times_are_ages_or_dates() -> None:
    assert parse_when("1h", 10_000_000) == 6_400_000
    assert parse_when("1970-01-02", 0) == 86_400_000
    assert parse_when("1970-01-01T01:00+01:00", 0) == 0
    for text in ("", "yesterday", "1970-13-01", "-1h"):
        with pytest.raises(InputError):
            parse_when(text, 0)


def test_what_goes_on_is_shown_once(perdure: Perdure, asked: Asked, ran: list[Any]) -> None:
    found = asked("top", "--once")
    assert found["open_runs"] == {"waiting": 1} and found["agents"] == 2 and found["queue"] == 0
    assert found["calls"] == 3 and found["ended"] == 1 and found["tokens_per_second"] > 0
    (run,) = found["runs"]
    assert (run["run_id"], run["status"], run["waiting_for"]) == (ran[1]["run_id"], "waiting", "approval")
    assert [load["agent_id"] for load in found["busiest"]] == ["calc", "curious"]
    said = perdure("top").stdout
    assert "runs 1 waiting" in said and "waiting (approval)" in said and "calls/min 3" in said


def test_a_server_is_asked_for_the_same(folder: Path, start: Any, ran: list[Any]) -> None:
    async def top(*words: str) -> tuple[int, str, str]:
        process = start("top", "--once", "--json", "--url", *words)
        out, err = await asyncio.to_thread(process.communicate, timeout=60)
        return process.returncode, out, err

    async def main() -> list[tuple[int, str, str]]:
        async with serve(folder, port=0) as served:
            tries = [(served.url,), (served.url, "--token", "wrong"), ("http://127.0.0.1:9",), ("file:///etc/passwd",)]
            return [await top(*words) for words in (*tries, (f"{served.url}/nowhere",))]

    found, *refused = asyncio.run(main())
    assert found[0] == 0 and json.loads(found[1])["open_runs"] == {"waiting": 1}
    for (code, _, said), what in zip(
        refused,
        ("error[access.unauthorized]", "no answer from", "not the address", "there is no /nowhere"),
        strict=True,
    ):
        assert code != 0 and what in said, said


def test_nothing_goes_on_in_a_project_at_rest() -> None:
    found = Overview(0, "p", {}, 0, 0, 0, 0, 60_000, 0, 0, 0, 0, 0.0, 0, (), ())
    from perdure.cli.top import text_of

    assert text_of(found)[0] == "p: runs none open; 0/min ended, 0 failed" and len(text_of(found)) == 3
