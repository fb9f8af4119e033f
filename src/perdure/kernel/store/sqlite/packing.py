"""Agents and runs as stored: a few columns that are asked for, and the whole row packed, its fields in order."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from msgspec import DecodeError
from msgspec.structs import astuple

from perdure.base.codec import pack, unpack
from perdure.base.errors import StoreCorrupt
from perdure.kernel.store.rows import AgentRow, RunRow

_OWNER, _FENCE, _HEAD, _RECORDS = map(AgentRow.__struct_fields__.index, ("owner", "fence", "head", "records"))
_FIRST_SEQ = RunRow.__struct_fields__.index("first_seq")


def pack_row(row: AgentRow | RunRow) -> bytes:
    return pack(astuple(row))


def read_agent(packed: bytes, owner: str, fence: int, head: bytes, records: int) -> AgentRow:
    """The row, with what its columns say: these change without it."""
    fields = _unpack(packed)
    fields[_OWNER], fields[_FENCE], fields[_HEAD], fields[_RECORDS] = owner, fence, head, records
    return AgentRow(*fields)


def read_run(packed: bytes, first_seq: int) -> RunRow:
    fields = _unpack(packed)
    fields[_FIRST_SEQ] = first_seq
    return RunRow(*fields)


def _unpack(packed: bytes) -> list[Any]:
    try:
        return list(unpack(packed))
    except (DecodeError, TypeError) as error:
        raise StoreCorrupt(f"a row of the database cannot be read: {error}") from error


@lru_cache(1_024)
def tight(run_id: str) -> str | bytes:
    """A run's id in 16 bytes where it is one of ours (`run_` and 32 lower-case hex digits), else as it is."""
    if len(run_id) == 36 and run_id.startswith("run_"):
        try:
            digits = bytes.fromhex(run_id[4:])
        except ValueError:
            return run_id
        if digits.hex() == run_id[4:]:
            return digits
    return run_id


def wide(stored: str | bytes) -> str:
    return f"run_{stored.hex()}" if isinstance(stored, bytes) else str(stored)
