"""A tree of plain data becomes a checked struct, or everything that is wrong with it is raised at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

import msgspec

from perdure.base.lazy import load

from ..amounts import decode_amount
from .problems import Finding, Path, Problem, refuse, show_path, show_value
from .variables import fill

T = TypeVar("T", bound=msgspec.Struct)
Placed = Callable[[Finding, str], Problem]
"""Puts a finding, and the words for it, at its place in a file."""

_EXPLAIN = "perdure.agents.config.check:explain"
_WHERE = r"(?s)(?P<what>.*?)(?: - at `(?:key in )?\$(?P<path>.*)`)?"
_STEP = r"\.(?P<key>[^.\[\]]+)|\[(?P<index>\d+|\.\.\.)\]"


def build(
    type: type[T],
    tree: Any,
    environment: Mapping[str, str],
    *,
    rules: Callable[[dict[str, Any]], list[Finding]],
    place: Placed,
    problems: Sequence[Problem] = (),
) -> T:
    """The struct that `tree` describes. Raises InvalidFile, or MissingVariable where nothing else is wrong; `problems`
    are those known before."""
    if not isinstance(tree, dict):
        what = "the file is empty" if tree is None else f"expected a mapping of keys, found {show_value(tree)}"
        refuse([*problems, place(Finding((), what), what)])
    filled, missing = fill(tree, environment)
    findings = [*missing, *rules(filled)]
    try:
        built = msgspec.convert(filled, type, strict=False, dec_hook=decode_amount)
    except msgspec.ValidationError as error:
        findings += _explain()(type, filled) or [_first(error)]
    else:
        if not findings and not problems:
            return built
    unfilled = {finding.path for finding in missing}
    told = [*missing, *(finding for finding in findings if finding.path not in unfilled)]
    spots = {(problem.line, problem.column) for problem in problems if problem.line}
    placed = (place(finding, finding.say(tree)) for finding in told)
    refuse([*problems, *(problem for problem in placed if (problem.line, problem.column) not in spots)])


def nowhere(name: str) -> Placed:
    """For trees that do not stand in a file: `name` says what they are."""
    return lambda finding, what: Problem(name, show_path(finding.path), what, variable=finding.variable)


def _explain() -> Callable[[Any, Any], list[Finding]]:
    return cast(Callable[[Any, Any], list[Finding]], load(_EXPLAIN))


def _first(error: msgspec.ValidationError) -> Finding:
    """What msgspec says, for what only a struct itself can refuse."""
    found = re.fullmatch(_WHERE, str(error))
    path: list[str | int] = []
    for step in re.finditer(_STEP, (found and found["path"]) or ""):
        if step["index"] == "...":  # the value of some key: msgspec does not say which
            break
        path.append(int(step["index"]) if step["index"] else step["key"])
    what = found["what"] if found else str(error)
    return Finding(cast(Path, tuple(path)), f"{what[:1].lower()}{what[1:]}")
