"""Agents: made, seen, told, moved between projects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from perdure import control

from . import Verbs

if TYPE_CHECKING:
    from perdure.agents.targets import Target
    from perdure.control.agents import AgentDetail, AgentSummary
    from perdure.control.bundle.importing import Imported, ImportMode
    from perdure.kernel.life import LifeVerb
    from perdure.kernel.store.rows import Page, RunRow


class Agents(Verbs):
    """What can be done with agents as a whole."""

    async def create(
        self, target: Target, *, agent: str | None = None, overrides: Sequence[str] = (), who: str = "operator"
    ) -> AgentSummary:
        """Make an agent without sending it a message; a Python agent's `on_create` runs now."""
        return await control.agents.create(self._runtime, self._runtime.spec(target, overrides), agent=agent, who=who)

    async def agents(self, *, status: Sequence[str] = (), limit: int = 20, cursor: str = "") -> Page[AgentSummary]:
        """Agents in order of their ids: those in these states."""
        return await control.agents.list_agents(self._runtime, status=status, limit=limit, cursor=cursor)

    async def show_agent(self, agent_id: str) -> AgentDetail:
        """Everything about one agent but its runs."""
        return await control.agents.show_agent(self._runtime, agent_id)

    async def change(self, agent_id: str, verb: LifeVerb, *, why: str = "", who: str = "operator") -> AgentSummary:
        """Start, wake, stop, hibernate or terminate an agent."""
        return await control.agents.change(self._runtime, agent_id, verb, who=who, why=why)

    async def tick(self, agent_id: str, *, reason: str = "", who: str = "operator") -> RunRow:
        """Let an agent take a turn now."""
        return await control.agents.tick(self._runtime, agent_id, who=who, reason=reason)

    async def send(self, agent_id: str, input: Any, *, who: str = "operator") -> RunRow:
        """Send something to an agent that there is; `wait` for the run that it begins."""
        return await control.agents.send(self._runtime, agent_id, input, who=who)

    async def export_agent(self, agent_id: str) -> bytes:
        """All of an agent as one file; unchanged, it has the same bytes every time."""
        return await control.bundle.export_agent(
            self._runtime, agent_id, pubkey=await self._runtime.directory.pubkey(agent_id)
        )

    async def import_agent(
        self, data: bytes, *, mode: ImportMode = "restore", agent: str | None = None, who: str = "operator"
    ) -> Imported:
        """Put an exported agent into this project: `restore`, `clone` or `merge`."""
        return await control.bundle.import_agent(self._runtime, data, mode=mode, agent=agent, who=who)
