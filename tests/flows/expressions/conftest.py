"""Expressions and values, as a flow's file would have them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from perdure.flows.expressions.evaluate import evaluate
from perdure.flows.expressions.lexer import SyntaxFault
from perdure.flows.expressions.template import Path, compile_value
from perdure.flows.expressions.tree import Expression, Node

NAMES: dict[str, Any] = {
    "topic": "Cats",
    "count": 3,
    "price": 2.5,
    "ready": True,
    "nothing": None,
    "tags": ["b", "a", "b"],
    "numbers": [3, 1, 2],
    "order": {"id": "A-1", "lines": [{"product": "lamp", "cents": 390}, {"product": "desk", "cents": 4290}]},
}


class Strict:
    """Raises what is wrong."""

    def found(self, path: Path, number: int, expression: Expression) -> None:
        pass

    def fault(self, path: Path, number: int, fault: SyntaxFault) -> None:
        raise fault


@pytest.fixture(scope="session")
def compiled() -> Callable[[Any], Node]:
    return lambda value: compile_value(value, Strict())


@pytest.fixture(scope="session")
def value_of(compiled: Callable[[Any], Node]) -> Callable[..., Any]:
    """What a value of a file gives."""

    def give(value: Any, names: Mapping[str, Any] = NAMES) -> Any:
        return evaluate(compiled(value), names)

    return give
