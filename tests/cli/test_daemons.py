"""What commands about daemons make of what they are told."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from perdure.cli.daemons.log import PIECE, last_lines
from perdure.cli.daemons.metrics import samples_of
from perdure.cli.daemons.told import state_of
from perdure.control.daemons.daemon import Daemon, Known

Perdure = Callable[..., Result]


@pytest.mark.parametrize(
    ("text", "count", "lines", "rest"),
    [
        (b"", 3, [], b""),
        (b"a\nb\nc\n", 2, [b"b", b"c"], b""),
        (b"a\nb\nc\n", 9, [b"a", b"b", b"c"], b""),
        (b"a\nb\nc\n", 0, [], b""),
        (b"a\nhal", 5, [b"a"], b"hal"),
        (b"hal", 5, [], b"hal"),
        (b"\n\n", 1, [b""], b""),
        (b"x" * PIECE + b"\n" + b"y" * PIECE + b"\nz\n", 2, [b"y" * PIECE, b"z"], b""),
    ],
)
def test_the_last_lines_of_a_log(text: bytes, count: int, lines: list[bytes], rest: bytes) -> None:
    file = io.BytesIO(text)
    assert last_lines(file, count) == lines
    assert file.read() == rest


def test_samples_are_read_as_prometheus_writes_them() -> None:
    text = (
        "# HELP runs How many.\n# TYPE runs counter\n"
        'runs_total{status="done",agent="a \\"b\\" \\\\ c\\n"} 3\nup 1 1700000000\nlate +Inf\n\nnonsense\n'
    )
    assert list(samples_of(text)) == [
        {"name": "runs_total", "labels": {"status": "done", "agent": 'a "b" \\ c\n'}, "value": 3.0},
        {"name": "up", "labels": {}, "value": 1.0},
        {"name": "late", "labels": {}, "value": "+Inf"},
    ]


def test_states_are_told_with_what_follows_from_them() -> None:
    assert state_of(Known("x", ()), 0) == "starting"
    waiting = Known("x", (), state="waiting", ended="exit code 1", next_at=3_000)
    assert state_of(waiting, 1_000) == "waiting (exit code 1; again in 2.0 s)"
    given_up = Known("x", (), state="given_up", ended="killed by SIGKILL", failures=6)
    assert state_of(given_up, 0) == "given up (killed by SIGKILL, 6 times in a row)"


def test_a_project_without_daemons_has_none(perdure: Perdure) -> None:
    assert perdure("ps", "--json").stdout == "[]\n"
    assert perdure("ps").stdout == ""
    for verb in ("status", "stop", "restart", "kill", "metrics", "logs"):
        assert "daemon.not_found" in perdure(verb, code=1).stderr
    assert perdure("stop", "--all", "--json").stdout == "[]\n"


def test_a_name_that_is_no_name_is_refused_before_anything_happens(perdure: Perdure, folder: Path) -> None:
    assert "not a name for a daemon" in perdure("serve", "--daemon", "--name", "../x", code=2).stderr
    assert not (folder / ".perdure").exists()
    assert "are for --daemon" in perdure("serve", "--name", "x", code=2).stderr


def test_logs_are_those_of_the_daemon_where_an_agent_is_called_the_same(perdure: Perdure, folder: Path) -> None:
    perdure("run", "calculator.yaml", "--input", "1+1", "--agent", "calculator")
    assert "run.accepted" in perdure("logs", "calculator").stdout
    daemon = Daemon(folder / ".perdure", "calculator")
    daemon.folder.mkdir(parents=True)
    daemon.write(Known("calculator", ("perdure",), state="stopped"))
    daemon.log.write_text("Serving\nStopped\n")
    assert perdure("logs", "calculator").stdout == "Serving\nStopped\n"
    assert perdure("logs", "calculator", "-n", "1", "--json").stdout == '{"line":"Stopped"}\n'
    assert perdure("logs", "calculator", "--follow").stdout == "Serving\nStopped\n"  # it has ended: so does this
    assert "run.accepted" in perdure("logs", "calculator", "--of", "agent").stdout
