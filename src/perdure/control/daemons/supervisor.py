"""The supervisor: a small process that watches over one that serves, and begins it again when it fails.

It holds the daemon's lock and the socket that the daemon listens on, and hands both on: who connects while a process
is begun again waits, and is not turned away. Run by `perdure serve --daemon` as
`python -m perdure.control.daemons.supervisor STATE_FOLDER NAME LOCK LISTEN REPORT`, the last three file descriptors.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import time_ns
from typing import Any, NamedTuple

import msgspec

from .daemon import Daemon, State

LISTEN_FD = "PERDURE_LISTEN_FD"
"""Names the socket that a process is to serve on, where another has made it."""
PARENT_FD = "PERDURE_PARENT_FD"
"""Names the line to the supervisor: a process tells it `News`, and stops when it is cut."""
MOST_LOG = 32 * 1024 * 1024
"""Bytes of a log before it is put away as `log.1`."""
TIDY_MS = 60_000
_HEARD = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD)


class News(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a process tells its supervisor: `running` once it serves at `url`, `starting` where it is about to begin
    anew."""

    state: State
    url: str = ""


class Report(msgspec.Struct, frozen=True):
    """What the supervisor tells whoever started it, once: the daemon serves, or has ended before it did."""

    ready: bool
    url: str = ""
    pid: int = 0
    ended: str = ""


class Signals:
    """Signals as something to wait for."""

    def __init__(self) -> None:
        self._read, write = os.pipe()
        for fd in (self._read, write):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(write)
        for number in _HEARD:
            signal.signal(number, lambda *_: None)

    def wait(self, ms: float, line: socket.socket | None = None) -> tuple[list[int], bool]:
        """The signals that came, and whether there is news on the line; returns when `ms` have passed at the latest."""
        sources: list[Any] = [self._read, *([line] if line is not None else [])]
        ready, _, _ = select.select(sources, [], [], ms / 1000)
        numbers = list(os.read(self._read, 1024)) if self._read in ready else []
        return numbers, line in ready


class Handles(NamedTuple):
    """File descriptors: the daemon's lock, its socket, and the line to whoever started it."""

    lock: int
    listen: int
    report: int


class Supervisor:
    """Begins the daemon's process, and begins it again, until it is told to stop or gives up. `now` gives milliseconds
    UTC."""

    def __init__(self, daemon: Daemon, handles: Handles, signals: Signals, now: Callable[[], int]) -> None:
        self._daemon = daemon
        self._handles = handles
        self._signals = signals
        self._now = now
        self._stopping = False
        self._reported = False
        self._known = msgspec.structs.replace(daemon.known(), supervisor=os.getpid(), started_at=now())

    def run(self) -> int:
        """Supervise to the end. Returns the exit code."""
        while True:
            code = self._serve()
            ended = _how(code)
            if self._stopping or code == 0:
                return self._end("stopped", ended, 0)
            if not self._reported:
                return self._end("failed", ended, 1)
            known, now = self._known, self._now()
            failures = known.policy.failures(known.failures, now - known.since)
            pause = known.policy.pause(failures)
            self._note(failures=failures, ended=ended, pid=0)
            _say(f"The process ended: {ended}.")
            if pause is None:
                _say(f"Given up after {known.policy.attempts} restarts, none of which lasted.")
                return self._end("given_up", ended, 1)
            self._note(state="waiting", next_at=now + pause)
            if not self._rest(pause):
                return self._end("stopped", ended, 0)
            self._note(restarts=known.restarts + 1, next_at=0)

    def _serve(self) -> int:
        """One process from its beginning to its end. Returns its exit code."""
        ours, theirs = socket.socketpair()
        environment = {**os.environ, LISTEN_FD: str(self._handles.listen), PARENT_FD: str(theirs.fileno())}
        with ours, theirs:
            process = subprocess.Popen(
                self._known.command,
                env=environment,
                stdin=subprocess.DEVNULL,
                pass_fds=(self._handles.lock, self._handles.listen, theirs.fileno()),
            )
            theirs.close()
            self._note(state="starting", pid=process.pid, since=self._now())
            line: socket.socket | None = ours
            heard = b""
            while (code := process.poll()) is None:
                numbers, has_news = self._signals.wait(TIDY_MS, line)
                if has_news:
                    piece = ours.recv(65_536)
                    line = ours if piece else None
                    *lines, heard = (heard + piece).split(b"\n")
                    for told in lines:
                        self._take(msgspec.json.decode(told, type=News), process.pid)
                for number in numbers:
                    self._pass_on(number, process.send_signal)
                self._tidy()
        return code

    def _take(self, news: News, pid: int) -> None:
        if news.state == "starting":
            self._note(state="starting", restarts=self._known.restarts + 1)
            return
        if not self._stopping:
            self._note(state=news.state, url=news.url, since=self._now())
        self._report(Report(True, news.url, pid))

    def _pass_on(self, number: int, send: Callable[[int], None]) -> None:
        match number:
            case signal.SIGTERM | signal.SIGINT:
                self._stopping = True
                self._note(state="stopping")
                send(signal.SIGTERM)
            case signal.SIGHUP | signal.SIGUSR1 if self._known.state == "running":  # before, it would end it
                send(number)
            case _:
                pass

    def _rest(self, ms: float) -> bool:
        """Wait; False where it is told to stop meanwhile. Told to begin anew it waits no longer."""
        until = self._now() + ms
        while (left := until - self._now()) > 0:
            numbers, _ = self._signals.wait(left)
            if signal.SIGTERM in numbers or signal.SIGINT in numbers:
                return False
            if signal.SIGUSR1 in numbers:
                return True
        return True

    def _end(self, state: State, ended: str, code: int) -> int:
        self._note(state=state, ended=ended, pid=0, supervisor=0, url="", next_at=0)
        self._report(Report(False, ended=ended))
        return code

    def _note(self, **changed: Any) -> None:
        self._known = msgspec.structs.replace(self._known, **changed)
        try:
            self._daemon.write(self._known)
        except OSError as error:  # a full disk is no reason to end what works
            _say(f"{self._daemon.folder} cannot be written to: {error}")

    def _report(self, report: Report) -> None:
        if self._reported:
            return
        self._reported = True
        try:
            os.write(self._handles.report, msgspec.json.encode(report) + b"\n")
        except BrokenPipeError:
            pass  # whoever started it did not wait
        os.close(self._handles.report)

    def _tidy(self) -> None:
        """Put a log away that has grown large. Everybody who writes to it goes on at its beginning."""
        log = self._daemon.log
        if log.exists() and log.stat().st_size > MOST_LOG:
            shutil.copyfile(log, log.with_name("log.1"))
            os.truncate(log, 0)


def _how(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _now_ms() -> int:
    """Without an event loop, which this process does not need, and `SystemClock` would load."""
    return time_ns() // 1_000_000


def main(arguments: Sequence[str]) -> int:
    folder, name, *numbers = arguments
    handles = Handles(*map(int, numbers))
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    return Supervisor(Daemon(Path(folder), name), handles, Signals(), _now_ms).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
