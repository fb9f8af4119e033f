"""`perdure flow`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import Result
from jsonschema import Draft202012Validator

Perdure = Callable[..., Result]
Asked = Callable[..., Any]
FLOW = """\
name: two
inputs: {topic: text}
agents: {w: {model: demo/planner}}
tasks:
  - {id: first, agent: w, input: "About ${topic}"}
  - w
outputs: {text: "${first}"}
"""


def test_check_tells_what_is_wrong_in_every_file(perdure: Perdure, asked: Asked, folder: Path) -> None:
    (folder / "a.flow.yaml").write_text(FLOW)
    (folder / "b.flow.yaml").write_text(FLOW.replace("{topic}", "{topik}"))
    said = perdure("flow", "check", code=2)
    assert said.stdout == "ok  a.flow.yaml  flow two, 2 steps\n"
    assert "b.flow.yaml:5:43: tasks[0].input: unknown name `topik`; did you mean `topic`?" in said.stderr
    found = asked("flow", "check", "b.flow.yaml", "nowhere.flow.yaml", "a.yaml", code=2)
    assert [one["error"]["code"] for one in found] == ["config.invalid_file", "config.invalid_file", "input.invalid"]


def test_plan_shows_steps_and_costs(perdure: Perdure, asked: Asked, folder: Path) -> None:
    (folder / "a.flow.yaml").write_text(FLOW)
    said = perdure("flow", "plan", "a.flow.yaml").stdout
    assert said.splitlines() == [
        "two(topic: text)",
        "  first  agent w  line 5",
        "  agent  agent w  line 6",
        "gives text: text",
        "costs at least $0.00, at most $0.00; at most 2 runs of agents",
    ]
    found = asked("flow", "plan", "a.flow.yaml")
    assert [step["path"] for step in found["steps"]] == ["first", "agent"]
    assert found["estimate"]["runs"] == 2
    assert not (folder / ".perdure").exists()


def test_graph_draws(perdure: Perdure, folder: Path) -> None:
    (folder / "a.flow.yaml").write_text(FLOW)
    assert perdure("flow", "graph", "a.flow.yaml").stdout.startswith("flowchart TD\n")
    assert perdure("flow", "graph", "a.flow.yaml", "--svg").stdout.startswith("<svg ")
    perdure("flow", "graph", ".", "--out", "a.svg")
    assert (folder / "a.svg").read_text().startswith("<svg ")


def test_fmt_writes_the_common_form(perdure: Perdure, folder: Path) -> None:
    (folder / "a.flow.yaml").write_text(FLOW.replace("  - w", "  -   w   # again"))
    assert perdure("flow", "fmt", "--check", code=1).stdout == "would change  a.flow.yaml\n"
    assert perdure("flow", "fmt").stdout == "changed  a.flow.yaml\n"
    assert "  - w  " in (folder / "a.flow.yaml").read_text()
    assert "# again" in (folder / "a.flow.yaml").read_text()
    assert perdure("flow", "fmt", "--check").stdout == ""


def test_validate_knows_flows(perdure: Perdure, folder: Path) -> None:
    (folder / "flows").mkdir()
    (folder / "flows/a.flow.yaml").write_text(FLOW)
    assert perdure("validate").stdout.splitlines()[-1] == "ok  flows/a.flow.yaml  flow two"


def test_the_schema_takes_the_examples_and_refuses_what_check_does(perdure: Perdure) -> None:
    schema = json.loads(perdure("schema", "flow").stdout)
    Draft202012Validator.check_schema(schema)
    flow = {"tasks": [{"agent": "a"}, "a", {"if": "${x}", "then": ["a"]}, {"parallel": {"x": "a"}, "max": 2}]}
    validator = Draft202012Validator(schema)
    assert validator.is_valid(flow)
    for wrong in ({"agnet": "a"}, {"agent": "a", "inptu": 1}, {"while": "${x}"}, {"parallel": 3}):
        assert not validator.is_valid({"tasks": [wrong]}), wrong
