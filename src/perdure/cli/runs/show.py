"""`perdure runs show`: everything about a run that is not its course."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from perdure.base.duration import show_duration
from perdure.base.money import show_money
from perdure.control.listing import RunDetail
from perdure.control.steps import StepState

from .. import options
from ..errors import plain, tell
from ..json import print_json
from ..outcome import text_of
from ..process import complete
from ..project import opened
from ..table import COLOURS, print_facts
from ..terminal import paint
from ..times import show_time
from .list import object_of_summary, state_of

MOST = 100
"""Steps that are shown to people."""


@click.command("show")
@options.run_id
@options.json("Print one object.")
@options.project
def command(run_id: str, as_json: bool, project: Path | None) -> None:
    """Show everything about a run that is not its course.

    The steps of a flow are shown with how they stand, what kind they are, and the time and money that they took, runs
    that they began included; only the first 100, and all of them with --json. For the whole course see `perdure trace`.
    """

    async def main() -> None:
        async with opened(project) as runtime:
            detail = await runtime.show(run_id)
            _tell(detail, await runtime.steps(run_id) if detail.is_flow else [], as_json)

    complete(main())


def _tell(detail: RunDetail, steps: Sequence[StepState], as_json: bool) -> None:
    if as_json:
        told = {"flow_steps": plain(steps)} if detail.is_flow else {}
        print_json({**object_of_summary(detail.summary), **_rest(detail), **told})
        return
    print_facts(_facts(detail))
    for line in _lines(steps[:MOST]):
        click.echo(line)
    if len(steps) > MOST:
        click.echo(paint(f"{len(steps) - MOST:,} steps more; --json shows all", dim=True))
    if detail.error:
        tell(detail.error)


def _lines(steps: Sequence[StepState]) -> Iterator[str]:
    room = max((len(step.place) for step in steps), default=0)
    for step in steps:
        time = "" if step.started_at is None else show_duration(step.duration_ms)
        cost = show_money(step.cost_microusd) if step.cost_microusd else ""
        state = paint(step.status.ljust(8), fg=COLOURS.get(step.status))
        yield f"  {state} {step.place.ljust(room)}  {step.kind.ljust(10)}{time.rjust(8)}{cost.rjust(10)}".rstrip()


def _rest(detail: RunDetail) -> dict[str, object]:
    return {name: value for name, value in plain(detail).items() if name != "summary"}


def _why(decision: dict[str, Any] | None) -> str:
    if decision is None:
        return ""
    why = f": {decision['why']}" if decision["why"] else ""
    return f"by {', '.join(decision['by'])}, {decision['confidence']:.0%} sure{why}"


def _facts(detail: RunDetail) -> list[tuple[str, str]]:
    run = detail.summary
    budget = "" if detail.budget_microusd is None else f" of {show_money(detail.budget_microusd)}"
    return [
        ("run", run.run_id),
        ("agent", f"{run.agent_id} (spec {run.spec} {detail.spec_digest[:8]})"),
        ("status", state_of(run)),
        ("started", show_time(run.started_at)),
        ("took", f"{show_duration(run.duration_ms)}, {run.steps} steps, {detail.records} records"),
        ("tokens", f"{run.usage.input_tokens:,} in, {run.usage.output_tokens:,} out"),
        ("cost", f"{show_money(run.cost_microusd)}{budget}"),
        ("parent", detail.parent),
        ("children", "\n".join(detail.children)),
        ("forked", f"from {detail.forked_from}" if detail.forked_from else ""),
        (
            "changed",
            f"tools that are not what they were: {', '.join(detail.changed_tools)}" if detail.changed_tools else "",
        ),
        ("problem", detail.spec_problem),
        ("waits", "\n".join(f"{wait.kind} at {wait.key}" for wait in detail.waits)),
        ("input", "" if detail.input is None else text_of(detail.input)),
        ("why", _why(detail.decision)),
        ("output", "" if detail.output is None else text_of(detail.output)),
    ]
