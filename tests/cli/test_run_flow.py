"""`perdure run` with the file of a flow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FLOW = """
name: two
inputs: {name: text, times: {type: integer, default: 2}}
tools: [calculator]
tasks:
  - {id: first, set: {all: "${name} ${times}"}}
  - {id: asked, wait: {approval: "Go on?"}, if: "${name == 'ask'}"}
outputs: {all: "${all}"}
"""


@pytest.fixture
def run(tmp_path: Path) -> Any:
    (tmp_path / "two.flow.yaml").write_text(FLOW)

    def call(*words: str, code: int = 0) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "perdure", *words],
            cwd=tmp_path,
            env={**os.environ, "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == code, (done.returncode, done.stderr)
        return done

    return call


def test_inputs_come_as_a_value_as_json_or_one_by_one(run):
    for words in (("--input", "x"), ("--input", '{"name": "x"}'), ("--set", "name=x"), ("--set", "name=x", "--json")):
        assert "x 2" in run("run", "two.flow.yaml", *words).stdout
    assert "x 7" in run("run", "two.flow.yaml", "--input", "x", "--set", "times=7").stdout


def test_what_is_no_input_is_refused_before_anything_is_written(run, tmp_path):
    done = run("run", "two.flow.yaml", "--set", "nam=x", code=2)
    assert "there is no input `nam`; `name` is missing" in done.stderr
    assert "It takes name (text), times (integer)" in done.stderr


def test_steps_are_shown_as_they_go(run):
    told = run("run", "two.flow.yaml", "--input", "x", "--stream").stderr
    assert [line.split() for line in told.splitlines()[:3]] == [
        ["started", "first"],
        ["done", "first"],
        ["skipped", "asked"],
    ]


def test_a_dry_run_shows_the_plan_and_its_costs_and_writes_nothing(run, tmp_path):
    shown = run("run", "two.flow.yaml", "--input", "x", "--dry-run").stdout
    assert "first" in shown and "at least" in shown
    assert not (tmp_path / ".perdure").exists()
    run("run", "two.flow.yaml", "--dry-run", code=2)


def test_a_flow_goes_step_by_step_by_commands_where_there_is_no_terminal(run):
    asked = json.loads(run("run", "two.flow.yaml", "--input", "x", "--step", "--json", code=3).stdout)
    assert asked["waits"][0]["about"]["about"] == {"step": "first", "kind": "set"}
    done = json.loads(run("approve", asked["run_id"], "--answer", "continue", "--json").stdout)
    assert done["output"] == {"all": "x 2"}


def test_options_of_agents_are_none_of_a_flows(run):
    for words in (("--model", "a/b"), ("--override", "a=b"), ("--watch",)):
        assert "are for agents" in run("run", "two.flow.yaml", *words, code=2).stderr


def test_a_run_is_shown_with_its_steps(run):
    run("run", "two.flow.yaml", "--input", "x")
    (found,) = json.loads(run("runs", "list", "--json").stdout)
    shown = run("runs", "show", found["run_id"]).stdout.splitlines()
    assert [line.split() for line in shown[-2:]] == [["done", "first", "set"], ["skipped", "asked", "approval"]]
    steps = json.loads(run("runs", "show", found["run_id"], "--json").stdout)["flow_steps"]
    assert [(step["place"], step["kind"], step["status"]) for step in steps] == [
        ("first", "set", "done"),
        ("asked", "approval", "skipped"),
    ]
    assert steps[0]["value"] == {"all": "x 2"} and steps[0]["cost_microusd"] == 0
    assert "- asked (approval) skipped" in run("trace", found["run_id"]).stdout
