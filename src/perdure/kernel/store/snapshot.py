"""All that a store holds of one agent, taken at one moment: what an export writes and an import puts back."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping

import msgspec
from msgspec.structs import replace

from perdure.kernel.records import Record

from .rows import AgentRow, DeadLetter, Mail, Reservation, RunRow, ScopeRow, Timer, ValueRow


class Snapshot(msgspec.Struct, frozen=True, gc=False):
    """An agent that nobody owns, with its runs, mail and dead letters in the order in which they came to be.

    `records` are those of deleted runs too, and carry their blobs; they, the runs that point to them and the mail are
    numbered from 1, so that the snapshot of an agent is the same in every store. `known` and `seen` are ids, the oldest
    first. `reservations` are those of the agent's runs. `scopes` are for the caller to add: a store does not know which
    of them are the agent's own.
    """

    agent: AgentRow
    specs: dict[str, bytes]
    runs: tuple[RunRow, ...] = ()
    records: tuple[Record, ...] = ()
    mail: tuple[Mail, ...] = ()
    known: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()
    dead_letters: tuple[DeadLetter, ...] = ()
    timers: tuple[Timer, ...] = ()
    values: tuple[ValueRow, ...] = ()
    reservations: tuple[Reservation, ...] = ()
    scopes: tuple[ScopeRow, ...] = ()


def numbered(snapshot: Snapshot) -> Snapshot:
    """The snapshot with numbers of its own in place of the store's."""
    seqs = [record.seq for record in snapshot.records]
    return replace(
        snapshot,
        agent=replace(snapshot.agent, owner=""),
        runs=tuple(
            replace(run, first_seq=_place(seqs, run.first_seq), checkpoint_seq=_place_of(seqs, run.checkpoint_seq))
            for run in snapshot.runs
        ),
        records=tuple(replace(record, seq=n) for n, record in enumerate(snapshot.records, 1)),
        mail=tuple(replace(mail, seq=n) for n, mail in enumerate(sorted(snapshot.mail, key=lambda mail: mail.seq), 1)),
    )


def renamed(snapshot: Snapshot, agent_id: str, ids: Mapping[str, str]) -> Snapshot:
    """The snapshot as that of another agent: what `Restore` needs to make a clone, also in the store where the original
    is. `ids` gives the new ids of its runs, and of whatever else has timers; a parent without one is left behind.

    Every record is to be linked anew. What the original has reserved stays with it. Payloads are as they were, so a
    clone is to be made of an agent at rest: a run under way would wait for answers that come to the original.
    """

    def new(id: str) -> str:
        return ids.get(id, id)

    return replace(
        snapshot,
        agent=replace(snapshot.agent, id=agent_id, active_run=new(snapshot.agent.active_run), head=b"", records=0),
        runs=tuple(
            replace(
                run,
                id=new(run.id),
                agent_id=agent_id,
                parent=ids.get(run.parent, ""),
                root=ids.get(run.root, new(run.id)) if run.root else "",
            )
            for run in snapshot.runs
        ),
        records=tuple(
            replace(one, agent_id=agent_id, run_id=new(one.run_id), hash=one.hash if one.erased else b"")
            for one in snapshot.records
        ),
        mail=tuple(replace(mail, agent_id=agent_id, run_id=new(mail.run_id)) for mail in snapshot.mail),
        dead_letters=tuple(replace(letter, agent_id=agent_id) for letter in snapshot.dead_letters),
        timers=tuple(replace(timer, agent_id=agent_id, run_id=new(timer.run_id)) for timer in snapshot.timers),
        values=tuple(replace(value, agent_id=agent_id) for value in snapshot.values),
        reservations=(),
        scopes=(),
    )


def specs_named(agent: AgentRow, runs: Iterable[RunRow]) -> list[str]:
    return sorted({agent.spec, *(run.spec for run in runs)})


def _place(seqs: list[int], seq: int) -> int:
    """Where the records from `seq` on begin. A run that has none begins at the agent's last record."""
    return min(bisect_left(seqs, seq) + 1, len(seqs))


def _place_of(seqs: list[int], seq: int) -> int:
    return _place(seqs, seq) if seq else 0
