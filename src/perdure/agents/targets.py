"""What can be run: a file, a spec, a mapping, a Python agent class."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from perdure.base.errors import InputError
from perdure.base.lazy import load

from .config.loader import agent_from, load_agent
from .project import ProjectConfig
from .spec import AgentSpec

if TYPE_CHECKING:
    from .python import Agent

AGENT = "perdure.agents.python:Agent"

Target: TypeAlias = "str | Path | AgentSpec | Mapping[str, Any] | type[Agent]"
"""A path of a YAML or TOML file, a spec or the mapping of one, or a subclass of `perdure.Agent`."""


def spec_of(
    target: Target,
    *,
    project: ProjectConfig,
    given: dict[str, Any],
    environment: Mapping[str, str],
    overrides: Sequence[str] = (),
) -> AgentSpec:
    """The spec of a target, checked. Live Python objects in it go into `given`, by the reference that names them."""
    if isinstance(target, (str, Path)):
        path = project.root / target
        return load_agent(path, environment=environment, project=project, overrides=overrides)
    if overrides:
        raise InputError("overrides are for files", hint="Change the spec itself.")
    if isinstance(target, type) and issubclass(target, load(AGENT)):
        target = AgentSpec(name=target.__name__.lower(), handler=_reference(target, given))
    elif isinstance(target, AgentSpec):
        if any(not isinstance(entry, str) for entry in target.tools):
            target = msgspec.structs.replace(target, tools=_named(target.tools, given))
    elif isinstance(target, Mapping):
        target = {**target, "tools": _named(target.get("tools", ()), given)}
    else:
        raise InputError(f"cannot be run: {target!r}", hint="Give a file, an AgentSpec, a mapping or an Agent class.")
    return agent_from(target, environment=environment, project=project)


def _named(tools: Sequence[Any], given: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(entry if isinstance(entry, (str, Mapping)) else _reference(entry, given) for entry in tools)


def _reference(found: Any, given: dict[str, Any]) -> str:
    """How a stored spec names a live object, so that another process can find it again."""
    function = inspect.unwrap(getattr(found, "function", found))
    module, name = function.__module__, function.__qualname__
    if module == "__main__":
        file = getattr(sys.modules["__main__"], "__file__", None)
        module = str(Path(file).resolve()) if file else module
    reference = f"{module}:{name}"
    given[reference] = found
    return reference
