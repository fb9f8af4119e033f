"""`files`: one tool for each thing to do with the files of a folder.

A view is what a read or a write shows: the file's version. An edit names the version it means (`seen`), so the rule
that nothing is edited unseen or changed needs no memory: it holds after a crash, on another machine, and in a fork.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from perdure.base.errors import ToolFailed
from perdure.base.messages import Text
from perdure.kernel.classes import EffectClass, NotDone, Unsure

from ..function import FunctionTool
from ..port import Probe, Tool, ToolOutput
from ..result import media_part, valid_text
from .edit import check_seen, happened, replace
from .jail import Jail, version_of
from .port import Builtin, Options, Setting
from .search import list_files, search_files

MAX_LISTED = 1_000
MAX_LINE = 2_000


class FilesOptions(Options, frozen=True):
    """`root` is relative to the file it is written in. `name` is what the tools' names begin with, and `max_bytes`
    bounds a file that is read or changed. A root that is missing is created, unless `read_only`."""

    root: str
    read_only: bool = False
    name: str = "files"
    max_bytes: int = 16 * 1024 * 1024


class Files:
    """The operations, each a function that `make` turns into a tool."""

    def __init__(self, jail: Jail, max_bytes: int) -> None:
        self._jail = jail
        self._limit = max_bytes

    def read(self, path: str, offset: int = 1, limit: int = 2000) -> ToolOutput:
        """Read a file. The first line of the result tells its version, which an edit needs, and which lines follow.

        Args:
            path: The file, relative to the folder.
            offset: The first line to show, counted from 1.
            limit: How many lines to show.
        """
        data = self._jail.read(path, self._limit)
        version = version_of(data)
        text = _decoded(data)
        if text is None:
            about = {"path": path, "version": version, "bytes": len(data)}
            return ToolOutput(
                (Text(f"[{path}, version {version}, {len(data):,} bytes, not text]"), media_part(path, data)), about
            )
        lines = text.split("\n")
        if lines[-1] == "":
            lines.pop()
        first = max(offset, 1)
        shown = [_short(line) for line in lines[first - 1 : first - 1 + max(limit, 0)]]
        last = first - 1 + len(shown)
        span = f"lines {first}–{last} of {len(lines)}" if shown else f"no lines from {first}, it has {len(lines)}"
        about = {"path": path, "version": version, "first": first, "last": last, "lines": len(lines)}
        return ToolOutput((Text("\n".join([f"[{path}, version {version}, {span}]", *shown])),), about)

    def list(self, path: str = "", pattern: str = "*") -> ToolOutput:
        """List files and folders, with sizes in bytes. Folders end in a slash.

        Args:
            path: The folder to list, relative to the root.
            pattern: Which ones: *.md in this folder, **/*.md in all folders below it too.
        """
        found = list(islice(list_files(self._jail, path, pattern), MAX_LISTED + 1))
        lines = [f"{one.path}/" if one.is_folder else f"{one.path}  {one.size}" for one in found[:MAX_LISTED]]
        if len(found) > MAX_LISTED:
            lines.append(f"(more than {MAX_LISTED:,}: narrow the pattern)")
        value = [valid_text(f"{one.path}/" if one.is_folder else one.path) for one in found[:MAX_LISTED]]
        return ToolOutput((Text(valid_text("\n".join(lines)) or "(nothing)"),), value)

    def search(
        self, query: str, path: str = "", pattern: str = "**/*", regex: bool = False, ignore_case: bool = False
    ) -> ToolOutput:
        """Search text files line by line; the result has lines of the form path:number: text.

        Args:
            query: What to look for, inside one line.
            path: The folder to search, relative to the root.
            pattern: Which files: **/*.py for all Python files.
            regex: Whether the query is a regular expression (Python syntax).
            ignore_case: Whether upper and lower case are the same.
        """
        found = search_files(self._jail, path, pattern, query, regex=regex, ignore_case=ignore_case)
        lines = [f"{name}:{number}: {_short(line, 300)}" for name, number, line in found.matches]
        if found.more:
            lines.append(f"(more than {len(found.matches)} matches: narrow the search)")
        value = [{"path": valid_text(name), "line": number} for name, number, _ in found.matches]
        return ToolOutput((Text(valid_text("\n".join(lines)) or "(nothing)"),), value)

    def write(self, path: str, content: str, *, key: str) -> ToolOutput:
        """Write a file, replacing what it held; folders that are missing are created.

        Args:
            path: The file, relative to the folder.
            content: All that the file shall hold.
        """
        data = _encoded(content)
        self._jail.write(path, data, key)
        return _changed("wrote", path, data)

    def wrote(self, path: str, content: str) -> Probe:
        data = _encoded(content)
        current = self._current(path)
        return _changed("wrote", path, data) if current == data else NotDone()

    def append(self, path: str, content: str, *, key: str) -> ToolOutput:
        """Add text to the end of a file, which is created if it is missing.

        Args:
            path: The file, relative to the folder.
            content: What to add, with its line break if it needs one.
        """
        with self._jail.changing(path, self._limit, key, create=True) as change:
            data = change.data + _encoded(content)
            change.write(data)
        return _changed("appended to", path, data)

    def appended(self, path: str, content: str) -> Probe:
        current = self._current(path)
        # What is there may have been there before: only its absence proves something.
        return Unsure() if current is not None and _encoded(content) in current else NotDone()

    def edit(self, path: str, old: str, new: str, seen: str = "", every: bool = False, *, key: str) -> ToolOutput:
        """Replace text in a file that you have read. It must not have changed since.

        Args:
            path: The file, relative to the folder.
            old: The text to replace, exactly as it stands in the file.
            new: The text to put there.
            seen: The version of the file that you were shown.
            every: Whether to replace every occurrence; otherwise there must be one only.
        """
        with self._jail.changing(path, self._limit, key) as change:
            check_seen(path, change.data, seen)
            text = _decoded(change.data)
            if text is None:
                raise ToolFailed(f"{path} is not text")
            data = _encoded(replace(path, text, old, new, every=every)[0])
            change.write(data)
        return _changed("edited", path, data)

    def edited(self, path: str, old: str, new: str, seen: str, every: bool) -> Probe:
        current = self._current(path)
        if current is None:
            return Unsure()
        match happened(current, _encoded(old), _encoded(new), seen, every=every):
            case "yes":
                return _changed("edited", path, current)
            case "no":
                return NotDone()
            case _:
                return Unsure()

    def _current(self, path: str) -> bytes | None:
        try:
            return self._jail.read(path, self._limit)
        except ToolFailed:
            return None


def make(options: FilesOptions, setting: Setting) -> tuple[Tool, ...]:
    root = setting.folder / Path(options.root).expanduser()
    files = Files(Jail(root, create=not options.read_only), options.max_bytes)

    def build(does: Callable[..., Any], effect: EffectClass, probe: Callable[..., Any] | None = None) -> Tool:
        name = f"{options.name}_{does.__name__}"
        return FunctionTool(does, name=name, effect=effect, timeout="60s", reconcile=probe, builtin=True)

    reading = (build(files.read, "read"), build(files.list, "read"), build(files.search, "read"))
    if options.read_only:
        return reading
    return (
        *reading,
        build(files.write, "checkable", files.wrote),
        build(files.append, "checkable", files.appended),
        build(files.edit, "checkable", files.edited),
    )


def _changed(what: str, path: str, data: bytes) -> ToolOutput:
    version = version_of(data)
    said = f"{what} {path}: {len(data):,} bytes, version {version}"
    return ToolOutput((Text(said),), {"path": path, "version": version, "bytes": len(data)})


def _decoded(data: bytes) -> str | None:
    """The text in a file, None where it is not UTF-8 text."""
    try:
        return None if b"\0" in data else data.decode()
    except UnicodeDecodeError:
        return None


def _encoded(text: str) -> bytes:
    return valid_text(text).encode()


def _short(line: str, most: int = MAX_LINE) -> str:
    return line if len(line) <= most else f"{line[:most]}… ({len(line) - most:,} more characters)"


BUILTIN = Builtin(FilesOptions, make, shorthand="root")
