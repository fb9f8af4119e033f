"""`ctl`: commands to an agent, one a line."""

from __future__ import annotations

from perdure.base.errors import InputError

from ..node import Document
from .desk import Desk

VERBS = ("start", "stop", "tick", "hibernate", "wake")


def ctl_node(agent_id: str, desk: Desk) -> Document:
    async def command(data: bytes) -> None:
        verbs = data.decode(errors="replace").split()
        for verb in verbs:
            if verb not in VERBS:
                raise InputError(f"not a command: {verb!r}", hint=f"There are {', '.join(VERBS)}.")
        for verb in verbs:
            await desk.command(agent_id, verb)

    return Document(write=command)
