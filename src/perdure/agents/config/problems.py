"""What is wrong in a file, where, and how it is shown: place, path, reason, the line and a caret under it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any, Literal, NoReturn, TypeAlias

import msgspec

from perdure.base.errors import InvalidFile, MissingVariable
from perdure.base.nearest import nearest

Path: TypeAlias = tuple[str | int, ...]
"""Keys and positions that lead from the root of a file to a value."""

ROOM = 120
"""Columns of a source line that are shown; a longer one is cut around its caret."""
MOST_SHOWN = 50
TAB = "    "
_PLAIN_KEY = r"[A-Za-z_$][\w$-]*"


class Place(msgspec.Struct, frozen=True):
    """Where something stands in a text: line and column from 1, and its width, all in characters."""

    line: int
    column: int
    width: int = 1


class Finding(msgspec.Struct, frozen=True):
    """Something wrong with the value at `path`, or with the key that leads to it.

    `shown` asks for the value to be told as well: as it is written, so that no message tells what a variable holds.
    `variable` names the environment variable that is missing, where that is what is wrong.
    """

    path: Path
    what: str
    at: Literal["value", "key"] = "value"
    shown: bool = False
    hint: str = ""
    variable: str = ""

    def say(self, written: Any) -> str:
        """The whole reason. `written` is the tree of the file with its variables unfilled."""
        return self.what + (f", found {show_value(_at(written, self.path))}" if self.shown else "") + self.hint


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing wrong. `line` 0 says that no line of the file is to blame; `source` is the text of that line.

    `variable` names the environment variable that is missing, where that is the problem.
    """

    file: str
    path: str
    what: str
    line: int = 0
    column: int = 0
    width: int = 1
    source: str = ""
    variable: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return ": ".join(part for part in (place, self.path, self.what) if part)

    def render(self) -> str:
        """The problem with its source line and a caret below what is meant."""
        if not self.line:
            return str(self)
        shown, indent, carets = _window(self.source, self.column - 1, self.width)
        gutter = f"{self.line:>5} | "
        bar = " " * (len(gutter) - 2) + "| "
        return f"{self}\n{gutter}{shown}".rstrip() + f"\n{bar}{' ' * indent}{'^' * carets}"


def show_path(path: Path) -> str:
    """`tools[0].http.allow`; keys that are not plain words are quoted."""
    shown = ""
    for step in path:
        if isinstance(step, int):
            shown += f"[{step}]"
        else:
            shown += ("." if shown else "") + (step if re.fullmatch(_PLAIN_KEY, step) else f'"{printable(step)}"')
    return shown


def printable(text: str) -> str:
    """The text on one line: what a terminal would not show, or would obey, as an escape sequence."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def show_value(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            return f"`{printable(value)}`" if len(value) <= 60 else f"`{printable(value[:60])}…`"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case _:
            return str(value)


def either(words: Iterable[str]) -> str:
    """`a, b or c`."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def guess(word: str, known: Iterable[str]) -> str:
    """`; did you mean `x`?` where a known word is near, else nothing."""
    names = {name.lower(): name for name in known}
    near = nearest(word.lower(), names)
    return f"; did you mean `{names[near]}`?" if near else ""


def refuse(problems: Sequence[Problem]) -> NoReturn:
    """Raise what the problems amount to: MissingVariable where nothing else is wrong, else InvalidFile."""
    ordered = sorted(set(problems), key=lambda problem: (problem.file, problem.line, problem.column, problem.path))
    rendered = [problem.render() for problem in ordered[:MOST_SHOWN]]
    if len(ordered) > MOST_SHOWN:
        rendered.append(f"… and {len(ordered) - MOST_SHOWN} more problems")
    text = "\n".join(rendered)
    if all(problem.variable for problem in ordered):
        raise MissingVariable(text, variables=sorted({problem.variable for problem in ordered}))
    raise InvalidFile(text, problems=tuple(ordered))


def _at(tree: Any, path: Path) -> Any:
    for step in path:
        tree = tree[step]
    return tree


def _window(line: str, start: int, width: int) -> tuple[str, int, int]:
    """The part of a line that is shown, and the columns before and under the caret, as a terminal counts them."""
    start = min(start, len(line))
    end = min(max(start + width, start + 1), max(len(line), start + 1))
    first = 0 if end <= ROOM else max(0, start - ROOM // 2)
    last = min(len(line), first + ROOM)
    lead = "…" if first else ""
    tail = "…" if last < len(line) else ""
    before = lead + _visible(line[first:start])
    under = _visible(line[start : min(end, last)]) or " "
    shown = before + _visible(line[start:last]) + tail
    return shown, _columns(before), max(1, _columns(under))


def _visible(text: str) -> str:
    text = text.replace("\t", TAB)
    return text if text.isprintable() else "".join(char if char.isprintable() else "\ufffd" for char in text)


def _columns(text: str) -> int:
    if text.isascii():
        return len(text)
    known = import_module("unicodedata")  # 300 kB of tables
    return sum(0 if known.combining(char) else 2 if known.east_asian_width(char) in "WF" else 1 for char in text)
