"""JSON on stdout: exactly one value, indented where a person looks at it."""

from __future__ import annotations

import sys
from typing import Any

import click
import msgspec

from .terminal import is_terminal


def print_json(value: Any, *, line: bool = False) -> None:
    """Print the value; on one `line` where more of them follow."""
    text = msgspec.json.encode(value, enc_hook=str)
    click.echo(text if line or not is_terminal(sys.stdout) else msgspec.json.format(text, indent=2))
