"""The hash chain that makes an agent's journal tamper-evident: each record is linked to the one before it."""

from __future__ import annotations

from collections.abc import Container, Iterable

import msgspec

from perdure.base.codec import digest_bytes, hashed

from .records import Record

START = b""
"""The head of an agent that has no record yet."""

_frame = msgspec.msgpack.Encoder().encode


def link(previous_hash: bytes, record: Record) -> bytes:
    """The 16-byte hash of `record` in its place: blake2b of the hash before it and the record's content.

    The content is framed as a MessagePack array (agent_id, run_id, key, type, at, data, blob), so no two records have
    the same bytes. `seq` is left out: it tells the place in the global order, which other agents share.
    """
    content = _frame(
        (record.agent_id, record.run_id, record.key, record.type, record.at, record.data, record.blob or "")
    )
    return hashed(previous_hash + content)


def check(records: Iterable[Record], *, head: bytes, count: int, kept_runs: Container[str] = ()) -> list[str]:
    """What is wrong with an agent's records, one line each; empty where the chain is whole.

    `records` are all of them in order, those of deleted runs included: these are counted and linked by the hash that is
    stored, as their content is gone. `head` and `count` come from the agent's row and tell whether the tail is there.
    An erased record of one of `kept_runs` was not erased by a deletion.
    """
    problems: list[str] = []
    previous = START
    found = 0
    for record in records:
        found += 1
        name = (
            f"record {record.seq} ({record.type} {record.key})"
            if record.key
            else f"record {record.seq} ({record.type})"
        )
        if record.erased:
            if record.run_id in kept_runs:
                problems.append(f"{name}: its content was removed, but its run {record.run_id} was not deleted")
        elif link(previous, record) != record.hash:
            problems.append(f"{name}: it was changed, or is not in its place, or one before it is missing")
        elif record.blob and record.payload is None:
            problems.append(f"{name}: its blob {record.blob} is missing")
        elif record.payload is not None and digest_bytes(record.payload) != record.blob:
            problems.append(f"{name}: its blob {record.blob} was changed")
        previous = record.hash
    if found != count:
        problems.append(f"{found} records are there, but {count} were written")
    elif previous != head:
        problems.append("the last record is not the one that was written last")
    return problems
