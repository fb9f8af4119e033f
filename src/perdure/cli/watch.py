"""`perdure watch`: changes of a file or directory of the namespace, as they come."""

from __future__ import annotations

from pathlib import Path

import click

from perdure.control.runtime import Runtime
from perdure.namespace.path import show
from perdure.namespace.port import Change

from . import options
from .exits import DONE
from .json import print_json
from .process import Stop, Stopped, complete
from .project import command_line, opened
from .terminal import note


@click.command("watch")
@options.path
@click.option("--after", type=click.IntRange(0), metavar="SEQ", help="Begin with what follows this change; 0 is all.")
@options.json("Print an object a line: seq, kind, path, and data where the change carries some.")
@options.project
@click.pass_context
def command(ctx: click.Context, path: str, after: int | None, as_json: bool, project: Path | None) -> None:
    """Follow the changes of a file or directory.

    It goes on until there is no more to come, or Ctrl-C. Each change has a number. Whoever comes back with the last
    one that it saw, as --after, misses nothing; where something was lost all the same, the first change is a `gap`.
    """

    async def main() -> int:
        with Stop(said="") as stop:
            async with opened(project, work=False) as runtime:
                watching = Watching(runtime, path, after, as_json)
                try:
                    await stop.unless(watching.go())
                except Stopped:
                    watching.tell_cursor()
                return DONE

    ctx.exit(complete(main()))


class Watching:
    """`last` is the number of the newest change that was printed."""

    def __init__(self, runtime: Runtime, path: str, after: int | None, json: bool) -> None:
        self.last = after
        self._runtime = runtime
        self._path = path
        self._json = json

    async def go(self) -> None:
        async for change in await self._runtime.namespace.watch(self._path, self.last):
            print_change(change, json=self._json)
            self.last = change.seq

    def tell_cursor(self) -> None:
        if self.last is not None:
            words = ("watch", self._path, "--after", str(self.last), *(("--json",) if self._json else ()))
            note(f"Stopped after {self.last}. Go on with: {command_line(self._runtime, *words)}")


def print_change(change: Change, *, json: bool) -> None:
    """A line for a change; the data itself where it carries some."""
    if json:
        shown = {"seq": change.seq, "kind": change.kind, "path": show(change.path)}
        if change.kind == "data":
            shown["data"] = change.data.decode(errors="backslashreplace")
        print_json(shown, line=True)
    elif change.kind == "data":
        click.echo(change.data, nl=not change.data.endswith(b"\n"))
    else:
        click.echo(f"{change.seq}  {change.kind:<8}  {show(change.path)}")
