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
    project: Path | None,
) -> None:
    """Send input to an agent, or run a flow, and wait for the answer.

    FILE describes the agent or the flow, in YAML or TOML. What a flow takes is one value for its first input, or a JSON
    object of all, or is given by --set. The answer is printed to standard output. State is kept in the folder
    `.perdure` of the project that FILE belongs to, or of the current folder where it belongs to none; an
    interrupted run goes on with `perdure resume`.
    """
    flow = is_flow(file)
    if flow and (model or overrides):
        raise click.UsageError("a flow has no --model and no --override: change its file; --set gives inputs")
    if (inputs or stepwise) and not flow:
        raise click.UsageError("--set and --step are for flows")
    said = None if flow and text is None and input_file is None else input_of(text, input_file)
    replaced = inputs if flow else (*((f"model={model}",) if model else ()), *overrides)
    target = file.absolute()

    folder = folder_of(project, str(file))
    if dry_run:
        ctx.exit(complete(load(DRY_RUN)(folder, target, said, agent=agent, overrides=replaced, json=as_json)))

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
