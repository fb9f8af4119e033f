"""Which block of a condition or a switch runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..expressions.evaluate import evaluate, same, truth
from ..plan import Block, Condition, Switch


def choose(step: Condition | Switch, names: Mapping[str, Any], behind: str) -> tuple[str, Block]:
    """The block and its name in the path. `behind` is the place that a checkpoint was made at, as seen from here: the
    block that it is in was chosen already."""
    blocks = dict(_named(step))
    for name in blocks:
        if behind.startswith(f"{name}/"):
            return name, blocks[name]
    otherwise = "else" if isinstance(step, Condition) else "default"
    if isinstance(step, Condition):
        chosen = next((n for n, case in enumerate(step.cases) if truth(case.when, names)), None)
    else:
        value = evaluate(step.value, names)
        chosen = next(
            (n for n, case in enumerate(step.cases) if any(same(value, one) for one in evaluate(case.when, names))),
            None,
        )
    return (otherwise, step.otherwise) if chosen is None else list(blocks.items())[chosen]


def _named(step: Condition | Switch) -> list[tuple[str, Block]]:
    if isinstance(step, Condition):
        first, more, last = "then", "elif", "else"
        names = [first, *(_numbered(more, n) for n in range(1, len(step.cases)))]
    else:
        last = "default"
        names = [_numbered("case", n) for n in range(1, len(step.cases) + 1)]
    return [*zip(names, (case.steps for case in step.cases), strict=True), (last, step.otherwise)]


def _numbered(name: str, n: int) -> str:
    return name if n == 1 else f"{name}#{n}"
