"""Who works in a flow: agents by file or written in place, with roles, and with words put in for `{{name}}`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from perdure.agents.config.loader import agent_from
from perdure.agents.config.problems import Finding, Problem, guess, show_value
from perdure.agents.config.reader import read_file
from perdure.agents.config.source import Source
from perdure.agents.project import ProjectConfig
from perdure.agents.spec import AgentSpec
from perdure.base.errors import ConfigError, InvalidFile, MissingVariable

from .merging import SHIPPED, folder_of
from .spot import Spot

_WORD = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}")
_OF_PLANNER = ("input", "last")
"""`{{…}}` that the plans of demo/planner fill in themselves."""
ROLE = ("name", "description", "prompt", "instructions", "personality", "vars", "model", "tools")


class People:
    """Reads agents of one flow; what is wrong goes to `problems`."""

    def __init__(
        self, environment: Mapping[str, str], project: ProjectConfig, words: Mapping[str, str], model: Any = None
    ) -> None:
        self.problems: list[Problem] = []
        self._environment = environment
        self._project = project
        self._words = words
        self._model = model

    def agent(self, name: str, spot: Spot) -> AgentSpec | None:
        """The agent that the flow calls `name`; None where it cannot be read."""
        if isinstance(spot.value, str):
            return self._file(name, spot, spot, {})
        if not isinstance(spot.value, dict):
            self._wrong(spot, f"expected a file, or a mapping that describes an agent, found {show_value(spot.value)}")
            return None
        words = {**self._words, **words_of(spot.get("vars"), self.problems)}
        file, role = spot.get("file"), spot.get("role")
        own = {key: value for key, value in spot.value.items() if key not in ("file", "role", "vars")}
        if file is not None:
            if own or role is not None:
                odd = next(iter(own), "role")
                self._wrong(spot.within((odd,), None), "beside `file` only `vars` can stand", key=True)
                return None
            return self._file(name, spot, file, words)
        usual = {} if self._model is None or "class" in own else {"model": self._model}
        tree = {"name": name, **usual, **own}
        if role is not None:
            base = self._role(role)
            if base is None:
                return None
            words = {**base.pop("vars"), **words}
            tree = {**base, **tree}
        return self._made(tree, spot, words, folder_of(spot), own)

    def _file(self, name: str, spot: Spot, named: Spot, words: dict[str, str]) -> AgentSpec | None:
        if not isinstance(named.value, str):
            self._wrong(named, "expected the path of a file")
            return None
        path = folder_of(spot) / named.value
        if not os.path.isfile(path):
            self._wrong(named, f"no such file: {path}")
            return None
        source = self._mapping(path)
        if source is None:
            return None
        return self._made(source.value, Spot(source, (), source.value), words, path.parent, source.value)

    def _mapping(self, path: Path) -> Source | None:
        """A file that holds a mapping of keys."""
        try:
            source = read_file(path)
        except InvalidFile as error:
            self.problems += error.problems
            return None
        if source.problems or not isinstance(source.value, dict):
            self.problems += source.problems or [source.problem((), "expected a mapping of keys")]
            return None
        return source

    def _made(
        self, tree: dict[str, Any], spot: Spot, words: dict[str, str], folder: Path, own: dict[str, Any]
    ) -> AgentSpec | None:
        """An agent from a tree, of which `own` stands at the spot itself."""

        def place(finding: Finding, what: str) -> Problem:
            at = spot.within(finding.path, None) if finding.path[:1] and finding.path[0] in own else spot
            if at is spot and finding.path:
                what = f"{finding.path[0]}: {what}"
            problem = at.problem(what, key=finding.at == "key")
            return msgspec.structs.replace(problem, variable=finding.variable)

        filled = self._filled(tree, spot, (), words)
        relative = Path(os.path.relpath(folder.absolute(), self._project.root.absolute())).as_posix()
        try:
            return agent_from(
                filled, environment=self._environment, project=self._project, folder=relative, place=place
            )
        except InvalidFile as error:
            self.problems += error.problems
        except MissingVariable as error:
            for variable in error.facts.get("variables", ()):
                what = f"the environment variable {variable} is not set"
                self.problems.append(msgspec.structs.replace(spot.problem(what), variable=variable))
        except ConfigError as error:
            self._wrong(spot, error.message)
        return None

    def _role(self, spot: Spot) -> dict[str, Any] | None:
        """A role file as the beginnings of an agent."""
        path = self._role_file(spot)
        if path is None:
            known = sorted(file.stem for file in (SHIPPED / "roles").glob("*.yaml"))
            near = guess(str(spot.value), known) or f"; there are {', '.join(known)}, or files"
            self._wrong(spot, f"there is no role {show_value(spot.value)}{near}")
            return None
        source = self._mapping(path)
        if source is None:
            return None
        tree = source.value
        role = Spot(source, (), tree)
        for key, inner in role.items():
            if key not in ROLE:
                self._wrong(inner, f"unknown key of a role{guess(key, ROLE)}", key=True)
        words = words_of(role.get("vars"), self.problems)
        if "personality" in tree:
            words["personality"] = str(tree["personality"])
        found: dict[str, Any] = {"instructions": tree.get("instructions", tree.get("prompt", "")), "vars": words}
        return found | {key: tree[key] for key in ("description", "model", "tools") if tree.get(key) is not None}

    def _role_file(self, spot: Spot) -> Path | None:
        folder = folder_of(spot).absolute()
        if not isinstance(spot.value, str):
            return None
        if spot.value.endswith((".yaml", ".yml")):
            return file if os.path.isfile(file := folder / spot.value) else None
        for place in (*(above / "templates" / "roles" for above in (folder, *folder.parents)), SHIPPED / "roles"):
            if os.path.isfile(file := place / f"{spot.value}.yaml"):
                return file
        return None

    def _filled(self, value: Any, spot: Spot, path: tuple[str | int, ...], words: dict[str, str]) -> Any:
        """A copy in which words stand for `{{name}}`."""
        if isinstance(value, dict):
            return {key: self._filled(inner, spot, (*path, key), words) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._filled(inner, spot, (*path, n), words) for n, inner in enumerate(value)]
        if not isinstance(value, str) or "{{" not in value:
            return value

        def put(found: re.Match[str]) -> str:
            name = found[1]
            if name in words:
                return words[name]
            if name not in _OF_PLANNER:
                hint = guess(name, words) or "; add it to `vars`"
                self._wrong(spot.within(path, None), f"`{{{{{name}}}}}` stands for nothing{hint}")
            return found[0]

        return _WORD.sub(put, value)

    def _wrong(self, spot: Spot, what: str, *, key: bool = False) -> None:
        self.problems.append(spot.problem(what, key=key))


def words_of(spot: Spot | None, problems: list[Problem]) -> dict[str, str]:
    """The words of a mapping `vars`."""
    words: dict[str, str] = {}
    if spot is None:
        return words
    if not isinstance(spot.value, dict):
        problems.append(spot.problem("expected a mapping of words"))
        return words
    for name, inner in spot.items():
        if isinstance(inner.value, str | int | float):
            words[name] = str(inner.value)
        else:
            problems.append(inner.problem(f"expected text, found {show_value(inner.value)}"))
    return words
