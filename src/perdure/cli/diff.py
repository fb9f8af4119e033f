"""`perdure diff`: what changed between two definitions of an agent, and what that touches."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import click
import msgspec

from perdure.agents.config.loader import load_project
from perdure.agents.spec import AgentSpec
from perdure.base.errors import InputError
from perdure.base.money import show_money
from perdure.control.comparing import Area, Bounds, Comparison, KeyChange
from perdure.control.runtime import Runtime
from perdure.kernel.settings import Settings
from perdure.kernel.store.memory import MemoryStore
from perdure.wiring import open as open_runtime

from . import options
from .errors import plain
from .json import print_json
from .process import complete
from .project import folder_of
from .terminal import paint

HEADS: dict[Area, str] = {
    "cost": "what it may cost",
    "permissions": "what it may do",
    "behaviour": "how it answers",
    "waking": "what wakes it",
    "running": "how it is run",
    "nothing": "labels",
}
_LONGEST = 300


@click.command("diff")
@click.argument("old")
@click.argument("new")
@options.json("Print one object: changes, old_bounds, new_bounds, tools_gone, tools_new, runs, agents and more.")
@options.project
def command(old: str, new: str, as_json: bool, project: Path | None) -> None:
    """Show what changed between two definitions of an agent.

    And what that touches: what it may cost, what it may do, how it answers, what wakes it, and runs under way. OLD and
    NEW are files, ids of agents (what they are of now), or digests of definitions as `perdure runs show` tells them.
    """

    targets = [Path(name).absolute() if Path(name).is_file() else name for name in (old, new)]
    folder = folder_of(project, next((str(name) for name in targets if isinstance(name, Path)), ""))
    config = load_project(folder, environment=os.environ)
    there = config.store.url is not None or config.database.exists()

    async def main() -> None:
        store = None if there else MemoryStore()  # comparing files is no reason to make a database
        async with open_runtime(folder, store=store, settings=Settings(work=False)) as runtime:
            found = await runtime.compare(*[await _spec(runtime, target) for target in targets])
        if as_json:
            print_json(plain(found))
        else:
            tell_comparison(found)

    complete(main())


async def _spec(runtime: Runtime, name: Path | str) -> AgentSpec:
    if isinstance(name, Path):
        return runtime.spec(name)
    if re.fullmatch("[0-9a-f]{32}", name):
        return await runtime.library.stored(name)
    row = await runtime.store.load_agent(name)
    if row is None:
        raise InputError(f"{name!r} is no file, no agent and no digest of a definition")
    return await runtime.library.stored(row.spec)


def tell_comparison(found: Comparison) -> None:
    """Print what changed, by what it touches."""
    if not found.changes:
        click.echo("No key changed.")
    for area, head in HEADS.items():
        changes = [change for change in found.changes if change.area == area]
        if changes:
            click.echo(paint(head, bold=True))
            tell_changes(changes)
            for line in _about(area, found):
                click.echo(f"  {paint('→', fg='cyan')} {line}")
    if found.runs:
        counts = ", ".join(f"{count} {status}" for status, count in sorted(found.runs.items()))
        agents = "one agent" if found.agents == 1 else f"{found.agents} agents"
        click.echo(
            f"Under way on the old one: {counts}, of {agents}. They end on it; the next runs are of the new one."
        )
    if found.problem:
        click.echo(paint(f"Cannot be made ready here: {found.problem}", fg="red"))


def tell_changes(changes: list[KeyChange]) -> None:
    for change in changes:
        click.echo(f"  {change.key}")
        for sign, colour, value in (("-", "red", change.old), ("+", "green", change.new)):
            if value is not None:
                for line in _shown(value).splitlines():
                    click.echo(f"    {paint(f'{sign} {line}', fg=colour)}")


def _about(area: Area, found: Comparison) -> list[str]:
    match area:
        case "cost" if found.old_bounds != found.new_bounds:
            return [
                f"{what}: {_money(old)}, then {_money(new)}"
                for what, old, new in _pairs(found.old_bounds, found.new_bounds)
                if old != new
            ]
        case "permissions":
            gained, lost = ", ".join(found.tools_new), ", ".join(found.tools_gone)
            return [*([f"may call {gained}"] if gained else []), *([f"may no longer call {lost}"] if lost else [])]
        case _:
            return []


def _pairs(old: Bounds, new: Bounds) -> list[tuple[str, int | None, int | None]]:
    return [
        ("a call costs at most", old.call_microusd, new.call_microusd),
        ("a run costs at most", old.run_microusd, new.run_microusd),
    ]


def _money(microusd: int | None) -> str:
    return "nobody knows" if microusd is None else show_money(microusd)


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
