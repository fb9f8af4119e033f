"""Branches side by side of which some may be cut off: the first wins, the rest fail, or the time is up.

Who was cut off is decided once and written down before it is done. Whenever the handler comes here again, those that
were cut off are told what they did until then, and no more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar

import msgspec

from perdure.base.codec import digest, pack, unpack
from perdure.base.errors import ReplayDivergence, StoreError

from . import records as r
from .gates import Gate, gate, is_closed, pass_through

if TYPE_CHECKING:
    from .execution import Execution

T = TypeVar("T")
State: TypeAlias = Literal["open", "done", "failed", "cut"]

NOTHING_ASKED = digest(None)


class Branch(Generic[T]):
    """How a branch stands. `open` ones have not begun or are at work."""

    __slots__ = ("error", "gate", "state", "value")

    def __init__(self, outer: Gate | None) -> None:
        self.state: State = "open"
        self.value: T | None = None
        self.error: Exception | None = None
        self.gate = Gate(outer)


Enough: TypeAlias = Callable[[int, int], bool]
"""Whether so many branches that are done, and so many that failed, are enough."""


def never(done: int, failed: int) -> bool:
    """Every branch is let finish."""
    return False


class Settled(msgspec.Struct, frozen=True):
    """The decision: which branches were cut off, by number, how many had begun, and whether the time was up."""

    cut: tuple[int, ...]
    begun: int
    late: bool


class Contest(Generic[T]):
    """One contest. Branches open scopes of their own, each another one, for everything that they do."""

    def __init__(
        self,
        execution: Execution,
        work: Sequence[Callable[[], Awaitable[T]]],
        *,
        enough: Enough,
        at_once: int | None,
        within_ms: int | None,
    ) -> None:
        self._x = execution
        self._work = work
        self._enough = enough
        self._at_once = at_once or len(work)
        self._within_ms = within_ms
        self._key = execution.keys.next("settled")
        self._deadline_key = execution.keys.next("deadline") if within_ms is not None else ""
        self._running: set[asyncio.Task[None]] = set()
        self._timer: asyncio.Task[None] | None = None
        self._timer_gate = Gate(gate())
        self._news: asyncio.Future[None] | None = None
        self._ended = self._done = self._failed = 0
        self._fatal: BaseException | None = None
        self._begun = 0
        self._end = len(work)
        self.branches: list[Branch[T]] = [Branch(gate()) for _ in work]
        self.late = False

    async def hold(self) -> list[Branch[T]]:
        """The branches, each `done`, `failed` or `cut`."""
        if not self._work:
            return self.branches
        settled = self._on_record()
        waits = self._x.waits
        self._start(self._at_once)
        if settled is None and self._within_ms is not None:
            self._timer = self._behind(self._timer_gate, self._time())
        # Whoever waits for branches does not work. A branch that ends goes on counting for us, until we have seen it.
        waits.leave()
        held = 0
        stopped: asyncio.CancelledError | None = None
        try:
            while self._running and self._fatal is None:
                await self._some()
                held, self._ended = self._ended, 0
                if settled is None and self._is_over():
                    await self._decide()
                    break
                self._start(self._at_once - len(self._running))
                if self._running:
                    for _ in range(held):
                        waits.leave()
                    held = 0
        finally:
            stopped = await self._cut_off(held)
        if stopped is not None:
            raise stopped
        if self._fatal is not None:
            raise self._fatal
        if any(branch.state == "cut" and not branch.gate.closed for branch in self.branches):
            raise asyncio.CancelledError  # what is around us was cut off, and we with it
        return self.branches

    async def _cut_off(self, held: int) -> asyncio.CancelledError | None:
        """Cut off who is left and see them to their end, also where nobody waits for us any more, which is what it
        gives then. Meanwhile all of us may stand still: what somebody had begun is seen to, and may take a person."""
        waits, stopped = self._x.waits, None
        waits.cut([self._timer_gate, *(branch.gate for branch in self.branches)])
        self._cancel()
        held += self._ended
        while self._running or self._timer is not None:
            for _ in range(held):
                waits.leave()
            self._ended = 0
            try:
                await self._some()
            except asyncio.CancelledError as error:
                stopped = error
                self._cancel()
            held = self._ended
        for _ in range(held - 1):
            waits.leave()
        return stopped

    def _cancel(self) -> None:
        for task in (*self._running, *(() if self._timer is None else (self._timer,))):
            task.cancel()

    # -- the decision -------------------------------------------------------------------------------------------------

    def _is_over(self) -> bool:
        is_left = self._done + self._failed < len(self.branches)
        return (self.late and is_left) or self._enough(self._done, self._failed)

    def _on_record(self) -> Settled | None:
        past = self._x.journal.effects.get(self._key)
        if past is None or past.state != "done":
            return None
        self._x.journal.asked |= {self._key, self._deadline_key}
        settled = msgspec.convert(unpack(past.body), Settled)
        self._end = settled.begun
        self._close(settled)
        return settled

    async def _decide(self) -> None:
        cut = tuple(number for number, branch in enumerate(self.branches) if branch.state == "open")
        settled = Settled(cut, self._begun, self.late)
        self._close(settled)
        # In a branch or run that is cut off itself nothing is decided any more.
        if not is_closed(self._x.journal.cancelling is not None):
            body = msgspec.Raw(pack(msgspec.to_builtins(settled)))
            await self._x.note(self._key, r.EffectDone(kind="settled", digest=NOTHING_ASKED, body=body))

    def _close(self, settled: Settled) -> None:
        self.late = settled.late
        self._x.effects.closing = True
        for number in settled.cut:
            self.branches[number].gate.closed = True
            if number >= settled.begun:
                self.branches[number].state = "cut"

    # -- branches -----------------------------------------------------------------------------------------------------

    def _start(self, room: int) -> None:
        """Begin as many more branches, as far as there are any."""
        first, self._begun = self._begun, min(self._begun + room, self._end)
        for number in range(first, self._begun):
            self._running.add(self._behind(self.branches[number].gate, self._go(number)))

    def _behind(self, inner: Gate, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        self._x.waits.enter()
        context = copy_context()
        context.run(pass_through, inner)
        task = asyncio.get_running_loop().create_task(work, context=context)
        task.add_done_callback(self._over)
        return task

    def _over(self, task: asyncio.Task[None]) -> None:
        if task is self._timer:
            self._timer, self.late = None, not task.cancelled()
        elif task in self._running:
            self._running.remove(task)
        else:
            return  # its end was waited for
        self._ended += 1
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    async def _some(self) -> None:
        """Returns when some have ended that we have not seen."""
        if not self._ended:
            self._news = asyncio.get_running_loop().create_future()
            await self._news

    async def _go(self, number: int) -> None:
        branch = self.branches[number]
        try:
            branch.value = await self._work[number]()
            branch.state = "cut" if branch.gate.closed else "done"
            self._done += branch.state == "done"
        except asyncio.CancelledError:
            branch.state = "cut"
        except (StoreError, ReplayDivergence) as error:
            self._fatal = error
        except Exception as error:  # the edge: what a branch raises is how it ended
            branch.error = error
            branch.state = "cut" if branch.gate.closed else "failed"
            self._failed += branch.state == "failed"
        except BaseException as error:
            self._fatal = error

    async def _time(self) -> None:
        """Returns when the time is up: by a timer of the run, or by the clock while the handler is at work."""
        x, key = self._x, self._deadline_key
        clock = asyncio.create_task(self._clock(key))
        try:
            await x.wait("timer", key=key, due_in=self._within_ms)
        finally:
            clock.cancel()

    async def _clock(self, key: str) -> None:
        x = self._x
        found = x.waits.open.get(key)
        if found is None or found[0].due is None:
            return
        await x.clock.sleep(max(0, found[0].due - x.clock.now()))
        # A handler that stands still is told by the timer, which goes through its journal.
        if x.waits.is_working and x.waits.answer(key, r.MessageReceived(kind="timer")):
            x.waits.dropped.append(found[0])
