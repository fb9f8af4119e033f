"""`perdure top`: what goes on, in a table that keeps up with it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import click

from perdure.base.duration import parse_duration, show_duration
from perdure.base.lazy import load
from perdure.base.money import show_money
from perdure.control.overview import Overview

from . import options
from .errors import plain
from .exits import DONE
from .json import print_json
from .process import Stop, Stopped, complete
from .project import folder_of, opened
from .table import Column, lines_of
from .terminal import is_terminal

Look: TypeAlias = Callable[[], Awaitable[Overview]]

RUNS = (
    Column("RUN", "id"),
    Column("AGENT"),
    Column("STATUS", "state"),
    Column("TIME", "number"),
    Column("STEPS", "number"),
    Column("TOKENS", "number"),
    Column("COST", "number"),
)
AGENTS = (
    Column("AGENT"),
    Column("CALLS/MIN", "number"),
    Column("TOKENS/S", "number"),
    Column("COST/MIN", "number"),
)
_SCREEN = "perdure.cli.screen:Screen"
_REMOTE = "perdure.cli.remote:remote_overview"


@click.command("top")
@click.option("--once", is_flag=True, help="Show it once, and end.")
@click.option("--interval", default="1s", show_default=True, metavar="TIME", help="How often to look.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="Runs and agents at most.")
@click.option("--url", metavar="URL", help="Look at the server there instead of at the project's store.")
@click.option("--token", envvar="PERDURE_TOKEN", help="For --url. [default: PERDURE_TOKEN, or the project's own]")
@options.json("Print an object each time: open_runs, queue, tokens_per_second, cost_microusd, busiest, runs and more.")
@options.project
@click.pass_context
def command(
    ctx: click.Context,
    once: bool,
    interval: str,
    limit: int,
    url: str | None,
    token: str | None,
    as_json: bool,
    project: Path | None,
) -> None:
    """Show what goes on: runs, agents, tokens, cost and queue.

    It reads the project's store, which any number of processes may be at work on, or with --url a server. Rates are
    those of the last minute. Ctrl-C ends it; where there is no terminal it is shown once.
    """
    pause_ms = max(100, parse_duration(interval))
    is_live = not once and not as_json and is_terminal(sys.stdout)
    once = once or not (is_live or as_json)

    async def main() -> int:
        with Stop(said="") as stop:
            async with _looking(project, url, token, limit) as look:
                try:
                    await stop.unless(_show(look, once, pause_ms, as_json, is_live))
                except Stopped:
                    pass
        return DONE

    ctx.exit(complete(main()))


@asynccontextmanager
async def _looking(project: Path | None, url: str | None, token: str | None, limit: int) -> AsyncIterator[Look]:
    if url is not None:
        remote: Any = load(_REMOTE)
        yield lambda: remote(url, token or _own_token(project), limit)
        return
    async with opened(project, work=False) as runtime:
        yield lambda: runtime.overview(limit=limit)


def _own_token(project: Path | None) -> str:
    try:
        return (folder_of(project) / ".perdure" / "token").read_text().strip()
    except OSError:
        return ""


async def _show(look: Look, once: bool, pause_ms: int, as_json: bool, is_live: bool) -> None:
    screen: Any = load(_SCREEN)() if is_live else None
    try:
        while True:
            found = await look()
            if as_json:
                print_json(plain(found), line=not once)
            elif screen is not None:
                screen.show(found, head_of(found), (RUNS, run_rows(found)), (AGENTS, agent_rows(found)))
            else:
                click.echo("\n".join(text_of(found)))
            if once:
                return
            await asyncio.sleep(pause_ms / 1000)
    finally:
        if screen is not None:
            screen.close()


def text_of(found: Overview) -> list[str]:
    """All of it as lines of plain text."""
    lines = head_of(found)
    if found.busiest:
        lines += ["", *lines_of(AGENTS, agent_rows(found))]
    if found.runs:
        lines += ["", *lines_of(RUNS, run_rows(found))]
    return lines


def head_of(found: Overview) -> list[str]:
    runs = ", ".join(f"{count:,} {status}" for status, count in sorted(found.open_runs.items())) or "none open"
    minute = 60_000 / found.window_ms
    return [
        f"{found.project}: runs {runs}; {round(found.ended * minute):,}/min ended, {found.failed:,} failed",
        f"agents {found.agents:,}  queue {found.queue:,}  timers {found.timers:,}  dead letters {found.dead_letters:,}",
        f"tokens/s {found.tokens_per_second:,}  calls/min {round(found.calls * minute):,}"
        f"  cost/min {show_money(round(found.cost_microusd * minute))}",
    ]


def run_rows(found: Overview) -> list[tuple[str, ...]]:
    return [
        (
            run.run_id,
            run.agent_id,
            f"{run.status} ({run.waiting_for})" if run.waiting_for else run.status,
            show_duration(run.age_ms),
            f"{run.steps:,}",
            f"{run.tokens:,}",
            show_money(run.cost_microusd),
        )
        for run in found.runs
    ]


def agent_rows(found: Overview) -> list[tuple[str, ...]]:
    minute = 60_000 / found.window_ms
    return [
        (
            load.agent_id,
            f"{round(load.calls * minute):,}",
            f"{load.tokens * 1000 / found.window_ms:,.1f}",
            show_money(round(load.cost_microusd * minute)),
        )
        for load in found.busiest
    ]
