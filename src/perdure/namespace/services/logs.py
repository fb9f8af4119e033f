"""`logs/`: the journal of an agent to read and to follow.

`trace` is a stream: watch it. `recent` shows the last records, `ticks` the last turns, a line for each. `trajectory` is
the whole as lines of JSON; a request such as `{"from": 100, "to": 200}` answers the records with these seqs.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec

from perdure.base.codec import to_json
from perdure.base.errors import FileTooLarge, FileUnsupported, InputError
from perdure.kernel.records import Record
from perdure.kernel.store.rows import RecordFilter

from ..buffered import MAX_CONTENT
from ..node import Document, Folder, json_document
from ..port import Watch
from .desk import Desk
from .record import line, shown
from .turns import CAUSES, ENDS, Turns
from .watching import follow, newest

RECENT = 512
"""Records in `recent`."""
TURNS = 2_048
"""Records that `ticks` is made from."""


class Range(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"first": "from", "last": "to"}):
    """Seqs of the first and the last record wanted."""

    first: Annotated[int, msgspec.Meta(ge=0)] = 0
    last: Annotated[int, msgspec.Meta(ge=0)] = 2**62


def logs_node(agent_id: str, desk: Desk) -> Folder:
    whole = RecordFilter(agent_id)
    turning = RecordFilter(agent_id, types=(*CAUSES, *ENDS))
    trace = follow(desk, whole, _line)

    async def stream() -> bytes:
        raise FileUnsupported("it is a stream, which can be watched", hint="Watch it, or read logs/recent.")

    async def recent() -> list[dict[str, Any]]:
        return [shown(record) for record in await newest(desk, whole, RECENT)]

    async def trajectory() -> bytes:
        return await records_as_lines(desk, whole, Range())

    async def part(request: bytes) -> bytes:
        try:
            return await records_as_lines(desk, whole, msgspec.json.decode(request, type=Range))
        except msgspec.DecodeError as error:
            raise InputError(f"not a range of records: {error}", hint='Write {"from": 100, "to": 200}.') from error

    async def ticks() -> bytes:
        turns = Turns()
        ended = [turns.note(record) for record in await newest(desk, turning, TURNS)]
        return b"".join(to_json(turn) + b"\n" for turn in ended if turn is not None)

    async def watch_ticks(after: int | None) -> Watch:
        turns = Turns()
        before = None if after is None else after + 1
        for record in reversed(await desk.store.records(turning, before=before, limit=TURNS, order="newest")):
            turns.note(record)  # so that the turn under way is told with its beginning
        watch = follow(desk, turning, lambda record: _turn(turns, record))
        return await watch(after)

    return Folder(
        {
            "trace": Document(read=stream, watch=trace),
            "recent": Document(read=json_document(recent).read, watch=trace),
            "trajectory": Document(read=trajectory, call=part, watch=trace),
            "ticks": Document(read=ticks, watch=watch_ticks),
        },
        watch=trace,
    )


async def records_as_lines(desk: Desk, filter: RecordFilter, range: Range) -> bytes:
    """Records as lines of JSON. Raises FileTooLarge where an open file cannot hold them."""
    text = bytearray()
    after = max(0, range.first - 1)
    while page := await desk.store.records(filter, after=after, before=range.last + 1):
        for record in page:
            text += _line(record)
        if len(text) > MAX_CONTENT:
            raise FileTooLarge(
                f"it is longer than the {MAX_CONTENT:,} bytes that can be read at once",
                hint='Ask for a part: write {"from": 100, "to": 200} and read the answer.',
            )
        after = page[-1].seq
        await asyncio.sleep(0)  # a store may answer without waiting, and there are others
    return bytes(text)


def _line(record: Record) -> bytes:
    return line(record) + b"\n"


def _turn(turns: Turns, record: Record) -> bytes | None:
    turn = turns.note(record)
    return None if turn is None else to_json(turn) + b"\n"
