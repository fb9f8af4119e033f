"""Fetch from memory: answers from a function, and a note of what was sent."""

from __future__ import annotations

from collections.abc import Callable

from perdure.base.errors import ToolFailed

from .port import FetchRequest, FetchResponse


class MemoryFetch:
    """Answers from a function; `hosts` are the names that it knows with their addresses, `sent` what it was asked."""

    def __init__(
        self, answer: Callable[[FetchRequest], FetchResponse], hosts: dict[str, tuple[str, ...]] | None = None
    ) -> None:
        self.sent: list[tuple[FetchRequest, str]] = []
        self._answer = answer
        self._hosts = hosts or {}

    async def addresses(self, host: str, port: int) -> tuple[str, ...]:
        if host not in self._hosts:
            raise ToolFailed(f"the host {host} was not found")
        return self._hosts[host]

    async def send(self, request: FetchRequest, address: str) -> FetchResponse:
        self.sent.append((request, address))
        return self._answer(request)
