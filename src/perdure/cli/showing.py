"""What happens in all runs of a process, a line for each thing, as it happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from shutil import get_terminal_size
from typing import Any

import click
import msgspec

from perdure.base.duration import show_duration
from perdure.base.money import show_money
from perdure.control.listening import RunEvent, events_of
from perdure.control.runtime import Runtime
from perdure.kernel.journal import decode
from perdure.kernel.records import Record, RunFinished, RunYielded

from .table import COLOURS
from .terminal import paint
from .times import show_time

_NAMES = ("cyan", "magenta", "blue", "yellow", "green")
_LEAST = 40
ID_END = 6


@asynccontextmanager
async def shown(runtime: Runtime) -> AsyncIterator[None]:
    """Print what runs do while this is entered."""
    with runtime.engine.live.listen() as queue:
        task = asyncio.create_task(_show(queue))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _show(queue: asyncio.Queue[Any]) -> None:
    while True:
        run_id, item = await queue.get()
        if isinstance(item, Record):
            for line in lines_of(run_id, item):
                click.echo(line)


def lines_of(run_id: str, record: Record) -> list[str]:
    """The lines that a record is worth."""
    event = decode(record)
    match event:
        case RunFinished():
            found = [paint(event.status, fg=COLOURS.get(event.status), bold=True)]
        case RunYielded():
            found = [paint("yielded", fg=COLOURS["yielded"], bold=True)]
        case _:
            found = [line for event in events_of(record) if (line := _line(event))]
    head = _head(run_id, record)
    return [f"{head} {line}" for line in found]


def _line(event: RunEvent) -> str:
    match event.type:
        case "model":
            spent = f"{show_money(event.data['cost_microusd'])}, {show_duration(event.data['ms'])}"
            return f"{_cut(event.text) or paint('asks for tools', dim=True)} {paint(f'({spent})', dim=True)}"
        case "tool_start":
            arguments = msgspec.json.encode(event.data["arguments"]).decode()
            return f"{paint('→', fg='cyan')} {event.data['name']} {paint(_cut(arguments), dim=True)}"
        case "tool_end":
            error = event.data.get("error")
            sign = paint("✗", fg="red") if error else paint("✓", fg="green")
            what = error.get("message", "") if error else _text(event.data.get("output"))
            took = show_duration(event.data["ms"])
            return f"{sign} {_cut(str(what))} {paint(f'({took})', dim=True)}"
        case "waiting":
            return paint(f"waits: {', '.join(str(wait['kind']) for wait in event.data)}", fg="yellow")
        case "resumed" | "warning":
            return paint(f"{event.type}: {_cut(event.text)}", fg="yellow")
        case _:
            return ""


def _head(run_id: str, record: Record) -> str:
    time = show_time(record.at).partition(" ")[2]
    colour = _NAMES[sum(record.agent_id.encode()) % len(_NAMES)]
    return f"{paint(time, dim=True)} {paint(record.agent_id, fg=colour)} {paint(run_id[-ID_END:], dim=True)}"


def _text(output: Any) -> str:
    if isinstance(output, dict) and "parts" in output:
        return " ".join(str(part.get("text", part.get("type", ""))) for part in output["parts"])
    return output if isinstance(output, str) else msgspec.json.encode(output, enc_hook=str).decode()


def _cut(text: str) -> str:
    room = max(_LEAST, get_terminal_size().columns - 50)
    line = " ".join(text.split())
    return line if len(line) <= room else f"{line[: room - 1]}…"
