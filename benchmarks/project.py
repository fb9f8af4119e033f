"""The project that the scenarios run: one agent with one tool, and the model server beside it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from urllib.request import urlopen

AGENT = """\
name: calc
model: {provider: compatible, name: bench, price: {input: 0.25, output: 2}}
instructions: You are a careful assistant. Use the calculator for every calculation.
tools: [./tools.py:calculate]
"""

TOOLS = '''\
from perdure import tool


@tool(effect="read")
async def calculate(expression: str) -> str:
    """Multiply two numbers, as in "25 * 47"."""
    left, _, right = expression.partition("*")
    return str(int(left) * int(right))
'''

CHANCE = Random(7)
QUESTION = "What's 25 * 47?"
ANSWER = "25 * 47 is 1,175."
"""What the model server says once it has the tool's result."""


def digits(number: int) -> str:
    """So many hexadecimal digits, others each time and the same in each process: text that compresses to half."""
    return CHANCE.randbytes((number + 1) // 2).hex()[:number]


@contextmanager
def model_server(unanswered: int = 0) -> Iterator[str]:
    """The base URL of a model server in a process of its own, which never answers the question of that number."""
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("model_server.py")), str(unanswered)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdin is not None and server.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
    finally:
        server.stdin.close()
        server.wait(10)
        server.stdout.close()


def calls_of(url: str) -> int:
    """How often the model server was asked."""
    with urlopen(f"{url}/calls", timeout=10) as answer:
        return int(json.load(answer)["calls"])


@contextmanager
def project(base_url: str, *, agent: str = AGENT, tools: str = TOOLS) -> Iterator[Path]:
    """A folder with the agent, its tool and the address of the model; removed at the end."""
    with TemporaryDirectory(prefix="perdure-bench-") as name:
        folder = Path(name)
        (folder / "perdure.toml").write_text(f'[providers.compatible]\nbase_url = "{base_url}"\n')
        (folder / "calc.yaml").write_text(agent)
        (folder / "tools.py").write_text(tools)
        yield folder
