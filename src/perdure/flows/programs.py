"""From flows to programs: what a stored flow means to the engine. The language and the interpreter are loaded when the
first flow is met."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from perdure.agents.amounts import whole
from perdure.agents.programs import Library, budget_rules
from perdure.agents.spec import AgentSpec
from perdure.base.errors import InputError
from perdure.base.lazy import load
from perdure.kernel.program import Program

from .files import is_flow

LOADER = "perdure.flows.language.loader"
SPEC = "perdure.flows.spec"
READY = "perdure.flows.interpreter.ready:make_ready"
RUN = "perdure.flows.interpreter.run:run"
TEAM_READY = "perdure.flows.teams.ready:make_ready"
TEAM = "perdure.flows.teams.team:work"


class _Kind(msgspec.Struct):
    kind: str = ""


class FlowLibrary(Library):
    """All programs of a project: those of agents, of teams and of flows."""

    def definition(self, target: Any, overrides: Sequence[str] = ()) -> Any:
        if isinstance(target, (str, Path)) and is_flow(target):
            if overrides:
                raise InputError("a flow has no overrides", hint="Change its file; `inputs` are what may differ.")
            path = self.project.root / target
            return load(f"{LOADER}:load_flow")(path, environment=self.environment, project=self.project)
        if _is_flow_spec(target):
            return target
        return super().definition(target, overrides)

    async def find(self, target: Any) -> tuple[str, bytes, Program]:
        return self.add(target) if _is_flow_spec(target) else await super().find(target)

    def load(self, document: bytes) -> Any:
        if msgspec.json.decode(document, type=_Kind).kind == "flow":
            return load(f"{LOADER}:load_flow_document")(document, environment=self.environment)
        return super().load(document)

    def document(self, definition: Any) -> bytes:
        if _is_flow_spec(definition):
            document: bytes = definition.document
            return document
        return super().document(definition)

    def told(self, definition: Any) -> AgentSpec:
        if not _is_flow_spec(definition):
            return super().told(definition)
        return AgentSpec(
            name=definition.name,
            description=definition.description,
            tools=definition.tools,
            on=definition.on,
            budget=definition.budget,
            folder=definition.folder,
            document=definition.document,
        )

    def make(self, spec: Any, *, rehearsal: bool = False) -> Program:
        if not _is_flow_spec(spec):
            return super().make(spec, rehearsal=rehearsal) if spec.team is None else self._team(spec)
        tools = load(f"{SPEC}:resolve_tools")(spec, root=self.project.root, fetch=self.fetch, broker=self.broker)
        ready = load(READY)(spec, tools, self.environment)
        return Program(
            self.working(partial(load(RUN), ready=ready)),
            per_run=whole(spec.budget.per_run),
            per_tick=whole(spec.budget.per_tick),
            per_day=whole(spec.budget.per_day),
            spending=budget_rules(spec.budget),
            tools={tool.definition.name: tool.source_digest for tool in tools.values() if tool.source_digest},
            undoes=True,
        )

    def _team(self, spec: AgentSpec) -> Program:
        shape = self.shape(spec)
        ready = load(TEAM_READY)(spec, None if shape is None else shape.schema, self.environment)
        return self.of_agent(spec, partial(load(TEAM), ready=ready), {})


def describes_flow(target: Any) -> bool:
    """Whether a target is a flow, or the file of one."""
    return is_flow(target) if isinstance(target, (str, Path)) else _is_flow_spec(target)


def _is_flow_spec(definition: Any) -> bool:
    """Whether it is a FlowSpec; its class need not be loaded to say no."""
    kind = type(definition)
    return kind is not AgentSpec and kind.__module__ == SPEC and kind.__name__ == "FlowSpec"
