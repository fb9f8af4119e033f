"""Starting a daemon: a supervisor of its own, detached from the terminal, and a wait until it serves."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import click
import msgspec

from perdure.agents.config.loader import load_project
from perdure.base.errors import DaemonFailed
from perdure.base.lazy import load
from perdure.control.daemons.daemon import Daemon, Known
from perdure.control.daemons.policy import policy_of
from perdure.control.daemons.supervisor import Report

from ..exits import DONE
from ..json import print_json
from ..serving import Service
from ..terminal import note
from .told import object_of

SUPERVISOR = "perdure.control.daemons.supervisor"
PATIENCE_S = 60.0
LAST_WORDS = 4_096
"""Bytes of a log that are shown of a daemon that failed."""


def serve_in_background(service: Service, name: str, *, json: bool) -> int:
    """Serve in the background, and tell of it. Returns the exit code; raises what `start_service` raises."""
    tell_started(start_service(service, name), json=json)
    return DONE


def start_service(service: Service, name: str) -> Daemon:
    """Serve in the background; it is ready when this returns. Raises DaemonRunning, DaemonFailed and ConfigError."""
    config = load_project(service.folder, environment=os.environ)
    host = config.server.host if service.host is None else service.host
    is_private = service.tls is not None or config.server.tls is not None or service.insecure or config.server.insecure
    load("perdure.server.serving:check_address")(host, auth=config.server.auth, is_private=is_private)
    daemon = Daemon(config.state_folder, name)
    lock = daemon.hold()
    port = config.server.port if service.port is None else service.port
    with load("perdure.server.serving:listen")(host, port) as listening:
        known = Known(
            name, _command(config.root, service), policy_of(config.lifecycle.restart), config.lifecycle.grace_ms
        )
        daemon.write(known)
        before = daemon.log.stat().st_size if daemon.log.exists() else 0
        report = _start(daemon, lock, listening.fileno(), config.root)
    if not report.ready:
        raise _failed(daemon, report, before)
    return daemon


def tell_started(daemon: Daemon, *, json: bool, **more: str) -> None:
    known = daemon.known()
    if json:
        print_json({**object_of(known), **more})
        return
    click.echo(f"{known.name} serves on {known.url}")
    note(f"It goes on in the background (pid {known.pid}). See: perdure status {known.name}, perdure logs {known.name}")


def _command(root: Path, service: Service) -> tuple[str, ...]:
    words = [sys.executable, "-m", "perdure", "serve", "--project", str(root.absolute())]
    for option, value in (("--host", service.host), ("--port", service.port)):
        words += [] if value is None else [option, str(value)]
    for file in service.files:
        words += ["--file", str(file)]
    if service.tls is not None:
        words += ["--tls-cert", str(service.tls[0]), "--tls-key", str(service.tls[1])]
    if service.insecure:
        words.append("--insecure")
    return tuple(words)


def _start(daemon: Daemon, lock: int, listen: int, root: Path) -> Report:
    """Start the supervisor in a session of its own. It inherits the lock and the socket, and reports once."""
    ours, theirs = os.pipe()
    with open(os.open(daemon.log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600), "ab") as log:
        arguments = [str(daemon.folder.parent.parent), daemon.name, str(lock), str(listen), str(theirs)]
        supervisor = subprocess.Popen(
            [sys.executable, "-m", SUPERVISOR, *arguments],
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=(lock, listen, theirs),
        )
    os.close(theirs)
    os.close(lock)
    try:
        report = _wait(daemon, ours)
    except KeyboardInterrupt:
        supervisor.terminate()
        raise
    finally:
        os.close(ours)
    if report.ready:
        supervisor.returncode = 0  # it goes on without this process
    else:
        supervisor.wait()
    return report


def _wait(daemon: Daemon, line: int) -> Report:
    ready, _, _ = select.select([line], [], [], PATIENCE_S)
    if not ready:
        raise DaemonFailed(
            f"{daemon.name} is not ready after {PATIENCE_S:.0f} s; it goes on trying",
            hint=f"See: perdure logs {daemon.name}, perdure stop {daemon.name}",
            name=daemon.name,
        )
    with open(os.dup(line), "rb") as heard:
        told = heard.readline()
    return msgspec.json.decode(told, type=Report) if told else Report(False, ended="the supervisor ended")


def _failed(daemon: Daemon, report: Report, before: int) -> DaemonFailed:
    said = last_words(daemon.log, before)
    return DaemonFailed(
        f"{daemon.name} ended before it was ready: {report.ended}\n{said}".rstrip(),
        name=daemon.name,
        ended=report.ended,
    )


def last_words(log: Path, after: int = 0) -> str:
    """The end of a log, of what stands behind its first `after` bytes."""
    with log.open("rb") as file:
        file.seek(max(after, file.seek(0, os.SEEK_END) - LAST_WORDS))
        text = file.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-20:])
