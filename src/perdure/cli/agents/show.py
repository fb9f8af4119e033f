"""`perdure agents show`: everything about an agent but its runs."""

from __future__ import annotations

from pathlib import Path

import click

from perdure.control.agents import AgentDetail

from .. import options
from ..errors import plain
from ..json import print_json
from ..process import complete
from ..project import opened
from ..table import print_facts
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
        print_json(plain(detail))
        return
    print_facts(_facts(detail))


def _facts(detail: AgentDetail) -> list[tuple[str, str]]:
    return [
        ("agent", f"{detail.agent_id} (spec {detail.spec} {detail.spec_digest[:8]})"),
        ("status", detail.status),
        ("created", show_time(detail.created_at)),
        ("changed", show_time(detail.updated_at)),
        ("journal", f"{detail.records:,} records"),
        ("mail", f"{detail.mail} waiting, {detail.dead_letters} dead"),
        ("active", detail.active_run),
        ("schedules", "\n".join(f"{one.id}, next {show_time(one.due or 0)}" for one in detail.schedules)),
        ("runs", "\n".join(detail.runs)),
    ]
