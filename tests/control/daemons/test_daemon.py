"""What is known of a daemon from outside: its lock is the truth, its file what it said."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from perdure.base.errors import DaemonNotFound, DaemonNotRunning, DaemonRunning, InputError
from perdure.control.daemons.daemon import Daemon, Known, all_daemons, find_daemon


def daemon(folder: Path, name: str = "server", **known: object) -> Daemon:
    found = Daemon(folder, name)
    found.folder.mkdir(parents=True, exist_ok=True)
    found.write(Known(name, ("perdure", "serve"), **known))  # type: ignore[arg-type]
    return found


def test_it_is_what_it_said_while_its_lock_is_held_and_dead_after(tmp_path: Path) -> None:
    server = daemon(tmp_path, state="running", pid=7, url="http://x")
    lock = server.hold()
    assert (server.known().state, server.known().pid) == ("running", 7)
    os.close(lock)
    assert (server.known().state, server.known().pid, server.known().url) == ("killed", 0, "")


def test_one_that_ended_stays_what_it_said(tmp_path: Path) -> None:
    for state in ("stopped", "failed", "given_up"):
        assert daemon(tmp_path, state=state).known().state == state


def test_its_lock_is_held_once_also_by_whoever_inherits_it(tmp_path: Path) -> None:
    server = daemon(tmp_path)
    lock = server.hold()
    inherited = os.dup(lock)
    os.close(lock)
    assert server.is_held()
    with pytest.raises(DaemonRunning):
        server.hold()
    os.close(inherited)
    os.close(server.hold())


def test_somebody_who_asks_does_not_keep_another_from_starting(tmp_path: Path) -> None:
    server = daemon(tmp_path)
    for _ in range(100):
        assert not server.is_held()
    os.close(server.hold())


def test_no_signal_goes_to_a_process_that_is_not_its_own(tmp_path: Path) -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGUSR2, lambda number, _: heard.append(number))
    try:
        server = daemon(tmp_path, state="running", supervisor=os.getpid(), pid=os.getpid())
        for _ in range(3):
            with pytest.raises(DaemonNotRunning):
                server.signal(signal.SIGUSR2)
        assert heard == []
        lock = server.hold()
        server.signal(signal.SIGUSR2)
        assert heard == [signal.SIGUSR2]
        os.close(lock)
    finally:
        signal.signal(signal.SIGUSR2, before)


def test_one_is_found_by_name_or_as_the_only_one(tmp_path: Path) -> None:
    with pytest.raises(DaemonNotFound):
        find_daemon(tmp_path, "")
    server = daemon(tmp_path, state="stopped")
    assert find_daemon(tmp_path, "").name == "server"
    with pytest.raises(DaemonNotFound):
        find_daemon(tmp_path, "other")
    other = daemon(tmp_path, "other", state="running")
    with pytest.raises(InputError, match="several daemons: other, server"):
        find_daemon(tmp_path, "")
    lock = other.hold()
    assert find_daemon(tmp_path, "").name == "other"  # the only one that runs
    os.close(lock)
    assert [one.name for one in all_daemons(tmp_path)] == ["other", "server"]
    assert server.known().name == "server"


@pytest.mark.parametrize("name", ["", "..", "a/b", "-a", "a" * 65, "a\n", "a b", "ä"])
def test_a_name_is_that_of_a_folder_and_no_way_out_of_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError):
        Daemon(tmp_path, name)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"name": 1}', b"\xff"])
def test_a_file_that_is_broken_is_none(tmp_path: Path, content: bytes) -> None:
    server = daemon(tmp_path)
    (server.folder / "daemon.json").write_bytes(content)
    with pytest.raises(DaemonNotFound):
        server.known()
