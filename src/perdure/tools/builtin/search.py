"""Which files of a folder, and which lines in them: bounded in time and size, whatever the pattern."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import msgspec

from perdure.base.errors import InvalidArguments, ToolError, ToolFailed

from .jail import Entry, Jail, split_path

MAX_ENTRIES = 100_000
MAX_FILE = 4 * 1024 * 1024
MAX_TOTAL = 64 * 1024 * 1024
MAX_MATCHES = 200
MAX_QUERY = 1_000
SECONDS = 5

_GREP = str(Path(__file__).with_name("grep.py"))


class Found(NamedTuple):
    """Matches as (path, line number, line). `more` says that there are others beyond a bound."""

    matches: list[tuple[str, int, str]]
    more: bool


def matches_glob(pattern: str, path: str) -> bool:
    """Whether a relative path matches: `*`, `?` and `[…]` inside one name, `**` for any number of folders."""
    names = path.split("/")
    reached = {0}
    for part in pattern.split("/"):
        if part == "**":
            reached = set(range(min(reached), len(names) + 1)) if reached else set()
        else:
            reached = {at + 1 for at in reached if at < len(names) and fnmatchcase(names[at], part)}
    return len(names) in reached


def list_files(jail: Jail, path: str, pattern: str) -> Iterator[Entry]:
    """The entries below `path` that match, named from the root; only a pattern with a slash or `**` looks deeper."""
    if len(pattern) > MAX_QUERY or ".." in pattern.split("/"):
        raise InvalidArguments(f"not a pattern for files: {pattern[:80]!r}")
    folder = "".join(f"{name}/" for name in split_path(path))
    deep = "/" in pattern or "**" in pattern
    for entry in islice(jail.walk(path, deep=deep), MAX_ENTRIES):
        if matches_glob(pattern, entry.path):
            yield entry._replace(path=folder + entry.path)


def search_files(jail: Jail, path: str, pattern: str, query: str, *, regex: bool, ignore_case: bool) -> Found:
    """Lines that contain the query. Raises InvalidArguments for a bad regular expression, ToolFailed for a slow one."""
    if not query or len(query) > MAX_QUERY or "\n" in query:
        raise InvalidArguments(f"the query must be one line of 1 to {MAX_QUERY} characters")
    texts = _texts(jail, path, pattern)
    return _expression(texts, query, ignore_case) if regex else _plain(texts, query, ignore_case)


def _texts(jail: Jail, path: str, pattern: str) -> Iterator[tuple[str, str]]:
    """Path and text of each file that matches and is text, until the bounds are reached."""
    until, left = perf_counter() + SECONDS, MAX_TOTAL
    for entry in list_files(jail, path, pattern):
        if entry.is_folder or entry.size > MAX_FILE:
            continue
        left -= entry.size
        if left < 0 or perf_counter() > until:
            return
        try:
            data = jail.read(entry.path, MAX_FILE)
            if b"\0" not in data:
                yield entry.path, data.decode()
        except (ToolFailed, InvalidArguments, UnicodeDecodeError):
            continue  # gone meanwhile, not ours to read, or not text


def _plain(texts: Iterator[tuple[str, str]], query: str, ignore_case: bool) -> Found:
    wanted = query.casefold() if ignore_case else query
    matches: list[tuple[str, int, str]] = []
    for path, text in texts:
        if wanted not in (text.casefold() if ignore_case else text):
            continue
        for number, line in enumerate(text.split("\n"), 1):
            if wanted in (line.casefold() if ignore_case else line):
                if len(matches) == MAX_MATCHES:
                    return Found(matches, True)
                matches.append((path, number, line))
    return Found(matches, False)


def _expression(texts: Iterator[tuple[str, str]], query: str, ignore_case: bool) -> Found:
    asked = {"pattern": query, "ignore_case": ignore_case, "most": MAX_MATCHES, "seconds": SECONDS}
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", _GREP],
            input=msgspec.json.encode({**asked, "files": list(texts)}),
            capture_output=True,
            timeout=SECONDS,
            check=True,
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
        raise ToolFailed(
            f"the regular expression {query!r} took longer than {SECONDS} seconds",
            hint="Make it simpler, or search for plain text.",
        ) from error
    except OSError as error:
        raise ToolError(f"the search could not be started: {error.strerror}") from error
    told = msgspec.json.decode(done.stdout)
    if "error" in told:
        raise InvalidArguments(f"not a regular expression: {query!r} ({told['error']})")
    return Found([(path, number, line) for path, number, line in told["matches"]], told["more"])
