"""`perdure agents`: a person makes, stops, wakes, moves and deletes agents."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import Result

Perdure = Callable[..., Result]
Asked = Callable[..., Any]


def test_from_its_making_to_its_end(perdure: Perdure, asked: Asked) -> None:
    assert perdure("agents", "create", "calculator.yaml").stdout == "calculator is created\n"
    assert "agent.exists" in perdure("agents", "create", "calculator.yaml", code=1).stderr
    assert perdure("agents", "hibernate", "calculator").stdout == "calculator is dormant\n"
    assert perdure("agents", "stop", "calculator", "--why", "repairs").stdout == "calculator is quarantined\n"
    assert "agent.at_rest" in perdure("agents", "hibernate", "calculator", code=1).stderr
    waiting = perdure("run", "calculator.yaml", "--agent", "calculator", "--input", "1+1", code=3)
    assert "perdure agents wake calculator" in waiting.stderr
    title, line = perdure("agents", "list").stdout.splitlines()
    assert title.split() == ["AGENT", "SPEC", "STATUS", "MAIL", "RECORDS", "CHANGED"]
    assert line.split()[:4] == ["calculator", "calculator", "quarantined", "1"]
    assert asked("agents", "list", "--status", "dormant") == []
    assert asked("agents", "wake", "calculator")["status"] == "active"
    (run,) = asked("runs", "list")
    assert run["status"] == "done", "waking it let it do what waited"
    shown = asked("agents", "show", "calculator")
    assert (shown["mail"], shown["runs"]) == (0, [run["run_id"]])
    assert "journal" in perdure("agents", "show", "calculator").stdout
    assert perdure("agents", "delete", "calculator", "--yes").stdout == "deleted calculator with 1 runs\n"
    assert "agent.not_found" in perdure("agents", "show", "calculator", code=1).stderr


def test_what_it_is_at_is_ended_before_it_is_deleted(perdure: Perdure, asked: Asked) -> None:
    run = asked("run", "asker.yaml", "--agent", "ann", "--input", "go", code=3)
    assert "has not ended" in perdure("agents", "delete", "ann", "--yes", code=1).stderr
    assert asked("agents", "delete", "ann", "--end") == {"agents": ["ann"], "runs": [run["run_id"]]}


def test_an_agent_goes_to_another_project_as_a_file(perdure: Perdure, asked: Asked, folder: Path) -> None:
    asked("run", "calculator.yaml", "--agent", "ann", "--input", "1+1")
    told = asked("agents", "export", "ann")
    assert told["file"] == "ann.tar.gz" and (folder / "ann.tar.gz").stat().st_size == told["bytes"]
    perdure("agents", "export", "ann", code=2)
    assert asked("agents", "export", "ann", "--force")["digest"] == told["digest"]
    assert "bundle.conflict" in perdure("agents", "import", "ann.tar.gz", code=1).stderr
    other = folder / "other"
    other.mkdir()
    said = asked("agents", "import", "ann.tar.gz", "--project", "other")
    assert said == {"id": "ann", "status": "imported", "state_version": 0, "warnings": [], "conflicts": []}
    again = asked("agents", "export", "ann", "-o", "again.tar.gz", "--project", "other")
    assert again["digest"] == told["digest"], "byte for byte"
    assert asked("runs", "verify", "--project", "other")["ok"] is True
    clone = perdure("agents", "import", "ann.tar.gz", "--mode", "clone", "--agent", "eve")
    assert clone.stdout == "eve is imported\n"
    (folder / "junk.tar.gz").write_bytes(b"junk")
    assert "bundle.invalid" in perdure("agents", "import", "junk.tar.gz", code=1).stderr
