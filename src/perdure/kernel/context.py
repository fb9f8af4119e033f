"""What a handler holds: the only way from inside a run to the outside.

Everything here is either answered from the journal or written to it, so that a handler executed again comes to the same
point. Handlers take time, chance and ids from the context, and start parallel work only through `gather`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractContextManager
from contextvars import copy_context
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from perdure.base.codec import digest, pack, unpack
from perdure.base.envelope import Envelope
from perdure.base.errors import ClientSilent, InputError, ReplayDivergence
from perdure.base.ids import uuid7
from perdure.base.lazy import load
from perdure.base.traceparent import OUTGOING, outgoing, span_of_run

from . import records as r
from .alarms import PREFIX, Plan, drop_schedule, set_schedule
from .answering import answering, correlation_of, read_answer
from .classes import EffectClass
from .gates import closed, shielded
from .keys import Scope, enter, here
from .outgoing import Outgoing
from .store.ops import Op
from .store.rows import RecordFilter
from .topics import Topics

if TYPE_CHECKING:
    from .contest import Branch, Enough
    from .execution import Execution

CONTEST = "perdure.kernel.contest:Contest"

T = TypeVar("T")


class ChildResult(msgspec.Struct, frozen=True):
    """How a child run ended. `cost` is micro-USD; `error` is None where it is done."""

    run_id: str
    agent_id: str
    status: str
    output: Any = None
    error: dict[str, Any] | None = None
    cost: int = 0


class Context:
    """One run as its handler sees it."""

    def __init__(self, execution: Execution, project: Path) -> None:
        self._x = execution
        self.run_id = execution.run.id
        self.agent_id = execution.run.agent_id
        self.project = project
        self.envelope: Envelope = execution.envelope
        """The message that began the run."""

    # -- the outside --------------------------------------------------------------------------------------------------

    def effect(
        self,
        kind: str,
        name: str,
        call: Callable[[str], Awaitable[Any]],
        *,
        request: Any = None,
        asked: str = "",
        effect: EffectClass = "once",
        type: type[Any] | None = None,
        probe: Callable[[str], Awaitable[Any]] | None = None,
        timeout_ms: int | None = None,
        reserve: int = 0,
        note: dict[str, Any] | None = None,
        keyed: bool = True,
    ) -> Coroutine[Any, Any, Any]:
        """Do something outside the run, once: `call(idempotency_key)`, or the recorded result of an earlier call.

        `request` is what is asked, as plain data; a handler that asks something else under the same key fails with
        ReplayDivergence. `effect` is its class (see `EffectClass`), `probe` finds out whether a `checkable` one
        happened, `type` is what a recorded result is decoded to, `reserve` is micro-USD to set aside,
        `note` is shown beside it in a trace. `keyed=False` says that `call` makes no use of its key: it may be "" then.
        """
        return self._x.effects.perform(
            kind,
            name,
            call,
            request=request,
            asked=asked,
            effect=effect,
            type=type,
            probe=probe,
            timeout_ms=timeout_ms,
            reserve=reserve,
            note=note,
            keyed=keyed,
        )

    async def now(self) -> int:
        """The time, milliseconds UTC, as it was when the handler first came here."""

        async def look(_: str) -> int:
            return self._x.clock.now()

        return int(await self.effect("now", "", look, effect="read"))

    def random(self) -> Random:
        """A source of chance that gives the same numbers whenever the handler comes here again."""
        return Random(digest(f"{self.run_id}/{self._x.keys.next('random')}"))

    def uuid(self) -> str:
        """32 hex digits of a UUIDv7 that is the same whenever the handler comes here again."""
        return self._derived("uuid", self._x.keys.next("uuid"))

    # -- many at once -------------------------------------------------------------------------------------------------

    async def gather(self, *branches: Awaitable[T], name: str = "gather") -> list[T]:
        """Run branches side by side, each with its own key prefix, and give their results in order.

        All of them are let finish; then the first that raised, in order, is raised.
        """
        if not branches:
            return []
        place = self._x.keys.next(name)
        if len(branches) == 1:
            with Scope(f"{_last(place)}/1", self._x.keys):
                return [await branches[0]]
        # This branch lends its count to those it gathers; the last of them to end gives it back.
        left = len(branches)
        self._x.waits.enter(left - 1)

        async def run(branch: Awaitable[T]) -> T:
            nonlocal left
            try:
                return await branch
            finally:
                left -= 1
                if left:
                    self._x.waits.leave()

        tasks = []
        for number, branch in enumerate(branches, 1):
            context = copy_context()
            context.run(enter, f"{place}/{number}")
            tasks.append(asyncio.create_task(run(branch), context=context))
        try:
            await asyncio.wait(tasks)
        except asyncio.CancelledError:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise
        self._x.keys.close(f"{place}/")
        failed = [error for error in (task.exception() for task in tasks) if error is not None]
        if failed:
            raise failed[0]
        return [task.result() for task in tasks]

    async def contest(
        self,
        *branches: Callable[[], Awaitable[T]],
        enough: Enough,
        at_once: int | None = None,
        within_ms: int | None = None,
    ) -> list[Branch[T]]:
        """Run branches side by side, `at_once` at most, until all have ended, `enough` says of how many are done and
        how many failed that the others need not, or `within_ms` have passed. Who is at work then is cut off: what may
        change something is let finish, child runs are cancelled, and everything else ends at once. Each branch opens a
        scope of its own.
        """
        contest = load(CONTEST)(self._x, branches, enough=enough, at_once=at_once, within_ms=within_ms)
        ended: list[Branch[T]] = await contest.hold()
        return ended

    @staticmethod
    def shielded() -> AbstractContextManager[None]:
        """What is begun inside is carried out also where this branch was cut off, or this run is being cancelled."""
        return shielded()

    def closed(self) -> AbstractContextManager[None]:
        """Nothing new begins inside: the handler comes to where it was, and there CancelledError is raised."""
        self._x.effects.closing = True
        return closed()

    def recalled(self, key: str) -> Any:
        """The result on record of an effect that is asked for later on; None where there is none."""
        past = self._x.journal.effects.get(key)
        return unpack(past.body) if past is not None and past.state == "done" else None

    @property
    def is_cancelling(self) -> bool:
        """Whether the run is being cancelled, so that a CancelledError is the place to undo what was done; where it is
        not, the handler is merely put away and does nothing more."""
        return self._x.journal.cancelling is not None and not self._x.effects.is_over

    @property
    def is_over(self) -> bool:
        """Whether the handler is being put away: it can do nothing more."""
        return self._x.effects.is_over

    def scope(self, name: str, *, last: bool = False) -> AbstractContextManager[None]:
        """Put `name/` before every key made inside, as steps do. `last` says that it is not entered again in this run:
        a handler of many steps keeps its checkpoints small so."""
        return Scope(name, self._x.keys if last else None)

    # -- waiting ------------------------------------------------------------------------------------------------------

    async def sleep(self, ms: int) -> None:
        """Wait, also over restarts, until `ms` milliseconds have passed since the handler first came here."""
        await self._x.wait("timer", "sleep", due_in=ms)

    async def sleep_until(self, at: int) -> None:
        """Wait until the clock shows `at` (milliseconds UTC)."""
        await self._x.wait("timer", "sleep", due=at)

    async def ask(
        self, question: str, *, options: tuple[str, ...] = (), timeout_ms: int | None = None, about: Any = None
    ) -> Any:
        """Ask a person and wait for the answer, however long that takes. None when `timeout_ms` has passed.

        Raises ReplayDivergence where the answer on record was given to another question than this one.
        """
        asked: dict[str, Any] = {"question": question}
        if options:
            asked["options"] = list(options)
        if about is not None:
            asked["about"] = about
        envelope = await self._x.wait("approval", "ask", about=asked, due_in=timeout_ms)
        if envelope is None:
            return None
        if envelope.causation not in ("", digest(asked)):
            raise ReplayDivergence(
                f"what was answered at {envelope.correlation} is not what is asked there now",
                key=envelope.correlation,
                recorded=envelope.causation,
                asked=digest(asked),
            )
        return envelope.payload

    async def hand_over(self, tool: str, arguments: Any, *, timeout_ms: int | None = None) -> Any:
        """Let whoever sent the message that began this run call a tool of theirs, and wait for what they say it gave,
        however long that takes. Raises ClientSilent when `timeout_ms` has passed."""
        about = {"tool": tool, "arguments": arguments}
        envelope = await self._x.wait("tool", "hand_over", about=about, due_in=timeout_ms)
        if envelope is None:
            raise ClientSilent(f"the client did not say in time what {tool} gave", tool=tool)
        return envelope.payload

    async def receive(
        self, *, kind: str = "", sender: str = "", correlation: str = "", timeout_ms: int | None = None
    ) -> Envelope | None:
        """Wait for the next message to this agent (of this kind, from this sender, with this correlation). None when
        the time is up."""
        wanted = (("kind", kind), ("sender", sender), ("correlation", correlation))
        about = {name: value for name, value in wanted if value}
        return await self._x.wait("reply" if correlation else "message", "receive", about=about, due_in=timeout_ms)

    @property
    def topics(self) -> Topics:
        """What agents tell each other without knowing who listens: `ctx.topics.publish("orders.failed", {…})`."""
        return Topics(self)

    # -- others -------------------------------------------------------------------------------------------------------

    def send(self, to: str, payload: Any, *, kind: str = "message", correlation: str = "") -> str:
        """Send a message to another agent, or to a topic (`topic:orders.failed`), when this tick commits; gives the
        envelope's id. One to an agent that there is not, or that was passed on more than MAX_HOPS times, comes to rest
        among this agent's dead letters."""
        key = self._x.keys.next("send", to)
        envelope = self._letter(key, to, payload, kind=kind, correlation=correlation)
        self._x.send(key, Outgoing(envelope))
        return envelope.id

    async def ask_agent(self, to: str, payload: Any, *, timeout_ms: int | None = None) -> Any:
        """Ask another agent and wait for its answer, however long that takes: what it hands to `reply`, or the output
        of the run that the request begins. None when `timeout_ms` has passed.

        Raises AgentNotFound where there is no such agent, EffectFailed where its run failed or was cancelled.
        """
        if to == self.agent_id:
            raise InputError(f"{to} would wait for itself: it does one thing at a time", agent_id=to)
        key = self._x.keys.next("ask", to)
        wait = f"{key}/answer"
        expires_at = None if timeout_ms is None else self._x.clock.now() + timeout_ms
        correlation = correlation_of(self.run_id, wait)
        asked = self._letter(key, to, payload, kind="request", correlation=correlation, expires_at=expires_at)
        self._x.send(key, Outgoing(asked))
        return read_answer(await self._x.wait("reply", "", key=wait, about={"agent": to}, due_in=timeout_ms), to)

    def delegate(self, to: str, task: Any) -> str:
        """Give another agent a task when this tick commits, and go on. How its run ended comes back as a message to
        this agent: a `ChildResult` as a mapping, with the id that is given here as its correlation."""
        key = self._x.keys.next("delegate", to)
        envelope = self._letter(key, to, task, kind="delegate")
        self._x.send(key, Outgoing(envelope))
        return envelope.id

    def reply(self, payload: Any, *, to: Envelope | None = None) -> str:
        """Answer the message that began this run, or the one given, when this tick commits; gives the envelope's id.

        What was asked with `ask_agent` or `delegate` is answered once; the run's output is no answer any more then.
        Any other message is answered with a message, which carries its correlation, or else its id.
        """
        question = to or self.envelope
        key = self._x.keys.next("reply", question.sender)
        run = self._x.run
        outgoing = answering(question, run, payload, None, status="done", now=self._x.clock.now())
        if outgoing is None:
            back = question.reply_to or question.sender
            outgoing = Outgoing(self._letter(key, back, payload, correlation=question.correlation or question.id))
        self._x.send(key, outgoing)
        return outgoing.envelope.id

    def schedule(self, plan: Plan) -> str:
        """Set an alarm of this agent, such as `Schedule(every=900_000)`, when this tick commits; gives its id."""
        key = self._x.keys.next("schedule")
        id = f"{PREFIX}{digest(f'{self.run_id}/{key}')}"
        now = self._x.clock.now()
        self._later(key, id, set_schedule(self.agent_id, id, *plan.begin(now), now=now))
        return id

    def unschedule(self, id: str) -> None:
        """Drop a schedule of this agent when this tick commits; one that there is not changes nothing."""
        self._later(self._x.keys.next("unschedule", id), id, drop_schedule(self.agent_id, id))

    def _later(self, key: str, id: str, ops: list[Op]) -> None:
        self._x.send(key, Outgoing(Envelope(id, self.agent_id, "alarm", sender=self.agent_id), ops=tuple(ops)))

    async def run(self, target: Any, input: Any, *, agent_id: str = "", name: str = "") -> ChildResult:
        """Start a child run and wait for its end. It draws on this run's budget.

        `target` is what `Runtime.run` takes too: a file, a spec, an Agent class, or the digest of a stored spec. It
        runs as the agent `agent_id`, or as a new one, whose id tells of `name`.
        """
        key = self._x.keys.next("run", agent_id)
        told = f"{name}-" if name else ""
        child = agent_id or f"{self.agent_id}.{told}{digest(f'{self.run_id}/{key}')[:8]}"
        run_id = self._derived("run", key)
        envelope = self._letter(key, child, input, correlation=key)
        self._x.send(key, Outgoing(envelope, target, run_id))
        about = {"run": run_id, "agent": child}
        answer = await self._x.wait("child", "", key=f"{key}/end", about=about)
        assert answer is not None  # a wait without a due time is never ended by a timer
        return msgspec.convert(answer.payload, ChildResult)

    # -- this agent ---------------------------------------------------------------------------------------------------

    async def seen(self, id: str) -> bool:
        """Whether `mark_seen` was called with this id, in this or an earlier run of this agent (the last 1,024)."""

        async def look(_: str) -> bool:
            return id in self._x.marked or await self._x.store.seen(self.agent_id, id)

        return bool(await self.effect("seen", "", look, request=id, effect="read"))

    def mark_seen(self, id: str) -> None:
        """Remember an id; written when the tick commits."""
        self._x.marked.append(id)

    @property
    def state(self) -> tuple[bytes | None, int]:
        """The agent's packed state and its version as they were when the run began."""
        return self._x.agent.state, self._x.agent.state_version

    def set_state(self, data: bytes, version: int) -> None:
        """Replace the agent's state when the run ends well; a run that fails changes nothing."""
        self._x.new_state = (data, version)

    async def checkpoint(self, state: Any) -> None:
        """Close a segment: a replay begins here, with `state` (plain data) in `restored`."""
        await self._x.checkpoint(pack(state))

    @property
    def restored(self) -> Any:
        """The state given to the last `checkpoint` of this run, None where there was none."""
        return self._x.journal.checkpoint

    @property
    def spec(self) -> str:
        """The digest of the definition that this run is of."""
        return self._x.run.spec

    async def of_parent(self, read: Callable[[bytes], T], type: type[T]) -> T | None:
        """What `read` makes of the stored definition of the run that this one is a child of; None where it is nobody's
        child. Nobody but a run can begin a child of its own: this is who asks, whatever the message says."""

        async def look(_: str) -> T | None:
            parent = await self._x.store.load_run(self._x.run.parent) if self._x.run.parent else None
            document = None if parent is None else await self._x.store.spec(parent.spec)
            return None if document is None else read(document)

        found: T | None = await self.effect("parent", "", look, effect="read", type=type)
        return found

    async def history(self, *, before: int | None = None, limit: int = 200) -> list[r.Record]:
        """Records of this agent from before this run, or before its last checkpoint, the newest first."""
        if not self._x.agent.records:
            return []  # it came to be with this run
        first = self._x.run.checkpoint_seq or self._x.run.first_seq
        return await self._x.store.records(
            RecordFilter(agent_id=self.agent_id), before=min(before or first, first), limit=limit, order="newest"
        )

    async def dispatch(self) -> None:
        """Let what was sent and published so far leave now, whatever becomes of this run; on disk when this returns."""
        await self._x.dispatch()

    # -- limits and signals -------------------------------------------------------------------------------------------

    @property
    def extensions(self) -> int:
        """How often a person let this run go on after it had come to a limit."""
        return self._x.journal.extensions

    @property
    def is_limited(self) -> bool:
        """Whether a budget bounds this run, so that money has to be set aside before it is spent."""
        return self._x.money.is_limited

    @property
    def tokens(self) -> int:
        """Tokens used by this run so far, in and out."""
        return self._x.effects.tokens

    @property
    def place(self) -> str:
        """The scope of this place in the run, ending in `/` where there is one."""
        return here()

    @property
    def cost(self) -> int:
        """Micro-USD spent by this run so far, without its children."""
        return self._x.journal.totals.cost

    @property
    def watched(self) -> bool:
        """Whether somebody listens to what this run says just now."""
        return self._x.live.watched(self.run_id)

    def emit(self, item: Any) -> None:
        """Show something to whoever listens just now; it is not kept."""
        self._x.live.publish(self.run_id, item)

    @property
    def traceparent(self) -> str:
        """What a call to the outside is to send as its `traceparent` (W3C), "" where the run is not traced. What the
        `http` tool and models send has it."""
        return OUTGOING.get()

    @property
    def tracestate(self) -> str:
        """What goes with it as `tracestate`, "" for nothing."""
        return outgoing().get("tracestate", "")

    def limit_time(self, ms: int) -> None:
        """Let nothing new begin once the run has worked `ms` milliseconds (waiting does not count)."""
        self._x.limit_time(ms)

    def crash_point(self, name: str) -> None:
        """A named place where a test may end the process."""
        self._x.probe(name)

    def _letter(self, key: str, to: str, payload: Any, **more: Any) -> Envelope:
        trace = self._x.effects.trace
        return Envelope(
            id=self._derived("env", key),
            to=to,
            payload=payload,
            sender=self.agent_id,
            thread=self.envelope.thread or self.envelope.id,
            causation=self.envelope.id,
            reply_to=self.agent_id,
            hops=self.envelope.hops + 1,
            traceparent="" if trace is None else trace.at(span_of_run(self.run_id)),
            tracestate="" if trace is None else trace.state,
            created_at=self._x.clock.now(),
            **more,
        )

    def _derived(self, prefix: str, key: str) -> str:
        made = uuid7(self._x.run.created_at, bytes.fromhex(digest(f"{self.run_id}/{key}"))[:10])
        return made if prefix == "uuid" else f"{prefix}_{made}"


def _last(place: str) -> str:
    return place.rpartition("/")[2]
