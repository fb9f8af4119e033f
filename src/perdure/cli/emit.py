"""`perdure emit`: an event for whoever subscribes to its topic."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import click
import msgspec

from perdure.base.codec import from_json
from perdure.base.duration import parse_duration
from perdure.base.envelope import DEFAULT_PRIORITY
from perdure.base.errors import InputError
from perdure.bus.port import Published

from . import options
from .exits import DONE
from .json import print_json
from .process import Stop, Stopped, complete
from .project import opened
from .run import input_of
from .who import who

LONGEST_LINE = 1024 * 1024


@click.command("emit")
@click.argument("topic")
@click.argument("payload")
@click.option("--lines", is_flag=True, help="With `-`: each line of standard input is an event, as it comes.")
@click.option("--id", default="", help="An id of your own: the same one again is not published again.")
@click.option("--kind", default="event", show_default=True, help="What it is, such as price.update.")
@click.option(
    "--priority", type=click.IntRange(0, 100), default=DEFAULT_PRIORITY, show_default=True, help="0 is first."
)
@click.option("--expires", metavar="TIME", help="Nobody is to hear it later than this from now: 30s, 5m.")
@options.json("Print an object for each event: id, topic, seq, is_new.")
@options.project
@click.pass_context
def command(
    ctx: click.Context,
    topic: str,
    payload: str,
    lines: bool,
    id: str,
    kind: str,
    priority: int,
    expires: str | None,
    as_json: bool,
    project: Path | None,
) -> None:
    """Publish an event to a topic.

    PAYLOAD is JSON; `-` reads it from standard input. The event is on disk when the command ends, and reaches agents
    that subscribe where a process works for the project. Its number is printed.
    """
    if lines and (payload != "-" or id):
        raise click.UsageError("--lines takes its events from standard input (`-`), each with an id of its own")
    expires_in_ms = parse_duration(expires) if expires else None
    said = None if lines else parsed(input_of(payload, None))

    async def main() -> int:
        with Stop(said="") as stop:
            async with opened(project, work=False) as runtime:

                async def publish(payload: Any) -> None:
                    made = await runtime.publish(
                        topic, payload, id=id, kind=kind, sender=who(), priority=priority, expires_in_ms=expires_in_ms
                    )
                    _tell(made, as_json)

                async def publish_lines() -> None:
                    async for line in _standard_input():
                        await publish(parsed(line))

                try:
                    await stop.unless(publish_lines() if lines else publish(said))
                except Stopped:
                    pass  # lines have no other end
                return DONE

    ctx.exit(complete(main()))


def parsed(text: str) -> Any:
    """The JSON that somebody typed. Raises InputError."""
    try:
        return from_json(text)
    except msgspec.DecodeError as error:
        raise InputError(
            f"the payload is not JSON: {error}", hint="Text stands in double quotes: '\"like this\"'."
        ) from error


def _tell(made: Published, json: bool) -> None:
    if json:
        print_json(msgspec.to_builtins(made), line=True)
    else:
        click.echo(str(made.seq))


async def _standard_input() -> AsyncIterator[str]:
    """Lines as they come, empty ones left out."""
    if stat.S_ISREG(os.fstat(sys.stdin.fileno()).st_mode):  # a file is there as a whole, and cannot be waited for
        for line in sys.stdin:
            if line.strip():
                yield line
        return
    reader = asyncio.StreamReader(limit=LONGEST_LINE)
    pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    try:
        while line := await _line(reader):
            if line.strip():
                yield line
    finally:
        pipe.close()


async def _line(reader: asyncio.StreamReader) -> str:
    try:
        return (await reader.readline()).decode()
    except ValueError as error:
        raise InputError(f"a line is longer than {LONGEST_LINE:,} bytes, or no UTF-8 text") from error
