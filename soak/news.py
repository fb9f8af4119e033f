"""The accounts of the bus: what was published is in the log once, and came from there to each subscription once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from accounts import Balance
from journal import Told

from perdure.base.topic import matches
from perdure.kernel.store.rows import EventRow
from perdure.kernel.topics import Subscription


def news_wrong(
    runs: Sequence[Told],
    published: Mapping[str, int],
    log: Sequence[EventRow],
    subscriptions: Sequence[Subscription],
    found: Balance,
) -> Iterator[str]:
    """`published` are the numbers that receipts named, by id; `log` is what came into the log since the last time."""
    logged = Counter(row.id for row in log)
    yield from (f"event {id} is in the log {n} times" for id, n in logged.items() if n > 1)
    numbers = {row.id: row.seq for row in log}
    yield from (
        f"event {id} is number {numbers.get(id)} of the log, its receipt says {seq}"
        for id, seq in published.items()
        if numbers.get(id) != seq
    )
    begun: dict[str, list[Told]] = defaultdict(list)
    for run in runs:
        begun[run.event.partition("/")[0]].append(run)
    ids = {row.seq: row.id for row in log}
    for wanted in subscriptions:
        due = [row.id for row in log if matches(wanted.pattern, row.topic)]
        heard = Counter(id for run in begun[wanted.id] for id in _events(run, ids))
        where = f"{wanted.agent_id} of {wanted.pattern}"
        yield from (f"{where} heard of {id} {heard[id]} times" for id in due if heard[id] != 1)
        yield from (f"{where} heard of {id}, which was not published" for id in heard.keys() - set(due))
        yield from (
            f"{run.id}, of an event, is {run.status or 'open'}" for run in begun[wanted.id] if run.status != "done"
        )
        found.counted[f"events heard by {wanted.agent_id}"] = heard.total()
    found.counted |= {"events": len(published), "events in the log": len(log)}


def _events(run: Told, ids: Mapping[int, str]) -> list[str]:
    """Ids of the events that began a run."""
    seq = int(run.event.partition("/")[2])
    return run.heard or [ids.get(seq, f"number {seq}")]
