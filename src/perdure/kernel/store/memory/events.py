"""What operations on events and marks do to the tables, and what the tables say of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from perdure.kernel.store import ops, refusals
from perdure.kernel.store.rows import EventFilter, EventRow, Order, TopicRow

from .tables import Tables


def publish(tables: Tables, op: ops.PublishEvent) -> tuple[int, bool]:
    known = tables.event_seqs.get(op.id)
    if known is not None:
        return known, False
    refusal = refusals.bad_event(op)
    if refusal is not None:
        raise refusal
    f"{op.id}{op.topic}".encode()  # text that cannot be stored fails here
    seq = tables.number("event")
    tables.put(tables.events, seq, EventRow(seq, op.id, op.topic, op.at, bytes(op.data)))
    tables.put(tables.event_seqs, op.id, seq)
    return seq, True


def trim(tables: Tables, op: ops.TrimEvents) -> int:
    found = list(chosen(tables, EventFilter(op.topic)))
    surplus = 0 if op.keep is None else max(0, len(found) - op.keep)
    old = [event for n, event in enumerate(found) if event.seq <= op.upto and (n < surplus or event.at < op.before)]
    for event in old[: op.most]:
        tables.drop(tables.events, event.seq)
        tables.drop(tables.event_seqs, event.id)
    return min(len(old), op.most)


def put_mark(tables: Tables, op: ops.PutMark) -> None:
    if op.mark.agent_id:
        tables.need(op.mark.agent_id)
    op.mark.name.encode()
    tables.put(tables.marks, op.mark.name, op.mark)


def drop_mark(tables: Tables, op: ops.DropMark) -> bool:
    found = op.name in tables.marks
    tables.drop(tables.marks, op.name)
    return found


def chosen(
    tables: Tables, filter: EventFilter, after: int = 0, before: int | None = None, order: Order = "oldest"
) -> Iterator[EventRow]:
    """The events that a filter chooses, with after < seq < before."""
    first = max(after + 1, next(iter(tables.events), 1))
    end = tables.last.get("event", 0) + 1 if before is None else before
    seqs = range(first, end) if order == "oldest" else range(end - 1, first - 1, -1)
    for seq in seqs:
        event = tables.events.get(seq)
        if event is not None and _fits(event, filter):
            yield event


def find(
    tables: Tables, filter: EventFilter, after: int, before: int | None, limit: int, order: Order
) -> list[EventRow]:
    return list(islice(chosen(tables, filter, after, before, order), limit))


def topics(tables: Tables, prefix: str, cursor: str) -> list[TopicRow]:
    by_topic: dict[str, list[EventRow]] = {}
    for event in tables.events.values():
        if event.topic.startswith(prefix) and event.topic > cursor:
            by_topic.setdefault(event.topic, []).append(event)
    return [
        TopicRow(topic, len(found), found[0].seq, found[-1].seq, found[0].at, found[-1].at)
        for topic, found in sorted(by_topic.items())
    ]


def _fits(event: EventRow, filter: EventFilter) -> bool:
    return filter.topic in ("", event.topic) and event.topic.startswith(filter.prefix) and event.at >= filter.since
