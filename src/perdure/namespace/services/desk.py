"""What the services of an agent's directory work with: the store, the clock, and what they ask of the layers above."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from perdure.base.clock import Clock
from perdure.base.envelope import Envelope
from perdure.base.ids import Ids
from perdure.kernel.budgets import Scope
from perdure.kernel.store.ops import OverflowPolicy
from perdure.kernel.store.port import Store
from perdure.kernel.store.rows import AgentRow, RunRow

from .news import News

OPERATOR = "operator"


class Terms(msgspec.Struct, frozen=True):
    """What an agent's spec says of it: its name, how many messages may wait for it and what becomes of one too many,
    and the budgets that it draws on. `problem` says why the spec cannot be read; nothing else is known then."""

    name: str = ""
    capacity: int = 0
    policy: OverflowPolicy = "reject_new"
    scopes: tuple[Scope, ...] = ()
    problem: str = ""


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """`deliver` accepts an envelope for the agent that it names, on disk when it returns, and gives the run that it is
    to begin. Raises InboxFull, AgentNotFound, and InputError for a kind that begins no run. `command` does what `ctl`
    is told: start, stop, tick, hibernate or wake. `pubkey` is "" for an agent that has no key. `who` is on record for
    what is changed."""

    store: Store
    clock: Clock
    ids: Ids
    news: News
    deliver: Callable[[Envelope], Awaitable[RunRow]]
    command: Callable[[str, str], Awaitable[None]]
    terms: Callable[[AgentRow], Awaitable[Terms]]
    pubkey: Callable[[str], Awaitable[str]]
    who: str = OPERATOR
