"""What a run is doing, on a terminal: a line for each tool call, and one that moves while something is under way."""

from __future__ import annotations

import sys
from time import perf_counter

import msgspec
from rich.console import Console
from rich.markup import escape

from perdure.base.duration import show_duration
from perdure.base.money import show_money
from perdure.control.listening import RunEvent

_ROOM = 72


class Progress:
    """Shown on stderr while a run goes on; what moves is gone when it is closed."""

    shown = ""

    def __init__(self) -> None:
        self._console = Console(file=sys.stderr, highlight=False)
        self._status = self._console.status("thinking…", spinner_style="dim")
        self._steps = 0
        self._cost = 0
        self._started = perf_counter()
        self._status.start()

    def event(self, event: RunEvent) -> None:
        match event.type:
            case "model":
                self._steps += 1
                self._cost += event.data["cost_microusd"]
                self._say("thinking…")
            case "tool_start":
                arguments = msgspec.json.encode(event.data["arguments"]).decode()
                self._line(f"[dim]→[/] {escape(event.data['name'])} [dim]{escape(_cut(arguments))}[/]")
                self._say(f"{event.data['name']}…")
            case "tool_end":
                failed = event.data.get("error")
                sign = "[red]✗[/]" if failed else "[green]✓[/]"
                said = f" {escape(_cut(str(failed.get('message', ''))))}" if failed else ""
                self._line(f"  {sign} [dim]{show_duration(event.data['ms'])}{said}[/]")
            case "step" if event.data["state"] == "started":
                self._say(f"{event.text}…")
            case "step":
                sign = {"done": "[green]✓[/]", "failed": "[red]✗[/]"}.get(event.data["state"], "[dim]-[/]")
                self._line(f"{sign} {escape(event.text)}")
            case "restart":
                self._line(f"[dim]asking the model again: {escape(_cut(event.text))}[/]")
            case _:
                pass

    def close(self) -> None:
        self._status.stop()

    def _line(self, text: str) -> None:
        self._console.print(text, no_wrap=True, overflow="ellipsis")

    def _say(self, what: str) -> None:
        spent = f" · {show_money(self._cost)}" if self._cost else ""
        passed = show_duration((perf_counter() - self._started) * 1000)
        self._status.update(f"[dim]{escape(what)} step {self._steps + 1}{spent} · {passed}[/]")


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _ROOM else f"{line[:_ROOM]}…"
