"""`perdure write`: content into a file of the namespace, or a request to it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from . import options
from .process import complete
from .project import opened


@click.command("write")
@options.path
@click.argument("text", required=False)
@click.option("--append", is_flag=True, help="Put it behind what is there.")
@click.option("--call", is_flag=True, help="Write a request, and print the answer.")
@options.project
def command(path: str, text: str | None, append: bool, call: bool, project: Path | None) -> None:
    """Write a file of the namespace.

    TEXT replaces what is in the file, or creates it; without TEXT, or for `-`, it is read from standard input. What is
    written to /agents/AGENT/inbox is delivered, and waits for a process that works: `perdure resume --all --watch`.
    """
    if append and call:
        raise click.UsageError("give --append or --call: a request has its answer, and nothing to append to")
    data = sys.stdin.buffer.read() if text is None or text == "-" else text.encode()

    async def main() -> None:
        async with opened(project, work=False) as runtime:
            if append:
                await runtime.namespace.append(path, data)
            elif call:
                answer = await runtime.namespace.call(path, data)
                click.echo(answer, nl=not answer.endswith(b"\n"))
            else:
                await runtime.namespace.write(path, data)

    complete(main())
