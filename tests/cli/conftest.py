"""The command line as a person uses it: in a folder of its own, in this process or in another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from perdure.cli.commands import cli

SOURCE = Path(__file__).parents[2] / "src"
ENTRY = "from perdure.cli.main import main; main()"

TOOLS = """\
import os
import time
from perdure import tool

@tool(effect="once")
def pay(amount: int) -> str:
    \"\"\"Pay an amount.\"\"\"
    with open("paid.txt", "a") as file:
        print(amount, file=file)
    if os.environ.get("DIE"):
        os.kill(os.getpid(), 9)
    return f"paid {amount}"

@tool(effect="read")
def slow(seconds: float) -> str:
    \"\"\"Take a while.\"\"\"
    open("slow.txt", "w").close()
    time.sleep(seconds)
    return f"slept {seconds}"
"""

AGENTS = {
    "calculator.yaml": "name: calculator\nmodel: demo/planner\ninstructions: You calculate.\ntools: [calculator]\n",
    "payer.yaml": """\
name: payer
model: demo/planner
instructions: |
  1. call pay {"amount": 5}
tools: ["./tools.py:pay"]
""",
    "careful.yaml": """\
name: careful
model: demo/planner
instructions: |
  1. call pay {"amount": 5}
tools: ["./tools.py:pay"]
approve: [pay]
""",
    "asker.yaml": """\
name: asker
model: demo/planner
instructions: |
  1. call ask {"question": "Which colour?"}
  2. say It is ${1}.
tools: [ask]
""".replace("${1}", "{{1}}"),
    "sleeper.yaml": """\
name: sleeper
model: demo/planner
instructions: |
  1. call slow {"seconds": 1}
  2. call slow {"seconds": 0}
tools: ["./tools.py:slow"]
""",
    "short.yaml": """\
name: short
model: demo/planner
instructions: |
  1. call calculator {"expression": "1+1"}
  2. call calculator {"expression": "2+2"}
tools: [calculator]
limits: {steps: 1}
""",
    "offline.yaml": """\
name: offline
model: {provider: compatible, name: m, base_url: "http://127.0.0.1:9/v1", api_key: x}
""",
    "poor.yaml": """\
name: poor
model: {provider: compatible, name: m, base_url: "http://127.0.0.1:9/v1", api_key: x, price: {input: 9, output: 9}}
budget: {per_run: $0.000001}
""",
}

Perdure = Callable[..., Result]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with agents, and the current one."""
    for name, text in {**AGENTS, "tools.py": TOOLS}.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("USER", "ada")
    return tmp_path


@pytest.fixture
def perdure(folder: Path) -> Perdure:
    """`perdure("run", "calculator.yaml", "--input", "1+1")`, in this process."""

    def invoke(*words: str, input: str | bytes | None = None, code: int | None = 0) -> Result:
        result = CliRunner().invoke(cli, words, input=input, prog_name="perdure")
        if code is not None:
            assert result.exit_code == code, (result.exit_code, result.stdout, result.stderr)
        return result

    return invoke


@pytest.fixture
def asked(perdure: Perdure) -> Callable[..., Any]:
    """The same with `--json`: what stands on stdout, which has to be one value."""

    def invoke(*words: str, code: int | None = 0) -> Any:
        return json.loads(perdure(*words, "--json", code=code).stdout)

    return invoke


@pytest.fixture
def start(folder: Path) -> Start:
    """The command in a process of its own, its streams as pipes."""

    def begin(*words: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", ENTRY, *words],
            env={**os.environ, "PYTHONPATH": str(SOURCE), **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return begin
