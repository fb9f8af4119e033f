"""The money of a run's effects: agreed to where it is much, set aside before an effect, settled after it."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
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

TRY_AGAIN_MS = 60_000
"""How long a run waits for room where some of the budget is only reserved: calls often come to cost less."""


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
        await self._settle((key, r.BudgetSettled(reservation=lost.reservation, spent=spent)))
        self._journal.totals.cost += spent
        del self._journal.reserved[key]

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

    def is_set_aside(self, one: Effect) -> None:
        """The reservation is on disk."""
        if one.reservation:
            self._journal.reserved[one.key] = r.BudgetReserved(reservation=one.reservation, amount=one.reserve)

    async def room(self, one: Effect, error: BudgetExceeded) -> None:
        """Wait until there may be room for the effect; raises the error where the agent does not wait for that."""
        one.reservation = ""
        if self.money.rules.on_exceeded == "fail":
            raise error
        one.refused += 1
        about = {name if name == "scope" else f"{name}_microusd": said for name, said in error.facts.items()}
        await self._wait("budget", key=f"{r.ROOM}{one.refused}:{one.key}", about=about, due=self._room_at(error.facts))

    def _room_at(self, facts: dict[str, Any]) -> int | None:
        """When to look again without being told: in the next period, or soon where money is merely reserved."""
        if facts["amount"] > facts["limit"]:
            return None
        now, kind = self.money.now(), every(facts["scope"])
        soon = now if kind == "tick" else now + TRY_AGAIN_MS if facts["reserved"] else None
        return min((at for at in (resets_at(kind, now), soon) if at is not None), default=None)

    # -- after it -----------------------------------------------------------------------------------------------------

    def cost(self, one: Effect, outcome: Outcome) -> int:
        """What the effect cost: where nobody knows, the provider may have charged all that was set aside."""
        unknown = outcome.usage is None and not outcome.cost and one.reservation
        return one.reserve if unknown and self.money.rules.unknown_usage == "reserved" else outcome.cost

    async def spent(self, one: Effect, event: r.EffectDone) -> None:
        """Write how the effect ended and what it cost, which may be more than was reserved."""
        over = max(0, event.cost - one.reserve)
        settled = r.BudgetSettled(reservation=one.reservation, spent=event.cost, over=over)
        await self._settle((one.key, event), (one.key, settled))
        self._journal.reserved.pop(one.key, None)

    async def released(self, one: Effect, event: r.EffectFailed) -> None:
        """Write that the effect failed, and give back all that was set aside for it."""
        assert self._write is not None
        self.money.settle(one.reservation, 0)
        await self._write((one.key, event), (one.key, r.BudgetReleased(reservation=one.reservation)), money=self.money)
        self._journal.reserved.pop(one.key, None)

    async def _settle(self, *entries: Entry) -> None:
        assert self._write is not None
        *_, (key, settled) = entries
        assert isinstance(settled, r.BudgetSettled)
        self.money.settle(settled.reservation, settled.spent)
        for row in _scopes(await self._write(*entries, money=self.money)):
            if self.money.is_low(row):
                await self._warn(key, row)

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
