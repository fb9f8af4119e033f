"""Importing an agent: checked as a whole, then written in one commit or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec
from msgspec.structs import replace

from perdure.agents.spec import AgentSpec
from perdure.agents.state import load_state
from perdure.base.codec import NIL, digest, pack
from perdure.base.errors import (
    AgentNotFound,
    BundleConflict,
    IncompatibleBundle,
    InputError,
    KeyExists,
    PerdureError,
    VersionConflict,
    WrongState,
)
from perdure.kernel.alarms import PREFIX, VALUES
from perdure.kernel.inbox import ANSWERS, COMMANDS
from perdure.kernel.journal import encode
from perdure.kernel.life import timers_of
from perdure.kernel.outgoing import append
from perdure.kernel.records import VALUE_SHOWN, AgentImported, Event, ValueSet
from perdure.kernel.store.ops import (
    Deliver,
    Guard,
    MarkSeen,
    NoAgent,
    Op,
    PutDeadLetter,
    PutValue,
    Remember,
    Restore,
    ValueIs,
)
from perdure.kernel.store.rows import ENDED, AgentRow
from perdure.kernel.store.snapshot import Snapshot, renamed

from ..starting import check_agent_id
from .archive import LIMIT, open_archive
from .contents import Contents, from_files
from .manifest import Manifest, read_manifest

if TYPE_CHECKING:
    from ..runtime import Runtime

ImportMode: TypeAlias = Literal["restore", "clone", "merge"]


class Imported(msgspec.Struct, frozen=True):
    """`warnings` are what is not as it was where the agent came from; `conflicts` are values that were kept as they are
    here, by key."""

    id: str
    status: Literal["imported"]
    state_version: int
    warnings: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()


async def import_agent(
    runtime: Runtime,
    data: bytes,
    *,
    mode: ImportMode = "restore",
    agent: str | None = None,
    who: str = "operator",
    limit: int = LIMIT,
) -> Imported:
    """Put an exported agent into this project.

    `restore`: under its own id, which must be free. `clone`: as another agent, called `agent` or a new id. `merge`: its
    messages, values, known ids and dead letters go to the agent of its id, or `agent`. Raises BundleError; nothing is
    written then.
    """
    files = open_archive(data, limit)
    manifest = read_manifest(files)
    contents = from_files(files)
    warnings = await _warnings(runtime, manifest, contents.snapshot)
    match mode:
        case "restore":
            if agent not in (None, contents.snapshot.agent.id):
                raise InputError("an agent is restored under its own id", hint="Import it with --mode clone.")
            return await _restore(runtime, contents, warnings)
        case "clone":
            return await _clone(runtime, contents, agent, who, warnings)
        case "merge":
            return await _merge(runtime, contents, agent, who, warnings)


async def _restore(runtime: Runtime, contents: Contents, warnings: tuple[str, ...]) -> Imported:
    row = contents.snapshot.agent
    answers = [Remember(one.key, one.data, one.at, one.expires_at) for one in contents.answers]
    await _commit(runtime, [Restore(contents.snapshot), *answers], row.id)
    return Imported(row.id, "imported", row.state_version, warnings)


async def _clone(
    runtime: Runtime, contents: Contents, agent: str | None, who: str, warnings: tuple[str, ...]
) -> Imported:
    """The history is copied under new ids, and says where it came from."""
    snapshot = contents.snapshot
    busy = [run.id for run in snapshot.runs if run.status not in ENDED | {"queued", "yielded"}]
    if busy:
        raise BundleConflict(
            f"run {busy[0]} is under way, and its answers come to the original",
            hint="Export the agent when it is at rest, or restore it elsewhere.",
            conflicts=busy,
        )
    source, now = snapshot.agent, runtime.clock.now()
    id = check_agent_id(agent or f"{source.id}-{runtime.ids.short()}")
    ids = {run.id: runtime.ids.new("run") for run in snapshot.runs} | {timers_of(source.id): timers_of(id)}
    ids |= {name: _schedule(id, name) for name in _schedules(snapshot)}
    clone = renamed(snapshot, id, ids)
    values = tuple(replace(one, key=_renamed_key(one.key, ids)) for one in clone.values)
    event = AgentImported(source=source.id, head=source.head, records=source.records, who=who)
    record = encode(event, agent_id=id, run_id="", key="", at=now)
    await _commit(runtime, [Restore(replace(clone, values=values)), *append(id, [record])], id)
    return Imported(id, "imported", source.state_version, warnings)


async def _commit(runtime: Runtime, ops: Sequence[Op], agent_id: str) -> None:
    try:
        await runtime.store.commit(ops, (NoAgent(agent_id),))
    except KeyExists as error:
        raise BundleConflict(error.message, conflicts=[agent_id], **error.facts) from error
    runtime.engine.hurry()


async def _merge(
    runtime: Runtime, contents: Contents, agent: str | None, who: str, warnings: tuple[str, ...]
) -> Imported:
    """What is here stays as it is; what is not here yet comes to it."""
    snapshot, store, now = contents.snapshot, runtime.store, runtime.clock.now()
    id = agent or snapshot.agent.id
    row = await store.load_agent(id)
    if row is None:
        raise AgentNotFound(f"there is no agent {id!r} to merge into", hint="Restore or clone it.", agent_id=id)
    ops: list[Op] = [Deliver(id, known, "", b"", now, taken=True) for known in snapshot.known]
    ops += [
        Deliver(id, one.envelope_id, one.kind, one.data, now, priority=one.priority, expires_at=one.expires_at)
        for one in snapshot.mail
        if one.kind not in COMMANDS | ANSWERS and not one.run_id
    ]
    if snapshot.seen:
        ops.append(MarkSeen(id, snapshot.seen))
    for letter in snapshot.dead_letters:
        if await store.dead_letter(id, letter.envelope_id) is None:
            ops.append(PutDeadLetter(id, letter.envelope_id, letter.reason, letter.at, letter.data))
    guards: list[Guard] = []
    events: list[tuple[str, Event]] = []
    conflicts: list[str] = []
    for value in snapshot.values:
        if value.key.startswith(VALUES):
            continue  # a schedule belongs to its timer
        there = await store.value(id, value.key)
        if there is not None:
            conflicts += [value.key] if there.digest != value.digest else []
            continue
        shown = msgspec.Raw(pack(value.data)) if len(value.data) <= VALUE_SHOWN else NIL
        events.append((value.key, ValueSet(digest=value.digest, size=len(value.data), body=shown)))
        ops.append(PutValue(id, value.key, value.data, value.at))
        guards.append(ValueIs(id, value.key, None))
    source = snapshot.agent
    events.append(("", AgentImported(source=source.id, head=source.head, records=0, who=who)))
    records = [encode(event, agent_id=id, run_id="", key=key, at=now) for key, event in events]
    try:
        await store.commit([*ops, *append(id, records)], guards)
    except VersionConflict as error:
        raise BundleConflict(f"agent {id!r} changed meanwhile: {error.message}", hint="Import it again.") from error
    runtime.engine.wake(id)
    return Imported(id, "imported", row.state_version, warnings, tuple(conflicts))


# -- what is not as it was --------------------------------------------------------------------------------------------


async def _warnings(runtime: Runtime, manifest: Manifest, snapshot: Snapshot) -> tuple[str, ...]:
    """What the agent will find changed. Raises IncompatibleBundle where its state cannot be read by the code here."""
    found: list[str] = []
    if manifest.pubkey and manifest.pubkey != await runtime.directory.pubkey(manifest.agent_id):
        found.append(f"its key stayed where it was: the identity {manifest.pubkey} is not had here")
    try:
        spec, program = runtime.library.read(snapshot.specs[snapshot.agent.spec])
    except PerdureError as error:
        return (*found, f"its spec cannot be made ready here: {error.message}")
    _check_state(runtime, spec, snapshot.agent)
    for tool, source in manifest.tools.items():
        if program.tools.get(tool) != source:
            found.append(f"tool {tool} is not what it was")
    if manifest.capabilities.required_mounts:
        found += [
            f"nothing is mounted at {path}"
            for path in manifest.capabilities.required_mounts
            if not runtime.directory.offers(path)
        ]
    return tuple(found)


def _check_state(runtime: Runtime, spec: AgentSpec, row: AgentRow) -> None:
    """Migrate the state as its next run would; that is done then, and only tried here."""
    cls = runtime.library.agent_class(spec)
    if cls is None or row.state is None:
        return
    try:
        load_state(cls.State, row.state, row.state_version)
    except (WrongState, msgspec.DecodeError) as error:
        raise IncompatibleBundle(
            f"its state is of version {row.state_version}, which {cls.__qualname__} cannot read: {error}",
            state_version=row.state_version,
            supported=cls.State.version,
        ) from error


def _schedules(snapshot: Snapshot) -> set[str]:
    timers = {timer.run_id for timer in snapshot.timers if timer.run_id.startswith(PREFIX)}
    return timers | {value.key.removeprefix(VALUES) for value in snapshot.values if value.key.startswith(VALUES)}


def _schedule(agent_id: str, id: str) -> str:
    """The id of a clone's schedule: its own, and the same whenever it is asked for."""
    return f"{PREFIX}{digest([agent_id, id])}"


def _renamed_key(key: str, ids: dict[str, str]) -> str:
    return VALUES + ids.get(key.removeprefix(VALUES), key) if key.startswith(VALUES) else key
