"""An agent's directory: the standard services by their names, and what the layers above add to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from perdure.kernel.records import AgentChanged, MessageDropped, MessageSent, MountChanged, Record
from perdure.kernel.store.rows import RecordFilter

from ..node import Folder, Node
from ..path import Path, what_is_wrong
from ..port import Change
from . import goals, memory
from .ctl import ctl_node
from .deadletter import deadletter_node
from .desk import Desk
from .goals import goals_node
from .inbox import inbox_node
from .logs import logs_node
from .memory import memory_node
from .metrics import metrics_node
from .outbox import outbox_node
from .runs import runs_node
from .status import Statuses
from .values import TYPES, kind_of
from .wallet import wallet_node
from .watching import follow

Service: TypeAlias = Callable[[str], Node]
"""What a service is for the agent with this id."""

STANDARD: dict[str, Callable[[str, Desk], Node]] = {
    "ctl": ctl_node,
    "deadletter": deadletter_node,
    "goals": goals_node,
    "inbox": inbox_node,
    "logs": logs_node,
    "memory": memory_node,
    "metrics": metrics_node,
    "outbox": outbox_node,
    "runs": runs_node,
    "wallet": wallet_node,
}


def services_of(desk: Desk, extra: Mapping[str, Service]) -> dict[str, Service]:
    """All services of an agent's directory, by their names in order."""

    def standard(make: Callable[[str, Desk], Node]) -> Service:
        return lambda agent_id: make(agent_id, desk)

    found = {name: standard(make) for name, make in STANDARD.items()}
    found |= {"status": Statuses(desk).node, **extra}
    return {name: found[name] for name in sorted(found)}


def agent_folder(agent_id: str, desk: Desk, services: Mapping[str, Service]) -> Folder:
    """An agent's directory. A service is made when its name is used, so that a path costs what is on it."""

    async def names() -> Iterable[str]:
        return services

    async def child(name: str) -> Node | None:
        make = services.get(name)
        return None if make is None else make(agent_id)

    def told(record: Record) -> Change:
        path, kind = place_of(record), kind_of(record) if record.type in TYPES else "modified"
        return Change(kind, path, record.seq)

    return Folder(names=names, child=child, watch=follow(desk, RecordFilter(agent_id), told))


def place_of(record: Record) -> Path:
    """The file in an agent's directory that a record says most about."""
    match record.type:
        case MessageSent.type:
            return ("outbox",)
        case MessageDropped.type:
            return ("deadletter",)
        case MountChanged.type:
            return ("mounts",)
        case AgentChanged.type:
            return ("status",)
    for shelf, prefix, suffix in (("goals", goals.PREFIX, goals.SUFFIX), ("memory", memory.PREFIX, "")):
        if record.type in TYPES and record.key.startswith(prefix):
            name = record.key.removeprefix(prefix).rstrip("/") + suffix
            return (shelf, *(part for part in name.split("/") if not what_is_wrong(part)))
    return ("runs", record.run_id, "status") if record.run_id else ("status",)
