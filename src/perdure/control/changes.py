"""What was decided about agents' mounts since they were deployed, kept as long as the store says nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from perdure.base.lazy import load
from perdure.kernel.mounting import KEPT as PREFIX

if TYPE_CHECKING:
    from perdure.agents.permissions import Changed
    from perdure.kernel.store.port import Store
    from perdure.namespace.path import Path

CHANGED = "perdure.agents.permissions:Changed"
PARSE = "perdure.namespace.path:parse"

MOST = 4_096


class MountChanges:
    """Decisions by agent and path. Those of this process are known at once; those of another one when this one has
    committed after it, which every effect does."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, tuple[int, dict[Path, Changed]]] = {}

    async def of(self, agent_id: str) -> dict[Path, Changed]:
        known, now = self._known.get(agent_id), self._store.changed()
        if known is None or known[0] != now:
            known = self._keep(agent_id, now, await self._read(agent_id))
        return known[1]

    def is_new(self, agent_id: str) -> None:
        """The agent comes to be just now: nobody can have decided anything about it."""
        self._keep(agent_id, self._store.changed(), {})

    def is_known(self, agent_id: str) -> bool:
        """Whether what was last told of the agent is still so."""
        known = self._known.get(agent_id)
        return known is not None and known[0] == self._store.changed()

    def forget(self, agent_id: str) -> None:
        self._known.pop(agent_id, None)

    def _keep(self, agent_id: str, now: int, changes: dict[Path, Changed]) -> tuple[int, dict[Path, Changed]]:
        if len(self._known) >= MOST:
            del self._known[next(iter(self._known))]
        known = self._known[agent_id] = now, changes
        return known

    async def _read(self, agent_id: str) -> dict[Path, Changed]:
        found: dict[Path, Changed] = {}
        cursor = ""
        while True:
            page = await self._store.values(agent_id, PREFIX, cursor=cursor, limit=100)
            for row in page.items:
                path = load(PARSE)(row.key.removeprefix(PREFIX))
                found[path] = msgspec.json.decode(row.data, type=load(CHANGED))
            cursor = page.next
            if not cursor:
                return found
