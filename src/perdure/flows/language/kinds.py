"""What reads each kind of step. A reader takes the keys of its kind, and gives the step with its result's type."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..plan import Sequential
from ..types import ANY
from . import branches, choices, loops, together, waiting, work
from .grammar import KINDS as GRAMMAR
from .made import Made
from .scope import Scope
from .spot import Spot

if TYPE_CHECKING:
    from .reader import Reader


def _condition(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    return _long(r, spot, path, scope, "condition", ("if",))


def _loop(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    return _long(r, spot, path, scope, "loop", ("for_each", "map", "while", "until"))


def _long(r: Reader, spot: Spot, path: str, scope: Scope, key: str, kinds: tuple[str, ...]) -> Made:
    """A step whose own keys stand together below one key."""
    said = spot.within((key,), spot.value[key])
    nothing = Sequential(path=path, steps=())
    if not r.desk.is_mapping(said):
        return nothing, ANY
    found = [kind for kind in kinds if kind in said.value]
    if len(found) != 1:
        named = " and ".join(f"`{kind}`" for kind in found) or "none"
        r.desk.wrong(said, f"expected exactly one of {', '.join(f'`{kind}`' for kind in kinds)}; found {named}")
        return nothing, ANY
    r.desk.keys(said, (found[0], *GRAMMAR[found[0]].fields))
    return KINDS[found[0]][0](r, said, path, scope)


KINDS: dict[str, tuple[Callable[[Any, Spot, str, Scope], Made], str]] = {
    "agent": (work.read_agent, "agent"),
    "tool": (work.read_tool, "tool"),
    "flow": (work.read_flow, "flow"),
    "set": (work.read_set, "set"),
    "emit": (work.read_emit, "emit"),
    "wait": (waiting.read_wait, "wait"),
    "request": (together.read_request, "request"),
    "gather": (together.read_gather, "gather"),
    "contract": (together.read_contract, "contract"),
    "barrier": (together.read_barrier, "barrier"),
    "broadcast": (together.read_broadcast, "broadcast"),
    "fail": (work.read_fail, "fail"),
    "sequential": (branches.read_sequential, "sequential"),
    "do": (branches.read_sequential, "sequential"),
    "parallel": (branches.read_parallel, "parallel"),
    "race": (branches.read_race, "race"),
    "if": (choices.read_if, "condition"),
    "condition": (_condition, "condition"),
    "switch": (choices.read_switch, "switch"),
    "for_each": (loops.read_for_each, "loop"),
    "map": (loops.read_for_each, "loop"),
    "while": (loops.read_while, "loop"),
    "until": (loops.read_while, "loop"),
    "loop": (_loop, "loop"),
}
"""By key: what reads the step, and what a step without an id is called."""
