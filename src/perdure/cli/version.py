"""`perdure version`: which versions are at work."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

import click

from perdure.base.version import __version__

from . import options
from .json import print_json

STANDS_ON = (
    "apsw",
    "click",
    "genai-prices",
    "httptools",
    "jsonschema",
    "msgspec",
    "pyreqwest",
    "PyYAML",
    "rich",
    "uvloop",
)


@click.command("version")
@options.json("Print one object.")
def command(as_json: bool) -> None:
    """Print the versions of Perdure and of what it stands on."""
    found = {"perdure": __version__, "python": platform.python_version(), "platform": platform.platform()}
    found |= {name: _installed(name) for name in STANDS_ON}
    if as_json:
        print_json(found)
        return
    width = max(map(len, found))
    for name, value in found.items():
        click.echo(f"{name.ljust(width)}  {value}")


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
