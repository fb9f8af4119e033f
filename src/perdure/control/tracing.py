"""Trace: a run's course as a tree, its child runs inside, and where asked the very questions put to models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from perdure.base.codec import to_json
from perdure.kernel.store.rows import RunRow

from .finding import find_run, records_of
from .listing import spec_name
from .questions import questions_of
from .spans import Course, TraceNode

if TYPE_CHECKING:
    from .runtime import Runtime

DEPTH = 32
"""Generations of child runs that are followed."""


async def trace(runtime: Runtime, run_id: str, *, full: bool = False) -> TraceNode:
    """The run's tree. With `full` each call of a model shows its question in `detail["request"]`, rebuilt from the
    journal and checked against the digest on record (`detail["request"]["proven"]`). Raises RunNotFound."""
    return await _tree(runtime, await find_run(runtime.store, run_id), full, DEPTH)


async def _tree(runtime: Runtime, run: RunRow, full: bool, depth: int) -> TraceNode:
    records = await records_of(runtime.store, run)
    course = Course(run, await spec_name(runtime, run.spec) or run.agent_id).read(records)
    requests: dict[str, Any] = {}
    if full:
        questions = await questions_of(runtime, run, records)
        requests = {key: msgspec.to_builtins(question, builtin_types=(bytes,)) for key, question in questions.items()}
    children: dict[str, TraceNode] = {}
    for child in course.child_runs() if depth else ():
        row = await runtime.store.load_run(child)
        if row is not None:
            children[child] = await _tree(runtime, row, full, depth - 1)
    return course.tree(runtime.clock.now(), children, requests)


def export_trace(node: TraceNode, parent: int = 0, number: int = 1) -> Iterator[str]:
    """The tree as lines of JSON, parents first: each node with its number `id` and its `parent`'s, 0 for none."""
    numbers = iter(range(number, 2**63))
    yield from _lines(node, parent, numbers)


def _lines(node: TraceNode, parent: int, numbers: Iterator[int]) -> Iterator[str]:
    id = next(numbers)
    fields = {name: value for name, value in msgspec.structs.asdict(node).items() if name != "children"}
    yield to_json({"id": id, "parent": parent, **fields}).decode()
    for child in node.children:
        yield from _lines(child, id, numbers)
