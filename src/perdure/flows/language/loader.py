"""Files become flows, and flows documents of the store: read, merge, find who and what they name, check, compile."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from perdure.agents.config.build import build
from perdure.agents.config.loader import load_document, load_project
from perdure.agents.config.problems import Finding, Problem, refuse
from perdure.agents.config.source import Parsed, Source
from perdure.agents.project import ProjectConfig
from perdure.agents.spec import AgentSpec, Budget, spec_document
from perdure.base.codec import to_json
from perdure.base.errors import ConfigError, InvalidFile, NotSupported
from perdure.tools.port import Tool
from perdure.tools.registry import resolve

from ..files import SUFFIXES, is_flow
from ..spec import FlowSpec, is_reference
from .compiling import metadata_of, plain, plan_of, words_in
from .desk import Desk
from .merging import Merged, merge, real
from .people import People, words_of
from .spot import Spot
from .waking import triggers_of

DEEPEST = 16
_KEPT = ("version", "description", "inputs", "outputs", "timeout", "on_error", "finally", "nodes", "edges", "metadata")


def load_flow(path: Path, *, environment: Mapping[str, str], project: ProjectConfig | None = None) -> FlowSpec:
    """The flow that a file describes, with everything that it names. Tools are imported, so that what steps hand them
    can be checked.

    Raises InvalidFile with everything that is wrong, or MissingVariable where variables are all that is.
    """
    project = project or load_project(path.parent, environment=environment)
    return _Loading(environment, project, (real(path),)).flow(path)


def load_flow_document(document: bytes, *, environment: Mapping[str, str]) -> FlowSpec:
    """The flow that `FlowSpec.document` gave: an equal one but for its lines. Reads no file and imports no tool."""
    try:
        stored = msgspec.json.decode(document)
        kind, version, folder, tree = stored["kind"], stored["version"], stored["folder"], stored["spec"]
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise ConfigError("not the document of a flow") from error
    if (kind, version) != ("flow", 1):
        raise NotSupported(f"this version cannot read the document of a {kind}, version {version}")
    own = Spot(Source("the stored flow", "", "yaml", Parsed(tree)), (), tree)
    merged = Merged(own, env=dict(_named(own, "env")), tools=_listed(own, "tools"), tasks=_listed(own, "tasks"))
    agents = {name: load_document(to_json(inner), environment=environment) for name, inner in tree["agents"].items()}
    flows = {name: load_flow_document(to_json(inner), environment=environment) for name, inner in tree["flows"].items()}
    desk = Desk(environment=None, agents=agents, tools=None, subflow=lambda spot: flows[spot.value], come=())
    spec = _built(merged, desk, tree["name"], agents, flows, folder, tuple(tree["tools"]), document=document)
    if desk.problems:
        refuse(desk.problems)
    return spec


class _Loading:
    """One flow being loaded; `above` are the files of those that it is part of."""

    def __init__(self, environment: Mapping[str, str], project: ProjectConfig, above: tuple[Path, ...]) -> None:
        self._environment = environment
        self._project = project
        self._above = above
        self._flows: dict[str, FlowSpec | None] = {}

    def flow(self, path: Path) -> FlowSpec:
        merged = merge(path)
        own = merged.own
        problems = merged.problems
        words: dict[str, str] = {}
        for name, spot in merged.vars.items():
            words |= words_of(spot.within((), {name: spot.value}), problems)
        people = People(self._environment, self._project, words, own.value.get("model"))
        agents = {name: people.agent(name, spot) for name, spot in merged.agents.items()}
        ids, called = words_in(iter([merged.own, *merged.tasks]))
        tools, broken = self._tools(merged, called, path.parent, problems)
        desk = Desk(
            environment=self._environment,
            agents=agents,
            tools=tools,
            broken_tools=broken,
            subflow=lambda spot: self._subflow(spot, path.parent, desk),
            come=ids,
        )
        folder = Path(os.path.relpath(path.parent.absolute(), self._project.root.absolute())).as_posix()
        references = sorted({spot.value for spot in called if is_reference(spot.value)})
        entries = [spot.value for spot in merged.tools]
        entries += [reference for reference in references if reference not in entries]
        said = own.get("name")
        name = (said and desk.text(said)) or path.name.partition(".")[0]
        known = {name: spec for name, spec in agents.items() if spec is not None}
        flows = self._flows
        try:
            spec = _built(merged, desk, name, known, flows, folder, tuple(entries))
        except InvalidFile as error:
            refuse([*problems, *people.problems, *error.problems])
        problems += [*people.problems, *desk.problems]
        if problems:
            refuse(problems)
        return msgspec.structs.replace(spec, file=str(path), lines=desk.lines)

    def _tools(
        self, merged: Merged, called: list[Spot], folder: Path, problems: list[Problem]
    ) -> tuple[dict[str, Tool], set[str]]:
        """The tools by what steps call them, and the references that lead nowhere."""
        tools: dict[str, Tool] = {}
        broken: set[str] = set()
        for spot in (*merged.tools, *(spot for spot in called if is_reference(spot.value))):
            if is_reference(spot.value) and (spot.value in tools or spot.value in broken):
                continue
            try:
                found = resolve(spot.value, folder=folder)
            except ConfigError as error:
                problems.append(spot.problem(error.message))
                broken.add(str(spot.value))
                continue
            tools |= {tool.definition.name: tool for tool in found}
            if is_reference(spot.value):
                tools[spot.value] = found[0]
        return tools, broken

    def _subflow(self, spot: Spot, folder: Path, desk: Desk) -> FlowSpec | None:
        if spot.value in self._flows:
            return self._flows[spot.value]
        self._flows[spot.value] = None
        path = folder / spot.value
        if not is_flow(path):
            desk.wrong(spot, f"expected the file of a flow, which ends in {SUFFIXES[0]}")
        elif not os.path.isfile(path):
            desk.wrong(spot, f"no such file: {path}")
        elif real(path) in self._above:
            desk.wrong(spot, "these flows call each other in a circle; use a loop")
        elif len(self._above) > DEEPEST:
            desk.wrong(spot, f"more than {DEEPEST} flows that call each other")
        else:
            try:
                inner = _Loading(self._environment, self._project, (*self._above, real(path)))
                self._flows[spot.value] = inner.flow(path)
            except InvalidFile as error:
                desk.problems += error.problems
            except ConfigError as error:
                desk.wrong(spot, error.message)
        return self._flows[spot.value]


def _built(
    merged: Merged,
    desk: Desk,
    name: str,
    agents: dict[str, AgentSpec],
    flows: Mapping[str, FlowSpec | None],
    folder: str,
    tools: tuple[Any, ...],
    document: bytes = b"",
) -> FlowSpec:
    own = merged.own
    spec = FlowSpec(
        name=name,
        plan=plan_of(merged, desk, name),
        agents=agents,
        tools=tools,
        on=triggers_of(own.get("on"), desk),
        budget=_budget(own.get("budget"), desk),
        version=desk.text(own.get("version")),
        description=desk.text(own.get("description")),
        folder=folder,
        metadata=metadata_of(own.get("metadata"), desk),
    )
    known = {name: flow for name, flow in flows.items() if flow is not None}
    if not desk.problems and not merged.problems:
        document = document or _document(spec, known, merged)
    return msgspec.structs.replace(spec, flows=known, document=document)


def _document(spec: FlowSpec, flows: dict[str, FlowSpec], merged: Merged) -> bytes:
    tree = {
        "name": spec.name,
        **plain(merged.own.value, (*_KEPT, "budget", "on")),
        "env": {name: spot.value for name, spot in merged.env.items()},
        "tools": list(spec.tools),
        "tasks": [spot.value for spot in merged.tasks],
        "agents": {name: msgspec.Raw(spec_document(agent)) for name, agent in spec.agents.items()},
        "flows": {name: msgspec.Raw(flow.document) for name, flow in flows.items()},
    }
    # In the order of the file, which branches, cases and variables are carried out in.
    return to_json({"kind": "flow", "version": 1, "folder": spec.folder, "spec": tree})


def _budget(spot: Spot | None, desk: Desk) -> Budget:
    if spot is None:
        return Budget()

    def place(finding: Finding, what: str) -> Problem:
        problem = spot.within(finding.path, None).problem(what, key=finding.at == "key")
        return msgspec.structs.replace(problem, variable=finding.variable)

    try:
        return build(Budget, spot.value, desk.environment or {}, rules=lambda _: [], place=place)
    except InvalidFile as error:
        desk.problems += error.problems
    except ConfigError as error:
        desk.wrong(spot, error.message)
    return Budget()


def _named(own: Spot, key: str) -> list[tuple[str, Spot]]:
    found = own.get(key)
    return [] if found is None else list(found.items())


def _listed(own: Spot, key: str) -> list[Spot]:
    found = own.get(key)
    return [] if found is None else list(found)
