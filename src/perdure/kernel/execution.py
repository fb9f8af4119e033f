"""One run in memory: its handler as a task, with everything the handler has asked for and is owed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec

from perdure.base.clock import Clock
from perdure.base.codec import unpack_as
from perdure.base.envelope import Envelope
from perdure.base.traceparent import OUTGOING, trace_of

from . import records as r
from .budgets import Money
from .context import Context
from .effects import Effects, ReplayEnd, Secure
from .gates import is_closed
from .journal import Journal
from .keys import Keys
from .live import Live
from .meter import Meter
from .outgoing import Outgoing
from .program import Program
from .spending import Journalist, Spending
from .store.port import Store
from .store.rows import AgentRow, RunRow
from .waits import Waits

MARK = attrgetter("mark")
End: TypeAlias = Literal["ended", "suspended", "parked"]


class Execution:
    """Runs a handler until it ends, stands still, or is told to park. Does no committing of its own."""

    __slots__ = (
        *("_began", "_project", "_settled", "_task", "_waited", "agent", "clock", "effects", "envelope", "journal"),
        *("keys", "live", "marked", "money", "new_state", "outbox", "probe", "program", "reported", "run", "spending"),
        *("store", "waits", "write"),
    )

    def __init__(
        self,
        agent: AgentRow,
        run: RunRow,
        program: Program,
        journal: Journal,
        *,
        store: Store,
        clock: Clock,
        live: Live,
        money: Money,
        write: Journalist | None,
        probe: Callable[[str], None],
        project: Path,
        secure: Secure | None = None,
        envelope: Envelope | None = None,
        traced: bool = False,
        meter: Meter | None = None,
    ) -> None:
        self.agent = agent
        self.run = run
        self.program = program
        self.journal = journal
        self.store = store
        self.clock = clock
        self.live = live
        self.probe = probe
        self.write = write
        self.money = money
        accepted = journal.accepted
        self.envelope = envelope or unpack_as(accepted.body if accepted else b"", Envelope)
        self.keys = Keys(journal.counters)
        self.waits = Waits(self._still)
        self.spending = Spending(journal, money, write, self.wait)
        self.effects = Effects(run.id, journal, self.keys, self.waits, write, self.spending, probe, secure, meter)
        if traced or self.envelope.traceparent:
            self.effects.trace = trace_of(run.root or run.id, self.envelope.traceparent, self.envelope.tracestate)
        self.outbox: list[tuple[str, Outgoing]] = []
        self.marked = list(journal.marked)
        self.new_state = journal.new_state
        self.reported = frozenset(map(MARK, journal.waits.values()))
        self._began = clock.now()
        self._waited = 0
        self._settled: asyncio.Future[None] | None = None
        self._task: asyncio.Task[Any] | None = None
        self._project = project

    # -- driving ------------------------------------------------------------------------------------------------------

    async def go(self) -> End:
        """Let the handler work until it ends or stands still."""
        loop = asyncio.get_running_loop()
        if self._settled is None or self._settled.done():
            self._settled = loop.create_future()
        if self._task is None:
            if OUTGOING.get():
                OUTGOING.set("")  # that of a run inside which this one was begun
            self._task = loop.create_task(self.program.handle(Context(self, self._project)))
            self._task.add_done_callback(self._ended)
        if not self._task.done():  # it is where somebody abandoned it between two turns
            await self._settled
        if self._task.done():
            return "ended"
        return "parked" if self.waits.is_parked else "suspended"

    def result(self) -> Any:
        """What the handler returned. Raises what it raised."""
        assert self._task is not None
        return self._task.result()

    def park(self) -> None:
        """Let nothing new begin; the execution stands still when what is under way is done."""
        self.effects.parking = True

    async def abandon(self) -> None:
        """Cancel the handler, so that its `finally` blocks run, and wait until it is gone. It can do nothing more."""
        self.effects.is_over = True
        self.waits.frozen = True
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled():
            task.exception()  # whoever drives asks for it; if nobody does, the loop must not complain
        self._still()
        self.waits.over()
        self.spending.over()
        self.effects.time_left = None

    def _still(self) -> None:
        if self._settled is not None and not self._settled.done():
            self._settled.set_result(None)

    @property
    def is_started(self) -> bool:
        """Whether the handler runs, or stands still, in memory."""
        return self._task is not None

    # -- what the context asks for ------------------------------------------------------------------------------------

    async def wait(
        self,
        kind: r.WaitKind,
        name: str = "",
        *,
        key: str = "",
        about: dict[str, Any] | None = None,
        due: int | None = None,
        due_in: int | None = None,
    ) -> Envelope | None:
        """Stand still until the answer for this place comes; None where the time is up."""
        key = key or self.keys.next(name)
        answered = self.journal.answers.get(key)
        if answered is not None:
            self.journal.asked.add(key)
            return opened(answered)
        wait = self.journal.waits.get(key)
        if self.effects.is_over:
            raise asyncio.CancelledError
        if self.is_closed:
            if wait is not None:
                self.waits.dropped.append(wait)
            raise asyncio.CancelledError
        if wait is None:
            if due_in is not None:
                due = self.clock.now() + due_in
            wait = r.Wait(key, kind, due, about or {})
        began = self.clock.now()
        received: r.MessageReceived = await self.waits.wait(wait)
        self._waited += self.clock.now() - began
        return opened(received)

    def send(self, key: str, outgoing: Outgoing) -> None:
        if key not in self.journal.sent:
            if self.is_closed:
                raise asyncio.CancelledError
            self.outbox.append((key, outgoing))

    async def dispatch(self) -> None:
        """Let messages leave now that the handler sent, ahead of its commit; they are on disk when this returns."""
        if self.write is not None and any(outgoing.is_letter for _, outgoing in self.outbox):
            await self.write(mail=True)

    async def note(self, key: str, event: r.Event) -> None:
        """Write down something that the handler decided; it is on disk when this returns."""
        if self.effects.is_over:
            raise asyncio.CancelledError
        if self.effects.parking:
            await self.waits.park()
        if self.write is None:
            raise ReplayEnd(key)
        await self.write((key, event))

    @property
    def is_closed(self) -> bool:
        """Whether nothing new may begin here: this branch was cut off, or the run is being cancelled."""
        return self.effects.closing and is_closed(self.journal.cancelling is not None)

    async def checkpoint(self, state: bytes) -> None:
        if self.write is None:
            return
        totals = self.journal.totals
        body = {
            "state": msgspec.Raw(state),
            "counters": self.keys.counters,
            "steps": totals.steps,
            "cost": totals.cost,
            "usage": msgspec.structs.astuple(totals.usage),
        }
        if self.marked:
            body["marked"] = self.marked
        if self.new_state is not None:
            body["new_state"] = self.new_state
        if self.journal.reserved:
            body["aside"] = {key: (one.reservation, one.amount) for key, one in self.journal.reserved.items()}
        # Mail asked for before this point will not be asked for again: it leaves with the checkpoint.
        await self.write(("", r.Checkpoint(body=msgspec.Raw(msgspec.msgpack.encode(body)))), mail=True)
        self.journal.sent.clear()

    def limit_time(self, ms: int) -> None:
        self.effects.time_left = lambda: ms - (self.clock.now() - self._began - self._waited)


def opened(received: r.MessageReceived) -> Envelope | None:
    """The envelope of an answer; None where it is a timer that ended the wait."""
    return None if received.kind == "timer" else unpack_as(received.body, Envelope)
