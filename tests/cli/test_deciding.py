"""`approve`, `deny` and `resolve`: a person decides, and the run goes on from there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Perdure = Callable[..., Result]
Asked = Callable[..., Any]


def test_what_was_approved_is_done_once(perdure: Perdure, asked: Asked, folder: Path) -> None:
    run = asked("run", "careful.yaml", "--input", "go", code=3)
    assert run["waits"][0]["about"]["about"] == {"tool": "pay", "arguments": {"amount": 5}, "policy": "approve: pay"}
    assert not (folder / "paid.txt").exists()
    result = perdure("approve", run["run_id"])
    assert result.stdout == "pay says: paid 5\n"
    assert (folder / "paid.txt").read_text() == "5\n"
    assert "does not wait for an answer" in perdure("approve", run["run_id"], code=1).stderr


def test_what_was_denied_is_not_done(asked: Asked, folder: Path) -> None:
    run = asked("run", "careful.yaml", "--input", "go", code=3)
    ended = asked("deny", run["run_id"], "--why", "too much")
    assert ended["status"] == "done"
    assert not (folder / "paid.txt").exists()


def test_a_question_is_answered_with_text(perdure: Perdure, asked: Asked) -> None:
    waiting = perdure("run", "asker.yaml", "--input", "go", code=3)
    assert "Waiting for an answer: Which colour?" in waiting.stderr
    (run,) = asked("runs", "list")
    assert f"perdure approve {run['run_id']} --answer TEXT" in waiting.stderr
    assert perdure("approve", run["run_id"], "--answer", "blue").stdout == "It is blue.\n"


def test_a_run_is_named_by_the_beginning_of_its_id_and_its_question_by_its_key(perdure: Perdure, asked: Asked) -> None:
    run = asked("run", "asker.yaml", "--input", "go", code=3)
    key = run["waits"][0]["key"]
    assert key in perdure("approve", run["run_id"][:20], "--key", "nowhere", code=2).stderr
    assert perdure("approve", run["run_id"][:30], "--key", key, "--answer", "red").stdout == "It is red.\n"


def test_an_answer_can_be_left_for_later(perdure: Perdure, asked: Asked) -> None:
    run = asked("run", "asker.yaml", "--input", "go", code=3)
    left = perdure("approve", run["run_id"], "--answer", "green", "--no-wait")
    assert f"Go on with: perdure resume {run['run_id']}" in left.stderr
    assert left.stdout == ""
    perdure("resume", "--all")
    (listed,) = asked("runs", "list")
    assert listed["status"] == "done"


def test_a_decision_is_one_of_three(perdure: Perdure, asked: Asked) -> None:
    run = asked("run", "careful.yaml", "--input", "go", code=3)
    assert "--done JSON, --retry and --fail" in perdure("resolve", run["run_id"], "key", code=2).stderr
    both = perdure("resolve", run["run_id"], "key", "--retry", "--fail", code=2)
    assert "--done JSON, --retry and --fail" in both.stderr
    assert "is not JSON" in perdure("resolve", run["run_id"], "key", "--done", "paid", code=2).stderr
    none = asked("resolve", run["run_id"], "key", "--retry", code=1)
    assert none["error"]["code"] == "run.wrong_state"


@pytest.mark.parametrize("verb", ["approve", "deny", "resume", "cancel", "pause", "trace", "replay"])
def test_a_run_that_does_not_exist(perdure: Perdure, asked: Asked, verb: str) -> None:
    assert "nothing has run in" in perdure(verb, "run_123456", code=2).stderr
    perdure("run", "calculator.yaml", "--input", "1+1")
    assert asked(verb, "run_123456", code=1)["error"]["code"] == "run.not_found"


def test_what_is_left_for_later_is_told_as_json_too(asked: Asked) -> None:
    run = asked("run", "asker.yaml", "--input", "go", code=3)
    assert asked("approve", run["run_id"], "--answer", "green", "--no-wait")["run_id"] == run["run_id"]


def test_it_tells_what_exactly_was_approved(perdure: Perdure, asked: Asked, folder: Path) -> None:
    asked("run", "careful.yaml", "--input", "go", code=3)
    (run,) = asked("runs", "list")
    said = perdure("approve", run["run_id"], "--why", "it is due").stderr
    assert "approve: May careful" in said and '{"amount":5}' in said and '"policy":"approve: pay"' in said
    assert "digest " in said


def test_an_approval_is_named_by_its_id(perdure: Perdure, asked: Asked, folder: Path) -> None:
    run = asked("run", "careful.yaml", "--input", "go", code=3)
    wrong = f"{run['run_id']}.{'0' * 32}"
    refused = asked("deny", wrong, code=1)["error"]
    assert (refused["code"], refused["facts"]["given"]) == ("approval.changed", "0" * 32)
    (right,) = refused["facts"]["asked"]
    assert perdure("approve", f"{run['run_id']}.{right}").stdout == "pay says: paid 5\n"
    assert asked("approve", f"{run['run_id']}.{right}", code=1)["error"]["code"] == "approval.decided"
