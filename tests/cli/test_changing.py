"""Files that change, at the command line: `diff`, `deploy`, `run --watch` and `dev`."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Perdure = Callable[..., Result]
Asked = Callable[..., Any]
Start = Callable[..., "subprocess.Popen[str]"]
SAY = "name: say\nmodel: demo/planner\ninstructions: |\n  1. say {0}\n"


class Lines:
    """The lines of a stream as they come."""

    def __init__(self, stream: Any) -> None:
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, args=(stream,))
        self._reader.start()

    def _read(self, stream: Any) -> None:
        for line in stream:
            self._lines.put(line)

    def until(self, text: str) -> str:
        while text not in (line := self._lines.get(timeout=60)):
            pass
        return line

    def close(self) -> None:
        self._reader.join()


@contextmanager
def interrupted(process: subprocess.Popen[str]) -> Iterator[tuple[Lines, Lines]]:
    """The process with its output, ended by Ctrl-C."""
    out, err = Lines(process.stdout), Lines(process.stderr)
    try:
        yield out, err
        process.send_signal(signal.SIGINT)
        process.wait(60)
    finally:
        process.kill()
        process.wait()
        out.close()
        err.close()
        for stream in (process.stdin, process.stdout, process.stderr):
            assert stream is not None
            stream.close()


# -- diff -------------------------------------------------------------------------------------------------------------


def test_diff_tells_keys_by_what_they_are_about(perdure: Perdure, folder: Path) -> None:
    (folder / "new.yaml").write_text(
        (folder / "careful.yaml").read_text().replace("approve: [pay]", "limits: {steps: 3}")
    )
    lines = perdure("diff", "careful.yaml", "new.yaml").stdout.splitlines()
    assert lines == [
        "what it may cost",
        "  limits",
        '    + {"steps":3}',
        "what it may do",
        "  approve",
        '    - ["pay"]',
    ]
    assert not (folder / ".perdure").exists()


def test_diff_of_the_same_is_nothing(perdure: Perdure) -> None:
    assert perdure("diff", "careful.yaml", "careful.yaml").stdout == "No key changed.\n"


def test_diff_takes_an_agent_and_a_digest_for_what_they_are_of(perdure: Perdure, asked: Asked, folder: Path) -> None:
    perdure("run", "careful.yaml", "--input", "x", "--agent", "ada", code=3)
    (run,) = asked("runs", "list")
    digest = asked("runs", "show", run["run_id"])["spec_digest"]
    (folder / "careful.yaml").write_text((folder / "careful.yaml").read_text().replace('"amount": 5', '"amount": 6'))
    for old in ("ada", digest):
        found = asked("diff", old, "careful.yaml")
        assert [change["key"] for change in found["changes"]] == ["instructions"]
        assert (found["runs"], found["agents"]) == ({"waiting": 1}, 1)
        assert "1 waiting" in perdure("diff", old, "careful.yaml").stdout


@pytest.mark.parametrize("name", ["nobody", "gone.yaml", "0" * 32])
def test_diff_of_what_is_not_there_is_refused(perdure: Perdure, name: str) -> None:
    assert "error[" in perdure("diff", name, "careful.yaml", code=2).stderr


# -- deploy -----------------------------------------------------------------------------------------------------------


def test_deploy_check_tells_what_would_break_with_exit_code_1(perdure: Perdure, asked: Asked, folder: Path) -> None:
    assert asked("deploy", "--check") == {"ok": True, "runs": 0, "agents": 0, "findings": [], "deployed": []}
    assert not (folder / ".perdure").exists()
    perdure("run", "careful.yaml", "--input", "x", "--agent", "ada", code=3)
    assert "1 unfinished run and 1 agent were looked at: nothing breaks" in perdure("deploy", "--check").stdout
    (folder / "tools.py").write_text("")
    found = asked("deploy", "--check", code=1)
    assert [finding["reason"] for finding in found["findings"]] == ["gone"]
    assert "1 would break" in perdure("deploy", "--check", code=1).stdout
    assert "1 would break" in perdure("deploy", code=1).stdout


def test_deploy_deploys_what_something_wakes_unless_something_breaks(
    perdure: Perdure, asked: Asked, folder: Path
) -> None:
    (folder / "agents").mkdir()
    (folder / "agents" / "say.yaml").write_text(SAY.format("hello") + "on: [{every: 1h}]\n")
    perdure("run", "careful.yaml", "--input", "x", "--agent", "ada", code=3)
    assert asked("deploy", "--check")["deployed"] == []
    assert [agent["agent_id"] for agent in asked("agents", "list")] == ["ada"]
    assert asked("deploy")["deployed"] == ["say"]
    assert [agent["agent_id"] for agent in asked("agents", "list")] == ["ada", "say"]
    (folder / "tools.py").write_text("")
    assert asked("deploy", code=1)["deployed"] == []
    assert asked("deploy", "--force")["deployed"] == ["say"]


def test_deploy_check_looks_at_the_runs_of_another_folder(
    perdure: Perdure, asked: Asked, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    perdure("run", "careful.yaml", "--input", "x", code=3)
    release = tmp_path_factory.mktemp("release")
    (release / "tools.py").write_text("")
    there = ("deploy", "--check", "--project", str(release), "--runs-of", str(folder))
    assert [finding["reason"] for finding in asked(*there, code=1)["findings"]] == ["gone"]
    (release / "tools.py").write_text((folder / "tools.py").read_text())
    assert asked(*there)["ok"]
    assert not (release / ".perdure").exists()
    assert "--runs-of is for --check" in perdure("deploy", "--runs-of", str(folder), code=2).stderr


# -- run --watch ------------------------------------------------------------------------------------------------------


def test_run_watch_runs_again_and_shows_what_changed(start: Start, folder: Path) -> None:
    file = folder / "say.yaml"
    file.write_text(SAY.format("one"))
    with interrupted(start("run", "say.yaml", "--input", "x", "--watch")) as (out, err):
        out.until("one")
        err.until("Watching say.yaml")
        file.write_text(SAY.format("two"))
        assert out.until("instructions")
        out.until("two")
        err.until("-one")
        err.until("+two")
        err.until("Watching say.yaml")
        file.write_text("name: [")
        err.until("error[config.invalid_file]")
        err.until("Watching say.yaml")
        file.write_text(SAY.format("three"))
        out.until("three")
        err.until("Watching say.yaml")
    runs = json.loads(start("runs", "list", "--json").communicate(timeout=30)[0])
    assert len(runs) == 3


def test_run_watch_looks_at_tools_too(start: Start, folder: Path) -> None:
    with interrupted(start("run", "payer.yaml", "--input", "x", "--watch")) as (out, err):
        out.until("paid 5")
        err.until("Watching")
        (folder / "tools.py").write_text((folder / "tools.py").read_text().replace("paid {amount}", "gave {amount}"))
        out.until("gave 5")
        err.until("Watching")


@pytest.mark.parametrize(
    "words",
    [("--watch", "--dry-run"), ("--watch", "--daemon"), ("--name", "x"), ("--daemon", "--model", "demo/planner")],
)
def test_options_that_exclude_each_other(perdure: Perdure, words: tuple[str, ...]) -> None:
    perdure("run", "calculator.yaml", "--input", "1", *words, code=2)


# -- dev --------------------------------------------------------------------------------------------------------------


def test_dev_tells_what_runs_do_and_which_files_were_taken_up(start: Start, folder: Path) -> None:
    (folder / "agents").mkdir()
    file = folder / "agents" / "say.yaml"
    file.write_text(SAY.format("one") + "on: [{every: 1s, input: go}]\n")
    with interrupted(start("dev", "--port", "0")) as (out, err):
        err.until("Serving")
        assert " say " in out.until("one")
        out.until("done")
        file.write_text(SAY.format("two") + "on: [{every: 1s, input: go}]\n")
        assert "agents/say.yaml was taken up (instructions)" in err.until("taken up")
        out.until("two")
        file.write_text("name: [")
        assert "agents/say.yaml was refused, and say stays what it was" in err.until("refused")
