"""A peer's program as a process: its environment, its time limit, and what it says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer
from time import perf_counter
from typing import NamedTuple

from peers.catalogue import Peer

HERE = Path(__file__).parent
QUIET = {
    "AGNO_TELEMETRY": "false",
    "ANONYMIZED_TELEMETRY": "false",
    "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_TRACING_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "LANGSMITH_TRACING": "false",
    "OPENAI_AGENTS_DISABLE_TRACING": "1",
    "OTEL_SDK_DISABLED": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
}
"""What would go over the network, or wait for it, is off."""


class Failed(Exception):
    """Why a peer has no figures in a scenario."""


class Entrant(NamedTuple):
    """A peer that is installed, and the Python that has it."""

    peer: Peer
    python: str


@contextmanager
def workplace() -> Iterator[Path]:
    """A folder for what a process keeps (`state`), and for what it writes to its home."""
    with TemporaryDirectory(prefix="perdure-peer-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "state").mkdir()
        (folder / "home").mkdir()
        yield folder


def command(
    entrant: Entrant, scenario: str, url: str, folder: Path, given: Mapping[str, int] | None = None
) -> list[str]:
    arguments = [f"{name}={value}" for name, value in (given or {}).items()]
    return program(entrant, "peer.py", scenario, url, str(folder / "state"), *arguments)


def program(entrant: Entrant, name: str, *arguments: str) -> list[str]:
    return [entrant.python, str(HERE / entrant.peer.folder / name), *arguments]


def environment(entrant: Entrant, folder: Path, **more: str) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(folder / "home"),
        "CREWAI_STORAGE_DIR": str(folder / "home"),
        "PYTHONPATH": str(HERE.parent),
        **QUIET,
        **entrant.peer.environment,
        **more,
    }


def figures(words: list[str], environment: Mapping[str, str], limit_s: float) -> dict[str, float]:
    """What the program found: its last line. Raises Failed."""
    found: dict[str, float] = json.loads(output(words, environment, limit_s).splitlines()[-1])
    return found


def output(words: list[str], environment: Mapping[str, str], limit_s: float) -> str:
    process = subprocess.Popen(
        words,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            said, complained = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired as error:
            raise Failed(f"not done within {limit_s:.0f} s") from error
        finally:
            kill(process)
    if process.returncode != 0:
        raise Failed(last_line(complained) or f"ended with {process.returncode}")
    return said


def marked_line(words: list[str], environment: Mapping[str, str], mark: str, limit_s: float) -> tuple[float, str]:
    """Milliseconds from the start of the process until it wrote a line that begins with `mark`, and the rest of the
    line. Raises Failed."""
    started = perf_counter()
    process = start(words, environment, subprocess.PIPE)
    killer = Timer(limit_s, kill, [process])
    killer.start()
    assert process.stdout is not None
    took, said, last = 0.0, None, ""
    try:
        for line in process.stdout:
            last = line.strip() or last
            if said is None and line.startswith(mark):
                took, said = (perf_counter() - started) * 1000, line.removeprefix(mark).strip()
        status = process.wait()
    finally:
        killer.cancel()
        kill(process)
        process.stdout.close()
    if said is None:
        late = perf_counter() - started >= limit_s
        raise Failed(f"not done within {limit_s:.0f} s" if late else f"ended with {status}: {last}")
    return took, said


def start(words: list[str], environment: Mapping[str, str], output: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
    return subprocess.Popen(
        words,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def kill(process: subprocess.Popen[str]) -> None:
    """SIGKILL to the process and to all that it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
