"""The answer as it comes, letter by letter."""

from __future__ import annotations

from typing import IO

import click

from perdure.control.listening import RunEvent

from .terminal import note, paint


class Streaming:
    """Writes the model's text to `out`, and to stderr how steps of a flow stand; a text that turns out void is begun
    again on a new line."""

    def __init__(self, out: IO[str]) -> None:
        self.shown = ""
        self._out = out

    def event(self, event: RunEvent) -> None:
        match event.type:
            case "text":
                self.shown += event.text
                click.echo(event.text, nl=False, file=self._out)
                self._out.flush()
            case "step":
                state, error = event.data["state"], event.data["error"]
                said = f": {error['message']}" if error else ""
                note(f"{paint(state.ljust(7), err=True, dim=True)} {event.text}{said}")
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
