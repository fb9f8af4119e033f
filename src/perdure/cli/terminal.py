"""Where output goes: a terminal gets colour and progress, a pipe gets plain text."""

from __future__ import annotations

import os
import sys
from typing import IO, Any

import click


def is_terminal(stream: IO[str]) -> bool:
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def paint(text: str, *, err: bool = False, **style: Any) -> str:
    """The text in this style, where its stream shows colours and nobody asked for none (https://no-color.org)."""
    stream = sys.stderr if err else sys.stdout
    return click.style(text, **style) if is_terminal(stream) and not os.environ.get("NO_COLOR") else text


def note(text: str) -> None:
    """A line on stderr that matters wherever it goes."""
    click.echo(text, err=True)


def hint(text: str) -> None:
    """A line on stderr for somebody who sits at a terminal."""
    if is_terminal(sys.stderr):
        click.echo(paint(text, err=True, dim=True), err=True)
