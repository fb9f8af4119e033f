"""Options that many commands have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def _remember(ctx: click.Context, _: click.Parameter, value: bool) -> bool:
    """The edge in `main` has to know how errors are to be told."""
    ctx.meta["json"] = value
    return value


def json(what: str) -> Callable[[F], F]:
    return click.option("--json", "as_json", is_flag=True, callback=_remember, is_eager=True, help=what)


project = click.option(
    "--project",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="The project's folder. [default: the one that this folder belongs to]",
)


def absolute(_: click.Context, __: click.Parameter, value: str) -> str:
    return value if value.startswith("/") else f"/{value}"


path = click.argument("path", metavar="PATH", callback=absolute)
"""A path of the namespace; all of them are absolute, also without the slash in front."""
agent_id = click.argument("agent_id", metavar="AGENT")
daemon = click.argument("name", metavar="[NAME]", default="")
run_id = click.argument("run_id", metavar="RUN")
asked = click.argument("which", metavar="RUN|APPROVAL")
agent_id = click.argument("agent_id", metavar="ID")
wait = click.option("--wait/--no-wait", default=True, help="Go on with the run here, and wait for its end.")
overrides = click.option(
    "--override", "overrides", multiple=True, metavar="PATH=VALUE", help="Replace a value of the file: limits.steps=5."
)
key = click.option("--key", default="", metavar="KEY", help="Which question, where the run asks several.")
why = click.option("--why", default="", metavar="TEXT", help="The reason, for the record.")
