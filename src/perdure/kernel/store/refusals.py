"""Why a commit is refused: the errors of guards and operations, worded once for every store."""

from __future__ import annotations

from perdure.base.errors import AgentNotFound, Fenced, Held, InboxFull, InputError, KeyExists, VersionConflict

from .ops import (
    EVENT_LIMIT,
    VALUE_LIMIT,
    HasFence,
    MarkIs,
    NewEnvelope,
    NoKey,
    NotRemembered,
    NotWarned,
    PublishEvent,
    PutValue,
    RunIs,
    TimerIs,
    ValueIs,
)
from .rows import Timer


def no_agent(agent_id: str) -> AgentNotFound:
    return AgentNotFound(f"there is no agent {agent_id!r}", agent_id=agent_id)


def agent_exists(agent_id: str) -> KeyExists:
    return KeyExists(f"agent {agent_id!r} exists already", agent_id=agent_id)


def run_exists(run_id: str) -> KeyExists:
    return KeyExists(f"run {run_id} exists already", run_id=run_id)


def timer_exists(timer: Timer) -> KeyExists:
    return KeyExists(f"timer {timer.key!r} of run {timer.run_id} exists already", run_id=timer.run_id, key=timer.key)


def fenced(guard: HasFence, owner: str, fence: int) -> Fenced:
    return Fenced(
        f"worker {guard.worker} holds agent {guard.agent_id!r} no more: its fence {guard.fence} is now {fence}",
        agent_id=guard.agent_id,
        worker=guard.worker,
        fence=guard.fence,
        owner=owner,
    )


def held(agent_id: str, owner: str) -> Held:
    return Held(f"agent {agent_id!r} is held by worker {owner}", agent_id=agent_id, owner=owner)


def envelope_known(guard: NewEnvelope) -> KeyExists:
    return KeyExists(
        f"agent {guard.agent_id!r} has had envelope {guard.envelope_id}",
        agent_id=guard.agent_id,
        envelope_id=guard.envelope_id,
    )


def wrong_status(guard: RunIs, status: str | None) -> VersionConflict:
    found = f"is {status}" if status else "does not exist"
    return VersionConflict(
        f"run {guard.run_id} {found}, not {' or '.join(guard.status)}", run_id=guard.run_id, status=status
    )


def key_recorded(guard: NoKey) -> KeyExists:
    return KeyExists(
        f"run {guard.run_id} has {guard.type} under key {guard.key!r} already",
        run_id=guard.run_id,
        key=guard.key,
        type=guard.type,
    )


def remembered(guard: NotRemembered) -> KeyExists:
    return KeyExists(f"request {guard.key!r} was answered already", key=guard.key)


def other_timer(guard: TimerIs, due: int | None) -> VersionConflict:
    found = "is gone" if due is None else f"is due at {due}, not {guard.due}"
    return VersionConflict(
        f"timer {guard.key!r} of run {guard.run_id} {found}", run_id=guard.run_id, key=guard.key, due=due
    )


def warned_already(guard: NotWarned) -> KeyExists:
    return KeyExists(f"a warning was given of {guard.id} in this period", scope=guard.id, period=guard.period)


def other_value(guard: ValueIs, digest: str | None) -> VersionConflict:
    found = "has changed" if digest and guard.digest else "is there already" if digest else "is gone"
    return VersionConflict(
        f"value {guard.key!r} of agent {guard.agent_id!r} {found}",
        hint="Read it again, and decide anew.",
        agent_id=guard.agent_id,
        key=guard.key,
        digest=digest,
    )


def bad_value(op: PutValue) -> InputError | None:
    """Why this value cannot be kept, None where it can."""
    if not op.key:
        return InputError("a value needs a key", agent_id=op.agent_id)
    if len(op.data) > VALUE_LIMIT:
        return InputError(
            f"value {op.key!r} has {len(op.data):,} bytes, which is more than {VALUE_LIMIT:,}",
            agent_id=op.agent_id,
            key=op.key,
            size=len(op.data),
            limit=VALUE_LIMIT,
        )
    return None


def bad_event(op: PublishEvent) -> InputError | None:
    """Why this event cannot be kept, None where it can."""
    if len(op.data) <= EVENT_LIMIT:
        return None
    return InputError(
        f"the event has {len(op.data):,} bytes, which is more than {EVENT_LIMIT:,}",
        hint="Put what is large into a file or a value, and publish where it is.",
        topic=op.topic,
        size=len(op.data),
        limit=EVENT_LIMIT,
    )


def other_mark(guard: MarkIs, seq: int | None) -> VersionConflict:
    found = "is gone" if seq is None else f"stands at {seq}"
    return VersionConflict(f"mark {guard.name!r} {found}, not at {guard.seq}", name=guard.name, seq=seq)


def inbox_full(agent_id: str, capacity: int) -> InboxFull:
    return InboxFull(f"{capacity} messages wait for agent {agent_id!r} already", agent_id=agent_id, capacity=capacity)


def unstorable(error: Exception) -> InputError:
    return InputError(
        f"cannot be stored: {error}",
        hint="Use text that is valid Unicode, integers of 64 bits, and bodies under a gigabyte.",
    )
