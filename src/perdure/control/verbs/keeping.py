"""Who may, and what is kept."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from typing import TYPE_CHECKING

from perdure import control

from . import Verbs

if TYPE_CHECKING:
    from perdure.control.cleaning import Cleaned
    from perdure.control.deletion import Deleted
    from perdure.control.keys import Key, NewKey
    from perdure.control.once import Once


class Keeping(Verbs):
    """Keys of the server, and what is forgotten."""

    async def add_key(
        self,
        id: str,
        scopes: Collection[str],
        *,
        expires_in_ms: int | None = None,
        pubkey: str = "",
        who: str = "operator",
    ) -> NewKey:
        """Make an API key for the server; its text is in the result, and nowhere else. With a `pubkey` there is none:
        requests that its holder signs are let in."""
        return await control.keys.add_key(
            self._runtime, id, scopes, expires_in_ms=expires_in_ms, pubkey=pubkey, who=who
        )

    async def keys(self) -> list[Key]:
        """All API keys and sessions of browsers, in order of their ids."""
        return await control.keys.list_keys(self._runtime)

    async def revoke_key(self, id: str) -> None:
        """Let a key or session open nothing from now on, in whatever process."""
        await control.keys.revoke_key(self._runtime, id)

    @cached_property
    def once(self) -> Once:
        """What is good for one use."""
        return control.once.Once(self._runtime.store, self._runtime.clock)

    async def delete_run(self, run_id: str) -> Deleted:
        """Forget a run that has ended, and its agent where it has no other."""
        return await control.deletion.delete_run(self._runtime, run_id)

    async def delete_agent(self, agent_id: str) -> Deleted:
        """Forget an agent with everything of it; all its runs have to have ended."""
        return await control.deletion.delete_agent(self._runtime, agent_id)

    async def gc(self, *, older_than_ms: int | None = None) -> Cleaned:
        """Remove what nothing refers to, and runs that ended longer ago than `older_than_ms`."""
        return await control.cleaning.gc(self._runtime, older_than_ms=older_than_ms)
