"""Jobs on disk: each is accepted in one commit and ended in another, and its money moves with it.

Two values of the agent tell of a job: the job itself, and while it is not over a note of who does it. The journal has
the record of it beside those of runs, with what was reserved and spent.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from perdure.base.clock import Clock
from perdure.base.codec import NIL, digest, digest_bytes, pack, to_json, unpack_as
from perdure.base.errors import AgentNotFound, KeyExists, VersionConflict
from perdure.kernel import records as r
from perdure.kernel.idempotency import Idempotency, Scope
from perdure.kernel.journal import encode
from perdure.kernel.store.ops import (
    Append,
    DropValue,
    Guard,
    Op,
    PutValue,
    Reserve,
    ScopeLimit,
    Settle,
    ValueIs,
    WithinBudget,
)
from perdure.kernel.store.port import Store

from .job import Job

JOBS = "compute/jobs/"
OPEN = "compute/open/"
PAGE = 200


class Ledger:
    """`notify` is called when a record was written."""

    def __init__(self, store: Store, clock: Clock, notify: Callable[[], None]) -> None:
        self._notify = notify
        self._store = store
        self._clock = clock
        self._answers = Idempotency(store, clock)

    async def answered(self, agent_id: str, key: str | None) -> bytes | None:
        """The receipt that was given to the request with this idempotency key."""
        return None if key is None else await self._answers.get(_scope(agent_id), key)

    async def begin(self, job: Job, scopes: tuple[ScopeLimit, ...]) -> bytes | None:
        """Accept a job and set its money aside. Returns None, or the receipt of the job that had the same idempotency
        key and was faster; nothing is written then. Raises BudgetExceeded, AgentNotFound."""
        request = job.request
        guards: list[Guard] = [WithinBudget(job.reserved, scopes)]
        intended = r.EffectIntended(
            kind="compute",
            effect="read",
            digest=digest(msgspec.to_builtins(request)),
            reservation=job.id,
            note={"model": job.model, "provider": job.provider, "job": request.does},
            body=_short(pack(request)),
        )
        reserved = r.BudgetReserved(reservation=job.id, amount=job.reserved)
        ops: list[Op] = [
            self._append(job, reserved, intended),
            Reserve(job.id, job.id, job.reserved, scopes),
            PutValue(job.agent_id, JOBS + job.id, pack(job), job.created_at),
            PutValue(job.agent_id, OPEN + job.id, pack(job.worker), job.created_at),
        ]
        if request.idempotency_key is not None:
            scope = _scope(job.agent_id)
            ops.append(self._answers.op(scope, request.idempotency_key, to_json(job.receipt)))
            guards.append(self._answers.guard(scope, request.idempotency_key))
        try:
            await self._store.commit(ops, guards)
        except KeyExists:
            earlier = await self.answered(job.agent_id, request.idempotency_key)
            if earlier is None:
                raise
            return earlier
        self._notify()
        return None

    async def end(self, job: Job, spent: int) -> Job:
        """Write how a job ended, and turn what it had reserved into `spent` (micro-USD). Gives back what counts: the
        end that somebody else wrote before, where there is one."""
        event: r.Event
        if job.error is None:
            body = _short(pack(job.output))
            event = r.EffectDone(
                kind="compute",
                digest=digest(msgspec.to_builtins(job.request)),
                ms=job.latency_ms,
                usage=job.usage,
                cost=spent,
                price=job.price,
                note={"model": job.model, "provider": job.provider},
                body=body,
            )
        else:
            event = r.EffectFailed(
                kind="compute",
                digest=digest(msgspec.to_builtins(job.request)),
                retryable=bool(job.error.get("retryable")),
                ms=job.latency_ms,
                cost=spent,
                note={"model": job.model, "provider": job.provider},
                body=_short(pack(job.error)),
            )
        settled: r.Event = r.BudgetSettled(reservation=job.id, spent=spent)
        if job.error is not None and not spent:
            settled = r.BudgetReleased(reservation=job.id)
        ops: list[Op] = [
            self._append(job, event, settled),
            Settle(job.id, spent),
            PutValue(job.agent_id, JOBS + job.id, pack(job), job.ended_at),
            DropValue(job.agent_id, OPEN + job.id),
        ]
        still_open = ValueIs(job.agent_id, OPEN + job.id, digest_bytes(pack(job.worker)))
        try:
            await self._store.commit(ops, [still_open])
        except (VersionConflict, AgentNotFound):
            ended = await self.find(job.agent_id, job.id)
            if ended is not None and ended.is_over:
                return ended
            await self._store.commit([Settle(job.id, spent)])  # the agent was deleted: the project's books go on
        else:
            self._notify()
        return job

    async def find(self, agent_id: str, job_id: str) -> Job | None:
        row = await self._store.value(agent_id, JOBS + job_id)
        return None if row is None else unpack_as(row.data, Job)

    async def ids(self, agent_id: str) -> list[str]:
        """The agent's jobs, the oldest first."""
        return await self._names(agent_id, JOBS)

    async def open_ids(self, agent_id: str) -> list[str]:
        """Those of the agent's jobs that are not over."""
        return await self._names(agent_id, OPEN)

    async def forget(self, job: Job) -> None:
        """Remove a job that is over; what it cost stays on record."""
        await self._store.commit([DropValue(job.agent_id, JOBS + job.id)])

    async def _names(self, agent_id: str, prefix: str) -> list[str]:
        found: list[str] = []
        cursor = ""
        while True:
            page = await self._store.values(agent_id, prefix, cursor=cursor, limit=PAGE)
            found += [row.key.removeprefix(prefix) for row in page.items]
            cursor = page.next
            if not cursor:
                return found

    def _append(self, job: Job, *events: r.Event) -> Append:
        now, key = self._clock.now(), JOBS + job.id
        records = (encode(event, agent_id=job.agent_id, run_id="", key=key, at=now) for event in events)
        return Append(job.agent_id, tuple(records))


def _scope(agent_id: str) -> Scope:
    # Not by provider: which one is chosen can change from one try to the next, and must not make a second job.
    return Scope(agent_id, "compute")


def _short(packed: bytes) -> r.Raw:
    """What is long stands in the job's own value, and not twice."""
    return msgspec.Raw(packed) if len(packed) <= r.VALUE_SHOWN else NIL
