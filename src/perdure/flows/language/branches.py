"""Steps made of others: one after the other, side by side, in a race."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..plan import Parallel, Race, Sequential
from ..types import ANY, Type, list_of, mapping_of, or_null, union_of
from .made import Made
from .scope import Scope
from .spot import Spot

if TYPE_CHECKING:
    from .reader import Reader


def read_sequential(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    key = "sequential" if "sequential" in spot.value else "do"
    steps, given = r.inner(spot.within((key,), spot.value[key]), path, scope, sure=True)
    return Sequential(path=path, steps=steps), given


def read_parallel(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    need = r.desk.count(spot.get("need"))
    collect = need is not None or r.desk.choice(spot.get("on_failure"), ("stop", "collect")) == "collect"
    within_ms = r.desk.duration(spot.get("within"))
    branches, types, keyed = r.branches(
        spot.within(("parallel",), spot.value["parallel"]), path, scope, sure=not collect
    )
    if need is not None and need > len(branches):
        r.desk.wrong(spot.within(("need",), need), f"there are {len(branches)} branches; {need} cannot succeed")
    if need is not None and spot.value.get("on_failure") == "stop":
        r.desk.wrong(spot.within(("on_failure",), None), "`need` lets failures pass, and `stop` does not: choose one")
    if collect:
        types = [or_null(type) for type in types]
    given = mapping_of({s.id: t for s, t in zip(branches, types, strict=True)}) if keyed else list_of(_one(types))
    step = Parallel(
        path=path,
        branches=branches,
        keyed=keyed,
        at_once=r.desk.count(spot.get("max")),
        need=(need or 1) if collect else None,
        within_ms=within_ms,
    )
    return step, given


def read_race(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    branches, types, _ = r.branches(spot.within(("race",), spot.value["race"]), path, scope, sure=False)
    first = r.desk.count(spot.get("first")) or 1
    if len(branches) < 2 and spot.value["race"]:
        r.desk.wrong(spot.within(("race",), None), "a race has two branches at least")
    elif first >= len(branches):
        r.desk.wrong(spot.within(("first",), None), f"of {len(branches)} branches fewer than that many can win")
    given = _one(types)
    return Race(path=path, branches=branches, first=first), given if first == 1 else list_of(given)


def _one(types: list[Type]) -> Type:
    return union_of(types) if types else ANY
