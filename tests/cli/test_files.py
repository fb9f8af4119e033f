"""`init`, `validate` and `schema`: the files that people write."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Perdure = Callable[..., Result]
Asked = Callable[..., Any]


def test_a_new_project_runs_as_it_is(
    perdure: Perdure, asked: Asked, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "shop/agents/assistant.yaml" in perdure("init", "shop").stdout
    monkeypatch.chdir(folder / "shop")
    assert {one["kind"] for one in asked("validate")} == {"agent", "project"}
    assert asked("run", "agents/assistant.yaml", "--input", "What's 25 * 47?")["output"].endswith("1175")
    assert (folder / "shop" / ".perdure").exists()


def test_nothing_is_overwritten(perdure: Perdure) -> None:
    perdure("init", "shop")
    assert "exists already" in perdure("init", "shop", code=2).stderr


def test_every_file_is_checked_in_one_pass(perdure: Perdure, asked: Asked, folder: Path) -> None:
    (folder / "bad.yaml").write_text("name: bad\nmodel: demo/planner\ntoolz: []\n")
    said = perdure("validate", "bad.yaml", "calculator.yaml", "absent.yaml", code=2)
    assert said.stdout == "ok  calculator.yaml  agent calculator\n"
    assert "bad.yaml:3:1: toolz: unknown key" in said.stderr
    assert "absent.yaml" in said.stderr
    found = asked("validate", "bad.yaml", "calculator.yaml", code=2)
    assert [one["ok"] for one in found] == [False, True]
    assert found[0]["error"]["code"] == "config.invalid_file"


def test_a_folder_without_a_project_has_nothing_to_check(perdure: Perdure) -> None:
    assert "no files to check" in perdure("validate", code=2).stderr


@pytest.mark.parametrize("kind", ["agent", "project"])
def test_schemas_are_json_schemas(perdure: Perdure, kind: str) -> None:
    schema = json.loads(perdure("schema", kind).stdout)
    assert schema["title"] == f"Perdure {kind}"
    assert "2020-12" in schema["$schema"]


def test_there_is_no_other_schema(perdure: Perdure) -> None:
    assert "'agent', 'project', 'team', 'flow'" in perdure("schema", "crew", code=2).stderr
