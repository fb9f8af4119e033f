"""What accepting and appending write."""

from __future__ import annotations

import msgspec

from perdure.base.codec import pack
from perdure.kernel import records as r
from perdure.kernel.journal import encode
from perdure.kernel.outgoing import append
from perdure.kernel.store.memory import MemoryStore
from perdure.kernel.store.ops import PutAgent
from perdure.kernel.store.rows import AgentRow


async def test_the_seqs_of_records_are_the_first_result_also_where_a_blob_goes_with_them() -> None:
    large = r.Checkpoint(body=msgspec.Raw(pack({"state": "x" * 2 * r.BLOB_LIMIT})))
    record = encode(large, agent_id="a", run_id="run_1", key="", at=1)
    store = MemoryStore()
    await store.commit([PutAgent(AgentRow("a", "spec", 1))])

    results = await store.commit(append("a", [record]))

    assert results[0] == [1]
    assert await store.blob(record.blob) == record.payload
