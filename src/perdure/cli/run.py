"""`perdure run`: send input to an agent and wait for the answer."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from perdure.base.errors import InputError
from perdure.base.lazy import load
from perdure.flows.files import is_flow
from perdure.wiring import open as open_runtime

from . import options
from .following import follow
from .interrupted import tell_interrupted
from .process import Stop, complete
from .project import folder_of
from .terminal import is_terminal

DRY_RUN = "perdure.cli.dry_run:dry_run"
STEPPING = "perdure.cli.stepping:step_through"
RUN_DAEMON = "perdure.cli.daemons.running:run_daemon"
RERUN = "perdure.cli.rerunning:rerun"


@click.command("run")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--input", "text", metavar="TEXT", help="What to do, or what a flow is given; `-` is standard input.")
@click.option("--input-file", metavar="FILE", help="Read the input from a file.")
@click.option("--agent", metavar="ID", help="Continue the conversation of this agent, or begin one under this name.")
@click.option("--set", "inputs", multiple=True, metavar="NAME=VALUE", help="An input of a flow.")
@click.option("--step", "stepwise", is_flag=True, help="Ask before each step of a flow, and show what it gets.")
@click.option("--stream", is_flag=True, help="Print the answer as it comes (to stderr with --json), or a flow's steps.")
@options.json("Print one object: run_id, agent_id, status, output, error, steps, usage, cost_microusd, duration_ms.")
@click.option("--model", metavar="NAME", help="Use this model instead of the file's: provider/name.")
@options.overrides
@click.option("--dry-run", is_flag=True, help="Say what would be sent and what it would cost; call nothing.")
@click.option("--watch", is_flag=True, help="Run again whenever the file or one that it names changes, until Ctrl-C.")
@click.option(
    "--daemon", is_flag=True, help="Serve the agent in the background; with an input, let it begin with that."
)
@click.option("--name", metavar="NAME", help="What the daemon is called. [default: the agent's name]")
@options.project
@click.pass_context
def command(
    ctx: click.Context,
    file: Path,
    text: str | None,
    input_file: str | None,
    agent: str | None,
    inputs: tuple[str, ...],
    stepwise: bool,
    stream: bool,
    as_json: bool,
    model: str | None,
    overrides: tuple[str, ...],
    dry_run: bool,
    watch: bool,
    daemon: bool,
    name: str | None,
    project: Path | None,
) -> None:
    """Send input to an agent, or run a flow, and wait for the answer.

    FILE describes the agent or the flow, in YAML or TOML. What a flow takes is one value for its first input, or a JSON
    object of all, or is given by --set. The answer is printed to standard output. State is kept in the folder
    `.perdure` of the project that FILE belongs to, or of the current folder where it belongs to none; an
    interrupted run goes on with `perdure resume`. With --daemon the agent is there until `perdure stop`: it answers
    over HTTP on a free port, and wakes by what its `on` says.
    """
    if dry_run + watch + daemon > 1 or (name is not None and not daemon):
        raise click.UsageError("--dry-run, --watch and --daemon exclude each other, and --name is for the last one")
    flow = is_flow(file)
    if flow and (model or overrides or daemon):
        raise click.UsageError("a flow has no --model, --override or --daemon: change its file; --set gives inputs")
    if (inputs or stepwise) and not flow:
        raise click.UsageError("--set and --step are for flows")
    folder = folder_of(project, str(file))
    if daemon:
        if overrides or model or stream:
            raise click.UsageError("--daemon serves what the file says: no --override, --model or --stream")
        first = None if text is None and input_file is None else input_of(text, input_file)
        ctx.exit(load(RUN_DAEMON)(folder, file.absolute(), name, first, agent, json=as_json))
    said = None if flow and text is None and input_file is None else input_of(text, input_file)
    replaced = inputs if flow else (*((f"model={model}",) if model else ()), *overrides)
    target = file.absolute()
    if dry_run:
        ctx.exit(complete(load(DRY_RUN)(folder, target, said, agent=agent, overrides=replaced, json=as_json)))
    if watch:
        ctx.exit(complete(load(RERUN)(folder, target, said, agent=agent, overrides=replaced, json=as_json)))

    async def main() -> int:
        with Stop() as stop:
            async with open_runtime(folder) as runtime:
                run = await runtime.start(target, said, agent=agent, overrides=replaced, stepwise=stepwise)
                if stepwise and is_terminal(sys.stdin):
                    await load(STEPPING)(runtime, run)
                code = await follow(runtime, run.id, runtime.wait(run), stop=stop, json=as_json, stream=stream)
                await tell_interrupted(runtime)
                return code

    ctx.exit(complete(main()))


def input_of(text: str | None, file: str | None) -> str:
    """The input that the options name."""
    if (text is None) == (file is None):
        raise click.UsageError("give the input: --input TEXT, or --input-file FILE (`-` is standard input)")
    if text == "-" or file == "-":
        return _decoded(sys.stdin.buffer.read(), "standard input")
    if file is None:
        return text or ""
    try:
        return _decoded(Path(file).read_bytes(), file)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}", hint="Name a file of text.") from error


def _decoded(data: bytes, name: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not UTF-8 text: byte {error.start} is {data[error.start]:#04x}") from error
