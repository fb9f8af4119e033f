"""Steps that choose: by conditions, by a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perdure.agents.config.problems import guess

from ..expressions.tree import Literal
from ..expressions.typing import constant
from ..plan import Case, Condition, Switch
from ..types import ANY, Type, union_of
from .made import Made
from .scope import Scope
from .spot import Spot

if TYPE_CHECKING:
    from .reader import Reader


def read_if(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    ways = [(spot, "then")]
    more = spot.get("elif")
    if more is not None and isinstance(more.value, dict):
        ways.append((more, "elif"))
    elif more is not None and r.desk.is_list(more):
        ways += [(way, "elif") for way in more if r.desk.is_mapping(way)]
    cases: list[Case] = []
    types: list[Type] = []
    counts = 0
    for way, name in ways:
        asked, then = way.get("if"), way.get("then")
        if name == "elif":
            r.desk.keys(way, ("if", "then"), {"do": "then"})
            counts += 1
        if asked is None or then is None:
            r.desk.wrong(way, f"`{'if' if asked is None else 'then'}` is required here")
            continue
        when = r.desk.condition(asked, scope)
        if (known := constant(when)) is not None:
            which = "this is always true: what comes after it is" if known else "this is never true: its steps are"
            r.desk.wrong(asked, f"{which} never reached")
        segment = name if counts < 2 else f"{name}#{counts}"
        steps, given = r.inner(then, f"{path}/{segment}", scope, sure=False)
        cases.append(Case(when, steps))
        types.append(given)
    otherwise, given = r.inner(spot.get("else"), f"{path}/else", scope, sure=False)
    return Condition(path=path, cases=tuple(cases), otherwise=otherwise), union_of([*types, given])


def read_switch(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    value, given = r.desk.value(spot.within(("switch",), spot.value["switch"]), scope)
    said = spot.get("cases")
    cases: list[Case] = []
    types: list[Type] = []
    seen: dict[str, Spot] = {}
    if said is None or not r.desk.is_mapping(said):
        if said is None:
            r.desk.wrong(spot, "`cases` is required: steps by value")
        return Switch(path=path, value=value, cases=()), ANY
    for number, (name, block) in enumerate(said.items(), 1):
        for word in _values(name, given):
            if str(word) in seen:
                r.desk.wrong(block, f"`{word}` is decided on line {seen[str(word)].line()}: never reached", key=True)
            seen[str(word)] = block
            if given.options and word not in given.options:
                near = guess(str(word), given.options) or f"; it is one of {', '.join(given.options)}"
                r.desk.wrong(block, f"never reached: the value is never `{word}`{near}", key=True)
        segment = "case" if number == 1 else f"case#{number}"
        steps, type = r.inner(block, f"{path}/{segment}", scope, sure=False)
        cases.append(Case(Literal(_values(name, given)), steps))
        types.append(type)
    otherwise, type = r.inner(spot.get("default"), f"{path}/default", scope, sure=False)
    return Switch(path=path, value=value, cases=tuple(cases), otherwise=otherwise), union_of([*types, type])


def _values(name: str, given: Type) -> list[Any]:
    """The values that a case stands for: `billing`, or several with commas; keys of a file are always text."""
    words = [word.strip() for word in name.split(",")]
    if given.kind == "boolean":
        return [{"true": True, "false": False}.get(word, word) for word in words]
    if given.kind in ("integer", "number"):
        return [int(word) if word.lstrip("-").isdigit() else word for word in words]
    return [*words]
