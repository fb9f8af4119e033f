"""Keys that last as long as the process."""

from __future__ import annotations

from .port import Signer
from .signer import Entropy, KeySigner, new_secret


class MemoryKeys:
    """A keyring without a file, for tests and for agents that need no identity tomorrow."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self._signers: dict[str, Signer] = {}

    async def signer(self, agent_id: str) -> Signer:
        known = self._signers.get(agent_id)
        if known is None:
            known = self._signers[agent_id] = KeySigner(new_secret(self._entropy), self._entropy)
        return known

    async def find(self, agent_id: str) -> Signer | None:
        return self._signers.get(agent_id)
