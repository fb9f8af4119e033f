"""Files become specs: read, override, fill in variables, check, build."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec

from perdure.base.errors import ConfigError, InputError, NotSupported

from ..project import PROJECT_FILES, ProjectConfig, ProjectFile, find_project_file
from ..spec import AgentFile, AgentSpec, as_written, document_of
from .build import Placed, build, nowhere
from .members import above, member_problems, with_files, with_order
from .overrides import Override, apply_overrides, parse_override
from .problems import Finding, Problem, show_path
from .reader import read_file
from .rules import agent_findings, project_findings, reach_of
from .source import Source

Kind: TypeAlias = Literal["agent", "project"]


def kind_of(path: Path) -> Kind:
    """What a file describes, by its name alone. Raises NotSupported for flows."""
    if path.name in PROJECT_FILES:
        return "project"
    if path.suffixes[-2:-1] == [".flow"]:
        raise NotSupported(f"{path}: describes a flow, not an agent", file=str(path), kind="flow")
    return "agent"


def load(path: Path, *, environment: Mapping[str, str], overrides: Sequence[str] = ()) -> AgentSpec | ProjectConfig:
    """The agent or project that a file describes."""
    if kind_of(path) == "project":
        return _project(path, environment)
    return load_agent(path, environment=environment, overrides=overrides)


def load_agent(
    path: Path,
    *,
    environment: Mapping[str, str],
    project: ProjectConfig | None = None,
    overrides: Sequence[str] = (),
    chain: tuple[Path, ...] = (),
) -> AgentSpec:
    """The agent or team that a YAML or TOML file describes. Each of `overrides` is `a.b=c`.

    `project` is the one that the file belongs to, searched from its folder upward where it is not given. Raises
    InvalidFile with everything that is wrong, or MissingVariable where variables are all that is. `chain` are the files
    of the teams that it is a member of.
    """
    chain = above(chain, path)
    if kind_of(path) == "project":
        raise ConfigError(f"{path}: describes a project, not an agent", file=str(path))
    replaced = [parse_override(text) for text in overrides]
    source = read_file(path)
    project = project or load_project(path.parent, environment=environment)
    folder = Path(os.path.relpath(path.parent.absolute(), project.root.absolute())).as_posix()
    tree, problems = apply_overrides(source.value, replaced) if isinstance(source.value, dict) else (source.value, [])
    place = _placed(source, replaced)
    if path.suffixes[-2:-1] == [".team"] and isinstance(tree, dict) and tree.get("team") is None:
        problems.append(place(Finding(("team",), ""), "this key is required in the file of a team"))
    inner = partial(load_agent, environment=environment, project=project, chain=chain)
    tree, found = with_files(tree, path.parent, inner, place)
    return _agent(tree, folder, environment, project, place, [*source.problems, *problems, *found])


def agent_from(
    described: AgentSpec | Mapping[str, Any],
    *,
    environment: Mapping[str, str],
    project: ProjectConfig | None = None,
    folder: str = ".",
    place: Placed | None = None,
) -> AgentSpec:
    """The agent that a mapping, or a spec made in Python, describes: checked and completed as a file is. `place` says
    where the mapping stands, if it is part of a file."""
    if isinstance(described, AgentSpec):
        if described.document:
            return described
        folder = described.folder
        described = as_written(described)
    try:
        tree = msgspec.json.decode(msgspec.json.encode(described))
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"a spec holds plain data only: {error}") from error
    return _agent(tree, folder, environment, project, place or nowhere("the spec"), ())


def load_document(document: bytes, *, environment: Mapping[str, str]) -> AgentSpec:
    """The spec that `spec_document` gave: an equal one, as long as the environment holds the same."""
    try:
        stored = msgspec.json.decode(document)
        kind, version, folder, tree = stored["kind"], stored["version"], stored["folder"], stored["spec"]
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise ConfigError("not the document of a spec") from error
    if (kind, version) != ("agent", 1):
        raise NotSupported(f"this version cannot read the document of a {kind}, version {version}")
    place = nowhere("the stored spec")
    built = build(AgentFile, tree, environment, rules=partial(agent_findings, reach=None), place=place)
    return _spec(built, folder, document)


def load_project(start: Path, *, environment: Mapping[str, str]) -> ProjectConfig:
    """The project that the folder `start` belongs to; where there is none, one of defaults with `start` as its root."""
    file = find_project_file(start)
    return ProjectConfig(root=start.absolute()) if file is None else _project(file, environment)


def _project(path: Path, environment: Mapping[str, str]) -> ProjectConfig:
    source = read_file(path)
    tree = {} if source.value is None else source.value
    place = _placed(source, ())
    built = build(ProjectFile, tree, environment, rules=project_findings, place=place, problems=source.problems)
    fields = {name: getattr(built, name) for name in ProjectFile.__struct_fields__}
    defaults = tree.get("defaults", {})
    return ProjectConfig(**fields, root=path.absolute().parent, file=path.absolute(), agent_defaults=defaults)


def _agent(
    tree: Any,
    folder: str,
    environment: Mapping[str, str],
    project: ProjectConfig | None,
    place: Placed,
    problems: Sequence[Problem],
) -> AgentSpec:
    settings: dict[str, Any] = {}
    if isinstance(tree, dict) and project is not None:
        tree = _completed(tree, project.agent_defaults)
        settings = msgspec.to_builtins(project.providers)
    tree = with_order(_canonical(tree))
    reach = reach_of(settings)
    problems = [*problems, *member_problems(tree, environment, reach, place)]
    rules = partial(agent_findings, reach=reach)
    built = build(AgentFile, tree, environment, rules=rules, place=place, problems=problems)
    return _spec(built, folder, document_of("agent", folder, tree))


def _spec(built: AgentFile, folder: str, document: bytes) -> AgentSpec:
    fields = {name: getattr(built, name) for name in AgentFile.__struct_fields__}
    return AgentSpec(**fields, folder=folder, document=document)


def _completed(tree: dict[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The tree with what it leaves open taken from the project: whole keys, and single ones of budget and limits."""
    complete = dict(tree)
    for key, default in defaults.items():
        own = complete.get(key)
        if own is None:
            complete[key] = default
        elif key != "model" and isinstance(own, dict) and isinstance(default, dict):
            complete[key] = {**default, **own}
    return complete


def _canonical(value: Any) -> Any:
    """The same data, but whole numbers have one form: YAML's `1` and TOML's `1.0` are the same price."""
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def _placed(source: Source, overrides: Sequence[Override]) -> Placed:
    def place(finding: Finding, what: str) -> Problem:
        for override in reversed(overrides):
            if finding.path[: len(override.path)] == override.path:
                return Problem(override.name, show_path(finding.path), what, variable=finding.variable)
        return source.problem(finding.path, what, key=finding.at == "key", variable=finding.variable)

    return place
