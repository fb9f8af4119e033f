"""Steps that do something: agents, tools, flows, variables, events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perdure.agents.config.problems import guess

from ..expressions.tree import Expression, Literal, Name, Node
from ..plan import Agent, Emit, Fail, Set, SubFlow, Tool
from ..types import ANY, NULL, TEXT, Type, accepts, from_schema, mapping_of
from .made import Made
from .scope import Scope
from .spot import Spot

if TYPE_CHECKING:
    from .reader import Reader


def read_agent(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    named = spot.within(("agent",), spot.value["agent"])
    name = r.desk.text(named)
    if name and name not in r.desk.agents:
        r.desk.wrong(named, f"there is no agent `{name}`{guess(name, r.desk.agents) or _some(r.desk.agents)}")
    spec = r.desk.agents.get(name)
    asked = spot.get("input")
    if asked is not None:
        input, _ = r.desk.value(asked, scope)
    else:
        before = scope.previous or _only_input(scope)
        input = Expression(before, Name(before))
    shape = r.desk.shape(spot.get("output"))
    given = ANY
    if spec is not None and spec.handler is None:
        given = from_schema(spec.output) if isinstance(spec.output, dict) else ANY if spec.output else TEXT
        if shape is not None and not accepts(shape, given):
            r.desk.wrong(spot.within(("output",), None), f"the agent `{name}` gives {given}; set `output` in the agent")
    return Agent(path=path, agent=name, input=input, shape=shape), shape or given


def read_tool(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    named = spot.within(("tool",), spot.value["tool"])
    name = r.desk.text(named)
    arguments = r.desk.values(spot.get("with"), scope)
    known = r.desk.tools or {}
    tool = known.get(name)
    if tool is None and name and r.desk.tools is not None and name not in r.desk.broken_tools:
        hint = guess(name, known) or "; add it to `tools`, or name a function: ./tools.py:function"
        r.desk.wrong(named, f"there is no tool `{name}`{hint}")
    elif tool is not None:
        _arguments(r, spot, {name: type for (name, _), type in arguments}, tool.definition.parameters)
    shape = r.desk.shape(spot.get("output"))
    return Tool(path=path, tool=name, arguments=tuple(pair for pair, _ in arguments), shape=shape), shape or ANY


def _arguments(r: Reader, spot: Spot, given: dict[str, Type], schema: dict[str, Any]) -> None:
    """Whether arguments fit a tool, by its JSON Schema."""
    said = spot.get("with") or spot
    known = schema.get("properties", {})
    others = schema.get("additionalProperties", not known)
    for name, type in given.items():
        if name in known:
            wanted = from_schema(known[name])
            if not accepts(wanted, type):
                r.desk.wrong(said.within((name,), None), f"`{name}` is {wanted}, found {type}")
        elif not others:
            what = f"the tool takes no `{name}`{guess(name, known) or _some(known)}"
            r.desk.wrong(said.within((name,), None), what, key=True)
    for name in schema.get("required", ()):
        if name not in given:
            r.desk.wrong(said, f"the tool needs `{name}`: add it to `with`")


def read_flow(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    named = spot.within(("flow",), spot.value["flow"])
    name = r.desk.text(named)
    pairs = r.desk.values(spot.get("with"), scope)
    spec = r.desk.subflow(named) if name else None
    step = SubFlow(path=path, flow=name, inputs=tuple(pair for pair, _ in pairs))
    if spec is None:
        return step, ANY
    given = {name: type for (name, _), type in pairs}
    wanted = {input.name: input for input in spec.plan.inputs}
    said = spot.get("with") or spot
    for name, type in given.items():
        if name not in wanted:
            r.desk.wrong(said.within((name,), None), f"the flow has no input `{name}`{guess(name, wanted)}", key=True)
        elif not accepts(wanted[name].type, type):
            r.desk.wrong(said.within((name,), None), f"`{name}` is {wanted[name].type}, found {type}")
    for name, input in wanted.items():
        if input.required and name not in given:
            r.desk.wrong(said, f"the flow needs the input `{name}`: add it to `with`")
    return step, mapping_of({output.name: output.type for output in spec.plan.outputs}) if spec.plan.outputs else ANY


def read_set(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    said = spot.within(("set",), spot.value["set"])
    if not r.desk.is_mapping(said):
        return Set(path=path, values=()), ANY
    values: list[tuple[str, Node]] = []
    types: dict[str, Type] = {}
    for name, inner in said.items():
        node, type = r.desk.value(inner, scope)
        if not r.desk.new_name(inner, name, "a variable", key=True):
            continue
        owner, allowed = scope.variable(name)
        if owner is None and name in scope.types:
            r.desk.wrong(inner, f"`{name}` is taken: steps, inputs and items of loops keep what they are", key=True)
        elif not allowed:
            what = f"`{name}` belongs outside, and steps that run side by side cannot change it; use their results"
            r.desk.wrong(inner, what, key=True)
        else:
            scope.assign(name, type)
        values.append((name, node))
        types[name] = type
    return Set(path=path, values=tuple(values)), mapping_of(types)


def read_emit(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    topic, _ = r.desk.value(spot.within(("emit",), spot.value["emit"]), scope, TEXT, "a topic")
    said = spot.get("with")
    payload = Literal(None) if said is None else r.desk.value(said, scope)[0]
    return Emit(path=path, topic=topic, payload=payload), TEXT


def read_fail(r: Reader, spot: Spot, path: str, scope: Scope) -> Made:
    return Fail(path=path, message=r.desk.value(spot.within(("fail",), spot.value["fail"]), scope)[0]), NULL


def _only_input(scope: Scope) -> str:
    """The one input of a flow, or all of them where there are several."""
    inputs = scope.types["inputs"].fields or ()
    return inputs[0][0] if len(inputs) == 1 else "inputs"


def _some(known: Any) -> str:
    words = list(known)[:6]
    return f"; there are {', '.join(words)}" if words else "; there are none"
