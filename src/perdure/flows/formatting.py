"""One form for flows: two spaces, lists indented, the keys of a step in a common order. Comments stay."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import Any

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
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = _NEVER_FOLDED
    yaml.indent(mapping=2, sequence=4, offset=2)
    try:
        tree = yaml.load(text)
        _Ordering(text).mapping(tree, FLOW, len(text.splitlines()), reorder=False)
        out = StringIO()
        yaml.dump(tree, out)
    except YAMLError as error:
        raise InputError(f"{name}: cannot be formatted: {error}") from error
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    # What looks like a comment may be a line of a text: then the lines stay as they are.
    for made in ("\n".join(_aligned(lines)) + "\n", "\n".join(lines) + "\n"):
        if _plain(made, name) == source.value:
            return made
    raise InputError(f"{name}: cannot be formatted without a change of what it means")


def _aligned(lines: list[str]) -> list[str]:
    """Comments that have a line of their own, as far in as what they stand above."""
    indent, found = "", []
    for line in reversed(lines):
        bare = line.lstrip()
        if bare and not bare.startswith("#"):
            indent = line[: len(line) - len(bare)]
        found.append(indent + bare if bare.startswith("#") else line)
    return found[::-1]


def _plain(text: str, name: str) -> Any:
    return read_text(text, name, "yaml").value


class _Ordering:
    """Puts the keys of steps in order, where neither a comment nor an empty line stands between them: those belong to
    what is below them, and would lose it."""

    def __init__(self, text: str) -> None:
        lines = [line.strip() for line in text.splitlines()]
        self._quiet = [bool(line) and not line.startswith("#") for line in lines]

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
