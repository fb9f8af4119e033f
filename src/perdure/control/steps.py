"""The steps of a flow's run, with what each came to, how long it took and what it cost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from perdure.base.errors import InputError

from .finding import find_run, records_of
from .retelling import retell
from .spans import TraceNode
from .tracing import trace

if TYPE_CHECKING:
    from .runtime import Runtime

StepStatus: TypeAlias = Literal["open", "done", "failed", "skipped"]


class StepState(msgspec.Struct, frozen=True):
    """One step. `place` is its path with the turns of loops, which its keys begin with and `fork` takes; `path` is
    where it stands in the plan. An `open` step was begun, and has no end yet. Times are integer milliseconds (UTC where
    absolute; None for a step of which nothing had to be put on record); what it cost, in micro-USD, is with all runs
    that it began."""

    place: str
    path: str
    kind: str
    status: StepStatus
    value: Any = None
    error: dict[str, Any] | None = None
    started_at: int | None = None
    duration_ms: int = 0
    cost_microusd: int = 0


async def steps(runtime: Runtime, run_id: str) -> list[StepState]:
    """The steps of a flow's run so far. Raises RunNotFound, and InputError where it is no flow's."""
    run = await find_run(runtime.store, run_id)
    program = await runtime.library.rehearsal(run.spec)
    if not program.undoes:
        raise InputError(f"run {run.id} is no flow's, and has no steps", hint="`perdure trace RUN` shows its course.")
    nodes = {node.key: node for node in _own((await trace(runtime, run.id)).children)}
    found: list[StepState] = []
    for seen in await retell(runtime, run, program, await records_of(runtime.store, run)):
        status: Any = "open" if seen.state == "started" else seen.state
        node = nodes.get(seen.place)
        times = (None, 0, 0) if node is None or not node.children else _times(node)
        found.append(StepState(seen.place, seen.path, str(seen.kind), status, seen.value, seen.error, *times))
    return found


def _own(nodes: tuple[TraceNode, ...]) -> Iterator[TraceNode]:
    """The steps among these and inside them, without those of child runs."""
    for node in nodes:
        if node.kind == "step":
            yield node
            yield from _own(node.children)


def _times(node: TraceNode) -> tuple[int, int, int]:
    return node.started_at, node.duration_ms, _cost(node)


def _cost(node: TraceNode) -> int:
    """With all runs inside, which the node itself does not count."""
    return node.cost_microusd + sum(_cost(run) for run in _runs(node.children))


def _runs(nodes: tuple[TraceNode, ...]) -> Iterator[TraceNode]:
    for node in nodes:
        if node.kind == "run":
            yield node
        else:
            yield from _runs(node.children)
