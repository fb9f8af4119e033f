"""What somebody at a terminal sees: colour, progress and hints, none of which a pipe gets."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from perdure.cli.progress import Progress
from perdure.cli.rich_table import print_rich_table
from perdure.cli.streaming import Streaming
from perdure.cli.table import Column, lines_of
from perdure.control.listening import RunEvent

SOURCE = Path(__file__).parents[2] / "src"
ENTRY = "from perdure.cli.main import main; main()"
COLOUR = "\x1b[3"

Terminal = Callable[..., str]


@pytest.fixture
def terminal(folder: Path) -> Terminal:
    """`terminal("run", …)`: all that the command writes to a terminal of 120 columns."""

    def show(*words: str, **environment: str) -> str:
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-c", ENTRY, *words],
            env={**os.environ, "PYTHONPATH": str(SOURCE), "TERM": "xterm-256color", "COLUMNS": "120", **environment},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        written = b""
        while True:
            try:
                piece = os.read(ours, 65_536)
            except OSError:  # the other side is closed
                break
            written += piece
        os.close(ours)
        process.wait(timeout=30)
        return written.decode().replace("\r\n", "\n")

    return show


def test_progress_is_shown_while_a_run_goes_on(terminal: Terminal) -> None:
    shown = terminal("run", "calculator.yaml", "--input", "25 * 47")
    assert "calculator" in shown
    assert "✓" in shown
    assert "25 * 47 = 1175\n" in shown
    assert "2 steps" in shown
    assert "run_" in shown


def test_lists_and_errors_have_colour_unless_nobody_wants_it(terminal: Terminal) -> None:
    terminal("run", "calculator.yaml", "--input", "1+1")
    assert COLOUR in terminal("runs", "list")
    assert COLOUR in terminal("trace", "nope")
    assert COLOUR not in terminal("runs", "list", NO_COLOR="1")
    assert COLOUR not in terminal("trace", "nope", NO_COLOR="1")


def test_top_draws_its_own_screen_again_and_again_and_gives_the_old_one_back(terminal: Terminal, folder: Path) -> None:
    terminal("run", "asker.yaml", "--input", "go", "--agent", "curious")
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"}
    words = [sys.executable, "-c", ENTRY, "top", "--interval", "100ms"]
    process = subprocess.Popen(words, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = ""
    while shown.count("Ctrl-C ends") < 3:
        shown += os.read(ours, 65_536).decode(errors="replace")
    process.send_signal(signal.SIGINT)
    while piece := read(ours):
        shown += piece
    os.close(ours)
    assert process.wait(timeout=30) == 0
    assert shown.count("\x1b[?1049h") == shown.count("\x1b[?1049l") == 1
    assert "curious" in shown and "waiting (approval)" in shown and "tokens/s" in shown


def read(terminal: int) -> str:
    """What there is to read; "" where the other side is closed."""
    try:
        return os.read(terminal, 65_536).decode(errors="replace")
    except OSError:
        return ""


def test_json_is_indented_for_people(terminal: Terminal) -> None:
    assert '{\n  "perdure": ' in terminal("version", "--json")


def test_an_id_is_cut_short_to_what_is_enough_to_name_it_by(capsys: pytest.CaptureFixture[str]) -> None:
    columns = (Column("RUN", "id"), Column("STATUS", "state"), Column("COST", "number"))
    id = f"run_{'0123456789abcdef' * 2}"
    print_rich_table(columns, [(id, "waiting (approval)", "$1.50")])
    assert capsys.readouterr().out.splitlines()[-1].split() == [id[:20], "waiting", "(approval)", "$1.50"]


def test_columns_in_a_pipe_are_aligned() -> None:
    columns = (Column("NAME"), Column("COST", "number"))
    assert lines_of(columns, [("a", "$10.00"), ("long", "$1.00")]) == ["NAME    COST", "a     $10.00", "long   $1.00"]


def test_progress_tells_tools_failures_and_restarts(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    progress.event(RunEvent("model", data={"cost_microusd": 1_500, "ms": 1}))
    progress.event(RunEvent("tool_start", data={"name": "pay", "arguments": {"amount": 5}}))
    progress.event(RunEvent("tool_end", data={"error": {"message": "no money " * 20}, "ms": 7}))
    progress.event(RunEvent("restart", text="the stream broke"))
    progress.event(RunEvent("accepted"))
    progress.close()
    said = capsys.readouterr().err
    assert '→ pay {"amount":5}' in said
    assert "✗ 7 ms no money" in said
    assert "asking the model again: the stream broke" in said


def test_a_streamed_text_that_is_void_begins_again_on_a_new_line(capsys: pytest.CaptureFixture[str]) -> None:
    streaming = Streaming(sys.stdout)
    for event in (
        RunEvent("text", text="Hel"),
        RunEvent("restart"),
        RunEvent("text", text="Hello"),
        RunEvent("waiting"),
    ):
        streaming.event(event)
    streaming.close()
    assert streaming.shown == "Hello"
    assert capsys.readouterr().out == "Hel\nHello"
