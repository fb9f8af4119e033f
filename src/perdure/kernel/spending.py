"""The money of a run's effects: agreed to where it is much, set aside before an effect, settled after it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Any, Protocol

from perdure.base.envelope import Envelope
from perdure.base.errors import BudgetDenied, BudgetExceeded, KeyExists
from perdure.base.money import show_money

from . import records as r
from .budgets import Money, every, resets_at
from .classes import Outcome
from .effect import Effect
from .journal import Journal
from .store.rows import ScopeRow

Entry = tuple[str, r.Event]

TRY_AGAIN_MS, DOUBLED = 60_000, 6
"""How long a run that waits for room does so before it looks again; each time twice as long, up to about an hour."""


class Journalist(Protocol):
    """Writes records of this run, with the money collected and, where asked, the mail; done when they are on disk."""

    def __call__(self, *entries: Entry, money: Money | None = None, mail: bool = False) -> Awaitable[list[Any]]: ...


class Wait(Protocol):
    """Stands still until an answer comes under this key; None where the time `due` (ms) came first."""

    def __call__(
        self, kind: r.WaitKind, name: str = "", *, key: str, about: dict[str, Any], due: int | None = None
    ) -> Awaitable[Envelope | None]: ...


class Spending:
    """What the effects of one execution do with money. `write` is None in a replay, which comes here never."""

    __slots__ = ("_journal", "_wait", "_write", "money")

    def __init__(self, journal: Journal, money: Money, write: Journalist | None, wait: Wait) -> None:
        self.money = money
        self._journal = journal
        self._write = write
        self._wait = wait

    def over(self) -> None:
        """The run has come to rest: let go of who waits for it, or each run would leave a cycle for the collector."""
        del self._wait

    # -- before an effect ---------------------------------------------------------------------------------------------

    async def settle_lost(self, key: str) -> None:
        """End the reservation of an earlier attempt that did not come to its end, before there is another one."""
        lost = self._journal.reserved.get(key)
        if lost is None:
            return
        spent = self.lost_cost(lost)

        def note() -> None:
            self._journal.totals.cost += spent
            self._journal.reserved.pop(key, None)

        await self._settle(note, (key, r.BudgetSettled(reservation=lost.reservation, spent=spent)))

    def lost_cost(self, lost: r.BudgetReserved) -> int:
        """What a call counts for that was cut short: it may have cost all that was set aside."""
        return 0 if self.money.rules.unknown_usage == "zero" else lost.amount

    async def consent(self, one: Effect) -> None:
        """Wait until somebody who may do so agrees to a large spend. Raises BudgetDenied."""
        rules = self.money.rules
        if rules.approval_threshold is None or one.reserve <= rules.approval_threshold:
            return
        while not one.approved_by:
            one.asked_for += 1
            said = await self._wait("approval", key=f"{r.SPEND}{one.asked_for}:{one.key}", about=self._question(one))
            if said is None or (rules.approvers and said.sender not in rules.approvers):
                continue  # it is not for everyone to say
            if said.payload not in (True, "approve"):
                raise BudgetDenied(
                    f"{said.sender} did not agree to spend up to {show_money(one.reserve)} on {one.key}",
                    who=said.sender,
                    amount=one.reserve,
                )
            one.approved_by = said.sender or "operator"

    def _question(self, one: Effect) -> dict[str, Any]:
        rules = self.money.rules
        asked = f"May this run spend up to {show_money(one.reserve)} on {one.key}?"
        about: dict[str, Any] = {"amount_microusd": one.reserve, "threshold_microusd": rules.approval_threshold}
        if rules.approvers:
            about["approvers"] = list(rules.approvers)
        return {"kind": "budget", "question": asked, "options": ["approve", "deny"], "about": about}

    def set_aside(self, one: Effect) -> list[Entry]:
        """Reserve what the effect may cost with the next commit, and the record that says so."""
        one.reservation = self.money.reserve(one.key, one.reserve) if one.reserve else ""
        if not one.reservation:
            return []
        event = r.BudgetReserved(reservation=one.reservation, amount=one.reserve, approved_by=one.approved_by)
        return [(one.key, event)]

    async def reserve(self, one: Effect, entries: Sequence[Entry]) -> None:
        """Write what was set aside, with the effect's intent. Raises BudgetExceeded where there is no room."""
        event = r.BudgetReserved(reservation=one.reservation, amount=one.reserve)
        await self._commit(partial(self._journal.reserved.__setitem__, one.key, event), *entries)

    async def room(self, one: Effect, error: BudgetExceeded) -> None:
        """Wait until there may be room for the effect; raises the error where the agent does not wait for that."""
        one.reservation = ""
        if self.money.rules.on_exceeded == "fail":
            raise error
        one.refused += 1
        about = {name if name == "scope" else f"{name}_microusd": said for name, said in error.facts.items()}
        await self._wait(
            "budget",
            key=f"{r.ROOM}{one.refused}:{one.key}",
            about=about,
            due=self._look_again_at(error.facts, one.refused),
        )

    def _look_again_at(self, facts: dict[str, Any], times: int) -> int:
        """When to look again without being told: in the next period, and now and then before, as others give back what
        they reserved, and as a limit may have been raised in the moment between looking and waiting."""
        now, kind = self.money.now(), every(facts["scope"])
        if kind == "tick" and facts["amount"] <= facts["limit"]:
            return now
        soon, reset = now + (TRY_AGAIN_MS << min(times - 1, DOUBLED)), resets_at(kind, now)
        return soon if reset is None else min(soon, reset)

    # -- after it -----------------------------------------------------------------------------------------------------

    def cost(self, one: Effect, outcome: Outcome) -> int:
        """What the effect cost: where nobody knows, the provider may have charged all that was set aside."""
        unknown = outcome.usage is None and not outcome.cost and one.reservation
        return one.reserve if unknown and self.money.rules.unknown_usage == "reserved" else outcome.cost

    async def spent(self, one: Effect, event: r.EffectDone) -> None:
        """Write how the effect ended and what it cost, which may be more than was reserved."""
        over = max(0, event.cost - one.reserve)
        settled = r.BudgetSettled(reservation=one.reservation, spent=event.cost, over=over)
        await self._settle(partial(self._journal.reserved.pop, one.key, None), (one.key, event), (one.key, settled))

    async def released(self, one: Effect, event: r.EffectFailed) -> None:
        """Write that the effect failed, and give back all that was set aside for it."""
        self.money.settle(one.reservation, 0)
        released = r.BudgetReleased(reservation=one.reservation)
        await self._commit(partial(self._journal.reserved.pop, one.key, None), (one.key, event), (one.key, released))

    async def _settle(self, note: Callable[[], object], *entries: Entry) -> None:
        *_, (key, settled) = entries
        assert isinstance(settled, r.BudgetSettled)
        self.money.settle(settled.reservation, settled.spent)
        for row in _scopes(await self._commit(note, *entries)):
            if self.money.is_low(row):
                await self._warn(key, row)

    async def _commit(self, note: Callable[[], object], *entries: Entry) -> list[Any]:
        """Write, and `note` that it is on disk. Where the run is cut short meanwhile, that waits until it is known: a
        commit under way happens all the same, and what it reserved has to be settled with the end of the run."""
        assert self._write is not None
        written = asyncio.ensure_future(self._write(*entries, money=self.money))
        try:
            results = await asyncio.shield(written)
        except asyncio.CancelledError:
            await asyncio.wait((written,))
            if written.exception() is None:
                note()
            raise
        note()
        return results

    async def _warn(self, key: str, row: ScopeRow) -> None:
        assert self._write is not None
        self.money.warn(row)
        warned = r.BudgetWarned(scope=row.id, limit=row.allowed or 0, spent=row.spent, period=row.period)
        try:
            await self._write((key, warned), money=self.money)
        except KeyExists:
            pass  # another run saw it first, and told


def _scopes(results: Iterable[Any]) -> list[ScopeRow]:
    """The scopes among what a commit gave back."""
    return [row for result in results if isinstance(result, list) for row in result if isinstance(row, ScopeRow)]
