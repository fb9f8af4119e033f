"""`perdure send`, `tick` and `logs`: an agent spoken to, and heard."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

Perdure = Callable[..., Result]
Asked = Callable[..., Any]


@pytest.fixture(autouse=True)
def bob(perdure: Perdure) -> None:
    """An agent that has run once."""
    perdure("run", "calculator.yaml", "--input", "1+1", "--agent", "bob")


def test_a_message_is_left_to_whoever_works(perdure: Perdure, asked: Asked) -> None:
    run = perdure("send", "bob", "2 * 3").stdout.strip()
    sent = asked("send", "bob", "2 * 4")
    assert (sent["agent_id"], sent["status"]) == ("bob", "queued")
    assert [row["status"] for row in asked("runs", "list")] == ["queued", "queued", "done"]
    assert perdure("resume", run).stdout == "2 * 3 = 6\n"


def test_all_that_was_left_is_worked_off(perdure: Perdure, asked: Asked) -> None:
    runs = [perdure("send", "bob", f"2 * {number}").stdout.strip() for number in (3, 4)]
    done = perdure("resume", "--all").stdout.splitlines()
    assert sorted(done) == sorted(f"{run}  done" for run in runs)
    assert [row["status"] for row in asked("runs", "list")] == ["done", "done", "done"]


def test_with_wait_the_answer_is_printed_as_run_does(perdure: Perdure, asked: Asked) -> None:
    assert perdure("send", "bob", "2 * 3", "--wait").stdout == "2 * 3 = 6\n"
    assert perdure("send", "bob", "-", "--wait", "--stream", input="2 * 4").stdout == "2 * 4 = 8\n"
    answer = asked("send", "bob", "2 * 5", "--wait")
    assert (answer["output"], answer["agent_id"]) == ("2 * 5 = 10", "bob")
    assert "needs --wait" in perdure("send", "bob", "x", "--stream", code=2).stderr


def test_waiting_for_a_person_is_an_exit_code(perdure: Perdure) -> None:
    perdure("run", "asker.yaml", "--input", "begin", "--agent", "ann", code=3)
    (run,) = json.loads(perdure("runs", "list", "--agent", "ann", "--json").stdout)
    perdure("approve", run["run_id"], "--answer", "blue")
    assert "Which colour?" in perdure("send", "ann", "again", "--wait", code=3).stderr


def test_who_is_not_there_gets_nothing(perdure: Perdure) -> None:
    for words in (("send", "nobody", "x"), ("tick", "nobody")):
        assert "error[agent.not_found]" in perdure(*words, code=1).stderr
    assert "the input is empty" in perdure("send", "bob", " ", code=2).stderr


def test_a_tick_begins_a_run_without_a_message(perdure: Perdure, asked: Asked) -> None:
    assert "demo/planner" in perdure("tick", "bob").stdout
    assert asked("tick", "bob", "--no-wait")["status"] == "queued"
    causes = [json.loads(line) for line in perdure("cat", "/agents/bob/logs/ticks").stdout.splitlines()]
    assert [turn["cause"] for turn in causes] == ["message", "manual"]


def test_logs_show_the_last_records(perdure: Perdure) -> None:
    lines = [json.loads(line) for line in perdure("logs", "bob", "--json").stdout.splitlines()]
    assert (lines[0]["type"], lines[-1]["type"]) == ("run.accepted", "run.finished")
    shown = perdure("logs", "bob", "-n", "2").stdout.splitlines()
    assert len(shown) == 2
    assert "run.finished" in shown[1]
    assert perdure("logs", "bob", "-n", "0").stdout == ""
    assert "/agents/nobody" in perdure("logs", "nobody", code=1).stderr


def test_logs_follow_what_another_process_does(perdure: Perdure, start: Callable[..., Any]) -> None:
    following = start("logs", "bob", "--follow", "-n", "1", "--json")
    before = json.loads(following.stdout.readline())
    perdure("send", "bob", "2 * 3")
    after = json.loads(following.stdout.readline())
    assert (before["type"], after["type"]) == ("run.finished", "run.accepted")
    assert after["seq"] > before["seq"]
    following.send_signal(signal.SIGINT)
    following.communicate(timeout=20)
    assert following.returncode == 0
