"""`perdure bus topics`: what is published, and who hears it."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from perdure.base.topic import matches

from .. import options
from ..json import print_json
from ..process import complete
from ..project import opened
from ..table import Column, print_table
from ..terminal import hint
from ..times import show_time

COLUMNS = (
    Column("TOPIC"),
    Column("EVENTS", "number"),
    Column("LAST", "number"),
    Column("AT"),
    Column("HEARD BY"),
)


@click.command("topics")
@click.option("--prefix", default="", metavar="TEXT", help="Only topics that begin so.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="At most so many.")
@click.option("--cursor", default="", help="Go on where the page before ended.")
@options.json("Print one object: topics (topic, events, first_seq, last_seq, first_at, last_at) and subscriptions.")
@options.project
def command(prefix: str, limit: int, cursor: str, as_json: bool, project: Path | None) -> None:
    """List the topics that have events, and who hears them."""

    async def main() -> None:
        async with opened(project) as runtime:
            page = await runtime.topics.topics(prefix, limit=limit, cursor=cursor)
            subscribed = await runtime.subscriptions()
            if as_json:
                found = {"topics": page.items, "subscriptions": subscribed, "next": page.next}
                return print_json(msgspec.to_builtins(found))
            rows = [
                (
                    row.topic,
                    str(row.events),
                    str(row.last_seq),
                    show_time(row.last_at),
                    ", ".join(sorted({one.agent_id for one in subscribed if matches(one.pattern, row.topic)})),
                )
                for row in page.items
            ]
            if rows:
                print_table(COLUMNS, rows)
            else:
                hint("No events.")
            if page.next:
                hint(f"More: --cursor {page.next}")

    complete(main())
