"""Exact replacement in a text, and the question afterwards whether it happened. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from perdure.base.errors import ToolFailed

from .jail import version_of

WORK = 64 * 1024 * 1024
"""Bytes that may be hashed to find out whether an edit happened."""


def check_seen(path: str, data: bytes, seen: str) -> None:
    """An edit needs a prior view, and a file that did not change since. Raises ToolFailed."""
    if not seen:
        raise ToolFailed(
            f"{path} must be viewed before modification", hint="Read it, and pass the version you were shown as `seen`."
        )
    if seen != version_of(data):
        raise ToolFailed(
            f"{path} changed since viewed", hint="Read it again, and pass the version you are shown as `seen`."
        )


def replace(path: str, text: str, old: str, new: str, *, every: bool) -> tuple[str, int]:
    """The new text, and how often it was replaced. Raises ToolFailed unless `old` is there, once if not `every`."""
    count = text.count(old) if old else 0
    if not old or old == new:
        raise ToolFailed("there is nothing to replace: `old` is empty, or the same as `new`")
    if count == 0:
        loose = "".join(old.split()) in "".join(text.split())
        raise ToolFailed(
            f"`old` is not in {path}" + (", only with other spaces or line breaks" if loose else ""),
            hint="Copy the text exactly as it was shown, with its indentation.",
        )
    if count > 1 and not every:
        raise ToolFailed(
            f"`old` is {count} times in {path}", hint="Give more of the text around it, or set `every` to true."
        )
    return text.replace(old, new), count


def happened(data: bytes, old: bytes, new: bytes, seen: str, *, every: bool) -> Literal["yes", "no", "unknown"]:
    """Whether the file is what the edit made of the version `seen`: then undoing the edit brings that version back."""
    if version_of(data) == seen:
        return "no"
    if every:
        candidates: Iterator[bytes] = iter([data.replace(new, old)] if new else [])
    else:
        candidates = (data[:at] + old + data[at + len(new) :] for at in _places(data, new))
    left = WORK
    for before in candidates:
        left -= len(before)
        if left < 0:
            break
        if version_of(before) == seen:
            return "yes"
    return "unknown"


def _places(data: bytes, wanted: bytes) -> Iterator[int]:
    """Where `wanted` is; everywhere, if it is empty."""
    at = data.find(wanted)
    while at >= 0:
        yield at
        at = data.find(wanted, at + 1) if at < len(data) else -1
