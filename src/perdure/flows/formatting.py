"""One form for flows: two spaces, lists indented, the keys of a step in a common order. Comments stay."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from perdure.agents.config.problems import refuse
from perdure.agents.config.reader import read_text
from perdure.base.errors import InputError

from .language.grammar import COMMON, FLOW, KINDS, Field, kinds_in

_FIRST = ("id", "description")
_NEVER_FOLDED = 1_000_000


def formatted(text: str, name: str) -> str:
    """The text of a YAML flow in its common form; it means the same. Raises InvalidFile where it is no YAML."""
    if name.endswith(".toml"):
        raise InputError(f"{name}: only YAML has a common form")
    source = read_text(text, name, "yaml")
    if source.problems:
        refuse(source.problems)
    if not isinstance(source.value, dict):
        return text
    writer = YAML(typ="rt")
    writer.preserve_quotes = True
    writer.width = _NEVER_FOLDED
    writer.indent(mapping=2, sequence=4, offset=2)
    try:
        tree = writer.load(text)
        _Ordering(text).mapping(tree, FLOW, len(text.splitlines()), reorder=False)
        out = StringIO()
        writer.dump(tree, out)
    except YAMLError as error:
        raise InputError(f"{name}: cannot be formatted: {error}") from error
    made = _aligned(out.getvalue())
    if _plain(made, name) != source.value:
        raise InputError(f"{name}: cannot be formatted without a change of what it means")
    return made


def _aligned(text: str) -> str:
    """Comments that have a line of their own, as far in as what they stand above."""
    lines = text.splitlines()
    texts = _lines_of_texts(text)
    indent = ""
    for number in range(len(lines) - 1, -1, -1):
        bare = lines[number].strip()
        if number in texts:
            continue
        if bare.startswith("#"):
            lines[number] = indent + bare
        elif bare:
            indent = lines[number][: len(lines[number]) - len(lines[number].lstrip())]
            lines[number] = indent + bare
        else:
            lines[number] = ""
    return "\n".join(lines) + "\n"


def _lines_of_texts(text: str) -> set[int]:
    """Lines that belong to a text of several lines, the first of them aside."""
    found: set[int] = set()
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.ScalarEvent):
            first, last = event.start_mark, event.end_mark
            assert first is not None and last is not None  # only events made by hand have none
            found |= set(range(first.line + 1, last.line + (event.style in ("'", '"'))))
    return found


def _plain(text: str, name: str) -> Any:
    return read_text(text, name, "yaml").value


class _Ordering:
    """Puts the keys of steps in order, where neither a comment nor an empty line stands between them: those belong to
    what is below them, and would lose it."""

    def __init__(self, text: str) -> None:
        texts = _lines_of_texts(text)
        lines = enumerate(line.strip() for line in text.splitlines())
        self._quiet = [number in texts or (bool(line) and not line.startswith("#")) for number, line in lines]

    def mapping(self, tree: Any, fields: dict[str, Field], end: int, *, reorder: bool) -> None:
        """`end` is the line behind the last one of the mapping."""
        if not isinstance(tree, CommentedMap):
            return
        for key, inner, inner_end in _ends(tree, end):
            self._inner(inner, fields[key].takes if key in fields else "", inner_end)
        if reorder and all(self._quiet[tree.lc.line : end]):
            order = {key: place for place, key in enumerate(dict.fromkeys((*_FIRST, *fields)))}
            for key in sorted(tree, key=lambda key: order.get(key, len(order))):
                tree.move_to_end(key)

    def _inner(self, tree: Any, takes: str, end: int) -> None:
        match takes:
            case "steps" | "on_error" | "branches" | "nodes" | "elif":
                self._steps(tree, end, several=takes in ("branches", "nodes"))
            case "cases":
                for _, inner, inner_end in _ends(tree, end):
                    self._steps(inner, inner_end)
            case "loop_form" | "condition_form":
                self._step(tree, end)
            case _:
                pass

    def _steps(self, tree: Any, end: int, *, several: bool = False) -> None:
        if isinstance(tree, CommentedMap) and not several:
            self._step(tree, end)
        else:
            for _, inner, inner_end in _ends(tree, end):
                self._steps(inner, inner_end)

    def _step(self, tree: CommentedMap, end: int) -> None:
        for kind in kinds_in(tree)[:1]:
            own = KINDS[kind]
            self.mapping(tree, {kind: Field(own.takes, ""), **own.fields, **COMMON}, end, reorder=True)


def _ends(tree: Any, end: int) -> Iterator[tuple[Any, Any, int]]:
    """Keys and values of a mapping or list, and the line behind each."""
    if isinstance(tree, CommentedMap):
        keys = list(tree)
        lines = [tree.lc.key(key)[0] for key in keys]
    elif isinstance(tree, CommentedSeq):
        keys = list(range(len(tree)))
        lines = [tree.lc.item(number)[0] for number in keys]
    else:
        return
    yield from zip(keys, (tree[key] for key in keys), [*lines[1:], end], strict=True)
