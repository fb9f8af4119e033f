"""A run's spans, read back from Arize Phoenix: a collector that somebody else wrote.

Phoenix is large, and wants an environment of its own: PHOENIX names its `phoenix` command where that is not on the path
(`uv venv phoenix && uv pip install -p phoenix/bin/python arize-phoenix`).
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

import perdure
from perdure.base.traceparent import span_of_run
from perdure.testing import Scripted, by_turn, call

PHOENIX = os.environ.get("PHOENIX") or shutil.which("phoenix") or ""
START_S = 90


@pytest.fixture
def phoenix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Phoenix of this test's own."""
    if not PHOENIX:
        pytest.skip("Phoenix is not installed")
    ports = [free_port() for _ in range(2)]
    folder = tmp_path_factory.mktemp("phoenix")
    own = {"PHOENIX_PORT": str(ports[0]), "PHOENIX_GRPC_PORT": str(ports[1]), "PHOENIX_HOST": "127.0.0.1"}
    own |= {"PHOENIX_WORKING_DIR": str(folder), "PHOENIX_TELEMETRY_ENABLED": "false", "PYTHONPATH": ""}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([PHOENIX, "serve"], env={**os.environ, **own}, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{ports[0]}"
    try:
        until(lambda: get(f"{url}/v1/projects") is not None, START_S)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def get(url: str) -> Any:
    try:
        with urlopen(url, timeout=5) as answer:
            return json.loads(answer.read())
    except (URLError, OSError):
        return None


def until(is_so: Any, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.2)


def test_a_run_can_be_read_back_from_phoenix(project: Path, phoenix: str) -> None:
    import asyncio

    (project / "perdure.toml").write_text(f'[telemetry]\nendpoint = "{phoenix}"\n')

    async def main() -> perdure.RunResult:
        model = Scripted(by_turn([call("pay", amount=5), "Paid it."]), name="scripted/m")
        async with perdure.open(project, models={"scripted/m": model}) as runtime:
            return await runtime.run("clerk.yaml", "Pay 5", agent="bob")

    result = asyncio.run(main())
    spans: list[dict[str, Any]] = []

    def are_there() -> bool:
        spans[:] = (get(f"{phoenix}/v1/projects/default/spans?limit=100") or {"data": []})["data"]
        return len(spans) >= 4

    until(are_there, 30)
    assert sorted(span["name"] for span in spans) == ["chat m", "chat m", "execute_tool pay", "invoke_agent clerk"]
    assert {span["context"]["trace_id"] for span in spans} == {result.run_id.removeprefix("run_")}
    (run,) = (span for span in spans if span["name"] == "invoke_agent clerk")
    assert run["context"]["span_id"] == span_of_run(result.run_id)
    assert {span["parent_id"] for span in spans if span is not run} == {span_of_run(result.run_id)}
    assert run["attributes"]["gen_ai.agent.id"] == "bob"
    assert run["attributes"]["perdure.cost_microusd"] == result.cost_microusd
