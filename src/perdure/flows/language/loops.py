"""Steps that turn: for each item, while or until something is true."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..expressions.typing import constant
from ..plan import Block, Loop
from ..types import ANY, INTEGER, list_of, or_null
from .made import Made
from .scope import Scope
from .spot import Spot

if TYPE_CHECKING:
    from .reader import Reader


MAPPED_AT_ONCE = 8


def read_for_each(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    key = "for_each" if "for_each" in spot.value else "map"
    over, given = r.desk.value(spot.within((key,), spot.value[key]), scope, list_of(ANY), f"`{key}`")
    item = _called(r, spot.get("as"), scope, "item")
    index = _called(r, spot.get("index"), scope, "index")
    concurrency = r.desk.count(spot.get("concurrency"), 10_000) or (MAPPED_AT_ONCE if key == "map" else 1)
    turn = Scope(scope, apart=concurrency > 1)
    turn.own.update({item: given.item or ANY, index: INTEGER})
    turn.previous = item
    steps, type = r.block(_needed(r, spot, "do"), path, turn)
    results = list_of(type)
    after = spot.get("reduce")
    reduce: Block = ()
    result = results
    if after is not None:
        reduce, result = r.inner(after, f"{path}/reduce", scope, sure=True, names={"results": results})
    step = Loop(
        path=path,
        mode="each",
        over=over,
        item=item,
        index=index,
        steps=steps,
        limit=r.desk.count(spot.get("limit")),
        concurrency=concurrency,
        reduce=reduce,
    )
    return step, result


def read_while(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    mode = "while" if "while" in spot.value else "until"
    asked = spot.within((mode,), spot.value[mode])
    index = _called(r, spot.get("index"), scope, "index")
    turn = Scope(scope)
    turn.own[index] = INTEGER
    steps, given = r.block(_needed(r, spot, "do"), path, turn)
    for step in steps:
        turn.own[step.name] = or_null(turn.own[step.name])
    condition = r.desk.condition(asked, turn)
    if constant(condition) is (mode == "until"):
        outcome = "always true: the loop ends after its first turn" if mode == "until" else "never true: never reached"
        r.desk.wrong(asked, f"this is {outcome}")
    limit = r.desk.count(spot.get("limit"))
    if spot.get("limit") is None:
        r.desk.wrong(spot, f"`limit` is required: how often `{mode}` may turn at most, such as `limit: 100`")
    step = Loop(path=path, mode=mode, condition=condition, index=index, steps=steps, limit=limit)  # type: ignore[arg-type]
    return step, or_null(given) if mode == "while" else given


def _called(r: Reader, spot: Spot | None, scope: Scope, default: str) -> str:
    if spot is None:
        return default
    name = r.desk.new_name(spot, spot.value, "a name of a loop")
    if name in scope.types:
        r.desk.wrong(spot, f"`{name}` is taken; choose another name")
    return name or default


def _needed(r: Reader, spot: Spot, key: str) -> Spot | None:
    if spot.get(key) is None:
        r.desk.wrong(spot, f"`{key}` is required: the steps of each turn")
    return spot.get(key)
