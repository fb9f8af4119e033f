"""`resume`, `pause` and `cancel`: runs are moved on, held, and ended."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from click.testing import Result

Perdure = Callable[..., Result]
Asked = Callable[..., Any]


def test_a_run_that_yielded_goes_on_with_new_steps(asked: Asked) -> None:
    run = asked("run", "short.yaml", "--input", "go")
    statuses = []
    while run["status"] == "yielded":
        run = asked("resume", run["run_id"])
        statuses.append(run["status"])
    assert statuses[-1] == "done"
    assert run["steps"] > 1


def test_a_run_that_waits_says_again_what_for(perdure: Perdure, asked: Asked) -> None:
    run = asked("run", "asker.yaml", "--input", "go", code=3)
    assert "Which colour?" in perdure("resume", run["run_id"], code=3).stderr


def test_a_run_that_is_done_is_not_resumed(perdure: Perdure, asked: Asked) -> None:
    run = asked("run", "calculator.yaml", "--input", "1+1")
    assert "perdure fork" in perdure("resume", run["run_id"], code=1).stderr


def test_a_failed_run_is_tried_again(asked: Asked) -> None:
    run = asked("run", "offline.yaml", "--input", "hello", code=1)
    again = asked("resume", run["run_id"], code=1)
    assert again["error"]["code"] == "model.unreachable"


def test_one_run_or_all_of_them(perdure: Perdure) -> None:
    perdure("run", "calculator.yaml", "--input", "1+1")
    for words in ((), ("run_1", "--all"), ("run_1", "--watch")):
        assert "give one RUN, or --all" in perdure("resume", *words, code=2).stderr
    assert perdure("resume", "--all").stderr == "No run was interrupted.\n"


def test_a_paused_run_is_let_go(perdure: Perdure, asked: Asked) -> None:
    run = asked("run", "asker.yaml", "--input", "go", code=3)
    assert perdure("pause", run["run_id"]).stdout == f"{run['run_id']} is paused\n"
    assert asked("runs", "list")[0]["status"] == "paused"
    resumed = perdure("resume", run["run_id"], code=3)
    assert "Which colour?" in resumed.stderr


def test_a_cancelled_run_is_over(perdure: Perdure, asked: Asked) -> None:
    run = asked("run", "asker.yaml", "--input", "go", code=3)
    assert perdure("cancel", run["run_id"]).stdout == f"{run['run_id']} is cancelled\n"
    (listed,) = asked("runs", "list", "--status", "cancelled")
    assert listed["run_id"] == run["run_id"]
    again = asked("run", "asker.yaml", "--input", "go", code=3)
    assert asked("cancel", again["run_id"])["error"]["code"]
    assert "is cancelled already" in perdure("cancel", run["run_id"], code=1).stderr


def test_all_with_json_prints_an_object_a_line(perdure: Perdure, asked: Asked) -> None:
    waiting = asked("run", "asker.yaml", "--input", "go", code=3)
    perdure("approve", waiting["run_id"], "--answer", "blue", "--no-wait")
    result = perdure("resume", "--all", "--json", code=None)
    for line in result.stdout.splitlines():
        assert json.loads(line)["run_id"] == waiting["run_id"]
