"""A file or text becomes a Source: size, encoding and format are checked here, and the format's reader is called."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import msgspec

from perdure.base.lazy import load

from .problems import Path as KeyPath
from .problems import Place, Problem, refuse
from .source import Fault, Parsed, Source

LARGEST = 1024 * 1024
"""Bytes of the largest file that is read."""

_READERS = {
    "yaml": "perdure.agents.config.yaml_text:read_yaml",
    "toml": "perdure.agents.config.toml_text:read_toml",
}
_FORMATS = {".yaml": "yaml", ".yml": "yaml", ".json": "yaml", ".toml": "toml"}
_RARE = "[^\t\n\r -~]"
_CONTROL = "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]"


def read_file(path: Path, name: str = "") -> Source:
    """The file as data. Raises InvalidFile where there is no such file, or where it is not text of a known format."""
    name = name or str(path)
    format = _FORMATS.get(path.suffix.lower())
    if format is None:
        refuse([Problem(name, "", f"expected a file that ends in {', '.join(_FORMATS)}")])
    try:
        if stat.S_ISFIFO(path.stat().st_mode):
            refuse([Problem(name, "", "this is a pipe, which may never say anything")])
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        refuse([Problem(name, "", _unreadable(path, error))])
    if len(data) > LARGEST:
        refuse([Problem(name, "", f"larger than {LARGEST // 1024:,} KiB; this is not a file that people write")])
    return read_text(_decode(data, name), name, format)


def read_text(text: str, name: str, format: str) -> Source:
    """The text as data. Raises InvalidFile where nothing can be made of it; lesser faults are left in `problems`."""
    # A class of so many characters takes half a millisecond to compile: only where one of them can be there.
    control = re.search(_CONTROL, text) if re.search(_RARE, text) else None
    if control is not None:
        start = control.start()
        line_start = text.rfind("\n", 0, start) + 1
        place = Place(text.count("\n", 0, start) + 1, start - line_start + 1)
        fault = Fault(place, f"a file of text cannot hold the character U+{ord(control[0]):04X}")
        source = Source(name, text, format, Parsed(faults=(fault,), broken=True))
    else:
        parsed = _reader(format)(text)
        source = Source(name, text, format, _without_nul(parsed) if "\\" in text else parsed)
    if source.broken:
        refuse(source.problems)
    return source


def _without_nul(parsed: Parsed) -> Parsed:
    """What was read, broken where an escape makes the character that no path, no program and no database takes."""
    path = next(_nul(parsed.value, ()), None)
    if path is None:
        return parsed
    marks = parsed.marks()
    place = marks.values.get(path) or marks.keys.get(path) or Place(1, 1)
    fault = Fault(place, "text cannot hold the character U+0000", path)
    return msgspec.structs.replace(parsed, faults=(*parsed.faults, fault), broken=True)


def _nul(value: Any, path: KeyPath) -> Iterator[KeyPath]:
    """Where the first text with that character stands."""
    match value:
        case str() if "\0" in value:
            yield path
        case dict():
            for key, one in value.items():
                if "\0" in key:
                    yield (*path, key)
                yield from _nul(one, (*path, key))
        case list():
            for number, one in enumerate(value):
                yield from _nul(one, (*path, number))
        case _:
            pass


def _reader(format: str) -> Callable[[str], Parsed]:
    return cast(Callable[[str], Parsed], load(_READERS[format]))


def _decode(data: bytes, name: str) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        refuse([Problem(name, "", "saved as UTF-16; save it as UTF-8")])
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        what = f"not UTF-8: byte 0x{data[error.start]:02x} (save the file as UTF-8)"
        shown = data.split(b"\n")[line - 1].decode(errors="replace")
        refuse([Problem(name, "", what, line, column, 1, shown)])


def _unreadable(path: Path, error: OSError | ValueError) -> str:
    match error:
        case FileNotFoundError():
            return "no such file"
        case IsADirectoryError():
            return "this is a folder"
        case PermissionError():
            return "may not be read"
        case _:
            return f"cannot be read: {getattr(error, 'strerror', None) or error}"
