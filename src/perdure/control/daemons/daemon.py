"""One daemon as others see it: its folder in `.perdure/daemons`, with a lock, what is known of it, and its log.

It runs as long as its lock is held: the kernel lets go of that when the last of its processes ends, however it does, so
that neither a crash nor a process that was given the same number later is taken for it.
"""

from __future__ import annotations

import fcntl
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep
from typing import Literal, TypeAlias

import msgspec

from perdure.base.errors import DaemonNotFound, DaemonNotRunning, DaemonRunning, InputError

from .policy import Policy

FOLDER = "daemons"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_STARTING_MS = 500
"""How long the lock of a daemon that is asked after may look taken."""

State: TypeAlias = Literal["starting", "running", "waiting", "stopping", "stopped", "failed", "given_up", "killed"]
AT_WORK: frozenset[State] = frozenset(("starting", "running", "waiting", "stopping"))


class Known(msgspec.Struct, frozen=True):
    """What a daemon wrote down of itself. `supervisor` watches over `pid`, which does the work. `started_at` is when
    the daemon was started, `since` when the present process was (ms UTC). `failures` came in a row, `restarts` in all;
    `ended` tells how the last process did; `next_at` is when the next is due, 0 for no time."""

    name: str
    command: tuple[str, ...]
    policy: Policy = Policy()
    grace_ms: int = 30_000
    state: State = "starting"
    supervisor: int = 0
    pid: int = 0
    url: str = ""
    started_at: int = 0
    since: int = 0
    restarts: int = 0
    failures: int = 0
    ended: str = ""
    next_at: int = 0


class Daemon:
    """A daemon by its folder; `state_folder` is the project's."""

    def __init__(self, state_folder: Path, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise InputError(
                f"not a name for a daemon: {name!r}",
                hint="1 to 64 letters, digits, `-`, `_` or `.`, beginning with a letter or digit.",
            )
        self.name = name
        self.folder = state_folder.absolute() / FOLDER / name
        self.log = self.folder / "log"
        self._lock = self.folder / "lock"
        self._file = self.folder / "daemon.json"

    # -- what is known ------------------------------------------------------------------------------------------------

    def known(self) -> Known:
        """What it wrote down, its state as it is now. Raises DaemonNotFound."""
        try:
            known = msgspec.json.decode(self._file.read_bytes(), type=Known)
        except (OSError, msgspec.MsgspecError) as error:
            raise DaemonNotFound(f"there is no daemon {self.name!r}", name=self.name) from error
        if known.state in AT_WORK and not self.is_held():
            return msgspec.structs.replace(known, state="killed", pid=0, supervisor=0, url="", next_at=0)
        return known

    def write(self, known: Known) -> None:
        """Write down what is known, whole or not at all."""
        draft = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(known), indent=2))
        draft.replace(self._file)

    # -- the lock -----------------------------------------------------------------------------------------------------

    def hold(self) -> int:
        """Take its lock: the file descriptor that keeps it, and that every process which inherits it keeps too. Raises
        DaemonRunning."""
        self.folder.mkdir(parents=True, exist_ok=True)
        fd = os.open(self._lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        until = monotonic() + _STARTING_MS / 1000
        while not _try(fd, fcntl.LOCK_EX):
            if monotonic() > until:
                os.close(fd)
                raise DaemonRunning(f"the daemon {self.name!r} runs already", name=self.name)
            sleep(0.02)
        return fd

    def is_held(self) -> bool:
        """Whether one of its processes is alive."""
        try:
            fd = os.open(self._lock, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            return not _try(fd, fcntl.LOCK_SH)
        finally:
            os.close(fd)

    # -- telling it ---------------------------------------------------------------------------------------------------

    def signal(self, number: signal.Signals) -> Known:
        """Send it a signal. Raises DaemonNotFound and DaemonNotRunning."""
        known = self._alive()
        for pid in (known.supervisor, known.pid):  # the latter goes on for a while where the former was killed
            if pid and _send(pid, number, self.is_held):
                return known
        raise self._not_running()

    def kill(self) -> Known:
        """End all its processes at once. Raises DaemonNotFound and DaemonNotRunning."""
        known = self._alive()
        if self.is_held() and known.supervisor:
            # Its number is that of the group too, and is given to nobody else while one of the group is alive.
            try:
                os.killpg(known.supervisor, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.wait(10_000)
        return known

    def wait(self, ms: float, until: Callable[[], bool] | None = None) -> bool:
        """Wait until it has ended, or for something else; False where that takes longer than `ms`."""
        end = monotonic() + ms / 1000
        while not (until() if until is not None else not self.is_held()):
            if monotonic() > end:
                return False
            sleep(0.02)
        return True

    def _alive(self) -> Known:
        known = self.known()
        if known.state not in AT_WORK:
            raise self._not_running()
        return known

    def _not_running(self) -> DaemonNotRunning:
        return DaemonNotRunning(f"the daemon {self.name!r} does not run", name=self.name)


def all_daemons(state_folder: Path) -> list[Daemon]:
    """The daemons of a project, by name: those that run, and those that did."""
    folder = state_folder / FOLDER
    if not folder.is_dir():
        return []
    names = sorted(path.parent.name for path in folder.glob("*/daemon.json"))
    return [Daemon(state_folder, name) for name in names if _NAME.fullmatch(name)]


def find_daemon(state_folder: Path, name: str) -> Daemon:
    """The daemon of this name, or the only one where none is named. Raises DaemonNotFound and InputError."""
    if name:
        daemon = Daemon(state_folder, name)
        daemon.known()
        return daemon
    found = all_daemons(state_folder)
    if len(found) > 1:
        running = [daemon for daemon in found if daemon.is_held()]
        if len(running) != 1:
            names = ", ".join(daemon.name for daemon in found)
            raise InputError(f"this project has several daemons: {names}", hint="Name one.")
        return running[0]
    if not found:
        raise DaemonNotFound("this project has no daemon")
    return found[0]


def _try(fd: int, how: int) -> bool:
    try:
        fcntl.flock(fd, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _send(pid: int, number: signal.Signals, is_held: Callable[[], bool]) -> bool:
    """Send a signal to a process of the daemon, and to no other that was given its number since."""
    try:
        if not hasattr(os, "pidfd_open"):
            os.kill(pid, number)
            return True
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        if not is_held():
            return False
        signal.pidfd_send_signal(fd, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(fd)
    return True
