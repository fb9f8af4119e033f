"""`perdure cat`: a file of the namespace on standard output."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from perdure.base.errors import FileError, FileUnsupported
from perdure.namespace.namespace import Namespace

from . import options
from .exits import DONE
from .process import Stop, Stopped, complete
from .project import opened

AT_ONCE = 256 * 1024


@click.command("cat")
@options.path
@options.project
@click.pass_context
def command(ctx: click.Context, path: str, project: Path | None) -> None:
    """Print a file of the namespace.

    A stream, such as /agents/AGENT/logs/trace, is printed from its beginning and then as it comes, until it ends or
    Ctrl-C.
    """

    async def main() -> int:
        with Stop(said="") as stop:
            async with opened(project, work=False) as runtime:
                try:
                    await stop.unless(_print(runtime.namespace, path))
                except Stopped:
                    pass  # of a stream that is the only end
                return DONE

    ctx.exit(complete(main()))


async def _print(namespace: Namespace, path: str) -> None:
    try:
        file = await namespace.open(path)
    except FileUnsupported as error:
        return await _print_stream(namespace, path, error)
    async with file:
        while data := await file.read(AT_ONCE):
            _out(data)


async def _print_stream(namespace: Namespace, path: str, error: FileUnsupported) -> None:
    try:
        watch = await namespace.watch(path, 0)
    except FileUnsupported:
        raise error from None
    seen = False
    async for change in watch:
        if change.kind == "gap" and seen:
            raise FileError("a part of the stream was lost", path=path)
        if change.kind == "data":
            seen = True
            _out(change.data)


def _out(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
