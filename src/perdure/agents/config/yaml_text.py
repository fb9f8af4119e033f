"""YAML as data with places, by the core schema of YAML 1.2.2 (§10.3): `yes`, `on` and `12:30` are text, `010` is ten.

Built from libyaml's events rather than PyYAML's nodes: that is where nesting, aliases and duplicate keys can be bounded
and told apart before anything is built.
"""

from __future__ import annotations

from typing import Any

import msgspec
import yaml

from perdure.base.lazy import load

from .problems import Path, Place
from .scalars import plain_value
from .source import Fault, Marks, Parsed

EXPLAIN_SYNTAX = "perdure.agents.config.yaml_syntax:explain_syntax"

DEEPEST = 64
MOST_VALUES = 100_000

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CORE = "tag:yaml.org,2002:"
_TYPES: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "bool": (bool,), "null": (type(None),)}


def read_yaml(text: str) -> Parsed:
    composer = _Composer()
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            composer.take(event)
    except _Stop as stop:
        composer.faults.append(stop.fault)
        broken = True
    except yaml.MarkedYAMLError as error:
        composer.faults.append(load(EXPLAIN_SYNTAX)(error, text))
        broken = True
    else:
        broken = False
    marks = Marks(composer.keys, composer.values)
    return Parsed(composer.root, lambda: marks, tuple(composer.faults), broken)


class _Stop(Exception):
    def __init__(self, place: Place, what: str, path: Path = ()) -> None:
        super().__init__(what)
        self.fault = Fault(place, what, path)


class _Named(msgspec.Struct, frozen=True):
    """What an anchor names, with the values and levels that each alias of it adds."""

    value: Any
    size: int
    height: int


class _Frame:
    """A mapping or sequence under construction. `key` is the key whose value comes next, None before a key; `height`
    counts the levels within, those that aliases bring included."""

    __slots__ = ("anchor", "container", "height", "key", "path", "skip", "start")

    def __init__(self, container: Any, path: Path, anchor: str | None, start: int) -> None:
        self.container = container
        self.path = path
        self.anchor = anchor
        self.start = start
        self.height = 1
        self.key: str | None = None
        self.skip = False


class _Composer:
    def __init__(self) -> None:
        self.root: Any = None
        self.keys: dict[Path, Place] = {}
        self.values: dict[Path, Place] = {}
        self.faults: list[Fault] = []
        self._stack: list[_Frame] = []
        self._documents = 0
        self._count = 0
        self._anchors: dict[str, _Named | None] = {}

    def take(self, event: Any) -> None:
        match event:
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.MappingStartEvent():
                self._open(event, {}, "map")
            case yaml.SequenceStartEvent():
                self._open(event, [], "seq")
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._close()
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise _Stop(_place(event), "a second document begins here; a file holds one")
            case _:
                pass

    def _scalar(self, event: Any) -> None:
        frame = self._stack[-1] if self._stack else None
        if frame is not None and type(frame.container) is dict and frame.key is None:
            self._key(frame, event.value, _place(event))
            return
        path = self._next_path(frame)
        value = self._resolve(event, path)
        self._count_one(event)
        if event.anchor:
            self._anchors[event.anchor] = _Named(value, 1, 0)
        self._put(frame, path, value, _place(event))

    def _key(self, frame: _Frame, key: str, place: Place) -> None:
        path = (*frame.path, key)
        frame.key = key
        frame.skip = key in frame.container
        if frame.skip:
            first = self.keys[path]
            self.faults.append(Fault(place, f"this key was given before, on line {first.line}:{first.column}", path))
        else:
            self.keys[path] = place

    def _open(self, event: Any, container: Any, kind: str) -> None:
        frame = self._stack[-1] if self._stack else None
        if frame is not None and type(frame.container) is dict and frame.key is None:
            raise _Stop(_place(event), "a key must be text; this one is a list or mapping", frame.path)
        path = self._next_path(frame)
        if len(self._stack) >= DEEPEST:
            raise _Stop(_place(event), f"nested deeper than {DEEPEST} levels")
        if event.tag not in (None, "!", _CORE + kind):
            self.faults.append(Fault(_place(event), _no_tag(event.tag), path))
        self._count_one(event)
        if event.anchor:
            self._anchors[event.anchor] = None
        self._put(frame, path, container, _place(event), keep=True)
        self._stack.append(_Frame(container, path, event.anchor, self._count))

    def _close(self) -> None:
        frame = self._stack.pop()
        if frame.anchor:
            self._anchors[frame.anchor] = _Named(frame.container, self._count - frame.start + 1, frame.height)
        if self._stack:
            self._stack[-1].key = None
            self._grow(frame.height)

    def _alias(self, event: Any) -> None:
        frame = self._stack[-1] if self._stack else None
        place = _place(event)
        if event.anchor not in self._anchors:
            raise _Stop(place, f"`*{event.anchor}` has no anchor `&{event.anchor}` before it")
        known = self._anchors[event.anchor]
        if known is None:
            raise _Stop(place, f"`*{event.anchor}` stands inside what it names")
        if frame is not None and type(frame.container) is dict and frame.key is None:
            if not isinstance(known.value, str):
                raise _Stop(place, "a key must be text; this alias is not", frame.path)
            self._key(frame, known.value, place)
            return
        if len(self._stack) + known.height > DEEPEST:
            raise _Stop(place, f"nested deeper than {DEEPEST} levels")
        self._count_one(event, known.size)
        self._grow(known.height)
        self._put(frame, self._next_path(frame), known.value, place)

    def _grow(self, height: int) -> None:
        if self._stack:
            self._stack[-1].height = max(self._stack[-1].height, height + 1)

    def _count_one(self, event: Any, size: int = 1) -> None:
        self._count += size
        if self._count > MOST_VALUES:
            raise _Stop(_place(event), f"more than {MOST_VALUES:,} values, counting what aliases repeat")

    @staticmethod
    def _next_path(frame: _Frame | None) -> Path:
        if frame is None:
            return ()
        return (*frame.path, frame.key if frame.key is not None else len(frame.container))

    def _put(self, frame: _Frame | None, path: Path, value: Any, place: Place, *, keep: bool = False) -> None:
        """Put a value where the frame expects one; `keep` leaves the key standing until the container is closed."""
        if frame is None:
            self.root = value
            self.values[path] = place
        elif frame.key is None:
            frame.container.append(value)
            self.values[path] = place
        else:
            if not frame.skip:
                frame.container[frame.key] = value
                self.values[path] = place
            if not keep:
                frame.key = None

    def _resolve(self, event: Any, path: Path) -> Any:
        text: str = event.value
        tag: str | None = event.tag
        if tag in ("!", _CORE + "str") or (tag is None and not event.implicit[0]):
            return text
        problem = ""
        try:
            value = plain_value(text)
        except ValueError as error:
            value, problem = text, str(error)
        if tag is not None:
            types = _TYPES.get(tag.removeprefix(_CORE))
            if types is None:
                problem = _no_tag(tag)
            elif not problem and type(value) not in types:
                problem = f"this is not `!!{tag.removeprefix(_CORE)}`"
        if problem:
            self.faults.append(Fault(_place(event), problem, path))
        return value


def _no_tag(tag: str) -> str:
    return f"the tag `{tag.replace(_CORE, '!!')}` means nothing here; files hold plain data"


def _place(event: Any) -> Place:
    start, end = event.start_mark, event.end_mark
    width = end.column - start.column if end.line == start.line else 1
    return Place(start.line + 1, start.column + 1, max(1, width))
