"""Where one file is worked on: what is wrong with it so far, what it knows, and how its values become trees."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from perdure.agents.config.problems import Path, Problem, either, guess, refuse, show_value
from perdure.agents.spec import AgentSpec
from perdure.base.duration import parse_duration
from perdure.base.errors import InputError
from perdure.tools.port import Tool

from ..expressions.lexer import WORDS, SyntaxFault
from ..expressions.rewrite import renamed, walk
from ..expressions.template import compile_value
from ..expressions.tree import Expression, Literal, Member, Name, Node, Otherwise
from ..expressions.typing import infer
from ..types import ANY, TEXT, Type, accepts
from .declared import NotAType, read_type
from .grammar import KINDS
from .scope import Scope
from .spot import Spot

ROOTS = ("inputs", "env", "run", "error", "event", "results", "done", "previous")
"""Names with a meaning of their own, which nothing else can have."""
_ELSEWHERE = {
    "error": "inside `on_error`",
    "event": "inside the `match` of a wait",
    "proposal": "inside the `score` of a contract",
    "results": "inside the `reduce` of a loop",
    "previous": "where a step comes before",
}
ENOUGH = 100
"""Problems at which a file is looked into no further."""
LONGEST_WAIT = 100 * 366 * 86_400_000
_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_TAKEN = {*ROOTS, *KINDS, *WORDS}


class Desk:
    """`agents` that could not be read are None; `subflow` finds the flow that a step names, and tells what is wrong
    with it itself. `tools` are those that could be found, by what steps call them; those that could not are told of
    already, in `broken_tools`. `come` are the ids of all steps. What was checked before, and comes from the store, has
    no `environment` and no `tools` to be checked against."""

    def __init__(
        self,
        *,
        environment: Mapping[str, str] | None,
        agents: Mapping[str, AgentSpec | None],
        tools: Mapping[str, Tool] | None,
        broken_tools: Iterable[str] = (),
        subflow: Callable[[Spot], Any],
        come: Iterable[str],
    ) -> None:
        self.problems: list[Problem] = []
        self.ids: dict[str, Spot] = {}
        self.lines: dict[str, int] = {}
        self.outside: set[str] = set()
        self.environment = environment
        self.agents = agents
        self.tools = tools
        self.broken_tools = frozenset(broken_tools)
        self.subflow = subflow
        self._come = frozenset(come)

    def wrong(self, spot: Spot, what: str, *, key: bool = False) -> None:
        self.tell(spot.problem(what, key=key))

    def tell(self, problem: Problem) -> None:
        """Raises InvalidFile once there are more problems than anybody reads."""
        self.problems.append(problem)
        if len(self.problems) >= ENOUGH:
            refuse(self.problems)

    # -- values -------------------------------------------------------------------------------------------------------

    def value(self, spot: Spot, scope: Scope, wanted: Type = ANY, what: str = "") -> tuple[Node, Type]:
        """The tree of a value, and its type. `what` says in an error what is `wanted`."""
        reading = _Reading(self, spot)
        node = compile_value(spot.value, reading)
        if reading.broken:
            return node, ANY
        names = self._names(reading, scope)
        given = infer(node, names, reading.report)
        if not accepts(wanted, given) and not reading.broken:
            self.wrong(spot, f"{what or 'this'} is {_a(wanted)}, found {given}" if what else f"expected {wanted}")
        previous = scope.previous
        return (renamed(node, {"previous": previous}) if previous and reading.expressions else node), given

    def values(self, spot: Spot | None, scope: Scope) -> tuple[tuple[tuple[str, Node], Type], ...]:
        """The trees of a mapping's values by name."""
        if spot is None or not self.is_mapping(spot):
            return ()
        return tuple(((name, node), type) for name, inner in spot.items() for node, type in [self.value(inner, scope)])

    def condition(self, spot: Spot, scope: Scope, what: str = "a condition") -> Node:
        """The tree of a condition; one that is text without `${…}` is an expression as a whole."""
        if isinstance(spot.value, str) and "${" not in spot.value:
            self.wrong(spot, f"{what} is an expression: write `${{{spot.value.strip():.60}}}`")
            return Literal(None)
        node, given = self.value(spot, scope)
        if given.kind not in ("boolean", "any", "null"):
            self.wrong(spot, f"{what} is true or false, found {given}; compare it with something")
        return node

    def settings(self, spot: Spot | None, scope: Scope) -> tuple[tuple[str, Node], ...]:
        pairs = tuple(pair for pair, _ in self.values(spot, scope))
        scope.env |= {name for name, _ in pairs}
        return pairs

    def _names(self, reading: _Reading, scope: Scope) -> Mapping[str, Type]:
        names: dict[str, Type] = {}
        if scope.previous:
            names["previous"] = scope.types.get(scope.previous, ANY)
        for expression in reading.expressions:
            allowed = {id(node.left) for node in walk(expression) if isinstance(node, Otherwise)}
            for node in walk(expression):
                if isinstance(node, Name) and node.name not in scope.types and node.name in self._come:
                    what = f"`{node.name}` has not run by then: it comes later, or in a branch of its own"
                    reading.report(expression, SyntaxFault(what, node.at, len(node.name)))
                    names[node.name] = ANY
                if isinstance(node, Name) and node.name in _ELSEWHERE and node.name not in {**scope.types, **names}:
                    what = f"`{node.name}` is only there {_ELSEWHERE[node.name]}"
                    reading.report(expression, SyntaxFault(what, node.at, len(node.name)))
                    names[node.name] = ANY
                if isinstance(node, Member) and isinstance(node.of, Name) and node.of.name == "env":
                    self._setting(reading, expression, node, scope, given=id(node) in allowed)
        return scope.types.new_child(names)

    def _setting(self, reading: _Reading, expression: Expression, node: Member, scope: Scope, *, given: bool) -> None:
        if node.name in scope.env:
            return
        self.outside.add(node.name)
        if self.environment is not None and node.name not in self.environment and not given:
            near = guess(node.name, scope.env)
            what = f"`env.{node.name}` is not set: add it to `env`, or write `env.{node.name} ?? '…'`{near}"
            reading.report(expression, SyntaxFault(what, node.at + 1, len(node.name)))

    # -- plain data ---------------------------------------------------------------------------------------------------

    def text(self, spot: Spot | None, default: str = "") -> str:
        if spot is None:
            return default
        if not isinstance(spot.value, str):
            self.wrong(spot, f"expected text, found {show_value(spot.value)}")
            return default
        return spot.value

    def texts(self, spot: Spot | None) -> tuple[str, ...]:
        if spot is None:
            return ()
        spots = [spot] if isinstance(spot.value, str) else spot if self.is_list(spot) else []
        return tuple(text for inner in spots if (text := self.text(inner)))

    def count(self, spot: Spot | None, most: int = 1_000_000) -> int | None:
        if spot is None:
            return None
        value = spot.value
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            self.wrong(spot, f"expected a whole number from 1 to {most:,}, found {show_value(value)}")
            return None
        return value

    def flag(self, spot: Spot | None) -> bool:
        if spot is not None and not isinstance(spot.value, bool):
            self.wrong(spot, f"expected true or false, found {show_value(spot.value)}")
        return spot is not None and spot.value is True

    def number(self, spot: Spot | None, default: float, least: float, most: float) -> float:
        if spot is None:
            return default
        value = spot.value
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            self.wrong(spot, f"expected a number from {least:g} to {most:g}, found {show_value(value)}")
            return default
        return float(value)

    def duration(self, spot: Spot | None) -> int | None:
        """Milliseconds, one at least."""
        if spot is None:
            return None
        try:
            ms = parse_duration(spot.value) if isinstance(spot.value, str | int | float) else 0
        except InputError:
            ms = 0
        if not 0 < ms <= LONGEST_WAIT:
            self.wrong(spot, f"expected a duration such as 500ms, 10s, 2m or 1h30m, found {show_value(spot.value)}")
            return None
        return ms

    def shape(self, spot: Spot | None) -> Type | None:
        if spot is None:
            return None
        try:
            return read_type(spot.value)
        except NotAType as error:
            self.wrong(spot, str(error))
            return ANY

    def new_name(self, spot: Spot, name: Any, what: str, *, key: bool = False) -> str:
        """A name for something of the flow, "" where it is none."""
        if not isinstance(name, str) or not _ID.fullmatch(name):
            instead = re.sub(r"\W+", "_", str(name)).strip("_")
            hint = f", such as `{instead}`" if _ID.fullmatch(instead) and instead != name else ""
            self.wrong(spot, f"{what} is letters, digits and `_`, and no digit first{hint}", key=key)
            return ""
        if name in _TAKEN and self.environment is not None:  # what is under way keeps names that were free then
            self.wrong(spot, f"`{name}` has a meaning of its own; choose another name for {what}", key=key)
            return ""
        return name

    def is_mapping(self, spot: Spot) -> bool:
        return self._is(spot, dict, "a mapping")

    def is_list(self, spot: Spot) -> bool:
        return self._is(spot, list, "a list")

    def _is(self, spot: Spot, type: type, what: str) -> bool:
        if isinstance(spot.value, type):
            return True
        self.wrong(spot, f"expected {what}, found {show_value(spot.value)}")
        return False

    def keys(self, spot: Spot, known: Iterable[str], foreign: Mapping[str, str] | None = None) -> None:
        """Tell which keys of a mapping mean nothing."""
        known = list(known)
        for key, inner in spot.items():
            if key not in known:
                instead = (foreign or {}).get(key)
                hint = f"; write `{instead}` instead" if instead and instead.split()[0].strip(":") in known else ""
                self.wrong(inner, f"unknown key{hint or guess(key, known)}", key=True)

    def choice(self, spot: Spot | None, words: tuple[str, ...]) -> str:
        if spot is None:
            return ""
        if spot.value not in words:
            near = guess(spot.value, words) if isinstance(spot.value, str) else ""
            shown = either(f"`{word}`" for word in words)
            self.wrong(spot, f"expected {shown}, found {show_value(spot.value)}{near}")
            return ""
        return str(spot.value)


class _Reading:
    """One value being read: where its expressions are, and whether something is wrong with it."""

    def __init__(self, desk: Desk, spot: Spot) -> None:
        self.broken = False
        self.expressions: list[Expression] = []
        self._desk = desk
        self._spot = spot
        self._places: dict[int, tuple[Path, int]] = {}

    def found(self, path: Path, number: int, expression: Expression) -> None:
        self.expressions.append(expression)
        self._places[id(expression)] = (path, number)

    def fault(self, path: Path, number: int, fault: SyntaxFault) -> None:
        self.broken = True
        self._desk.tell(self._spot.fault(path, number, fault))

    def report(self, expression: Expression | None, fault: SyntaxFault) -> None:
        if expression is None:
            self.broken = True
            self._desk.wrong(self._spot, fault.what)
        else:
            self.fault(*self._places[id(expression)], fault)


def _a(type: Type) -> str:
    return f"{'an' if type.kind == 'integer' else 'a'} {type}" if type != TEXT else "text"
