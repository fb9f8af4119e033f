"""The members of a team as agents of their own: their files read in, and what holds of all laid under each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from perdure.base.codec import from_json
from perdure.base.errors import ConfigError, InvalidFile, MissingVariable

from ..spec import AgentFile, AgentSpec, spec_document
from .build import Placed, build
from .problems import Finding, Problem
from .rules import Reach, agent_findings

INHERITED = (
    *("model", "tools", "approve", "permissions", "autonomy"),
    *("limits", "stop", "strategy", "output_retries", "context"),
)
"""What members have from their team where they do not say it themselves."""
_SHORT = ("description", "model", "instructions", "tools")


class Seat(msgspec.Struct, frozen=True):
    """A place in a team: a member, or one of its copies. `tree` is its agent as a file would hold it."""

    name: str
    member: str
    role: str
    tree: dict[str, Any]
    folder: str | None


def seats_of(spec: AgentSpec) -> list[Seat]:
    """The seats of the team that a spec describes, in order; their variables stay unfilled."""
    assert spec.team is not None
    tree = from_json(spec_document(spec))["spec"]
    written, members = tree["team"]["members"], spec.team.members
    return [
        Seat(name, member, said.role, {**_agent(tree, written[member]), "name": name}, said.folder)
        for member, said in ((member, members[member]) for member in spec.team.order)
        for name in names_of(member, said.copies)
    ]


def names_of(member: str, copies: int) -> list[str]:
    return [member] if copies == 1 else [f"{member}_{number}" for number in range(1, copies + 1)]


def with_order(tree: Any) -> Any:
    """The tree with the order of its members spelt out: what is stored knows no order of keys."""
    members = dict(_members(tree))
    if not members:
        return tree
    for name, member in members.items():
        if isinstance(member, dict) and "agent" in member:
            members[name] = {**member, "agent": with_order(member["agent"])}
    team = {"order": list(members), **tree["team"], "members": members}
    if isinstance(team["order"], list) and all(isinstance(name, str) for name in team["order"]):
        team["order"] = [*team["order"], *(name for name in members if name not in team["order"])]
    return {**tree, "team": team}


def with_files(
    tree: Any, folder: Path, load: Callable[[Path], AgentSpec], place: Placed, at: tuple[str, ...] = ()
) -> tuple[Any, list[Problem]]:
    """The tree with what members' files say in place of their names, so that nothing depends on the files any more."""
    problems: list[Problem] = []
    members: dict[str, Any] = {}
    for name, member in _members(tree):
        where = (*at, "team", "members", name)
        if isinstance(member, dict) and isinstance(member.get("file"), str):
            finding = Finding((*where, "file"), "")
            path = folder / member["file"]
            if not os.path.isfile(path):
                problems.append(place(finding, f"no such file: {member['file']}"))
                continue
            member = {key: value for key, value in member.items() if key != "file"}
            try:
                stored = from_json(spec_document(load(path)))
                own = member.get("agent", {})
                if isinstance(own, dict):
                    member |= {"agent": {**stored["spec"], **own}, "folder": stored["folder"]}
            except InvalidFile as error:
                problems += error.problems
            except MissingVariable:
                raise
            except ConfigError as error:
                problems.append(place(finding, error.message))
        elif isinstance(member, dict) and isinstance(member.get("agent"), dict):
            inner, found = with_files(member["agent"], folder, load, place, (*where, "agent"))
            member = {**member, "agent": inner}
            problems += found
        members[name] = member
    if members:
        tree = {**tree, "team": {**tree["team"], "members": members}}
    return tree, problems


def member_problems(tree: Any, environment: Mapping[str, str], reach: Reach | None, place: Placed) -> Iterator[Problem]:
    """What is wrong with members, once everything that they are made of is put together."""
    for name, member in _members(tree):
        if not isinstance(member, dict) or not isinstance(member.get("agent", {}), dict):
            continue  # the schema says so
        shifted = partial(_shifted, place=place, name=name, member=member)
        made = {**_agent(tree, member), "name": name}
        try:
            build(AgentFile, made, environment, rules=partial(agent_findings, reach=reach), place=shifted)
        except InvalidFile as error:
            yield from error.problems
        except MissingVariable:
            continue  # the file as a whole says so
        yield from member_problems(made, environment, reach, shifted)


def above(chain: tuple[Path, ...], path: Path) -> tuple[Path, ...]:
    """The files that are being read, with one more. Raises ConfigError where it is among them already."""
    found = Path(os.path.realpath(path))
    if found in chain:
        raise ConfigError("these teams are members of each other")
    return (*chain, found)


def _agent(tree: Mapping[str, Any], member: Mapping[str, Any]) -> dict[str, Any]:
    described = member.get("agent", {})
    made = {key: tree[key] for key in INHERITED if key in tree}
    made |= {key: value for key, value in described.items() if key != "on"}  # it is the team that is woken
    made |= {key: member[key] for key in _SHORT if key in member}
    said = (tree.get("instructions"), made.get("instructions"))
    if isinstance(said[0], str) and said[0]:
        made["instructions"] = "\n\n".join(str(part) for part in said if part)
    return made


def _members(tree: Any) -> list[tuple[str, Any]]:
    team = tree.get("team") if isinstance(tree, dict) else None
    members = team.get("members") if isinstance(team, dict) else None
    return list(members.items()) if isinstance(members, dict) else []


def _shifted(finding: Finding, what: str, place: Placed, name: str, member: Mapping[str, Any]) -> Problem:
    """The problem where the member says it, or else where the team does."""
    key = finding.path[0] if finding.path else ""
    own = ("team", "members", name)
    if key in _SHORT and key in member:
        path = (*own, *finding.path)
    elif key in member.get("agent", {}):
        path = (*own, "agent", *finding.path)
    elif key in INHERITED and finding.at == "value" and "required" not in what:
        path = finding.path
    else:
        path = (*own, *finding.path)
    return place(msgspec.structs.replace(finding, path=path), what)
