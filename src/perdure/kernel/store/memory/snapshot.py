"""All that the tables hold of one agent."""

from __future__ import annotations

from msgspec.structs import replace

from perdure.kernel.store.rows import Timer
from perdure.kernel.store.snapshot import Snapshot, numbered, specs_named

from .tables import Tables


def snapshot(tables: Tables, agent_id: str) -> Snapshot:
    agent = tables.need(agent_id)
    runs = [run for _, run in sorted(tables.runs.values(), key=lambda pair: pair[0]) if run.agent_id == agent_id]
    ids = {run.id for run in runs}
    records = tables.journal.get(agent_id, {}).values()
    letters = sorted(tables.dead.get(agent_id, {}).values(), key=lambda pair: pair[0])
    values = tables.values.get(agent_id, {})
    return numbered(
        Snapshot(
            agent,
            {digest: tables.specs[digest] for digest in specs_named(agent, runs) if digest in tables.specs},
            tuple(runs),
            tuple(replace(record, payload=tables.blobs.get(record.blob)) for record in records),
            tuple(tables.mail.get(agent_id, {}).values()),
            _oldest_first(tables.known.get(agent_id, {})),
            _oldest_first(tables.seen.get(agent_id, {})),
            tuple(letter for _, letter in letters),
            tuple(by_time([timer for timer in tables.timers.values() if timer.agent_id == agent_id])),
            tuple(values[key] for key in sorted(values)),
            tuple(held for id, held in sorted(tables.reservations.items()) if held.run_id in ids),
        )
    )


def by_time(timers: list[Timer]) -> list[Timer]:
    return sorted(timers, key=lambda timer: (timer.due, timer.run_id, timer.key))


def _oldest_first(marks: dict[str, int]) -> tuple[str, ...]:
    return tuple(sorted(marks, key=lambda id: marks[id]))
