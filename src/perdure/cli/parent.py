"""Whoever started this process and wants to know how it is: a supervisor of ours, systemd, or nobody."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import MutableMapping
from typing import NoReturn

import msgspec

from perdure.base.errors import ConfigError
from perdure.base.lazy import load
from perdure.control.daemons.supervisor import LISTEN_FD, PARENT_FD, News

NOTIFY = "NOTIFY_SOCKET"
"""Names systemd's socket (sd_notify(3)). It stays in the environment: a tool that a service runs may use it as well."""


class Parent:
    """`listening` is the socket that was handed over, None where this process is to make one."""

    def __init__(self, environment: MutableMapping[str, str]) -> None:
        listen, line = (environment.pop(name, "") for name in (LISTEN_FD, PARENT_FD))
        self.listening: socket.socket | None = load("perdure.server.serving:adopt")(_fd(listen)) if listen else None
        self._line: socket.socket | None = socket.socket(fileno=_fd(line)) if line else None
        self._notify = environment.get(NOTIFY, "")
        if self._line is not None:
            self._line.set_inheritable(False)

    @property
    def is_supervisor(self) -> bool:
        """Whether it is one of ours: it is told of, and tells, all that there is to say."""
        return self._line is not None

    def ready(self, url: str) -> None:
        """This process serves."""
        self._tell(News("running", url))
        self._tell_systemd(f"READY=1\nSTATUS=Serving on {url}")

    def reloaded(self, status: str) -> None:
        """Files were taken up, or refused."""
        self._tell_systemd(f"STATUS={status}")

    def stopping(self) -> None:
        self._tell_systemd("STOPPING=1")

    async def gone(self) -> None:
        """Return when the supervisor is gone; never where there is none."""
        if self._line is None:
            await asyncio.Event().wait()
            return
        self._line.setblocking(False)
        while await asyncio.get_running_loop().sock_recv(self._line, 1024):
            pass

    def begin_anew(self, listening: socket.socket) -> NoReturn:
        """Become the program that this one was when it began, on the same socket and with the same number."""
        self._tell(News("starting"))
        self._tell_systemd("RELOADING=1")
        for number in (signal.SIGHUP, signal.SIGUSR1):  # they would end a process that does not listen to them yet
            signal.signal(number, signal.SIG_IGN)
        for name, handle in ((LISTEN_FD, listening), (PARENT_FD, self._line)):
            if handle is not None:
                handle.set_inheritable(True)
                os.environ[name] = str(handle.fileno())
        sys.stdout.flush()
        sys.stderr.flush()
        os.execv(sys.executable, sys.orig_argv)

    def _tell(self, news: News) -> None:
        if self._line is not None:
            try:
                self._line.setblocking(True)
                self._line.sendall(msgspec.json.encode(news) + b"\n")
            except BrokenPipeError:
                pass  # `gone` says so

    def _tell_systemd(self, what: str) -> None:
        if not self._notify:
            return
        address = f"\0{self._notify[1:]}" if self._notify.startswith("@") else self._notify
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            try:
                line.sendto(what.encode(), address)
            except OSError:
                pass  # whoever started it does not listen: no reason to stop serving


def _fd(text: str) -> int:
    if not text.isdecimal():
        raise ConfigError(f"not a file descriptor: {text!r}", hint=f"{LISTEN_FD} is set by a supervisor.")
    return int(text)
