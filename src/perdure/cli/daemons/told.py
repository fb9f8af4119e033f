"""What is told of a daemon: what it wrote down of itself, and what it says when it is asked."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPSHandler, OpenerDirector, ProxyHandler, Request, build_opener

import msgspec

from perdure.agents.project import STATE_FOLDER, find_project_file
from perdure.base.codec import from_json, to_json
from perdure.base.duration import show_duration
from perdure.base.errors import DaemonError, DaemonNotRunning
from perdure.control.daemons.daemon import Daemon, Known

from ..open import reached
from ..project import folder_of

PATIENCE_S = 10.0
TOKEN = "token"


def state_folder_of(project: Path | None) -> Path:
    """The project's folder of state. Its settings are not read: daemons can be seen to where those are wrong."""
    folder = folder_of(project)
    file = find_project_file(folder)
    return (folder if file is None else file.parent).absolute() / STATE_FOLDER


def object_of(known: Known) -> dict[str, Any]:
    """What is known of a daemon, as `--json` shows it."""
    shown: dict[str, Any] = msgspec.to_builtins(known)
    return shown


def ask(daemon: Daemon, path: str, body: Any = None) -> bytes:
    """What the daemon's server answers to a GET, or to a POST of this `body`. Raises DaemonNotRunning and
    DaemonError."""
    known = daemon.known()
    if not known.url:
        raise DaemonNotRunning(f"the daemon {daemon.name!r} does not serve: it is {known.state}", name=daemon.name)
    token = daemon.folder.parent.parent / TOKEN
    headers = {"authorization": f"Bearer {token.read_text().strip()}"} if token.is_file() else {}
    content = None if body is None else to_json(body)
    request = Request(reached(known.url) + path, content, headers | {"content-type": "application/json"})
    try:
        with _opener().open(request, timeout=PATIENCE_S) as got:
            answer: bytes = got.read()
    except HTTPError as error:
        with error:
            raise DaemonError(
                f"{daemon.name} answers {path} with {error.code} {error.reason}", name=daemon.name, status=error.code
            ) from error
    except (URLError, OSError) as error:
        raise DaemonError(
            f"{daemon.name} does not answer on {known.url}: {getattr(error, 'reason', error)}",
            hint=f"See: perdure logs {daemon.name}",
            name=daemon.name,
        ) from error
    return answer


def _opener() -> OpenerDirector:
    """Straight to this machine's own addresses: no proxy has any business with them, and no certificate is for them."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return build_opener(ProxyHandler({}), HTTPSHandler(context=context))


def live(daemon: Daemon) -> dict[str, Any]:
    """How the server is: `requests`, `cost_microusd`, `problems` and more; `trouble` where it does not say."""
    if daemon.known().state != "running":
        return {}
    try:
        told: dict[str, Any] = from_json(ask(daemon, "/runtime/status"))
    except DaemonError as error:
        return {"trouble": error.message}
    return told


def state_of(known: Known, now: int) -> str:
    """The state in words, with what follows from it."""
    match known.state:
        case "waiting":
            return f"waiting ({known.ended}; again in {show_duration(max(0, known.next_at - now))})"
        case "given_up":
            return f"given up ({known.ended}, {known.failures} times in a row)"
        case "failed":
            return f"failed ({known.ended})"
        case other:
            return other


def uptime_of(known: Known, now: int) -> str:
    return show_duration(now - known.since) if known.pid and known.since else "-"
