"""The answer as it comes, letter by letter."""

from __future__ import annotations

from typing import IO

import click

from perdure.control.listening import RunEvent


class Streaming:
    """Writes the model's text to `out`; a text that turns out void is begun again on a new line."""

    def __init__(self, out: IO[str]) -> None:
        self.shown = ""
        self._out = out

    def event(self, event: RunEvent) -> None:
        match event.type:
            case "text":
                self.shown += event.text
                click.echo(event.text, nl=False, file=self._out)
                self._out.flush()
            case "restart" | "tool_start":
                self._new_line()
            case _:
                pass

    def close(self) -> None:
        pass

    def _new_line(self) -> None:
        if self.shown:
            click.echo(file=self._out)
        self.shown = ""
