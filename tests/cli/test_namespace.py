"""`perdure ls`, `cat`, `write` and `watch`: the namespace from a shell."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

Perdure = Callable[..., Result]
Asked = Callable[..., Any]


@pytest.fixture(autouse=True)
def bob(perdure: Perdure) -> None:
    """An agent that has run once."""
    perdure("run", "calculator.yaml", "--input", "1+1", "--agent", "bob")


def test_directories_are_listed_with_a_slash(perdure: Perdure) -> None:
    assert perdure("ls").stdout.split() == ["agents/", "mounts"]
    assert perdure("ls", "/agents").stdout == "bob/\n"
    assert {"status", "inbox/", "logs/", "wallet/"} <= set(perdure("ls", "agents/bob").stdout.split())
    assert perdure("ls", "/agents/bob/status").stdout == "status\n"


def test_a_long_listing_has_sizes_and_times(perdure: Perdure, asked: Asked) -> None:
    perdure("write", "/agents/bob/memory/note", "hello")
    (head, line) = perdure("ls", "-l", "/agents/bob/memory").stdout.splitlines()
    assert head.split() == ["KIND", "SIZE", "MODIFIED", "NAME"]
    assert line.split()[:2] == ["file", "5"]
    assert line.endswith("note")
    (entry,) = asked("ls", "/agents/bob/memory")
    assert (entry["name"], entry["is_dir"], entry["size"]) == ("note", False, 5)
    assert entry["modified_at"] > 0


def test_a_file_is_printed_as_it_is(perdure: Perdure) -> None:
    assert json.loads(perdure("cat", "/agents/bob/status").stdout)["agent_id"] == "bob"
    perdure("write", "/agents/bob/memory/bytes", input=bytes(range(256)))
    assert perdure("cat", "/agents/bob/memory/bytes").stdout_bytes == bytes(range(256))


def test_writing_replaces_and_appending_adds(perdure: Perdure) -> None:
    note = "/agents/bob/memory/note"
    perdure("write", note, "one")
    perdure("write", note, "two")
    perdure("write", note, "-", "--append", input=" three")
    assert perdure("cat", note).stdout == "two three"


def test_a_request_prints_its_answer(perdure: Perdure) -> None:
    answer = json.loads(perdure("write", "/agents/bob/inbox", "2+2", "--call").stdout)
    assert answer["status"] == "queued"
    assert perdure("write", "/agents/bob/inbox", "2+2").stdout == ""
    assert len(json.loads(perdure("cat", "/agents/bob/inbox").stdout)) == 2
    assert "give --append or --call" in perdure("write", "/x", "y", "--append", "--call", code=2).stderr


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (("cat", "/agents/bob/nothing"), "error[file.not_found]: /agents/bob/nothing", 1),
        (("cat", "/agents/nobody/status"), "error[file.not_found]", 1),
        (("cat", "/agents/bob"), "error[file.is_a_directory]", 1),
        (("ls", "/agents/bob/status/x"), "error[file.not_a_directory]", 1),
        (("ls", "/agents/.."), "error[file.invalid_path]", 1),
        (("write", "/agents/bob/status", "x"), "error[file.unsupported]", 1),
        (("write", "/agents/bob/ctl", "dance"), "error[input.invalid]", 2),
        (("watch", "/agents/nobody"), "error[file.not_found]", 1),
    ],
)
def test_an_error_names_the_path(perdure: Perdure, words: tuple[str, ...], said: str, code: int) -> None:
    assert said in perdure(*words, code=code).stderr


def test_watching_says_where_to_go_on(perdure: Perdure, start: Callable[..., Any]) -> None:
    perdure("write", "/agents/bob/memory/note", "one")
    watching = start("watch", "/agents/bob/memory", "--after", "0", "--json")
    first = json.loads(watching.stdout.readline())
    assert (first["kind"], first["path"]) == ("created", "/agents/bob/memory/note")
    perdure("write", "/agents/bob/memory/note", "two")
    second = json.loads(watching.stdout.readline())
    assert (second["kind"], second["path"]) == ("modified", "/agents/bob/memory/note")
    watching.send_signal(signal.SIGINT)
    _, said = watching.communicate(timeout=20)
    assert watching.returncode == 0
    assert f"--after {second['seq']}" in said
    again = start("watch", "/agents/bob/memory", "--after", str(first["seq"]))
    assert again.stdout.readline().split() == [str(second["seq"]), "modified", "/agents/bob/memory/note"]
    again.send_signal(signal.SIGINT)
    again.communicate(timeout=20)


def test_a_stream_is_printed_from_its_beginning(start: Callable[..., Any]) -> None:
    reading = start("cat", "/agents/bob/logs/trace")
    records = [json.loads(reading.stdout.readline()) for _ in range(2)]
    assert records[0]["type"] == "run.accepted"
    reading.send_signal(signal.SIGINT)
    _, said = reading.communicate(timeout=20)
    assert (reading.returncode, said) == (0, "")


def test_a_command_is_carried_out_at_once(perdure: Perdure) -> None:
    perdure("write", "/agents/bob/ctl", "hibernate")
    assert json.loads(perdure("cat", "/agents/bob/status").stdout)["state"] == "dormant"
    perdure("write", "/agents/bob/ctl", "wake")
    assert json.loads(perdure("cat", "/agents/bob/status").stdout)["state"] == "active"
