"""What a daemon said: the end of its log, and what comes."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import BinaryIO

import click
import msgspec

from perdure.control.daemons.daemon import Daemon, find_daemon

from ..exits import DONE
from ..json import print_json
from ..process import Stop, Stopped
from .told import state_folder_of

EVERY_S = 0.2
PIECE = 64 * 1024


async def show_log(name: str, project: Path | None, *, last: int, follow: bool, json: bool) -> int:
    """Print the last lines of a daemon's log; with `follow` also those to come, until somebody stops it or the daemon
    has ended."""
    daemon = find_daemon(state_folder_of(project), name)
    with Stop(said="") as stop:
        try:
            await stop.unless(_show(daemon, last, follow=follow, json=json))
        except Stopped:
            pass  # following has no other end
    return DONE


async def _show(daemon: Daemon, last: int, *, follow: bool, json: bool) -> None:
    with daemon.log.open("rb") as file:
        for line in last_lines(file, last):
            _print(line, json)
        rest = b""
        while follow:
            is_over = not daemon.is_held()  # looked at first: what it said before its end is read after
            if os.fstat(file.fileno()).st_size < file.tell():
                file.seek(0)  # it was put away, and begins anew
            *lines, rest = (rest + file.read()).split(b"\n")
            for line in lines:
                _print(line, json)
            if is_over:
                return
            await asyncio.sleep(EVERY_S)


def last_lines(file: BinaryIO, count: int) -> list[bytes]:
    """The last whole lines of a file, which is read from its end; afterwards it stands behind them."""
    end = place = file.seek(0, os.SEEK_END)
    text = b""
    while place > 0 and text.count(b"\n") <= count:
        size = min(PIECE, place)
        place -= size
        file.seek(place)
        text = file.read(size) + text
    whole, _, rest = text.rpartition(b"\n")
    file.seek(end - len(rest))
    lines = whole.split(b"\n") if whole else []
    return lines[len(lines) - min(count, len(lines)) :]


def _print(line: bytes, json: bool) -> None:
    text = line.decode(errors="backslashreplace")
    if not json:
        click.echo(text)
        return
    print_json(_object(line) or {"line": text}, line=True)


def _object(line: bytes) -> object:
    """The object that a line is, where the process writes such lines; None for text."""
    try:
        return msgspec.json.decode(line) if line.startswith(b"{") else None
    except msgspec.DecodeError:
        return None
