"""A server under load, in a process of its own that says on its first line how it is asked (`peers/offer.py`)."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

PAGE = os.sysconf("SC_PAGE_SIZE")
PATIENCE_S = 60
GOODBYE_S = 60


class NotServing(Exception):
    """Why a server cannot be asked."""


class Served:
    def __init__(self, process: subprocess.Popen[str], offer: Mapping[str, Any]) -> None:
        self.port: int = offer["port"]
        self._process = process
        self._offer = offer

    def __contains__(self, name: str) -> bool:
        """Whether the server can be asked this."""
        return name in self._offer["requests"]

    def request(self, name: str, **fields: str) -> bytes:
        """The bytes of a request; a `{field}` of its path and its body stands for what is given."""
        asked = self._offer["requests"][name]
        path, body = asked["path"], asked["body"]
        for field, value in fields.items():
            path, body = path.replace(f"{{{field}}}", value), body.replace(f"{{{field}}}", value)
        lines = [f"{asked['method']} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        if self._offer["token"]:
            lines.append(f"Authorization: Bearer {self._offer['token']}")
        if body:
            lines += [f"Content-Type: {asked['media_type']}", f"Content-Length: {len(body.encode())}"]
        return "\r\n".join((*lines, "", body)).encode()

    def wait(self) -> None:
        """Return when it can be asked. Raises NotServing."""
        url, until = f"http://127.0.0.1:{self.port}{self._offer['ready']}", monotonic() + PATIENCE_S
        while monotonic() < until:
            if self._process.poll() is not None:
                raise NotServing(f"the server ended with {self._process.returncode}")
            try:
                with urlopen(url, timeout=PATIENCE_S):
                    return
            except (URLError, ConnectionError):
                sleep(0.02)
        raise NotServing(f"not ready within {PATIENCE_S} s")

    @property
    def rss_mb(self) -> float:
        return int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * PAGE / 2**20

    @property
    def cpu_s(self) -> float:
        """CPU seconds of the process so far, all threads, user and system."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def served(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Iterator[Served]:
    """The server that the command starts, ready. Raises NotServing."""
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    listener: Thread | None = None
    try:
        line = process.stdout.readline()
        if not line:
            raise NotServing(f"the server ended with {process.wait()}")
        # What it says besides is taken off its hands: with a full pipe it would wait.
        listener = Thread(target=process.stdout.read, daemon=True)
        listener.start()
        found = Served(process, json.loads(line))
        found.wait()
        yield found
    finally:
        process.terminate()
        try:
            process.wait(GOODBYE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if listener is not None:
            listener.join()
        process.stdout.close()
