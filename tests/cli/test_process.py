"""What a shell sees of the process: signals, pipes, and how little it imports."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Start = Callable[..., "subprocess.Popen[str]"]
STEP = 0.02


def until(condition: Callable[[], bool]) -> None:
    for _ in range(int(30 / STEP)):
        if condition():
            return
        time.sleep(STEP)
    raise AssertionError("it did not happen")


def run_of(start: Start) -> dict[str, str]:
    (run,) = json.loads(start("runs", "list", "--json").communicate(timeout=30)[0])
    return run  # type: ignore[no-any-return]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_ctrl_c_comes_to_a_safe_point_and_says_how_to_go_on(
    start: Start, folder: Path, number: signal.Signals
) -> None:
    process = start("run", "sleeper.yaml", "--input", "go")
    until((folder / "slow.txt").exists)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out == ""
    run = run_of(start)
    assert f"perdure resume {run['run_id']}" in err
    assert run["status"] == "running"
    again = start("resume", run["run_id"])
    assert "slept" in again.communicate(timeout=30)[0]
    assert again.returncode == 0


def test_a_second_ctrl_c_ends_the_process_at_once(start: Start, folder: Path) -> None:
    (folder / "sleeper.yaml").write_text((folder / "sleeper.yaml").read_text().replace('"seconds": 1', '"seconds": 60'))
    process = start("run", "sleeper.yaml", "--input", "go")
    until((folder / "slow.txt").exists)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert "Ctrl-C again" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130
    process.communicate()


def test_other_runs_that_were_interrupted_are_named(start: Start, folder: Path) -> None:
    killed = start("run", "sleeper.yaml", "--input", "go")
    until((folder / "slow.txt").exists)
    killed.kill()
    killed.communicate()
    process = start("run", "calculator.yaml", "--input", "1+1")
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "1+1 = 2\n")
    assert "1 other run was interrupted (run_" in err
    assert "perdure resume --all" in err
    every = start("resume", "--all")
    out, _ = every.communicate(timeout=30)
    assert every.returncode == 0
    assert out.rstrip().endswith("done")


def test_a_watching_process_takes_over_what_is_interrupted_later(start: Start, folder: Path) -> None:
    start("run", "calculator.yaml", "--input", "1+1").communicate(timeout=30)
    watching = start("resume", "--all", "--watch", "--json")
    assert watching.stderr is not None
    assert "Watching" in watching.stderr.readline()
    killed = start("run", "sleeper.yaml", "--input", "go")
    until((folder / "slow.txt").exists)
    killed.kill()
    killed.communicate()
    assert watching.stdout is not None
    run = json.loads(watching.stdout.readline())
    assert run["status"] == "done"
    assert "slept" in run["output"]
    watching.send_signal(signal.SIGINT)
    watching.communicate(timeout=30)
    assert watching.returncode == 0


def test_a_call_that_may_be_made_once_is_in_doubt_after_a_crash(start: Start, folder: Path) -> None:
    killed = start("run", "payer.yaml", "--input", "go", DIE="1")
    killed.communicate(timeout=30)
    assert killed.returncode == -signal.SIGKILL
    run_id = run_of(start)["run_id"]
    resumed = start("resume", run_id)
    _, err = resumed.communicate(timeout=30)
    assert resumed.returncode == 3
    assert f"perdure resolve {run_id} step1/call/1/tool:pay --done JSON" in err
    resolved = start("resolve", run_id, "step1/call/1/tool:pay", "--done", '"paid 5"', "--why", "looked it up")
    out, err = resolved.communicate(timeout=30)
    assert (resolved.returncode, out) == (0, "pay says: paid 5\n"), err
    assert (folder / "paid.txt").read_text() == "5\n"


def test_a_reader_that_goes_away_is_no_error(start: Start) -> None:
    process = start("schema", "agent")
    assert process.stdout is not None
    assert process.stdout.readline() == "{\n"
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=30)
    assert err == ""


def test_a_pipe_gets_no_colour_and_no_progress(start: Start) -> None:
    process = start("run", "calculator.yaml", "--input", "3 * 4", FORCE_COLOR="1")
    assert process.communicate(timeout=30) == ("3 * 4 = 12\n", "")


def test_help_imports_neither_the_engine_nor_asyncio() -> None:
    script = """
import sys
from perdure.cli.commands import cli
cli.main(["--help"], standalone_mode=False)
heavy = ("asyncio", "rich", "msgspec", "apsw", "yaml", "perdure.kernel", "perdure.agents", "perdure.wiring")
assert not [name for name in heavy if name in sys.modules], [name for name in heavy if name in sys.modules]
"""
    run_script(script)


def test_a_run_in_a_pipe_imports_only_what_it_needs(folder: Path) -> None:
    script = """
import sys
from perdure.cli.commands import cli
assert cli.main(["run", "calculator.yaml", "--input", "3 * 4"], standalone_mode=False) == 0
heavy = ("click.shell_completion", "csv", "difflib", "email", "http", "shlex", "zoneinfo", "sqlite3")
heavy += ("genai_prices", "httpx", "jsonschema", "pydantic", "pyreqwest", "rich", "starlette", "uvloop")
verbs = ("cassettes", "cleaning", "deletion", "exporting", "forking", "listening", "planning", "replaying")
verbs += ("spans", "verifying")
heavy += tuple(f"perdure.control.{name}" for name in verbs)
heavy += tuple(f"perdure.compute.wire.{name}" for name in ("anthropic", "gemini", "openai_chat", "openai_responses"))
assert not [name for name in heavy if name in sys.modules], [name for name in heavy if name in sys.modules]
"""
    run_script(script)


def run_script(script: str) -> None:
    import sys

    source = Path(__file__).parents[2] / "src"
    ran = subprocess.run(
        [sys.executable, "-c", script], env={"PYTHONPATH": str(source)}, capture_output=True, text=True, timeout=30
    )
    assert ran.returncode == 0, ran.stderr
