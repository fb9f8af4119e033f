"""`perdure emit` and `perdure bus`: events published and read from the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Perdure = Callable[..., Result]
Asked = Callable[..., Any]
SOURCE = Path(__file__).parents[2] / "src"


@pytest.fixture(autouse=True)
def begun(perdure: Perdure) -> None:
    """A project in which something has run."""
    perdure("run", "calculator.yaml", "--input", "1+1", "--agent", "bob")


def test_an_event_is_published_and_shown(perdure: Perdure, asked: Asked) -> None:
    assert perdure("emit", "orders.failed", '{"id": 7}').stdout == "1\n"
    assert perdure("emit", "orders.new", "-", "--id", "e1", input='"text"').stdout == "2\n"
    assert asked("emit", "orders.new", "0", "--id", "e1") == {
        "id": "e1",
        "topic": "orders.new",
        "seq": 2,
        "is_new": False,
    }
    shown = perdure("bus", "tail", "orders.*").stdout.splitlines()
    assert [line.split("  ", 2)[2] for line in shown] == ['orders.failed  {"id":7}', 'orders.new  "text"']
    assert perdure("bus", "tail", "-n", "1").stdout.endswith('orders.new  "text"\n')
    assert perdure("bus", "tail", "--after", "1").stdout.startswith("2  ")
    assert len(perdure("bus", "tail", "--since", "1h").stdout.splitlines()) == 2
    assert perdure("bus", "tail", "-n", "0").stdout == ""
    line = json.loads(perdure("bus", "tail", "orders.failed", "--json").stdout)
    assert (line["seq"], line["envelope"]["payload"]) == (1, {"id": 7})


def test_topics_are_listed_with_who_hears_them(perdure: Perdure, asked: Asked) -> None:
    assert perdure("bus", "topics").stdout == ""
    perdure("emit", "a.b", "1")
    perdure("emit", "c", "2")
    found = asked("bus", "topics", "--limit", "1")
    assert (found["topics"][0]["topic"], found["next"], found["subscriptions"]) == ("a.b", "a.b", [])
    table = perdure("bus", "topics").stdout.splitlines()
    assert [line.split()[0] for line in table] == ["TOPIC", "a.b", "c"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("emit", "a b", "1"), 2, "not a topic"),
        (("emit", "a", "{"), 2, "not JSON"),
        (("emit", "a", "1", "--lines"), 2, "standard input"),
        (("bus", "tail", "a..b"), 2, "not a pattern"),
        (("emit", "a", "1", "--expires", "soon"), 2, "not a duration"),
    ],
)
def test_what_is_wrong_is_told(perdure: Perdure, words: tuple[str, ...], code: int, said: str) -> None:
    result = perdure(*words, code=code)
    assert said in result.stderr


@pytest.mark.parametrize("piped", [True, False])
def test_each_line_of_standard_input_is_an_event(perdure: Perdure, tmp_path: Path, piped: bool) -> None:
    lines = tmp_path / "lines.txt"
    lines.write_text('{"n": 1}\n\n"two"\n3')
    entry = [sys.executable, "-c", "from perdure.cli.main import main; main()", "emit", "in.lines", "-", "--lines"]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    with lines.open("rb") as file:
        given: dict[str, Any] = {"input": file.read()} if piped else {"stdin": file}
        done = subprocess.run(entry, **given, capture_output=True, env=environment, timeout=30)
    assert (done.stdout, done.stderr) == (b"1\n2\n3\n", b"")
    assert len(perdure("bus", "tail", "in.*").stdout.splitlines()) == 3


def test_what_comes_is_followed(perdure: Perdure, start: Callable[..., Any]) -> None:
    perdure("emit", "a", "0")
    tail = start("bus", "tail", "a", "--follow", "--json")
    assert json.loads(tail.stdout.readline())["envelope"]["payload"] == 0
    perdure("emit", "a", "1")
    assert json.loads(tail.stdout.readline())["seq"] == 2
    tail.send_signal(signal.SIGINT)
    _, told = tail.communicate(timeout=20)
    assert tail.returncode == 0 and "--after 2" in told
