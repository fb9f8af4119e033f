"""`perdure run`: an answer on stdout, what to do next on stderr, and an exit code that says how it came out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import Result

Perdure = Callable[..., Result]
Asked = Callable[..., Any]

FIELDS = {"run_id", "agent_id", "status", "output", "error", "steps", "usage", "cost_microusd", "duration_ms"}


def test_the_answer_alone_stands_on_stdout(perdure: Perdure) -> None:
    result = perdure("run", "calculator.yaml", "--input", "What's 25 * 47?")
    assert result.stdout == "25 * 47 = 1175\n"
    assert result.stderr == ""


def test_json_is_exactly_one_object(asked: Asked) -> None:
    run = asked("run", "calculator.yaml", "--input", "What's 25 * 47?")
    assert set(run) >= FIELDS
    assert (run["status"], run["output"], run["error"], run["steps"]) == ("done", "25 * 47 = 1175", None, 2)
    assert run["usage"]["input_tokens"] > 0
    assert run["usage"]["output_tokens"] > 0


def test_input_from_standard_input_and_from_a_file(perdure: Perdure, folder: Path) -> None:
    (folder / "question.txt").write_text("3 * 4")
    for words in (("--input", "-"), ("--input-file", "-"), ("--input-file", "question.txt")):
        result = perdure("run", "calculator.yaml", *words, input="3 * 4")
        assert result.stdout == "3 * 4 = 12\n"


def test_input_that_cannot_be_used(perdure: Perdure, folder: Path) -> None:
    assert "give the input" in perdure("run", "calculator.yaml", code=2).stderr
    assert "give the input" in perdure("run", "calculator.yaml", "--input", "1", "--input-file", "x", code=2).stderr
    assert "No such file" in perdure("run", "calculator.yaml", "--input-file", "absent.txt", code=2).stderr
    assert "is not UTF-8" in perdure("run", "calculator.yaml", "--input", "-", input=b"\xff", code=2).stderr
    empty = perdure("run", "calculator.yaml", "--input", " ", code=2)
    assert empty.stderr.startswith("error[input.invalid]: the input is empty\nhint: ")
    assert "cannot be stored" in perdure("run", "calculator.yaml", "--input", "a\ud800b", code=2).stderr


def test_a_conversation_continues_under_its_name(asked: Asked) -> None:
    first = asked("run", "calculator.yaml", "--input", "1+1", "--agent", "bob")
    second = asked("run", "calculator.yaml", "--input", "2+2", "--agent", "bob")
    assert first["agent_id"] == second["agent_id"] == "bob"
    assert second["usage"]["input_tokens"] > first["usage"]["input_tokens"]


def test_streaming_prints_the_answer_once(perdure: Perdure) -> None:
    assert perdure("run", "calculator.yaml", "--input", "3 * 4", "--stream").stdout == "3 * 4 = 12\n"


def test_streaming_with_json_keeps_stdout_to_one_object(perdure: Perdure) -> None:
    result = perdure("run", "calculator.yaml", "--input", "3 * 4", "--stream", "--json")
    assert json.loads(result.stdout)["output"] == "3 * 4 = 12"
    assert result.stderr == "3 * 4 = 12"


def test_a_model_and_values_of_the_file_can_be_replaced(asked: Asked) -> None:
    run = asked(
        "run", "offline.yaml", "--input", "3 * 4", "--model", "demo/planner", "--override", "tools=[calculator]"
    )
    assert run["output"] == "3 * 4 = 12"
    wrong = asked("run", "calculator.yaml", "--input", "1", "--override", "limits.stepz=1", code=2)
    assert wrong["error"]["code"] == "config.invalid_file"
    assert "--override limits.stepz=1" in wrong["error"]["message"]


def test_a_file_with_errors_tells_all_of_them_with_carets(perdure: Perdure, folder: Path) -> None:
    (folder / "bad.yaml").write_text("name: bad\nmodle: demo/planner\nlimits: {steps: x}\n")
    said = perdure("run", "bad.yaml", "--input", "1", code=2).stderr
    assert said.startswith("error[config.invalid_file]:\nbad.yaml:")
    assert "did you mean `model`?" in said
    assert "limits.steps" in said
    assert "^^^^^" in said
    assert "no such file" in perdure("run", "absent.yaml", "--input", "1", code=2).stderr.lower()


def test_a_run_that_fails(perdure: Perdure, asked: Asked) -> None:
    run = asked("run", "offline.yaml", "--input", "hello", code=1)
    assert (run["status"], run["error"]["code"]) == ("failed", "model.unreachable")
    assert run["error"]["hint"]
    said = perdure("run", "offline.yaml", "--input", "hello", code=1)
    assert said.stdout == ""
    assert said.stderr.startswith("error[model.unreachable]: ")


def test_a_budget_that_does_not_allow_it_is_exit_code_4(asked: Asked) -> None:
    run = asked("run", "poor.yaml", "--input", "hello", code=4)
    assert run["error"]["code"].startswith("budget")


def test_a_run_at_its_step_limit_is_no_error_and_says_how_to_go_on(perdure: Perdure, asked: Asked) -> None:
    result = perdure("run", "short.yaml", "--input", "go")
    (run,) = asked("runs", "list")
    assert run["status"] == "yielded"
    assert f"Go on with: perdure resume {run['run_id']}" in result.stderr


def test_a_run_that_waits_says_what_for_and_how_to_go_on(perdure: Perdure, asked: Asked) -> None:
    result = perdure("run", "careful.yaml", "--input", "go", code=3)
    (run,) = asked("runs", "list")
    assert (run["status"], run["waiting_for"]) == ("waiting", "approval")
    assert "call pay?" in result.stderr
    assert f"  perdure approve {run['run_id']}\n  perdure deny {run['run_id']}\n" in result.stderr


def test_the_project_is_that_of_the_file(perdure: Perdure, folder: Path) -> None:
    (folder / "shop" / "agents").mkdir(parents=True)
    (folder / "shop" / "perdure.toml").write_text("")
    (folder / "careful.yaml").rename(folder / "shop" / "agents" / "careful.yaml")
    (folder / "tools.py").rename(folder / "shop" / "agents" / "tools.py")
    result = perdure("run", "shop/agents/careful.yaml", "--input", "go", code=3)
    assert (folder / "shop" / ".perdure" / "perdure.db").exists()
    assert not (folder / ".perdure").exists()
    assert result.stderr.rstrip().endswith("--project shop")
    assert "waiting" in perdure("runs", "list", "--project", "shop").stdout


def test_without_a_project_state_is_kept_in_this_folder(perdure: Perdure, folder: Path) -> None:
    perdure("run", "calculator.yaml", "--input", "1+1")
    assert (folder / ".perdure" / "perdure.db").exists()


def test_a_dry_run_tells_what_would_happen_and_writes_nothing(perdure: Perdure, asked: Asked, folder: Path) -> None:
    said = perdure("run", "careful.yaml", "--input", "go", "--dry-run").stdout
    assert "demo/planner" in said
    assert "pay (once, after approval)" in said
    assert not (folder / ".perdure").exists()
    plan = asked("run", "poor.yaml", "--input", "go", "--dry-run")
    assert plan["ok"]
    assert plan["first_call_microusd"] > 1
    assert plan["budget_per_run_microusd"] == 1


def test_a_dry_run_tells_what_would_make_the_run_fail(perdure: Perdure) -> None:
    said = perdure("run", "calculator.yaml", "--input", "1", "--dry-run", "--model", "openai/gpt-5-mini", code=1).stdout
    assert "OPENAI_API_KEY" in said
