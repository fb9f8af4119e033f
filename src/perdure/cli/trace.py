"""`perdure trace`: what a run did, as a tree with times, tokens and cost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO

import click
import msgspec

from perdure.base.duration import show_duration
from perdure.base.money import show_money
from perdure.control.spans import TraceNode
from perdure.control.tracing import export_trace, import_trace

from . import options
from .errors import plain
from .files import write_whole
from .json import print_json
from .process import complete
from .project import opened
from .table import COLOURS
from .terminal import paint

_NAME_ROOM = 52
_TIME, _TOKENS, _COST = 8, 15, 10


@click.command("trace")
@click.argument("run_id", metavar="[RUN]", default="")
@click.option("--full", is_flag=True, help="Show requests and answers whole, as they were sent and received.")
@options.json("Print the tree as one object.")
@click.option(
    "--jsonl",
    is_flag=False,
    flag_value="-",
    metavar="[FILE]",
    help="Write the tree to FILE, or print it: a line of JSON for each node, parents first.",
)
@click.option(
    "--from",
    "source",
    type=click.File("rb"),
    metavar="FILE",
    help="Show a trace that --jsonl wrote, of whatever project, instead of that of a run; - reads stdin.",
)
@options.project
def command(
    run_id: str, full: bool, as_json: bool, jsonl: str | None, source: IO[bytes] | None, project: Path | None
) -> None:
    """Show what a run did, how long it took and what it cost.

    One line for each step, call and wait: its key's name, what it was about, the time it took, tokens in and out, and
    cost. Calls of models and tools stand inside their step, child runs inside the call that began them. What is
    known to be secret is shown as [redacted].
    """
    if bool(run_id) == (source is not None):
        raise click.UsageError("name either a RUN or, with --from, a file")

    async def main() -> TraceNode:
        async with opened(project) as runtime:
            return await runtime.trace(run_id, full=full)

    root = import_trace(source) if source is not None else complete(main())
    if as_json:
        print_json(plain(root))
    elif jsonl is not None and jsonl != "-":
        write_whole(Path(jsonl), "".join(f"{line}\n" for line in export_trace(root)).encode())
    else:
        for line in export_trace(root) if jsonl else lines_of(root, full=full):
            click.echo(line)


def lines_of(root: TraceNode, *, full: bool = False) -> Iterator[str]:
    """The tree as lines for people."""
    head = " " * _NAME_ROOM + "time".rjust(_TIME) + "tokens".rjust(_TOKENS) + "cost".rjust(_COST)
    yield paint(head, dim=True)
    yield from _lines(root, "", "", full)


def _lines(node: TraceNode, own: str, below: str, full: bool) -> Iterator[str]:
    """`own` is drawn before the node itself, `below` before what is inside it."""
    state = "" if node.status == "done" else f" {node.status}"
    label = f"{own}{_sign(node)} {node.name}{_kind(node)}{state}"
    gap = " " * max(1, _NAME_ROOM - len(label))
    yield f"{paint(label, fg=COLOURS.get(node.status), bold=node.kind == 'run')}{gap}{_figures(node)}".rstrip()
    if node.key and node.kind != "step":
        yield paint(f"{below}  {node.key}", dim=True)
    if node.summary:
        yield f"{below}  {node.summary}"
    if full and node.detail:
        for line in msgspec.json.format(msgspec.json.encode(plain(node.detail)), indent=2).decode().splitlines():
            yield paint(f"{below}  {line}", dim=True)
    for child in node.children:
        last = child is node.children[-1]
        yield from _lines(child, below + ("└─ " if last else "├─ "), below + ("   " if last else "│  "), full)


def _kind(node: TraceNode) -> str:
    """What a step of a flow does, where its name does not say that."""
    kind = str(node.detail.get("step", "")) if node.kind == "step" else ""
    return f" ({kind})" if kind and node.name.partition("#")[0] != kind else ""


def _figures(node: TraceNode) -> str:
    tokens = f"{node.input_tokens:,} → {node.output_tokens:,}" if node.input_tokens or node.output_tokens else ""
    cost = show_money(node.cost_microusd) if node.cost_microusd else ""
    time = "" if node.kind == "event" else show_duration(node.duration_ms)
    return time.rjust(_TIME) + tokens.rjust(_TOKENS) + cost.rjust(_COST)


_SIGNS = {"done": "✓", "failed": "✗", "cancelled": "✗", "in_doubt": "?", "waiting": "…", "started": "…", "skipped": "-"}


def _sign(node: TraceNode) -> str:
    return "·" if node.kind == "event" else _SIGNS.get(node.status, "…")
