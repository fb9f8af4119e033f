"""`perdure budget`: what may be spent and what is; and what other commands say of money."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import Result

Perdure = Callable[..., Result]
Asked = Callable[..., Any]

AGENT = """\
name: pricey
model: {provider: demo, name: planner, max_tokens: 100, price: {input: 0, output: 1000}}
instructions: |
  1. call calculator {"expression": "1+1"}
tools: [calculator]
budget: BUDGET
"""


def pricey(folder: Path, budget: str) -> None:
    (folder / "pricey.yaml").write_text(AGENT.replace("BUDGET", budget))


def test_without_a_budget_there_is_nothing_to_show(perdure: Perdure, asked: Asked) -> None:
    perdure("run", "calculator.yaml", "--input", "1+1")
    assert perdure("budget").stdout == ""
    assert asked("budget") == []


def test_the_table_and_the_objects(perdure: Perdure, asked: Asked, folder: Path) -> None:
    pricey(folder, "{per_day: $2}")
    cost = asked("run", "pricey.yaml", "--agent", "ann", "--input", "go")["cost_microusd"]
    (line,) = asked("budget", "ann")
    assert (line["scope"], line["limit_microusd"], line["spent_microusd"]) == ("agent:ann:day", 2_000_000, cost)
    assert line["remaining_microusd"] == 2_000_000 - cost > 0
    head, row = perdure("budget").stdout.splitlines()
    assert head.split() == ["SCOPE", "LIMIT", "RESERVED", "SPENT", "REMAINING", "RESETS", "AT"]
    assert row.split()[:3] == ["agent:ann:day", "$2.00", "$0.00"]


def test_out_of_money_is_told_with_what_helps(perdure: Perdure, asked: Asked, folder: Path) -> None:
    pricey(folder, "{per_day: $0.05, on_exceeded: wait}")
    waiting = perdure("run", "pricey.yaml", "--agent", "ann", "--input", "go", code=3)
    assert "Out of money: $0.10 for step1/model does not fit into agent:ann:day." in waiting.stderr
    assert "perdure budget agent:ann:day --set AMOUNT" in waiting.stderr
    assert "(set)" in perdure("budget", "agent:ann:day", "--set", "$3").stdout
    (run,) = asked("runs", "list")
    assert asked("resume", run["run_id"])["status"] == "done"
    assert "(set)" not in perdure("budget", "agent:ann:day", "--unset").stdout


def test_a_budget_that_is_exceeded_has_its_exit_code(perdure: Perdure, folder: Path) -> None:
    pricey(folder, "{per_run: $0.05}")
    assert "budget of run:" in perdure("run", "pricey.yaml", "--input", "go", code=4).stderr


def test_a_large_spend_is_approved_or_denied_here(perdure: Perdure, asked: Asked, folder: Path) -> None:
    pricey(folder, "{approval_threshold: $0.05}")
    waiting = perdure("run", "pricey.yaml", "--input", "go", code=3)
    assert "May this run spend up to $0.10 on step1/model?" in waiting.stderr
    (run,) = asked("runs", "list")
    again = asked("approve", run["run_id"], code=3)
    assert again["waits"][0]["key"] == "spend#1:step2/model"
    assert asked("deny", run["run_id"], code=4)["error"]["code"] == "budget.denied"


def test_a_budget_that_runs_low_is_told_of(perdure: Perdure, folder: Path) -> None:
    pricey(folder, "{per_run: $2, warn_at: 0.001}")
    assert "has spent $0.0" in perdure("run", "pricey.yaml", "--input", "go").stderr


def test_what_to_set_has_to_be_named(perdure: Perdure) -> None:
    for arguments in (("--set", "$1"), ("project:day", "--set", "$1", "--unset"), ("project:day", "--set", "lots")):
        perdure("budget", *arguments, code=2)
    perdure("run", "calculator.yaml", "--input", "1+1")
    assert "there is no budget" in perdure("budget", "project:day", "--set", "$1", code=2).stderr
