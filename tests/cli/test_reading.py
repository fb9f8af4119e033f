"""`runs`, `trace`, `replay`, `fork`, `export-cassette` and `gc`: readings of the same records."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

COUNTER = """\
from perdure import Agent

class Counter(Agent):
    async def on_message(self, ctx, message):
        return "one"
"""

Perdure = Callable[..., Result]
Asked = Callable[..., Any]


@pytest.fixture
def run(asked: Asked) -> Any:
    return asked("run", "calculator.yaml", "--input", "25 * 47")


def test_the_list_as_text_and_as_json(perdure: Perdure, asked: Asked, run: Any) -> None:
    title, line = perdure("runs", "list").stdout.splitlines()
    assert title.split() == ["RUN", "AGENT", "STATUS", "STARTED", "TIME", "STEPS", "COST"]
    assert line.startswith(f"{run['run_id']}  {run['agent_id']}  done")
    assert title.index("AGENT") == line.index(run["agent_id"])
    (listed,) = asked("runs", "list")
    assert listed["run_id"] == run["run_id"]
    assert {"agent_id", "status", "waiting_for", "started_at", "cost_microusd", "usage"} <= set(listed)


def test_the_list_can_be_narrowed_and_turned_over(perdure: Perdure, asked: Asked, run: Any) -> None:
    other = asked("run", "asker.yaml", "--input", "go", code=3)
    assert [one["run_id"] for one in asked("runs", "list")] == [other["run_id"], run["run_id"]]
    assert [one["run_id"] for one in asked("runs", "list", "--status", "waiting")] == [other["run_id"]]
    assert [one["run_id"] for one in asked("runs", "list", "--agent", run["agent_id"])] == [run["run_id"]]
    assert len(asked("runs", "list", "--since", "1h", "--limit", "1")) == 1
    assert "not a duration" in perdure("runs", "list", "--since", "yesterday", code=2).stderr
    assert perdure("runs", "list", "--agent", "nobody").stdout == ""


def test_everything_about_a_run(perdure: Perdure, asked: Asked, run: Any) -> None:
    said = perdure("runs", "show", run["run_id"]).stdout
    assert "input     25 * 47\n" in said
    assert "output    25 * 47 = 1175\n" in said
    shown = asked("runs", "show", run["run_id"])
    assert (shown["run_id"], shown["input"], shown["output"]) == (run["run_id"], "25 * 47", "25 * 47 = 1175")
    failed = asked("run", "offline.yaml", "--input", "hello", code=1)
    assert "error[model.unreachable]" in perdure("runs", "show", failed["run_id"]).stderr


def test_the_trace_is_a_tree_with_times_tokens_and_cost(perdure: Perdure, asked: Asked, run: Any) -> None:
    said = perdure("trace", run["run_id"]).stdout
    head, first, *_ = said.splitlines()
    assert head.split() == ["time", "tokens", "cost"]
    assert first.startswith("✓ calculator")
    assert "├─ ✓ step1" in said
    assert "step1/call/1/tool:calculator" in said
    assert "└─ ✓ step2" in said
    assert '"25 * 47"' in perdure("trace", run["run_id"], "--full").stdout
    tree = asked("trace", run["run_id"])
    assert [child["name"] for child in tree["children"]] == ["step1", "step2"]
    lines = [json.loads(line) for line in perdure("trace", run["run_id"], "--jsonl").stdout.splitlines()]
    assert lines[0]["parent"] == 0
    assert {line["kind"] for line in lines} >= {"run", "step", "model", "tool"}


def test_a_trace_goes_into_a_file_and_comes_out_of_it_anywhere(
    perdure: Perdure,
    asked: Asked,
    run: Any,
    folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert perdure("trace", run["run_id"], "--jsonl", "out.jsonl").stdout == ""
    printed = perdure("trace", run["run_id"], "--jsonl").stdout
    assert (folder / "out.jsonl").read_text() == printed
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    kept = str(folder / "out.jsonl")
    assert perdure("trace", "--from", kept, "--jsonl").stdout == printed
    assert perdure("trace", "--from", "-", input=printed).stdout == perdure("trace", "--from", kept).stdout
    assert asked("trace", "--from", kept)["status"] == "done"
    assert "name either a RUN" in perdure("trace", run["run_id"], "--from", kept, code=2).stderr
    assert "name either a RUN" in perdure("trace", "--jsonl", run["run_id"], code=2).stderr
    refused = perdure("trace", "--from", str(folder / "calculator.yaml"), code=2)
    assert "error[input.invalid]: line 1 is no node of a trace" in refused.stderr


def test_the_chain_is_whole_until_somebody_changes_a_record(
    perdure: Perdure, asked: Asked, run: Any, folder: Path
) -> None:
    assert perdure("runs", "verify").stdout.startswith("ok: ")
    assert asked("runs", "verify", run["agent_id"])["ok"]
    import apsw

    connection = apsw.Connection(str(folder / ".perdure" / "perdure.db"))
    (table,) = [
        name for (name,) in connection.execute("select name from sqlite_master where name like 'record%' limit 1")
    ]
    connection.execute(f"update {table} set data = x'80' where seq = (select max(seq) from {table})")
    connection.close()
    broken = asked("runs", "verify", code=1)
    assert not broken["ok"]
    assert broken["problems"]
    assert run["agent_id"] in perdure("runs", "verify", code=1).stdout


def test_a_replay_comes_to_the_same_end(perdure: Perdure, asked: Asked, run: Any) -> None:
    assert perdure("replay", run["run_id"]).stdout.startswith("same: ")
    assert asked("replay", run["run_id"])["verdict"] == "same"


def test_a_replay_says_how_far_a_run_has_come(perdure: Perdure, asked: Asked) -> None:
    waiting = asked("run", "asker.yaml", "--input", "go", code=3)
    assert "same so far" in perdure("replay", waiting["run_id"]).stdout


def test_a_replay_says_where_a_run_would_go_another_way(perdure: Perdure, asked: Asked, folder: Path) -> None:
    (folder / "counter.py").write_text(COUNTER)
    (folder / "counter.yaml").write_text("name: counter\nclass: ./counter.py:Counter\n")
    run = asked("run", "counter.yaml", "--input", "go")
    assert asked("replay", run["run_id"])["verdict"] == "same"
    (folder / "counter.py").write_text(COUNTER.replace("one", "two"))
    said = perdure("replay", run["run_id"], code=1).stdout
    assert said.startswith("diverges at ")
    assert "  now:      two\n" in said


def test_a_fork_goes_its_own_way(asked: Asked, run: Any) -> None:
    forked = asked("fork", run["run_id"], "--at", "step2/model")
    assert forked["output"] == run["output"]
    assert forked["agent_id"] != run["agent_id"]
    assert asked("fork", run["run_id"], "--at", "nowhere", code=2)["error"]["code"] == "input.invalid"


def test_exports(perdure: Perdure, run: Any, folder: Path) -> None:
    (line,) = perdure("runs", "export").stdout.splitlines()
    assert json.loads(line)["run_id"] == run["run_id"]
    (row,) = csv.DictReader(io.StringIO(perdure("runs", "export", "--format", "csv", run["run_id"]).stdout))
    assert row["output"] == "25 * 47 = 1175"
    perdure("runs", "export", "--format", "json", "--since", "1h", "--no-tools", "-o", "runs.json")
    (exported,) = json.loads((folder / "runs.json").read_text())
    assert exported["agent_id"] == run["agent_id"]


def test_a_cassette_on_stdout_and_in_a_file(perdure: Perdure, run: Any, folder: Path) -> None:
    printed = json.loads(perdure("export-cassette", run["run_id"]).stdout)
    assert len(printed["turns"]) == 2
    perdure("export-cassette", run["run_id"], "-o", "fixture.json")
    assert json.loads((folder / "fixture.json").read_text()) == printed


def test_runs_are_deleted_when_somebody_is_sure(perdure: Perdure, asked: Asked, run: Any) -> None:
    assert "name the runs, or --agent" in perdure("runs", "delete", code=2).stderr
    perdure("runs", "delete", run["run_id"], input="n\n", code=1)
    assert len(asked("runs", "list")) == 1
    assert f"deleted {run['run_id']}" in perdure("runs", "delete", run["run_id"], "--yes").stdout
    assert asked("runs", "list") == []
    other = asked("run", "calculator.yaml", "--input", "1+1", "--agent", "bob")
    assert asked("runs", "delete", "--agent", "bob") == {"runs": [other["run_id"]], "agents": ["bob"]}


def test_a_run_that_waits_is_not_deleted(asked: Asked) -> None:
    waiting = asked("run", "asker.yaml", "--input", "go", code=3)
    assert asked("runs", "delete", waiting["run_id"], code=1)["error"]["code"] == "run.wrong_state"


def test_gc_says_what_it_freed(perdure: Perdure, asked: Asked, run: Any) -> None:
    assert asked("gc")["runs"] == 0
    assert perdure("gc", "--older-than", "0s").stdout.startswith("1 run")
    assert asked("runs", "list") == []
