"""A merged flow becomes a plan: inputs, settings, steps in either form, outputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from perdure.agents.config.problems import show_value

from ..expressions.tree import Node
from ..plan import Block, Input, Output, Plan
from ..types import ANY, TEXT, Type, accepts, mapping_of, mismatch
from .declared import SCHEMA_KEYS
from .desk import Desk
from .graph import Graph
from .merging import Merged
from .reader import Reader
from .scope import Scope
from .spot import Spot

_INPUT_KEYS = ("type", "default", "description", "required", "properties", "items", "enum", "additionalProperties")
_RUN = mapping_of({"id": TEXT, "flow": TEXT})


def plan_of(merged: Merged, desk: Desk, name: str) -> Plan:
    """The plan. What is wrong is on the desk afterwards."""
    own = merged.own
    scope = Scope()
    inputs = tuple(_inputs(own.get("inputs"), desk))
    types = {input.name: input.type for input in inputs}
    scope.own.update(types)
    scope.own.update({"inputs": mapping_of(types), "env": Type("mapping", item=TEXT), "run": _RUN, "done": ANY})
    reader = Reader(desk)
    pairs = tuple((name, desk.value(spot, scope)[0]) for name, spot in merged.env.items())
    scope.env |= set(merged.env)
    steps = _steps(merged, desk, reader, scope)
    return Plan(
        name=name,
        steps=steps,
        inputs=inputs,
        outputs=tuple(_outputs(own.get("outputs"), desk, scope)),
        env=pairs,
        environment=tuple(sorted(desk.outside)),
        timeout_ms=desk.duration(own.get("timeout")),
        on_error=reader.on_error(own.get("on_error"), "", scope)[0],
        finally_=reader.inner(own.get("finally"), "finally", scope, sure=False)[0],
    )


def _steps(merged: Merged, desk: Desk, reader: Reader, scope: Scope) -> Block:
    nodes, edges = merged.own.get("nodes"), merged.own.get("edges")
    if nodes is None and edges is None:
        if not merged.tasks and not merged.problems:
            desk.wrong(merged.own.get("tasks") or merged.own, "there is nothing to do: add `tasks`, a list of steps")
        return reader.series(merged.tasks, "", scope)[0]
    if nodes is None:
        desk.wrong(merged.own.within(("edges",), None), "`edges` need `nodes`: steps by id", key=True)
        return ()
    if merged.tasks:
        desk.wrong(nodes, "a flow has `tasks`, or `nodes` and `edges`, and not both", key=True)
        return ()
    return reader.series(Graph(nodes, edges, desk).order(), "", scope)[0]


def _inputs(spot: Spot | None, desk: Desk) -> Iterator[Input]:
    if spot is None or not desk.is_mapping(spot):
        return
    for name, said in spot.items():
        if not desk.new_name(said, name, "an input", key=True):
            continue
        default: Spot | None = None
        required = True
        about = ""
        if isinstance(said.value, dict):
            desk.keys(said, _INPUT_KEYS)
            default, about = said.get("default"), desk.text(said.get("description"))
            required = "default" not in said.value and said.value.get("required", True) is not False
            shape = {key: value for key, value in said.value.items() if key in SCHEMA_KEYS and key != "required"}
            kind = said.get("type")
            type = (desk.shape(said.within((), shape) if len(shape) > 1 else kind) if shape else ANY) or ANY
        else:
            type = desk.shape(said) or ANY
        if not required and default is None and type.kind not in ("any", "null"):
            type = msgspec.structs.replace(type, nullable=True)
        yield Input(name, type, required, _default(default, type, desk), about)


def _default(spot: Spot | None, type: Type, desk: Desk) -> Node | None:
    if spot is None:
        return None
    node, given = desk.value(spot, Scope())
    if not isinstance(spot.value, str) or "${" not in spot.value:
        wrong = mismatch(type, spot.value)
        if wrong is not None:
            desk.wrong(spot, f"the default does not fit: {wrong}")
    elif not accepts(type, given):
        desk.wrong(spot, f"the default does not fit: expected {type}, found {given}")
    return node


def _outputs(spot: Spot | None, desk: Desk, scope: Scope) -> Iterator[Output]:
    if spot is None or not desk.is_mapping(spot):
        return
    for name, said in spot.items():
        if not name.isidentifier():
            desk.new_name(said, name, "an output", key=True)
        value, wanted, about = said, None, ""
        if isinstance(said.value, dict) and "value" in said.value:
            desk.keys(said, ("value", "type", "description"))
            value, wanted = said.within(("value",), said.value["value"]), desk.shape(said.get("type"))
            about = desk.text(said.get("description"))
        node, given = desk.value(value, scope)
        if wanted is not None and not accepts(wanted, given):
            desk.wrong(value, f"the output `{name}` is {wanted}, found {given}")
        yield Output(name, node, wanted or given, about)


def words_in(spots: Iterator[Spot]) -> tuple[set[str], list[Spot]]:
    """The ids of all steps below, and the places where steps name a tool."""
    ids: set[str] = set()
    tools: list[Spot] = []
    open = list(spots)
    while open:
        spot = open.pop()
        if isinstance(spot.value, list):
            open += spot
        elif isinstance(spot.value, dict):
            for key, inner in spot.items():
                if key == "id" and isinstance(inner.value, str):
                    ids.add(inner.value)
                elif key == "tool" and isinstance(inner.value, str):
                    tools.append(inner)
                elif key in ("parallel", "race", "nodes") and isinstance(inner.value, dict):
                    ids |= {name for name in inner.value if isinstance(name, str)}
                if key not in ("with", "input"):
                    open.append(inner)
    return ids, tools


def metadata_of(spot: Spot | None, desk: Desk) -> dict[str, str]:
    if spot is None or not desk.is_mapping(spot):
        return {}
    found: dict[str, str] = {}
    for name, inner in spot.items():
        if isinstance(inner.value, str | int | float):
            found[name] = str(inner.value)
        else:
            desk.wrong(inner, f"expected text, found {show_value(inner.value)}")
    return found


def plain(tree: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: tree[key] for key in keys if tree.get(key) is not None}
