"""Export: runs as text for other programs, one run in memory at a time."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import msgspec

from perdure.agents.conversation import messages_of
from perdure.base.codec import to_json, unpack_as
from perdure.base.envelope import Envelope
from perdure.base.errors import InputError
from perdure.base.messages import Message, Opaque, Part, Thinking, ToolCall, ToolResult
from perdure.kernel.journal import decode
from perdure.kernel.store.rows import RunFilter, RunRow

from .finding import each_run, find_run, records_of
from .listing import summaries

if TYPE_CHECKING:
    from .runtime import Runtime

ExportFormat: TypeAlias = Literal["json", "jsonl", "csv"]
COLUMNS = (
    "run_id",
    "agent_id",
    "spec",
    "status",
    "created_at",
    "started_at",
    "duration_ms",
    "steps",
    "input_tokens",
    "output_tokens",
    "cost_microusd",
    "input",
    "output",
    "error",
)


async def export_runs(
    runtime: Runtime,
    run_ids: Sequence[str] = (),
    *,
    filter: RunFilter | None = None,
    format: ExportFormat = "jsonl",
    include_tools: bool = True,
    include_thoughts: bool = False,
) -> AsyncIterator[str]:
    """Pieces of text: the runs named, or all that match. `json` is one list, `jsonl` a line for each run, both with
    its messages; `csv` a row for each, with columns `tools` and `thoughts` where they are included."""
    if format not in get_args(ExportFormat):
        raise InputError(f"no format is called {format!r}", hint=f"There are {', '.join(get_args(ExportFormat))}.")
    if format == "csv":
        columns = [*COLUMNS, *(["tools"] if include_tools else []), *(["thoughts"] if include_thoughts else [])]
        yield _row(columns)
        async for run in _chosen(runtime, run_ids, filter):
            exported = await _exported(runtime, run, include_tools, include_thoughts)
            flat = _flat(exported)
            yield _row([flat[column] for column in columns])
        return
    opening, separator, closing = ("[", ",\n", "]\n") if format == "json" else ("", "", "")
    yield opening
    between = ""
    async for run in _chosen(runtime, run_ids, filter):
        exported = await _exported(runtime, run, include_tools, include_thoughts)
        yield between + to_json(exported).decode() + ("" if separator else "\n")
        between = separator
    yield closing


async def _chosen(runtime: Runtime, run_ids: Sequence[str], filter: RunFilter | None) -> AsyncIterator[RunRow]:
    for run_id in run_ids:
        yield await find_run(runtime.store, run_id)
    if not run_ids:
        async for run in each_run(runtime.store, filter or RunFilter()):
            yield run


async def _exported(runtime: Runtime, run: RunRow, tools: bool, thoughts: bool) -> dict[str, Any]:
    (summary,) = await summaries(runtime, [run])
    ended = await runtime.engine.ended(run)
    records = await records_of(runtime.store, run)
    accepted = decode(records[0])
    messages = (_kept(message, tools, thoughts) for message in messages_of(records))
    return {
        **msgspec.to_builtins(summary),
        "input": unpack_as(accepted.body, Envelope).payload,
        "output": ended.output,
        "error": ended.error,
        "messages": [msgspec.to_builtins(message) for message in messages if message.parts],
    }


def _kept(message: Message, tools: bool, thoughts: bool) -> Message:
    """The message with the kinds of part that are wanted. What only its provider can read is not."""
    unwanted: tuple[type[Part], ...] = (Opaque,)
    if not tools:
        unwanted += (ToolCall, ToolResult)
    if not thoughts:
        unwanted += (Thinking,)
    return Message(message.role, tuple(part for part in message.parts if not isinstance(part, unwanted)))


def _flat(exported: dict[str, Any]) -> dict[str, Any]:
    """One run as the cells of a row: text as it stands, other data as JSON."""
    parts = [part for message in exported["messages"] for part in message["parts"]]
    called = [part for part in parts if part["type"] == "tool_call"]
    error = exported["error"] or {}
    return {
        **exported,
        "input_tokens": exported["usage"].get("input_tokens", 0),
        "output_tokens": exported["usage"].get("output_tokens", 0),
        "input": _cell(exported["input"]),
        "output": _cell(exported["output"]),
        "error": f"{error.get('code', '')}: {error.get('message', '')}" if error else "",
        "tools": _cell([{"name": call["name"], "arguments": call.get("arguments", {})} for call in called]),
        "thoughts": "\n".join(part.get("text", "") for part in parts if part["type"] == "thinking"),
    }


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else to_json(value).decode()


def _row(cells: Sequence[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()
