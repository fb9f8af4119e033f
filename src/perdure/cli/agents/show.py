"""`perdure agents show`: everything about an agent but its runs."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from perdure.control.agents import AgentDetail

from .. import options
from ..errors import plain
from ..json import print_json
from ..process import complete
from ..project import opened
from ..terminal import paint
from ..times import show_time


@click.command("show")
@options.agent_id
@options.json("Print one object.")
@options.project
def command(agent_id: str, as_json: bool, project: Path | None) -> None:
    """Show everything about an agent but its runs.

    For those see `perdure runs list --agent`.
    """

    async def main() -> None:
        async with opened(project) as runtime:
            _tell(await runtime.show_agent(agent_id), as_json)

    complete(main())


def _tell(detail: AgentDetail, as_json: bool) -> None:
    if as_json:
        rest = {name: value for name, value in plain(detail).items() if name != "summary"}
        print_json({**msgspec.structs.asdict(detail.summary), **rest})
        return
    for name, value in _facts(detail):
        if value:
            first, *more = value.splitlines()
            click.echo(f"{paint(name.ljust(9), dim=True)} {first}")
            for line in more:
                click.echo(f"{'':9} {line}")


def _facts(detail: AgentDetail) -> list[tuple[str, str]]:
    agent = detail.summary
    return [
        ("agent", f"{agent.agent_id} (spec {agent.spec} {detail.spec_digest[:8]})"),
        ("status", agent.status),
        ("created", show_time(agent.created_at)),
        ("changed", show_time(agent.updated_at)),
        ("journal", f"{agent.records:,} records"),
        ("mail", f"{agent.mail} waiting, {detail.dead_letters} dead"),
        ("active", agent.active_run),
        ("schedules", "\n".join(f"{one.id}, next {show_time(one.due or 0)}" for one in detail.schedules)),
        ("runs", "\n".join(detail.runs)),
    ]
