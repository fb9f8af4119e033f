"""Ids of tool calls: made up where a server gives none, and rewritten for servers that are strict about them."""

from __future__ import annotations

from collections.abc import Callable


def made_up_id(index: int) -> str:
    """The id of the answer's call number `index` where the server gave none; the same on every decoding."""
    return f"call_{index}"


def is_made_up(id: str) -> bool:
    return id.startswith("call_") and id[5:].isdigit()


class CallIds:
    """Rewrites the ids of one conversation; `rewrite(id, n)` is given how often the id was used by calls before.

    Made-up ids, and those of other vendors, may come again in later turns; results belong to the latest call.
    """

    __slots__ = ("_latest", "_rewrite", "_used")

    def __init__(self, rewrite: Callable[[str, int], str]) -> None:
        self._rewrite = rewrite
        self._used: dict[str, int] = {}
        self._latest: dict[str, str] = {}

    def of_call(self, id: str) -> str:
        used = self._used.get(id, 0)
        self._used[id] = used + 1
        self._latest[id] = rewritten = self._rewrite(id, used)
        return rewritten

    def of_result(self, id: str) -> str:
        return self._latest.get(id) or self._rewrite(id, 0)
