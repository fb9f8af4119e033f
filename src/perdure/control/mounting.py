"""The mounts of one agent, as its spec and later decisions say; a decision is on record and holds at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from perdure.agents.permissions import OWN_MONEY, Place, check_place, place
from perdure.base.errors import InputError
from perdure.kernel.budgets import limits_of
from perdure.kernel.journal import encode
from perdure.kernel.mounting import decide
from perdure.kernel.records import BudgetReserved, BudgetSettled
from perdure.kernel.store.ops import Append, DropValue, Op, Reserve, Settle, WithinBudget
from perdure.namespace.access import PRICE
from perdure.namespace.below import Below
from perdure.namespace.levels import Access
from perdure.namespace.mounts import Mount, MountTable
from perdure.namespace.path import Path, parse, show
from perdure.namespace.port import FileService
from perdure.namespace.services.desk import Desk

from .finding import find_agent

if TYPE_CHECKING:
    from .runtime import Runtime

_LEVELS = ("read_only", "read_write", "sign_only", "budgeted", "disabled")


class OwnTable(MountTable):
    """What one agent reaches. `spec` is the digest of the spec that it was laid by."""

    def __init__(self, services: Mapping[Path, FileService], restricted: Mapping[str, tuple[Path, ...]], purse: Purse):
        super().__init__()
        self.spec = ""
        self.places: Sequence[Place] = ()
        self._services = services
        self._restricted = restricted
        self._purse = purse

    def lay(self, spec: str, places: Sequence[Place]) -> None:
        """Bring the table to these mounts; what stays as it is is not disturbed."""
        wanted = {one.path: one.access for one in places if self._base(one.path) is not None}
        standing = {mount.path: mount.access for mount in self}
        for path in standing.keys() - wanted.keys():
            self.unmount(path)
        for path, access in wanted.items():
            if path not in standing:
                self.mount(self._mount(path, access))
            elif standing[path] != access:
                self.change(path, access)
        self.spec, self.places = spec, places

    def take(self, taken: Sequence[Path], who: str) -> None:
        """Disable paths with all that is below them."""
        before = {one.path: one for one in self.places}
        below = {path for path in before if any(path[: len(one)] == one for one in taken)}
        gone = {path: Place(path, "disabled", "changed", who) for path in (*taken, *below)}
        self.lay(self.spec, [*(before | gone).values()])

    def _base(self, path: Path) -> Path | None:
        """The service that a path belongs to."""
        found = (path[:length] for length in range(len(path), 0, -1) if path[:length] in self._services)
        return next(found, None)

    def _mount(self, path: Path, access: Access) -> Mount:
        base = self._base(path)
        assert base is not None
        service = self._services[base]
        return Mount(
            path=path,
            service=service if base == path else Below(service, path[len(base) :]),
            access=access,
            meter=self._purse,
            price=0 if path[0] in OWN_MONEY else PRICE,
            restricted=self._restricted.get(path[0], ()) if len(path) == 1 else (),
        )


class Purse:
    """The budgets of an agent, as what its budgeted mounts charge."""

    def __init__(self, agent_id: str, desk: Desk) -> None:
        self._agent_id = agent_id
        self._desk = desk

    async def charge(self, amount: int) -> None:
        """Spend at once. Raises BudgetExceeded, and then nothing is spent."""
        desk, agent_id = self._desk, self._agent_id
        scopes = (await desk.terms(await find_agent(desk.store, agent_id))).scopes
        if not scopes:
            return
        id, now = desk.ids.new("res"), desk.clock.now()
        limits = limits_of(scopes, now)
        events = (BudgetReserved(reservation=id, amount=amount), BudgetSettled(reservation=id, spent=amount))
        records = tuple(encode(event, agent_id=agent_id, run_id="", key="mount", at=now) for event in events)
        ops: list[Op] = [Append(agent_id, records), Reserve(id, "", amount, limits), Settle(id, amount)]
        await desk.store.commit(ops, [WithinBudget(amount, limits)])


async def change_mount(runtime: Runtime, agent_id: str, path: str, access: Access | None, *, who: str) -> None:
    """Give a path of an agent's directory another access level, or with None the one that its spec says. It holds at
    once, here and in other processes with their next operation, and stays over restarts."""
    where = parse(path)
    if access is not None and access not in _LEVELS:
        raise InputError(f"not an access level: {access!r}", hint=f"There are {', '.join(_LEVELS)}.")
    check_place(where, access or "read_only")
    row = await find_agent(runtime.store, agent_id)
    now = runtime.clock.now()
    held = access or place(await runtime.directory.spec_of(row), where).access
    told, kept = decide(agent_id, show(where), held, who=who, now=now)
    record = encode(told, agent_id=agent_id, run_id="", key=show(where), at=now)
    op: Op = kept if access is not None else DropValue(agent_id, kept.key)
    await runtime.store.commit([op, Append(agent_id, (record,))])
    await runtime.directory.mounts_changed(agent_id)
