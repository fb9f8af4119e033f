"""`perdure bus tail`: events of topics, as they were and as they come."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from perdure.base.codec import to_json
from perdure.base.duration import parse_duration
from perdure.bus.port import Event
from perdure.control.runtime import Runtime

from .. import options
from ..exits import DONE
from ..json import print_json
from ..process import Stop, Stopped, complete
from ..project import command_line, opened
from ..terminal import note
from ..times import show_time


@click.command("tail")
@click.argument("pattern", default=">")
@click.option("--follow", "-f", is_flag=True, help="Stay, and show what comes, until Ctrl-C.")
@click.option("--last", "-n", type=click.IntRange(0, 1000), default=20, show_default=True, help="Begin so far back.")
@click.option("--after", type=click.IntRange(0), metavar="SEQ", help="Begin with what follows this event; 0 is all.")
@click.option("--since", metavar="AGE", help="Begin with what is no older than this: 30m, 12h, 7d.")
@options.json("Print an object a line: seq, and the envelope with topic, kind, payload, from and more.")
@options.project
@click.pass_context
def command(
    ctx: click.Context,
    pattern: str,
    follow: bool,
    last: int,
    after: int | None,
    since: str | None,
    as_json: bool,
    project: Path | None,
) -> None:
    """Show events, and follow what comes.

    PATTERN chooses the topics: `*` is any level, a last `>` all that follow. Each event has a number. Whoever comes
    back with the last one that it saw, as --after, misses nothing.
    """

    async def main() -> int:
        with Stop(said="") as stop:
            async with opened(project, work=False) as runtime:
                tail = Tail(runtime, pattern, as_json)
                try:
                    await stop.unless(tail.go(last, after, since, follow=follow))
                except Stopped:
                    if tail.seq:
                        words = ("bus", "tail", pattern, "--follow", "--after", str(tail.seq))
                        note(f"Stopped after {tail.seq}. Go on with: {command_line(runtime, *words)}")
                return DONE

    ctx.exit(complete(main()))


class Tail:
    """`seq` is the number of the last event that was printed."""

    def __init__(self, runtime: Runtime, pattern: str, json: bool) -> None:
        self.seq = 0
        self._topics = runtime.topics
        self._now = runtime.clock.now
        self._pattern = pattern
        self._json = json

    async def go(self, last: int, after: int | None, since: str | None, *, follow: bool) -> None:
        subscribe = partial(self._topics.subscribe, self._pattern, waited_for=False, in_order=True)
        hearer = await subscribe() if follow and after is None and since is None else None
        since_ms = None if since is None else self._now() - parse_duration(since)
        if after is None and since_ms is None:
            for event in await self._topics.events(self._pattern, newest=True, limit=last) if last else ():
                self._print(event)
        elif not follow:
            while events := await self._topics.events(self._pattern, after=after or 0, since_ms=since_ms or 0):
                for event in events:
                    self._print(event)
                after = self.seq
        else:
            hearer = await subscribe(after=after, since_ms=since_ms)
        if hearer is not None:
            async for event in hearer:
                if event.seq > self.seq:
                    self._print(event)

    def _print(self, event: Event) -> None:
        self.seq = event.seq
        if self._json:
            print_json(event, line=True)
            return
        said = event.envelope
        click.echo(f"{event.seq}  {show_time(said.created_at)}  {said.topic}  {to_json(said.payload).decode()}")
