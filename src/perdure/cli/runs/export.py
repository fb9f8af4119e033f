"""`perdure runs export`: runs as text for other programs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO, get_args

import click

from perdure.base.duration import parse_duration
from perdure.control.exporting import ExportFormat
from perdure.kernel.store.rows import RunFilter, RunStatus

from .. import options
from ..process import complete
from ..project import opened


@click.command("export")
@click.argument("run_ids", metavar="[RUN]...", nargs=-1)
@click.option("--format", type=click.Choice(get_args(ExportFormat)), default="jsonl", show_default=True)
@click.option("--agent", default="", metavar="ID", help="Only those of this agent.")
@click.option("--status", multiple=True, type=click.Choice(get_args(RunStatus)), help="Only those in this state.")
@click.option("--since", metavar="AGE", help="Only those that began within this time: 30m, 12h, 7d.")
@click.option("--tools/--no-tools", default=True, show_default=True, help="Include tool calls and their results.")
@click.option("--thoughts/--no-thoughts", default=False, show_default=True, help="Include the model's thinking.")
@click.option("--output", "-o", type=click.File("w", encoding="utf-8", lazy=True), help="The file to write.")
@options.project
def command(
    run_ids: tuple[str, ...],
    format: ExportFormat,
    agent: str,
    status: tuple[RunStatus, ...],
    since: str | None,
    tools: bool,
    thoughts: bool,
    output: IO[str] | None,
    project: Path | None,
) -> None:
    """Write runs as JSON, lines of JSON, or CSV.

    Without RUN all runs are written that the options leave, one at a time: memory does not grow with their number.
    """

    async def main() -> None:
        async with opened(project) as runtime:
            filter = RunFilter(
                agent_id=agent,
                status=status,
                since=runtime.clock.now() - parse_duration(since) if since else 0,
            )
            pieces = runtime.export(
                run_ids, filter=filter, format=format, include_tools=tools, include_thoughts=thoughts
            )
            out = output or sys.stdout
            async for piece in pieces:
                out.write(piece)

    complete(main())
