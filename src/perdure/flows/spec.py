"""A flow, ready to run: its plan, and the agents, flows and tools that the plan names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from perdure.agents.spec import AgentSpec, Budget, Trigger, document_digest
from perdure.tools.fetch.port import Fetch
from perdure.tools.port import Tool
from perdure.tools.registry import resolve, resolve_all

from .plan import Plan

if TYPE_CHECKING:
    from perdure.tools.capability import Broker


class FlowSpec(msgspec.Struct, frozen=True):
    """`agents` and `flows` are by the name that steps call them. `tools` are entries as an agent's file has them, those
    that steps name themselves (`./tools.py:function`) included. `on` is what starts it by itself, once it is deployed.

    `folder` is where relative paths of tools start, itself relative to the project's root (POSIX). `document` is what
    the store keeps: everything above as data, so that a run does not depend on files that change under it. `lines` are
    the lines of steps by path, for people; a flow that was read from the store has none.
    """

    name: str
    plan: Plan
    agents: dict[str, AgentSpec] = {}
    flows: dict[str, FlowSpec] = {}
    tools: tuple[str | dict[str, Any], ...] = ()
    on: tuple[Trigger, ...] = ()
    budget: Budget = Budget()
    version: str = ""
    description: str = ""
    folder: str = "."
    metadata: dict[str, str] = {}
    document: bytes = b""
    file: str = ""
    lines: dict[str, int] = {}

    def __repr__(self) -> str:
        """Short, and without the keys that a model may carry."""
        return f"FlowSpec(name={self.name!r}, folder={self.folder!r}, digest={flow_digest(self)!r})"


def flow_digest(spec: FlowSpec) -> str:
    """32 hex digits that stand for the flow; a run keeps to the flow whose digest it began with."""
    return document_digest(spec.document)


def resolve_tools(
    spec: FlowSpec, *, root: Path, fetch: Fetch | None = None, broker: Callable[[], Broker] | None = None
) -> dict[str, Tool]:
    """The tools of a flow by what its steps call them: the name of a tool, or the reference that a step names it with.
    `root` is the project's. Raises ConfigError."""
    folder = root / spec.folder
    return tools_by_call(spec.tools, folder, fetch, broker)


def tools_by_call(
    entries: tuple[str | dict[str, Any], ...],
    folder: Path,
    fetch: Fetch | None = None,
    broker: Callable[[], Broker] | None = None,
) -> dict[str, Tool]:
    references = {str(entry): resolve(entry, folder=folder)[0] for entry in entries if is_reference(entry)}
    plain = (entry for entry in entries if not is_reference(entry))
    named = resolve_all(plain, folder=folder, fetch=fetch, broker=broker)
    for tool in references.values():
        named.setdefault(tool.definition.name, tool)
    return {**named, **references}


def is_reference(entry: Any) -> bool:
    """Whether an entry names a Python function: `./file.py:function` or `package.module:function`."""
    return isinstance(entry, str) and ":" in entry
