"""A peer's server under load."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping

import uvloop
from load import measure
from peers.process import Entrant, Failed, environment, program, workplace
from peers.record import Found
from project import model_server
from served import NotServing, Served, served

LIMIT_S = 300.0


def serving(entrant: Entrant, given: Mapping[str, int]) -> Found:
    """All of the load, on a server in its peer's own way."""
    with model_server() as url, workplace() as folder:
        port = free_port()
        words = program(entrant, "serve.py", url, str(folder / "state"), str(port))
        try:
            with served(words, environment(entrant, folder)) as found:
                figures: Found = {**uvloop.run(_measured(found, given))}
                return figures if "accept" in found else figures | {"accept_p95_ms_how": "the answer itself"}
        except NotServing as error:
            raise Failed(str(error)) from error


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


async def _measured(found: Served, given: Mapping[str, int]) -> dict[str, float]:
    """Raises Failed where an answer is wrong, is cut off, or does not come."""
    try:
        async with asyncio.timeout(LIMIT_S):
            return await measure(found, **given)
    except (ValueError, EOFError, OSError) as error:
        raise Failed(f"{type(error).__name__}: {error}") from error
