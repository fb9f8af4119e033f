"""Where keys and values stand in a TOML text. The text is known to be valid: `tomllib` has read it before."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from .problems import Path, Place
from .source import Marks

# Compiled when a place is asked for: most files have nothing wrong.
_SPACE = r"[ \t]*"
_BLANK = r"(?:[ \t\r\n]|#[^\n]*)*"
_KEY = r"""[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*'"""
_STRING = r'(?s)"""(?:[^\\]|\\.)*?"{3,5}' + r"|'''.*?'{3,5}" + r'|"(?:[^"\\]|\\.)*"' + r"|'[^']*'"
_BARE = r"[^,\]}#\r\n]*[^,\]}#\r\n \t]"


def mark_toml(text: str) -> Marks:
    return _Scanner(text).run()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._line_start = 0
        self._counted = 0
        self._lengths: dict[Path, int] = {}
        self._marks = Marks({}, {(): Place(1, 1)})

    def run(self) -> Marks:
        table: Path = ()
        while True:
            self._skip(_BLANK)
            if self._at >= len(self._text):
                return self._marks
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Path:
        several = self._text.startswith("[[", self._at)
        self._at += 2 if several else 1
        path: Path = ()
        names = self._names()
        for number, (name, place) in enumerate(names, 1):
            path = (*path, name)
            self._mark_key(path, place)
            if several and number == len(names):
                index = self._lengths.get(path, 0)
                self._lengths[path] = index + 1
                path = (*path, index)
                self._marks.values.setdefault(path, place)
            elif path in self._lengths:
                path = (*path, self._lengths[path] - 1)
        self._at += 2 if several else 1
        return path

    def _pair(self, table: Path) -> None:
        path = table
        for name, place in self._names():
            path = (*path, name)
            self._mark_key(path, place)
        self._at += 1  # the `=`
        self._skip(_SPACE)
        self._value(path)

    def _mark_key(self, path: Path, place: Place) -> None:
        self._marks.keys.setdefault(path, place)
        self._marks.values.setdefault(path, place)

    def _names(self) -> list[tuple[str, Place]]:
        """A dotted key: its parts with their places; leaves the scan at what follows it."""
        names: list[tuple[str, Place]] = []
        while True:
            self._skip(_SPACE)
            start = self._at
            self._skip(_KEY)
            written = self._text[start : self._at]
            names.append((_plain(written), self._place(start, len(written))))
            self._skip(_SPACE)
            if self._text[self._at] != ".":
                return names
            self._at += 1

    def _value(self, path: Path) -> None:
        start = self._at
        opening = self._text[start]
        if opening == "[":
            self._at += 1
            index = 0
            while self._more("]"):
                self._value((*path, index))
                index += 1
        elif opening == "{":
            self._at += 1
            while self._more("}"):
                self._pair(path)
        else:
            self._skip(_STRING if opening in "\"'" else _BARE)
        self._marks.values[path] = self._place(start, self._at - start)

    def _more(self, end: str) -> bool:
        """Step over blanks, comments and commas to the next item; False, and past the end, where there is none."""
        self._skip(_BLANK)
        if self._text[self._at] == ",":
            self._at += 1
            self._skip(_BLANK)
        if self._text[self._at] == end:
            self._at += 1
            return False
        return True

    def _skip(self, pattern: str) -> None:
        found = re.compile(pattern).match(self._text, self._at)
        if found is not None:
            self._at = found.end()

    def _place(self, start: int, width: int) -> Place:
        """Lines are counted as the scan goes; a value's own start may lie before the newest line begun."""
        if start < self._counted:
            line = self._text.count("\n", 0, start) + 1
            line_start = self._text.rfind("\n", 0, start) + 1
        else:
            breaks = self._text.count("\n", self._counted, start)
            if breaks:
                self._line += breaks
                self._line_start = self._text.rfind("\n", self._counted, start) + 1
            self._counted = start
            line, line_start = self._line, self._line_start
        end = self._text.find("\n", start)
        room = (end if end >= 0 else len(self._text)) - start
        return Place(line, start - line_start + 1, max(1, min(width, room)))


def _plain(written: str) -> str:
    if written[:1] not in "\"'":
        return written
    parsed: dict[str, Any] = tomllib.loads(f"{written} = 0")
    return next(iter(parsed))
