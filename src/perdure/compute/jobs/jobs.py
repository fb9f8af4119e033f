"""Jobs: accepted at once, done beside the agent, ended on disk whoever looks or does not."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any

import msgspec

from perdure.base.clock import Clock
from perdure.base.codec import to_json
from perdure.base.errors import (
    JobCancelled,
    JobInterrupted,
    JobNotFound,
    ModelTimeout,
    PerdureError,
    WrongState,
)
from perdure.base.ids import Ids
from perdure.kernel.failures import normal, told
from perdure.kernel.leases import Lease
from perdure.kernel.store.ops import ScopeLimit
from perdure.kernel.store.port import Store
from perdure.kernel.store.rows import ScopeRow
from perdure.namespace.port import Watch

from ..policy import ComputePolicy
from ..routing import choose
from .allowance import Allowance, scopes_of_job, usage_of
from .job import Job, JobStatus
from .ledger import Ledger
from .policies import Policies
from .port import Done
from .providers import Providers
from .request import ComputeRequest, parse_request
from .stream import JobStream, told_at_once
from .submission import check_threshold, completed, to_reserve
from .tally import Tally

REMEMBERED = 256
"""Jobs that are over whose streams are kept as they were told; of others the whole answer is told at once."""


def _nobody() -> None:
    pass


class Jobs:
    """The jobs of all agents of a store. `allowance` tells what an agent may draw on now; `lease` is that of this
    process, under which its jobs are known to be done; `notify` is called when a record of one was written.

    Where a job's process is gone, the job is ended as interrupted, and what was reserved for it is spent: a call may
    have been under way. It is not made again unasked, as nobody may wait for it any more.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock,
        ids: Ids,
        lease: Lease,
        providers: Providers,
        allowance: Callable[[str], Awaitable[Allowance]],
        policy: ComputePolicy | None = None,
        notify: Callable[[], None] = _nobody,
    ) -> None:
        self.providers = providers
        self.tally = Tally()
        self.policies = Policies(store, clock, policy or ComputePolicy())
        self._store = store
        self._clock = clock
        self._ids = ids
        self._lease = lease
        self._allowance = allowance
        self._ledger = Ledger(store, clock, notify)
        self._under_way: dict[str, _Work] = {}
        self._streams: OrderedDict[str, JobStream] = OrderedDict()
        self._looked_after: set[str] = set()

    # -- what an agent asks for ---------------------------------------------------------------------------------------

    async def submit(self, agent_id: str, body: bytes) -> bytes:
        """Accept a request; the receipt comes when it is on disk, and waits for nobody. The same idempotency key gives
        the same receipt, whatever is free or allowed by then.

        Raises InputError, IdempotencyRequired, MaxCostRequired, UnsupportedKind, NoProviderAvailable, BudgetError.
        """
        policy = await self.policies.of(agent_id)
        request = completed(parse_request(body), policy)
        earlier = await self._ledger.answered(agent_id, request.idempotency_key)
        if earlier is not None:
            return earlier
        await self._look_after(agent_id)
        job, scopes = await self._planned(agent_id, request, policy)
        await self._lease.hold()
        work = self._under_way[job.id] = _Work(job)  # before it is on disk, where it would look like one left behind
        try:
            earlier = await self._ledger.begin(job, scopes)
            if earlier is None:
                work.task = asyncio.create_task(self._do(work))
        finally:
            if work.task is None:
                del self._under_way[job.id]
        return earlier or to_json(job.receipt)

    async def find(self, agent_id: str, job_id: str) -> Job:
        """The job as it stands. Raises JobNotFound."""
        work = self._under_way.get(job_id)
        if work is not None and work.job.agent_id == agent_id:
            return msgspec.structs.replace(work.job, status=work.status)
        job = await self._ledger.find(agent_id, job_id)
        if job is None:
            raise JobNotFound(f"agent {agent_id!r} has no job {job_id!r}", job_id=job_id)
        if job.is_over or job.id in self._under_way:
            return job
        if job.worker != self._lease.worker and await self._lease.is_alive(job.worker):
            return msgspec.structs.replace(job, status="running")
        return await self._interrupted(job)

    async def ids(self, agent_id: str) -> list[str]:
        return await self._ledger.ids(agent_id)

    async def watch(self, agent_id: str, job_id: str, after: int | None = None) -> Watch:
        """The job's stream: what it said so far, then the rest, to its end. Raises JobNotFound, and WrongState where
        another process does the job."""
        job = await self.find(agent_id, job_id)
        work = self._under_way.get(job_id)
        if work is not None:
            return await work.stream.watch(after)
        if not job.is_over:
            raise WrongState(f"job {job_id} is done by another process: {job.worker}", hint="Read its status instead.")
        return await (self._streams.get(job_id) or told_at_once(job)).watch(after)

    async def cancel(self, agent_id: str, job_id: str) -> None:
        """End a job. It has failed then, and what a call under way may have cost is spent. One that is over stays as
        it is. Raises WrongState where another process does it."""
        job = await self.find(agent_id, job_id)
        if job.is_over:
            return
        work = self._under_way.get(job_id)
        if work is None:
            raise WrongState(f"job {job_id} is done by another process: {job.worker}", hint="Cancel it there.")
        await work.stop(JobCancelled("the job was cancelled"))

    async def remove(self, agent_id: str, job_id: str) -> None:
        """Forget a job that is over. What it cost stays on record."""
        job = await self.find(agent_id, job_id)
        if not job.is_over:
            raise WrongState(f"job {job_id} is {job.status}", hint="Write cancel to its ctl first.")
        await self._ledger.forget(job)
        self._streams.pop(job_id, None)

    async def usage(self, agent_id: str) -> dict[str, Any]:
        """`{tick, day}`, each with `{reserved, spent, limit, remaining}_microusd`."""
        await self._look_after(agent_id)
        scopes = await self._scopes(agent_id, await self.policies.of(agent_id))
        return usage_of(agent_id, scopes, await self._rows(scopes))

    # -- this process -------------------------------------------------------------------------------------------------

    @property
    def under_way(self) -> int:
        """How many jobs this process does now."""
        return len(self._under_way)

    async def recover(self) -> int:
        """End the jobs of all agents whose processes are gone. Returns how many agents had any."""
        count, cursor = 0, ""
        while True:
            page = await self._store.scopes_like("agent:", cursor=cursor, limit=500)
            for row in page.items:
                if row.reserved and row.id.endswith(":compute:day"):
                    count += bool(await self._end_abandoned(row.id[len("agent:") : -len(":compute:day")]))
            cursor = page.next
            if not cursor:
                return count

    async def close(self, grace_ms: float = 0) -> None:
        """Let jobs finish, at most `grace_ms`, then end them."""
        tasks = [work.task for work in self._under_way.values() if work.task is not None]
        if tasks and grace_ms > 0:
            await asyncio.wait(tasks, timeout=grace_ms / 1000)
        for work in list(self._under_way.values()):
            await work.stop(JobInterrupted("the process that did it was stopped"))

    # -- doing one ----------------------------------------------------------------------------------------------------

    async def _planned(
        self, agent_id: str, request: ComputeRequest, policy: ComputePolicy
    ) -> tuple[Job, tuple[ScopeLimit, ...]]:
        """The job that a request leads to, and the scopes that it draws on."""
        max_cost = request.max_cost_microusd
        chosen = choose(self.providers.offers(request), policy, model=request.model, max_cost=max_cost)
        allowance = await self._allowance(agent_id)
        scopes = scopes_of_job(agent_id, allowance, policy, self._clock.now())
        reserved = to_reserve(chosen, max_cost, scopes, await self._rows(scopes))
        check_threshold(reserved, allowance.rules)
        job = Job(
            id=self._ids.new("job"),
            agent_id=agent_id,
            request=request,
            provider=chosen.provider,
            model=chosen.model,
            worker=self._lease.worker,
            created_at=self._clock.now(),
            reserved=reserved,
            unknown=reserved if allowance.rules.unknown_usage == "reserved" else 0,
        )
        return job, scopes

    async def _do(self, work: _Work) -> None:
        job, started = work.job, perf_counter()
        try:
            done = await self._call(work)
        except asyncio.CancelledError:
            error = normal(work.stopped_by or JobInterrupted("the job was stopped"))
            # A call under way may have cost anything up to what was reserved; one not yet made has cost nothing.
            spent = job.unknown if work.status != "pending" else 0
            ended = _failed(job, error, spent)
        except TimeoutError:
            limit = f"no whole answer within {job.request.timeout_ms} ms"
            ended = _failed(job, ModelTimeout(f"{job.model}: {limit}", model=job.model), job.unknown)
        except Exception as error:  # the edge: whatever a provider raises becomes the end of the job
            ended = _failed(job, normal(error), 0)
        else:
            ended = _complete(job, done)
        latency_ms = round((perf_counter() - started) * 1000)
        ended = msgspec.structs.replace(ended, ended_at=self._clock.now(), latency_ms=latency_ms)
        try:
            ended = await asyncio.shield(asyncio.ensure_future(self._ledger.end(ended, ended.cost)))
            self.tally.note(ended)
        except PerdureError as error:  # the store: the job stays open there, and is ended by whoever finds it so
            ended = _failed(job, error, 0)
        self._streams[job.id] = work.stream
        if len(self._streams) > REMEMBERED:
            self._streams.popitem(last=False)
        del self._under_way[job.id]
        work.stream.end(ended)

    async def _call(self, work: _Work) -> Done:
        job = work.job
        if work.stopped_by is not None:
            raise asyncio.CancelledError
        provider = self.providers.doer(job.provider)
        work.status = "running"
        assert job.request.timeout_ms is not None
        async with asyncio.timeout(job.request.timeout_ms / 1000):
            return await provider.do(job.request, job.model, work.say if job.request.stream else None)

    # -- money, and what others left ----------------------------------------------------------------------------------

    async def _scopes(self, agent_id: str, policy: ComputePolicy) -> tuple[ScopeLimit, ...]:
        return scopes_of_job(agent_id, await self._allowance(agent_id), policy, self._clock.now())

    async def _rows(self, scopes: tuple[ScopeLimit, ...]) -> dict[str, ScopeRow]:
        return {row.id: row for row in await self._store.scopes([scope.id for scope in scopes])}

    async def _look_after(self, agent_id: str) -> None:
        """Once for each agent: end what a process that is gone has left behind."""
        if agent_id not in self._looked_after:
            self._looked_after.add(agent_id)
            await self._end_abandoned(agent_id)

    async def _end_abandoned(self, agent_id: str) -> list[str]:
        found = await self._ledger.open_ids(agent_id)
        for job_id in found:
            if job_id not in self._under_way:
                await self.find(agent_id, job_id)
        return found

    async def _interrupted(self, job: Job) -> Job:
        error = JobInterrupted(f"the process that did it is gone: {job.worker}", job_id=job.id)
        ended = msgspec.structs.replace(_failed(job, error, job.unknown), ended_at=self._clock.now())
        return await self._ledger.end(ended, ended.cost)


class _Work:
    """A job that this process does."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.status: JobStatus = "pending"
        self.stream = JobStream(job.id)
        self.task: asyncio.Task[None] | None = None
        self.stopped_by: PerdureError | None = None

    def say(self, piece: str | None) -> None:
        self.status = "streaming"
        self.stream.say(piece)

    async def stop(self, error: PerdureError) -> None:
        """End it; it is on disk when this returns."""
        if self.task is not None and not self.task.done():
            if self.stopped_by is None:
                self.stopped_by = error
                if self.status != "pending":  # a task that is cancelled before its first step ends without any
                    self.task.cancel()
            await asyncio.wait([self.task])


def _complete(job: Job, done: Done) -> Job:
    return msgspec.structs.replace(
        job,
        status="complete",
        output=done.output,
        text=done.text,
        finish=done.finish,
        usage=done.usage,
        cost=job.unknown if done.cost is None else done.cost,
        price=done.price,
        model=done.model or job.model,
    )


def _failed(job: Job, error: PerdureError, spent: int) -> Job:
    return msgspec.structs.replace(job, status="failed", finish="failed", error=told(error)[0], cost=spent)
