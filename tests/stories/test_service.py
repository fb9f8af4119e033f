"""A project served in the background: started, looked at, changed under load, killed, begun again, stopped."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).parents[2] / "src"
PATIENCE_S = 60

TOOLS = """\
import time
from perdure import tool

@tool(effect="read")
def slow(seconds: float) -> str:
    \"\"\"Take a while.\"\"\"
    open("begun.txt", "w").close()
    time.sleep(seconds)
    return f"slept {seconds}"

@tool(effect="read")
def crash() -> str:
    \"\"\"End the process.\"\"\"
    import os
    os._exit(7)
"""
SAYER = """\
name: sayer
model: demo/planner
instructions: |
  1. say Version {version}.
"""
SLEEPER = """\
name: sleeper
model: demo/planner
instructions: |
  1. call slow {"seconds": 0.5}
  2. call slow {"seconds": 0.5}
  3. call slow {"seconds": 0.5}
  4. say Awake in version 0.
tools: ["../tools.py:slow"]
"""


class Project:
    """A folder, and `perdure` in it."""

    def __init__(self, folder: Path, ask: Callable[..., Any]) -> None:
        self.folder = folder
        self._ask = ask
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")},
            "PYTHONPATH": str(SOURCE),
            "NO_COLOR": "1",
        }

    def perdure(self, *words: str, code: int = 0) -> str:
        """What a command prints. It has to end with this exit code."""
        done = subprocess.run(
            [sys.executable, "-m", "perdure", *words],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout if code == 0 else done.stdout + done.stderr

    def json(self, *words: str, code: int = 0) -> Any:
        return json.loads(self.perdure(*words, "--json", code=code))

    def started(self, *words: str) -> dict[str, Any]:
        found: dict[str, Any] = self.json("serve", "--daemon", "--port", "0", *words)
        return found

    def status(self, name: str = "server") -> dict[str, Any]:
        """What the daemon wrote down of itself, and whether its lock is held."""
        folder = self.folder / ".perdure" / "daemons" / name
        known: dict[str, Any] = json.loads((folder / "daemon.json").read_bytes())
        with (folder / "lock").open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                known["held"] = False
            except BlockingIOError:
                known["held"] = True
        return known

    def write(self, name: str, text: str) -> None:
        """Write a file so that it is there as a whole."""
        path = self.folder / name
        path.with_suffix(".new").write_text(text)
        path.with_suffix(".new").replace(path)

    async def ask(self, url: str, method: str, path: str, body: Any = None) -> Any:
        """What the server at `url` answers."""
        return await self._ask(int(url.rpartition(":")[2]), self.folder, method, path, body)


async def until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        await asyncio.sleep(0.02)


@pytest.fixture
def project(tmp_path: Path, ask: Any) -> Iterator[Project]:
    (tmp_path / "agents").mkdir()
    (tmp_path / "perdure.toml").write_text('[lifecycle.restart]\nattempts = 2\nbackoff = "50ms"\nhealthy = "1h"\n')
    (tmp_path / "tools.py").write_text(TOOLS)
    (tmp_path / "agents" / "sayer.yaml").write_text(SAYER.format(version=0))
    (tmp_path / "agents" / "sleeper.yaml").write_text(SLEEPER)
    found = Project(tmp_path, ask)
    yield found
    for path in tmp_path.glob(".perdure/daemons/*/daemon.json"):
        if found.status(path.parent.name)["held"]:
            found.perdure("kill", path.parent.name)


async def test_a_daemon_is_started_looked_at_begun_anew_and_stopped(project: Project) -> None:
    started = project.started()
    assert (started["name"], started["state"]) == ("server", "running")
    assert started["pid"] not in (os.getpid(), started["supervisor"])
    assert os.getsid(started["pid"]) == started["supervisor"] != os.getsid(0)
    status, answer = await project.ask(started["url"], "POST", "/invoke", {"spec": "sayer", "input": "x"})
    assert (status, answer["output"]) == (200, "Version 0.")
    (listed,) = project.json("ps")
    assert (listed["name"], listed["state"], listed["pid"]) == ("server", "running", started["pid"])
    shown = project.json("status")
    assert shown["server"]["requests"] >= 1
    assert (shown["server"]["cost_microusd"], shown["server"]["problems"]) == (0, {})
    assert "perdure_runs" in project.perdure("metrics")
    assert any(sample["name"].startswith("perdure_") for sample in project.json("metrics", "server"))
    again = project.json("restart", "server")
    assert (again["state"], again["url"], again["restarts"]) == ("running", started["url"], 1)
    assert "Serving" in project.perdure("logs", "server")
    assert project.perdure("stop", "server") == "server stopped\n"
    assert project.status()["held"] is False
    assert project.json("status", code=1)["state"] == "stopped"
    assert project.json("restart", "server")["state"] == "running"


async def test_two_daemons_of_one_name_are_refused_and_two_names_are_not(project: Project) -> None:
    first = project.started()
    error = json.loads(project.perdure("serve", "--daemon", "--port", "0", "--json", code=1).splitlines()[0])
    assert error["error"]["code"] == "daemon.running"
    second = project.json("run", "agents/sayer.yaml", "--daemon")
    assert {one["name"] for one in project.json("ps")} == {"server", "sayer"}
    assert second["url"] != first["url"]
    stopped = project.json("stop", "--all")
    assert {(one["name"], one["state"]) for one in stopped} == {("server", "stopped"), ("sayer", "stopped")}


async def test_an_agent_of_any_file_runs_in_the_background_and_begins_with_an_input(project: Project) -> None:
    other = project.folder / "other.yaml"
    other.write_text(SAYER.replace("sayer", "other").format(version=9))
    started = project.json("run", "other.yaml", "--daemon", "--input", "x", "--name", "nine")
    assert started["name"] == "nine"
    await until(lambda: project.json("runs", "show", started["run_id"])["status"] == "done")
    assert project.json("runs", "show", started["run_id"])["output"] == "Version 9."


async def test_a_daemon_that_cannot_begin_says_why(project: Project) -> None:
    project.started("--name", "first")
    port = project.status("first")["url"].rpartition(":")[2]
    said = project.perdure("serve", "--daemon", "--port", port, code=2)
    assert "cannot listen on" in said
    (project.folder / ".perdure" / "token").chmod(0o644)
    said = project.perdure("serve", "--daemon", "--port", "0", code=1)
    assert "error[daemon.failed]" in said and "can be read by others" in said
    assert (project.status()["state"], project.status()["held"]) == ("failed", False)


async def test_what_a_dead_daemon_left_behind_is_known_to_be_stale(project: Project) -> None:
    started = project.started()
    os.killpg(started["supervisor"], signal.SIGKILL)
    await until(lambda: not project.status()["held"])
    # Somebody else has been given its number since: it is not taken for the daemon, and gets no signal.
    file = project.folder / ".perdure" / "daemons" / "server" / "daemon.json"
    left = json.loads(file.read_bytes())
    bystander = subprocess.Popen(["sleep", "60"])  # noqa: ASYNC220
    try:
        file.write_text(json.dumps({**left, "supervisor": bystander.pid, "pid": bystander.pid}))
        assert project.json("status", code=1)["state"] == "killed"
        for verb in ("stop", "kill"):
            assert "daemon.not_running" in project.perdure(verb, "server", code=1)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()
    assert project.started()["state"] == "running"


async def test_a_process_that_is_killed_is_begun_again_on_the_same_socket(project: Project) -> None:
    started = project.started()
    asked = {"spec": "sleeper", "agent_id": "s", "input": "x", "async": True}
    status, receipt = await project.ask(started["url"], "POST", "/invoke", asked)
    assert status == 202
    os.kill(started["pid"], signal.SIGKILL)
    # Whoever comes now is not turned away: the supervisor has the socket.
    status, answer = await project.ask(started["url"], "POST", "/invoke", {"spec": "sayer", "input": "x"})
    assert (status, answer["output"]) == (200, "Version 0.")
    now = project.status()
    assert (now["state"], now["restarts"], now["failures"], now["ended"]) == ("running", 1, 1, "killed by SIGKILL")
    assert now["pid"] != started["pid"]
    while True:
        _, run = await project.ask(started["url"], "GET", f"/runs/{receipt['run_id']}")
        if run["summary"]["status"] == "done":
            break
    assert run["output"] == "Awake in version 0."


async def test_a_process_that_keeps_failing_is_given_up(project: Project) -> None:
    project.write(
        "agents/bomb.yaml",
        'name: bomb\nmodel: demo/planner\ninstructions: |\n  1. call crash {}\ntools: ["../tools.py:crash"]\n',
    )
    started = project.started()
    # The run is gone on with after each crash, and crashes the process again.
    await project.ask(started["url"], "POST", "/invoke", {"spec": "bomb", "input": "x", "async": True})
    await until(lambda: not project.status()["held"])
    now = project.status()
    assert (now["state"], now["failures"], now["ended"]) == ("given_up", 3, "exit code 7")
    assert "given up (exit code 7, 3 times in a row)" in project.perdure("status", code=1)
    assert "Given up after 2 restarts" in project.perdure("logs")


async def test_stopping_parks_what_does_not_end_in_time_and_it_goes_on_after(project: Project) -> None:
    with (project.folder / "perdure.toml").open("a") as file:
        file.write('[lifecycle.shutdown]\ngrace_period = "800ms"\n')
    started = project.started()
    asked = {"spec": "sleeper", "agent_id": "s", "input": "x"}
    asking = asyncio.create_task(project.ask(started["url"], "POST", "/invoke", asked))
    await until((project.folder / "begun.txt").exists)
    assert await asyncio.to_thread(project.perdure, "stop") == "server stopped\n"
    status, answer = await asking
    assert (status, answer["code"], answer["retryable"]) == (503, "server.stopping", True)
    (run,) = project.json("runs", "list", "--agent", "s")
    assert (run["status"], run["interrupted"]) == ("running", True)
    again = project.started()
    while True:
        _, shown = await project.ask(again["url"], "GET", f"/runs/{run['run_id']}")
        if shown["summary"]["status"] == "done":
            break
    assert shown["output"] == "Awake in version 0."


async def test_a_second_signal_ends_it_at_once_and_nothing_is_lost(project: Project) -> None:
    started = project.started()
    asked = {"spec": "sleeper", "agent_id": "s", "input": "x", "async": True}
    status, receipt = await project.ask(started["url"], "POST", "/invoke", asked)
    assert status == 202
    await until((project.folder / "begun.txt").exists)
    os.kill(started["supervisor"], signal.SIGTERM)
    await until(lambda: project.status()["state"] == "stopping")
    os.kill(started["supervisor"], signal.SIGTERM)
    await until(lambda: not project.status()["held"])
    assert project.status()["ended"] == "exit code 130"
    again = project.started()
    while True:
        _, run = await project.ask(again["url"], "GET", f"/runs/{receipt['run_id']}")
        if run["summary"]["status"] == "done":
            break
    assert run["output"] == "Awake in version 0."


async def test_a_daemon_whose_supervisor_is_killed_stops_by_itself(project: Project) -> None:
    started = project.started()
    os.kill(started["supervisor"], signal.SIGKILL)
    await until(lambda: not project.status()["held"])
    assert project.json("status", code=1)["state"] == "killed"
    assert project.started()["state"] == "running"


async def test_sighup_takes_up_a_good_file_and_refuses_a_bad_one(project: Project) -> None:
    with (project.folder / "perdure.toml").open("a") as file:
        file.write("[hot_reload]\nenabled = false\n")
    started = project.started()

    async def version() -> str:
        status, answer = await project.ask(started["url"], "POST", "/invoke", {"spec": "sayer", "input": "x"})
        assert status == 200
        return str(answer["output"])

    def problems() -> Any:
        return project.json("status")["server"]["problems"]

    project.write("agents/sayer.yaml", SAYER.format(version=1))
    await asyncio.sleep(1.5)  # nobody looks, as the project says
    assert await version() == "Version 0."
    os.kill(started["supervisor"], signal.SIGHUP)
    while await version() != "Version 1.":
        pass
    project.write("agents/sayer.yaml", "name: sayer\nmodell: x\n")
    os.kill(started["supervisor"], signal.SIGHUP)
    await until(problems)
    assert list(problems()) == ["agents/sayer.yaml"]
    assert await version() == "Version 1."
    assert "agents/sayer.yaml was refused" in project.perdure("logs", "server")
    project.write("agents/sayer.yaml", SAYER.format(version=2))
    os.kill(started["supervisor"], signal.SIGHUP)
    await until(lambda: not problems())
    assert await version() == "Version 2."


async def test_files_that_change_under_load_fail_no_request(project: Project) -> None:
    started = project.started()
    url, is_over = started["url"], False
    answers: list[tuple[int, Any]] = []

    async def client() -> None:
        while not is_over:
            answers.append(await project.ask(url, "POST", "/invoke", {"spec": "sayer", "input": "x"}))

    long = {"spec": "sleeper", "agent_id": "s", "input": "x"}
    old = asyncio.create_task(project.ask(url, "POST", "/invoke", long))
    await until((project.folder / "begun.txt").exists)
    clients = [asyncio.create_task(client()) for _ in range(8)]
    project.write("agents/sleeper.yaml", SLEEPER.replace("version 0", "version 1").replace("0.5", "0.01"))
    for version in range(1, 11):
        bad = version in (4, 7)
        text = "name: sayer\nmodel: [" if bad else SAYER.format(version=version)
        project.write("agents/sayer.yaml", text)
        said = len(answers)
        if bad:
            while not (await project.ask(url, "GET", "/runtime/status"))[1]["problems"]:
                await asyncio.sleep(0.05)
            await until(lambda said=said: len(answers) > said + 20)
        else:
            await until(lambda version=version: any(one["output"] == f"Version {version}." for _, one in answers[-8:]))
    is_over = True
    await asyncio.gather(*clients)
    assert {status for status, _ in answers} == {200}
    versions = [int(answer["output"].rstrip(".").rpartition(" ")[2]) for _, answer in answers]
    assert set(versions) == {0, 1, 2, 3, 5, 6, 8, 9, 10}
    status, answer = await old
    assert (status, answer["output"]) == (200, "Awake in version 0.")
    status, answer = await project.ask(url, "POST", "/invoke", long)
    assert (status, answer["output"]) == (200, "Awake in version 1.")
    assert project.status()["restarts"] == 0


async def test_settings_that_change_begin_the_process_anew_and_fail_no_request(project: Project) -> None:
    started = project.started()
    url, is_over = started["url"], False
    answers: list[int] = []

    async def client() -> None:
        while not is_over:
            answers.append((await project.ask(url, "POST", "/invoke", {"spec": "sayer", "input": "x"}))[0])

    clients = [asyncio.create_task(client()) for _ in range(8)]
    await until(lambda: len(answers) > 50)
    settings = (project.folder / "perdure.toml").read_text()
    project.write("perdure.toml", "[serverr]\n")  # a bad one is refused, and begins nothing
    await until(lambda: "was refused" in project.perdure("logs", "server"))
    assert project.status()["restarts"] == 0
    for number in range(1, 4):
        project.write("perdure.toml", f'{settings}[budget]\nper_day = "${number}"\n')
        await until(
            lambda number=number: (project.status()["restarts"], project.status()["state"]) == (number, "running")
        )
        said = len(answers)
        await until(lambda said=said: len(answers) > said + 50)
    is_over = True
    await asyncio.gather(*clients)
    assert set(answers) == {200}
    lines = project.json("budget")
    assert any(line["scope"].startswith("project") and line["limit_microusd"] == 3_000_000 for line in lines)
