"""`perdure deploy`: what new files would break, told before they do; then they count."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import click

from perdure.agents.config.loader import load_project
from perdure.base.errors import DaemonNotRunning
from perdure.control.checking import Check, Finding
from perdure.control.daemons.daemon import all_daemons
from perdure.control.runtime import Runtime
from perdure.kernel.settings import Settings
from perdure.kernel.store.memory import MemoryStore
from perdure.kernel.store.sqlite import SqliteStore
from perdure.wiring import open as open_runtime

from . import options
from .errors import plain
from .exits import DONE, FAILED
from .json import print_json
from .process import complete
from .project import folder_of
from .terminal import note, paint


@click.command("deploy")
@click.option("--check", "only_check", is_flag=True, help="Only say what would break.")
@click.option("--force", is_flag=True, help="Deploy though something breaks.")
@click.option(
    "--runs-of",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="With --check: look at the runs of the project in this folder, where the files are to go.",
)
@options.json("Print one object: ok, runs, agents, findings and deployed.")
@options.project
@click.pass_context
def command(
    ctx: click.Context, only_check: bool, force: bool, runs_of: Path | None, as_json: bool, project: Path | None
) -> None:
    """Check what new files would break, and deploy them.

    Every run that has not ended is executed again against its journal with the code as it is now, touching nothing:
    that tells whether a tool or class is gone, whether state can still be read, and where a run would go another way.
    The exit code is 1 where something breaks; then nothing is deployed. Deploying lets the agents that something wakes
    be of the new files from their next run on, and tells the project's daemons to take the files up.
    """
    if runs_of is not None and not only_check:
        raise click.UsageError("--runs-of is for --check")

    async def main() -> int:
        async with _opened(folder_of(project), runs_of) as runtime:
            check = await runtime.check()
            deployed = await _deploy(runtime) if not only_check and (check.ok or force) else []
            if as_json:
                found = [plain(finding) | {"breaks": finding.breaks} for finding in check.findings]
                print_json({"ok": check.ok, **plain(check), "findings": found, "deployed": deployed})
            else:
                _tell(check)
                for name in deployed:
                    click.echo(f"deployed  {name}")
            return DONE if check.ok or (force and not only_check) else FAILED

    ctx.exit(complete(main()))


@asynccontextmanager
async def _opened(folder: Path, runs_of: Path | None) -> AsyncIterator[Runtime]:
    """The runtime with the files of one folder and the runs of another; it works at none of them."""
    config = load_project(runs_of or folder, environment=os.environ)
    settings = Settings(work=False)
    if config.store.url is not None:
        async with open_runtime(folder, settings=settings) as runtime:
            yield runtime
        return
    store = SqliteStore.open(config.database) if config.database.exists() else MemoryStore()
    try:
        async with open_runtime(folder, store=store, settings=settings) as runtime:
            yield runtime
    finally:
        await store.close()


async def _deploy(runtime: Runtime) -> list[str]:
    """Deploy what something wakes, and let the daemons know. Returns the names of the agents and flows."""
    deployed = [(await runtime.deploy(spec)).agent_id for _, spec in runtime.shelf.specs() if spec.on]
    deployed += [(await runtime.deploy(flow)).agent_id for _, flow in runtime.flows.specs() if flow.on]
    for daemon in all_daemons(runtime.project.state_folder):
        try:
            daemon.signal(signal.SIGHUP)
            note(f"{daemon.name} takes the files up")
        except DaemonNotRunning:
            continue
    return deployed


def _tell(check: Check) -> None:
    for finding in check.findings:
        for line in _lines(finding):
            click.echo(line)
    broken = len({finding.run_id or finding.agent_id or finding.file for finding in check.findings if finding.breaks})
    looked = f"{_count(check.runs, 'unfinished run')} and {_count(check.agents, 'agent')} were looked at"
    verdict = paint("nothing breaks", fg="green") if check.ok else paint(f"{broken} would break", fg="red")
    click.echo(f"{looked}: {verdict}")


def _lines(finding: Finding) -> list[str]:
    about = finding.file or " of ".join(filter(None, (finding.run_id, finding.agent_id)))
    word = paint("breaks", fg="red") if finding.breaks else paint("differs", fg="yellow")
    status = f" ({finding.status})" if finding.status else ""
    lines = [f"{word}  {about}{status}: {finding.what}"]
    if finding.reason == "diverges":
        lines += [f"        recorded: {plain(finding.recorded)}", f"        now:      {plain(finding.now)}"]
    return lines


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
