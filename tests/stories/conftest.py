"""What the stories share: a project on disk, an outside that counts, and processes that can be killed."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import perdure

HERE = Path(__file__).parent
SOURCE = Path(perdure.__file__).parent.parent
PATIENCE = 60

FILES = {
    "worker.yaml": """
name: worker
model: scripted/worker
tools: ["./tools.py:look", "./tools.py:charge", "./tools.py:ship", "./tools.py:mail"]
""",
    "helper.yaml": """
name: helper
model: scripted/helper
tools: ["./tools.py:charge", "./tools.py:ship"]
""",
    "boss.yaml": """
name: boss
class: ./tools.py:Boss
""",
}


class Outside:
    """The process that counts effects (see `effect_server.py`)."""

    def __init__(self, folder: Path) -> None:
        self.path = str(folder / "outside.sock")
        self._process = subprocess.Popen(
            [sys.executable, HERE / "effect_server.py", self.path], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def report(self) -> dict[str, Any]:
        """`happened` and `calls` by class and key, and `overlaps`."""
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(self.path)
            line.sendall(b'{"do": "report"}\n')
            with line.makefile() as answer:
                told: dict[str, Any] = json.loads(answer.readline())
        return told

    def happened(self, effect: str) -> dict[str, int]:
        counted: dict[str, int] = self.report()["happened"].get(effect, {})
        return counted

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


class Child:
    """A process that runs `crash_child.py`, or another `script` of this folder, on a project."""

    def __init__(self, project: Path, effects: str, *arguments: str, script: str = "crash_child.py") -> None:
        # A process that is killed has no coverage to tell of, and measuring it would only make it slower to start.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
        environment = {**inherited, "PYTHONPATH": str(SOURCE), "EFFECTS": effects}
        self.process = subprocess.Popen(
            [sys.executable, HERE / script, project, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.told: list[dict[str, Any]] = []

    def hear(self, word: str) -> Any:
        """Read on until the child has told this."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.told.append(json.loads(line))
            if word in self.told[-1]:
                return self.told[-1][word]
        raise AssertionError(f"it ended without {word}: {self.process.stderr and self.process.stderr.read()}")

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self, timeout: float = PATIENCE) -> int:
        """Wait for its end and read what it still said; the last line of a killed process may be half a line."""
        try:
            said, wrong = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            said, wrong = self.process.communicate()
            raise AssertionError(f"it does not come to an end: {self.told} {said} {wrong}") from None
        for line in said.splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                self.told.append(json.loads(line))
        assert self.process.returncode in (0, -signal.SIGKILL), wrong
        assert "Traceback" not in wrong and "never retrieved" not in wrong, wrong
        return self.process.returncode

    @property
    def accepted(self) -> list[str]:
        return [one["accepted"] for one in self.told if "accepted" in one]

    @property
    def doubtful(self) -> set[tuple[str, str]]:
        return {(run, key) for one in self.told for run, key in one.get("doubtful", ())}


@pytest.fixture
def outside() -> Iterator[Outside]:
    folder = Path(tempfile.mkdtemp(prefix="out", dir="/tmp"))  # the path of a unix socket must be short
    server = Outside(folder)
    before = os.environ.get("EFFECTS")
    os.environ["EFFECTS"] = server.path
    try:
        yield server
    finally:
        server.close()
        shutil.rmtree(folder)
        if before is None:
            del os.environ["EFFECTS"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the agents `worker`, `helper` and `boss`."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    shutil.copy(HERE / "crash_tools.py", folder / "tools.py")
    return folder


@pytest.fixture
def children() -> Iterator[list[Child]]:
    """Those that still live at the end of the test are killed."""
    started: list[Child] = []
    try:
        yield started
    finally:
        for child in started:
            if child.process.poll() is None:
                child.process.kill()
            child.process.communicate()


@pytest.fixture
def spawn(project: Path, outside: Outside, children: list[Child]) -> Any:
    """Starts children."""

    def start(*arguments: str) -> Child:
        children.append(Child(project, outside.path, *arguments))
        return children[-1]

    return start


@pytest.fixture
def spawned(project: Path, outside: Outside, children: list[Child]) -> Any:
    """Starts processes of another script of this folder."""

    def start(script: str, *arguments: str) -> Child:
        children.append(Child(project, outside.path, *arguments, script=script))
        return children[-1]

    return start


@pytest.fixture
def flows_killed(spawned: Any) -> Any:
    """Has flows `killed.flow.yaml` run one after another while their process is killed so often, and to their end."""

    def run(kills: int, wait_s: Callable[[], float]) -> list[Any]:
        """`wait_s` says how long a process lives. The results, each with the run, its status and its output."""
        runs = 1
        while kills:
            child = spawned("flow_child.py", "--runs", str(runs))
            child.hear("open")
            time.sleep(wait_s())
            child.signal(signal.SIGKILL)
            if child.end() == 0 or any("over" in one for one in child.told):
                runs += 1  # it was done before: another one is to be killed
            else:
                kills -= 1
        child = spawned("flow_child.py", "--runs", str(runs))
        results: list[Any] = child.hear("over")
        assert child.end() == 0
        assert [result[1] for result in results] == ["done"] * runs, results
        return results

    return run


@pytest.fixture
def spawn_budget(children: list[Child]) -> Any:
    """Starts processes of `budget_child.py`, on a project of their own."""

    def start(project: Path, *arguments: str) -> Child:
        children.append(Child(project, "", *arguments, script="budget_child.py"))
        return children[-1]

    return start


@pytest.fixture
def start_team(children: list[Child]) -> Any:
    """Starts processes of `team_child.py`."""

    def start(project: Path, *arguments: str) -> Child:
        children.append(Child(project, "", *arguments, script="team_child.py"))
        return children[-1]

    return start


@pytest.fixture
def models() -> dict[str, Any]:
    """The scripted models of the children, for a test that goes on with their runs itself."""
    spec = importlib.util.spec_from_file_location("crash_child", HERE / "crash_child.py")
    assert spec is not None and spec.loader is not None
    child = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(child)
    made: dict[str, Any] = child.models()
    return made


@pytest.fixture
def eventually() -> Any:
    """Waits until something becomes true, and says how long that took, in seconds."""

    def wait(question: Any, timeout: float = PATIENCE) -> float:
        began = time.perf_counter()
        while not question():
            assert time.perf_counter() - began < timeout, "it never came"
            time.sleep(0.02)
        return time.perf_counter() - began

    return wait
