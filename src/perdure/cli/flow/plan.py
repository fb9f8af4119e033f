"""`perdure flow plan`: what a flow comes down to, step by step, and what it could cost."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from perdure.base.money import show_money
from perdure.control.estimating import FlowEstimate, estimate_flow
from perdure.flows.drawing.words import KIND, about, rules
from perdure.flows.plan import Step
from perdure.flows.spec import FlowSpec, flow_digest
from perdure.flows.types import to_schema
from perdure.kernel.store.memory import MemoryStore
from perdure.wiring import open as open_runtime

from .. import options
from ..errors import plain
from ..json import print_json
from ..project import folder_of
from ..terminal import paint
from .reading import file, read


@click.command("plan")
@file
@options.project
@options.json("Print an object: name, digest, inputs, outputs, steps, estimate.")
def command(file: Path, project: Path | None, as_json: bool) -> None:
    """Show the steps of a flow, and what it could cost. Nothing is asked and nothing is written."""
    spec = read(file)
    estimate = asyncio.run(_estimate(spec, folder_of(project, spec.file)))
    if as_json:
        print_json(_as_json(spec, estimate))
        return
    given = ", ".join(f"{input.name}: {input.type}{'' if input.required else '?'}" for input in spec.plan.inputs)
    click.echo(f"{paint(spec.name, bold=True)}({given})")
    lines = [(step, spec.lines.get(step.path, 0)) for step in spec.plan.walk()]
    width = max((len(_shown(step)) for step, _ in lines), default=0)
    for step, line in lines:
        at = paint(f"line {line}" if line else "", dim=True)
        click.echo(f"{_shown(step).ljust(width)}  {at}".rstrip())
    for output in spec.plan.outputs:
        click.echo(f"{paint('gives', dim=True)} {output.name}: {output.type}")
    click.echo(f"{paint('costs', dim=True)} {_costs(estimate)}")
    for problem in estimate.problems:
        click.echo(f"{paint('problem', fg='red')} {problem}")


async def _estimate(spec: FlowSpec, folder: Path) -> FlowEstimate:
    async with open_runtime(folder, store=MemoryStore()) as runtime:
        return await estimate_flow(runtime, spec)


def _shown(step: Step) -> str:
    depth = step.path.count("/")
    kind = KIND[type(step)]
    more = f" ({', '.join(rules(step))})" if rules(step) else ""
    return f"  {'  ' * depth}{step.segment}  {kind} {about(step):.60}{more}"


def _costs(estimate: FlowEstimate) -> str:
    most = "nothing bounds it" if estimate.most_microusd is None else f"at most {show_money(estimate.most_microusd)}"
    runs = "any number of" if estimate.runs is None else f"at most {estimate.runs:,}"
    return f"at least {show_money(estimate.least_microusd)}, {most}; {runs} runs of agents"


def _as_json(spec: FlowSpec, estimate: FlowEstimate) -> dict[str, Any]:
    plan = spec.plan
    return {
        "name": spec.name,
        "digest": flow_digest(spec),
        "inputs": {input.name: {"schema": to_schema(input.type), "required": input.required} for input in plan.inputs},
        "outputs": {output.name: to_schema(output.type) for output in plan.outputs},
        "steps": [plain(step) for step in plan.steps],
        "estimate": plain(estimate),
    }
