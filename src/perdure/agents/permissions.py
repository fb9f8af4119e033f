"""What an agent may reach: the mounts that its spec stands for, as plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias

import msgspec

from perdure.base.errors import InputError
from perdure.namespace.levels import Access
from perdure.namespace.path import ROOT, Path, parse, show

from .amounts import whole
from .spec import AgentSpec

Source: TypeAlias = Literal["default", "autonomy", "permissions", "changed"]

DEFAULTS: dict[str, Access] = {
    "compute": "budgeted",
    "ctl": "read_write",
    "deadletter": "read_only",
    "goals": "read_write",
    "identity": "sign_only",
    "inbox": "read_write",
    "logs": "read_only",
    "memory": "read_write",
    "metrics": "read_only",
    "mounts": "read_only",
    "outbox": "read_only",
    "runs": "read_only",
    "status": "read_only",
    "tools": "read_write",
    "wallet": "read_only",
}
"""Every directory that an agent can have, and what it may do there where nobody says otherwise."""

PRESETS: dict[str, dict[str, Access]] = {
    "supervised": {"wallet": "disabled", "compute": "disabled", "identity": "sign_only", "ctl": "disabled"},
    "semi": {"wallet": "budgeted", "compute": "read_only", "identity": "sign_only", "ctl": "read_only"},
    "autonomous": {"wallet": "budgeted", "compute": "budgeted", "identity": "sign_only", "ctl": "read_write"},
}
"""What `autonomy` says of them."""

OWN_MONEY = ("compute",)
"""Services that reserve money themselves: they are budgeted, or nothing is spent through them."""
CALLABLE: tuple[Access, ...] = ("read_write", "budgeted")


class Place(msgspec.Struct, frozen=True):
    """A mount to be: `access` at `path`, and who says so. `who` is the principal of a change."""

    path: Path
    access: Access
    source: Source = "default"
    who: str = ""


class Changed(msgspec.Struct, frozen=True):
    """What somebody decided about a path after the agent was deployed."""

    access: Access
    who: str = ""
    at: int = 0


def places(
    spec: AgentSpec | None,
    services: Iterable[str],
    tools: Iterable[str] = (),
    changes: Mapping[Path, Changed] = {},
) -> list[Place]:
    """The mounts of an agent: its services, each of its tools, and every path below them that is spoken of. An agent
    whose spec cannot be read only looks on."""
    there = {(name,) for name in services if name != "tools"} | {("tools", name) for name in tools}
    spoken = [parse(path) for path in spec.permissions] if spec is not None else []
    below = {path for path in (*spoken, *changes) if any(path[: len(one)] == one for one in there)}
    return [place(spec, path, changes) for path in sorted(there | below)]


def place(spec: AgentSpec | None, path: Path, changes: Mapping[Path, Changed] = {}) -> Place:
    """What holds at one path. A later change outdoes the spec, `permissions` outdo `autonomy`, that the default; of the
    same kind the longest path counts."""
    changed = decided(path, changes)
    if changed is not None:
        return Place(path, changed.access, "changed", changed.who)
    if spec is None:
        return Place(path, "read_only")
    said = {parse(text): access for text, access in spec.permissions.items()}
    for length in range(len(path), 0, -1):
        access = said.get(path[:length])
        if access is not None:
            return Place(path, access, "permissions")
    name = path[0] if path else ""
    if spec.autonomy is not None and name in PRESETS[spec.autonomy]:
        return Place(path, PRESETS[spec.autonomy][name], "autonomy")
    return Place(path, DEFAULTS.get(name, "read_write"))


def decided(path: Path, changes: Mapping[Path, Changed]) -> Changed | None:
    """The later change that holds at a path, None where there is none."""
    for length in range(len(path), 0, -1):
        if (changed := changes.get(path[:length])) is not None:
            return changed
    return None


def grants(spec: AgentSpec, tool: str) -> bool:
    """Whether the spec lets its agent call a tool that it names."""
    return place(spec, ("tools", tool)).access in CALLABLE


def may_call(tool: str, changes: Mapping[Path, Changed]) -> bool:
    """Whether a tool that the spec grants is not taken away."""
    changed = decided(("tools", tool), changes)
    return changed is None or changed.access in CALLABLE


def row_of(place: Place, spec: AgentSpec | None) -> dict[str, Any]:
    """The mount as a line of the table that people read."""
    row: dict[str, Any] = {"path": show(place.path), "access": place.access, "by": place.source}
    if place.source == "autonomy" and spec is not None:
        row["by"] = f"autonomy {spec.autonomy}"
    if place.who:
        row["who"] = place.who
    if place.access == "budgeted" and spec is not None:
        row["per_run_microusd"] = whole(spec.budget.per_run)
        row["per_day_microusd"] = whole(spec.budget.per_day)
    return row


def check_place(path: Path, access: Access) -> None:
    """Raise InputError for a permission that makes no sense."""
    if path == ROOT or path[0] not in DEFAULTS:
        raise InputError(f"an agent has no {show(path)}", hint=f"There are {', '.join(DEFAULTS)}.")
    if path == ("mounts",) and access not in ("read_only", "disabled"):
        raise InputError("/mounts is read only: it shows what is mounted")
    if path[0] in OWN_MONEY and access not in ("budgeted", "read_only", "disabled"):
        raise InputError(f"/{path[0]} spends money: it can be budgeted, read_only or disabled, not {access}")
