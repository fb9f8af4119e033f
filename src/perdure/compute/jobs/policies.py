"""The policies of agents, as an administrator wrote them."""

from __future__ import annotations

import msgspec

from perdure.base.clock import Clock
from perdure.base.codec import digest_bytes, to_json
from perdure.base.errors import InputError
from perdure.kernel import records as r
from perdure.kernel.journal import encode
from perdure.kernel.store.ops import Append, PutValue
from perdure.kernel.store.port import Store

from ..policy import ComputePolicy

KEY = "compute/policy"


class Policies:
    """`default` is for agents that have none of their own."""

    def __init__(self, store: Store, clock: Clock, default: ComputePolicy) -> None:
        self._store = store
        self._clock = clock
        self._default = default

    async def of(self, agent_id: str) -> ComputePolicy:
        row = await self._store.value(agent_id, KEY)
        return self._default if row is None else msgspec.json.decode(row.data, type=ComputePolicy)

    async def put(self, agent_id: str, data: bytes) -> None:
        """Give an agent a policy, from now on. Raises InputError, and AgentNotFound."""
        try:
            policy = msgspec.json.decode(data, type=ComputePolicy)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InputError(f"not a policy of /compute: {error}") from error
        kept, now = to_json(policy), self._clock.now()
        event = r.ValueSet(digest=digest_bytes(kept), size=len(kept), body=msgspec.Raw(msgspec.msgpack.encode(kept)))
        record = encode(event, agent_id=agent_id, run_id="", key=KEY, at=now)
        await self._store.commit([Append(agent_id, (record,)), PutValue(agent_id, KEY, kept, now)])
