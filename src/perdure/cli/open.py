"""`perdure open`: a link that logs a browser in, once."""

from __future__ import annotations

import os
import webbrowser
from pathlib import Path

import click

from perdure.agents.config.loader import load_project
from perdure.agents.project import ProjectConfig
from perdure.base.clock import SystemClock
from perdure.control.principal import SCOPES, Scope
from perdure.server.links import GOOD_FOR_MS, Link, code_of
from perdure.server.token import read_token

from . import options
from .project import folder_of
from .who import who

LINK_BYTES = 8


@click.command("open")
@click.option("--url", metavar="URL", help="Where the server is. [default: as the project's settings say]")
@click.option("--browser", is_flag=True, help="Open the link in a browser too.")
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="What the session may. [default: admin]"
)
@options.project
def command(url: str | None, browser: bool, scopes: tuple[Scope, ...], project: Path | None) -> None:
    """Print a link that logs a browser in.

    It is good once, and for ten minutes; the session that it begins ends after twelve hours, or at logout. PERDURE_WHO
    says whom decisions in it are recorded as; `--scope`, which may be given often, what they may be (see `perdure keys
    add`).
    """
    config = load_project(folder_of(project), environment=os.environ)
    base = (url or url_of(config)).rstrip("/")
    link = base
    if config.server.auth == "token":
        link = login_link(base, read_token(config.state_folder, os.urandom), scopes or ("admin",))
    elif scopes:
        raise click.UsageError("with server.auth: none everybody may do everything, and nobody logs in")
    click.echo(link)
    if browser:
        webbrowser.open(link)


def login_link(url: str, token: str, scopes: tuple[Scope, ...] = ("admin",)) -> str:
    """A link to the server at this URL, in the name of whoever sits at this terminal."""
    link = Link(os.urandom(LINK_BYTES).hex(), who(), SystemClock().now() + GOOD_FOR_MS, scopes)
    return f"{url}/login?code={code_of(link, token)}"


def url_of(config: ProjectConfig) -> str:
    """Where the settings let the server be reached from this machine."""
    settings = config.server
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return reached(f"{'http' if settings.tls is None else 'https'}://{host}:{settings.port}")


def reached(url: str) -> str:
    """The URL for this machine of a server that listens everywhere."""
    return url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
