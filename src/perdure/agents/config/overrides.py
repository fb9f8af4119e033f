"""`a.b=c` from a command line: one value of a file, replaced before it is checked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from perdure.base.errors import InvalidFile

from .problems import Path, Problem, refuse
from .reader import read_text
from .scalars import plain_value

_STEP = r"""(?:^|\.)(?:(?P<word>[^."'\[\]=\s]+)|"(?P<quoted>[^"]*)")|\[(?P<index>\d+)\]"""


class Override(msgspec.Struct, frozen=True):
    """`value` None takes the key away. `text` is what the person wrote."""

    path: Path
    value: Any
    text: str

    @property
    def name(self) -> str:
        return f"--override {self.text if len(self.text) <= 60 else self.text[:60] + '…'}"


def parse_override(text: str) -> Override:
    """`limits.steps=5`, `tools[0]=calculator`, `prices."openai/gpt-5".input=1`. The value is a YAML scalar or, where it
    begins with a bracket or a quote, YAML in one line; nothing takes the key away. Raises InvalidFile."""
    path: list[str | int] = []
    at = 0
    steps = re.compile(_STEP)
    while at < len(text) and text[at] != "=":
        step = steps.match(text, at)
        if step is None:
            break
        path.append(int(step["index"]) if step["index"] else step["quoted"] or step["word"])
        at = step.end()
    written = Override(tuple(path), None, text)
    if not path or text[at : at + 1] != "=":
        refuse([Problem(written.name, "", "expected PATH=VALUE, such as limits.steps=5")])
    return msgspec.structs.replace(written, value=_value(text[at + 1 :].strip(), written.name))


def apply_overrides(tree: Any, overrides: Sequence[Override]) -> tuple[Any, list[Problem]]:
    """A copy of the tree with the overrides in place, and a problem for each that fits nowhere."""
    problems: list[Problem] = []
    for override in overrides:
        try:
            tree = _put(tree, override.path, override.value)
        except _NoPlace as error:
            problems.append(Problem(override.name, "", str(error)))
    return tree, problems


class _NoPlace(Exception):
    pass


def _value(text: str, name: str) -> Any:
    if text[:1] in ("[", "{", '"', "'"):
        source = read_text(text, name, "yaml")
        if source.problems:
            refuse(source.problems)
        return source.value
    try:
        value = plain_value(text)
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidFile(f"{name.encode(errors='replace').decode()}: not valid text") from error
    except ValueError as error:
        raise InvalidFile(f"{name}: {error}", problems=(Problem(name, "", str(error)),)) from error
    return value


def _put(tree: Any, path: Path, value: Any) -> Any:
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        if not isinstance(tree, list) or step > len(tree):
            raise _NoPlace(f"there is no item [{step}] to replace" + ("" if isinstance(tree, list) else ", nor a list"))
        items = list(tree)
        old = items[step] if step < len(items) else {}
        items[step : step + 1] = [_put(old, rest, value)] if rest else [] if value is None else [value]
        return items
    if not isinstance(tree, dict):
        what = "a list" if isinstance(tree, list) else "a plain value"
        raise _NoPlace(f"`{step}` has no place: what is there is {what}; override that as a whole")
    mapping = dict(tree)
    if rest:
        mapping[step] = _put(mapping.get(step, [] if isinstance(rest[0], int) else {}), rest, value)
    elif value is None:
        mapping.pop(step, None)
    else:
        mapping[step] = value
    return mapping
