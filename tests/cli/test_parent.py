"""Whoever started a process hears that it is ready, and hands it a socket."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import msgspec
import pytest

from perdure.base.errors import ConfigError
from perdure.cli.parent import NOTIFY, Parent
from perdure.control.daemons.supervisor import LISTEN_FD, PARENT_FD, News


def test_nobody_is_told_nothing_and_hands_over_nothing() -> None:
    parent = Parent({})
    parent.ready("http://x")
    parent.stopping()
    assert (parent.listening, parent.is_supervisor) == (None, False)


def test_systemd_is_told_in_its_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("notify")
        environment = {NOTIFY: "notify"}
        parent = Parent(environment)
        parent.ready("http://x")
        parent.reloaded("a.yaml was taken up")
        parent.stopping()
        told = [systemd.recv(1024) for _ in range(3)]
    assert told == [b"READY=1\nSTATUS=Serving on http://x", b"STATUS=a.yaml was taken up", b"STOPPING=1"]
    parent.stopping()  # it is gone: no reason to fail


async def test_a_supervisor_hands_over_a_socket_and_hears_news_and_is_missed_when_it_goes() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    ours, theirs = socket.socketpair()
    environment = {LISTEN_FD: str(os.dup(listening.fileno())), PARENT_FD: str(theirs.detach()), "OTHER": "1"}
    parent = Parent(environment)
    assert environment == {"OTHER": "1"}  # tools that it runs are not to think that they were meant
    assert parent.listening is not None and parent.is_supervisor
    assert parent.listening.getsockname() == listening.getsockname()
    parent.ready("http://x")
    assert msgspec.json.decode(ours.recv(1024), type=News) == News("running", "http://x")
    gone = asyncio.create_task(parent.gone())
    await asyncio.sleep(0)
    assert not gone.done()
    ours.close()
    await gone
    parent.listening.close()
    listening.close()
    assert parent._line is not None
    parent._line.close()


@pytest.mark.parametrize("said", ["x", "-1", "999999"])
def test_what_is_no_socket_is_refused(said: str) -> None:
    with pytest.raises(ConfigError):
        Parent({LISTEN_FD: said})


def test_a_socket_that_does_not_listen_is_refused() -> None:
    with socket.socket() as idle, pytest.raises(ConfigError, match="does not listen"):
        Parent({LISTEN_FD: str(os.dup(idle.fileno()))})
