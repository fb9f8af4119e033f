"""JSON on stdout: exactly one value, indented where a person looks at it."""

from __future__ import annotations

import sys
from typing import Any

import click
import msgspec

from .terminal import is_terminal


def print_json(value: Any) -> None:
    text = msgspec.json.encode(value, enc_hook=str)
    click.echo(msgspec.json.format(text, indent=2) if is_terminal(sys.stdout) else text)
