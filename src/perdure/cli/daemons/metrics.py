"""`perdure metrics`: the figures of a daemon, as Prometheus reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from perdure.control.daemons.daemon import find_daemon

from .. import options
from ..json import print_json
from .told import ask, state_folder_of

_SAMPLE = re.compile(r"(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)(?: \d+)?")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


@click.command("metrics")
@options.daemon
@options.json("Print a list of objects: name, labels, value (text where JSON has no such number).")
@options.project
def command(name: str, as_json: bool, project: Path | None) -> None:
    """Print the figures of a daemon, as Prometheus reads them.

    They are those of GET /metrics. Without NAME it is the only daemon of the project.
    """
    text = ask(find_daemon(state_folder_of(project), name), "/metrics").decode()
    if as_json:
        print_json(list(samples_of(text)))
    else:
        click.echo(text, nl=False)


def samples_of(text: str) -> Iterator[dict[str, Any]]:
    """The samples of a text in Prometheus's format
    (https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format)."""
    for line in text.splitlines():
        found = None if line.startswith("#") else _SAMPLE.fullmatch(line.strip())
        if found is not None:
            labels = {name: _unescaped(value) for name, value in _LABEL.findall(found["labels"] or "")}
            yield {"name": found["name"], "labels": labels, "value": _number(found["value"])}


def _unescaped(value: str) -> str:
    return re.sub(r"\\.", lambda found: _ESCAPES.get(found[0], found[0]), value)


def _number(text: str) -> float | str:
    return text if text in ("NaN", "+Inf", "-Inf") else float(text)
