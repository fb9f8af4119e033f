"""Trace: a run's course as a tree, its child runs inside, and where asked the very questions put to models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from perdure.base.codec import to_json
from perdure.base.errors import InputError, PerdureError
from perdure.flows.interpreter.seen import StepSeen
from perdure.kernel.records import Record
from perdure.kernel.store.rows import RunRow

from .finding import find_run, records_of
from .listing import spec_name
from .questions import questions_of
from .retelling import retell
from .spans import Course, TraceNode

if TYPE_CHECKING:
    from .runtime import Runtime

_HINT = "`perdure trace RUN --jsonl FILE` writes one."
DEPTH = 32
"""Generations of child runs that are followed."""
DEEPEST = 400
"""Nodes that one may stand in: more than any run of such generations has, and less than recursion can take."""
MOST_RECORDS = 20_000
"""Of a flow whose steps are told by what it does as well as by its records: up to here that takes about a second."""


async def trace(runtime: Runtime, run_id: str, *, full: bool = False) -> TraceNode:
    """The run's tree. With `full` each call of a model shows its question in `detail["request"]`, rebuilt from the
    journal and checked against the digest on record (`detail["request"]["proven"]`). Raises RunNotFound."""
    return await _tree(runtime, await find_run(runtime.store, run_id), full, DEPTH)


async def _tree(runtime: Runtime, run: RunRow, full: bool, depth: int) -> TraceNode:
    records = await records_of(runtime.store, run)
    course = Course(run, await spec_name(runtime, run.spec) or run.agent_id)
    course.tell(await _steps(runtime, run, records))
    course.read(records)
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


async def _steps(runtime: Runtime, run: RunRow, records: Sequence[Record]) -> list[StepSeen]:
    """What a flow tells of its steps; nothing where it cannot be carried out again, here and now or in no time."""
    if len(records) > MOST_RECORDS:
        return []
    try:
        program = await runtime.library.rehearsal(run.spec)
    except PerdureError:
        return []  # its file is gone, or a tool: what is on record is shown all the same
    return await retell(runtime, run, program, records) if program.undoes else []


def export_trace(node: TraceNode, parent: int = 0, number: int = 1) -> Iterator[str]:
    """The tree as lines of JSON, parents first: each node with its number `id` and its `parent`'s, 0 for none."""
    numbers = iter(range(number, 2**63))
    yield from _lines(node, parent, numbers)


def import_trace(lines: Iterable[str | bytes]) -> TraceNode:
    """The tree that `export_trace` wrote as these lines; empty ones are passed over. Raises InputError, which names the
    line that is wrong."""
    found: dict[int, _Line] = {}
    inside: dict[int, list[int]] = {}
    depths: dict[int, int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        node = _read_line(line, number)
        if node.id in found:
            raise InputError(f"line {number} is a second node {node.id}", hint=_HINT, line=number)
        if found:
            if node.parent not in found:
                raise InputError(f"line {number} stands before its parent {node.parent}", hint=_HINT, line=number)
            inside.setdefault(node.parent, []).append(node.id)
        found[node.id] = node
        depths[node.id] = depths.get(node.parent, 0) + 1
        if depths[node.id] > DEEPEST:
            raise InputError(f"line {number} is in more than {DEEPEST} others", hint=_HINT, line=number)
    if not found:
        raise InputError("there is no trace in it", hint=_HINT)
    built: dict[int, TraceNode] = {}
    for id, node in reversed(found.items()):  # parents stand before what is inside them
        children = tuple(built.pop(child) for child in inside.get(id, ()))
        fields = {name: value for name, value in msgspec.structs.asdict(node).items() if name not in _OF_LINE}
        built[id] = TraceNode(**{**fields, "children": children})
    (root,) = built.values()
    return root


class _Line(TraceNode, frozen=True, forbid_unknown_fields=True, kw_only=True):
    id: int
    parent: int


_OF_LINE = ("id", "parent")
_DECODER = msgspec.json.Decoder(_Line)


def _read_line(line: str | bytes, number: int) -> _Line:
    try:
        node = _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InputError(f"line {number} is no node of a trace: {error}", hint=_HINT, line=number) from error
    if node.children:
        raise InputError(f"line {number} holds more than one node", hint=_HINT, line=number)
    return node


def _lines(node: TraceNode, parent: int, numbers: Iterator[int]) -> Iterator[str]:
    id = next(numbers)
    fields = {name: value for name, value in msgspec.structs.asdict(node).items() if name != "children"}
    yield to_json({"id": id, "parent": parent, **fields}).decode()
    for child in node.children:
        yield from _lines(child, id, numbers)
