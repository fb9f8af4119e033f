"""What a bundle holds, as files: text that people and other programs can read, one JSON value a line where there are
many. Bytes in it are base64; the state, specs and long bodies are files of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from perdure.base.codec import digest_bytes
from perdure.base.errors import InputError, InvalidBundle
from perdure.kernel.alarms import PREFIX
from perdure.kernel.idempotency import Scope
from perdure.kernel.life import timers_of
from perdure.kernel.records import Record
from perdure.kernel.store.restoring import linked
from perdure.kernel.store.rows import (
    AgentRow,
    Answer,
    DeadLetter,
    Mail,
    Reservation,
    RunRow,
    ScopeRow,
    Timer,
    ValueRow,
)
from perdure.kernel.store.snapshot import Snapshot

from ..starting import check_agent_id

T = TypeVar("T")

STATE = "state.msgpack"


class Contents(msgspec.Struct, frozen=True):
    """An agent as it is exported: all that its store holds of it, and answers remembered for it."""

    snapshot: Snapshot
    answers: tuple[Answer, ...] = ()


class _Known(msgspec.Struct, frozen=True):
    """Ids of envelopes that were acknowledged, and ids that the agent marked as seen; the oldest first."""

    known: tuple[str, ...]
    seen: tuple[str, ...]


class _Budget(msgspec.Struct, frozen=True):
    scopes: tuple[ScopeRow, ...]
    reservations: tuple[Reservation, ...]


def answers_prefix(agent_id: str) -> str:
    """What the keys of all answers begin with that are remembered for an agent."""
    return Scope(agent_id, "").prefix.removesuffix(":")


def to_files(contents: Contents) -> dict[str, bytes]:
    one = contents.snapshot
    files = {
        "agent.json": _text(replace(one.agent, owner="", state=None)),
        "journal.jsonl": _lines(replace(record, payload=None) for record in one.records),
        "runs.jsonl": _lines(one.runs),
        "inbox.jsonl": _lines(one.mail),
        "deadletter.jsonl": _lines(one.dead_letters),
        "timers.jsonl": _lines(one.timers),
        "values.jsonl": _lines(one.values),
        "runtime/seen_envelopes.json": _text(_Known(one.known, one.seen)),
        "runtime/budget_state.json": _text(_Budget(one.scopes, one.reservations)),
        "runtime/idempotency_journal.jsonl": _lines(contents.answers),
    }
    if one.agent.state is not None:
        files[STATE] = one.agent.state
    files |= {f"specs/{digest}.json": data for digest, data in one.specs.items()}
    files |= {f"blobs/{record.blob}": record.payload for record in one.records if record.payload is not None}
    return files


def from_files(files: Mapping[str, bytes]) -> Contents:
    """The contents, once they are whole and belong together. Raises InvalidBundle."""
    known = _value(files, "runtime/seen_envelopes.json", _Known)
    money = _value(files, "runtime/budget_state.json", _Budget)
    blobs = {name.removeprefix("blobs/"): data for name, data in files.items() if name.startswith("blobs/")}
    records = [
        replace(record, payload=blobs.get(record.blob) if record.blob else None)
        for record in _rows(files, "journal.jsonl", Record)
    ]
    snapshot = Snapshot(
        replace(_value(files, "agent.json", AgentRow), state=files.get(STATE), owner=""),
        {name[len("specs/") : -len(".json")]: data for name, data in files.items() if name.startswith("specs/")},
        runs=_rows(files, "runs.jsonl", RunRow),
        records=tuple(records),
        mail=_rows(files, "inbox.jsonl", Mail),
        known=known.known,
        seen=known.seen,
        dead_letters=_rows(files, "deadletter.jsonl", DeadLetter),
        timers=_rows(files, "timers.jsonl", Timer),
        values=_rows(files, "values.jsonl", ValueRow),
        reservations=money.reservations,
        scopes=money.scopes,
    )
    contents = Contents(snapshot, _rows(files, "runtime/idempotency_journal.jsonl", Answer))
    _check(contents)
    return contents


def _check(contents: Contents) -> None:
    """Refuse what is not the agent's own, or not what was written."""
    one, id = contents.snapshot, contents.snapshot.agent.id
    try:
        check_agent_id(id)
        linked(one)
    except InputError as error:
        raise InvalidBundle(error.message) from error
    for digest, data in one.specs.items():
        if digest_bytes(data) != digest:
            raise InvalidBundle(f"specs/{digest}.json is another spec than it says", spec=digest)
    wanted = {one.agent.spec, *(run.spec for run in one.runs)}
    if wanted - one.specs.keys():
        raise InvalidBundle(f"spec {min(wanted - one.specs.keys())} is missing")
    rows: tuple[RunRow | Mail | DeadLetter | Timer | ValueRow, ...]
    rows = (*one.runs, *one.mail, *one.dead_letters, *one.timers, *one.values)
    if strange := next((row for row in rows if row.agent_id != id), None):
        raise InvalidBundle(f"a {type(strange).__name__} in it is that of agent {strange.agent_id!r}")
    runs = {run.id for run in one.runs}
    if any(timer.run_id not in {*runs, timers_of(id)} and not timer.run_id.startswith(PREFIX) for timer in one.timers):
        raise InvalidBundle("a timer in it is that of no run in it")
    if any(held.run_id not in runs or held.amount < 0 for held in one.reservations):
        raise InvalidBundle("money in it is set aside by no run in it")
    own = (f"agent:{id}:", *(f"run:{run}" for run in runs))
    if any(not scope.id.startswith(own) or min(scope.reserved, scope.spent) < 0 for scope in one.scopes):
        raise InvalidBundle("a budget in it is not the agent's own")
    if any(not answer.key.startswith(answers_prefix(id)) for answer in contents.answers):
        raise InvalidBundle("a remembered answer in it is not the agent's own")
    if any(digest_bytes(value.data) != value.digest for value in one.values):
        raise InvalidBundle("a value in it is not what was kept")


def _text(value: object) -> bytes:
    return msgspec.json.encode(value, order="deterministic") + b"\n"


def _lines(values: Iterable[object]) -> bytes:
    return b"".join(map(_text, values))


def _value(files: Mapping[str, bytes], name: str, type: type[T]) -> T:
    return _decoded(_file(files, name), name, type)


def _rows(files: Mapping[str, bytes], name: str, type: type[T]) -> tuple[T, ...]:
    return tuple(_decoded(line, name, type) for line in _file(files, name).split(b"\n")[:-1])


def _file(files: Mapping[str, bytes], name: str) -> bytes:
    if name not in files:
        raise InvalidBundle(f"{name} is missing", file=name)
    return files[name]


def _decoded(data: bytes, name: str, type: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=type)
    except msgspec.DecodeError as error:
        raise InvalidBundle(f"{name}: {error}", file=name) from error
