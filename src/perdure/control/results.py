"""How a run came out, for the people and programs that asked for it."""

from __future__ import annotations

from typing import Any

import msgspec

from perdure.base.usage import Usage
from perdure.kernel.holding import Ended
from perdure.kernel.records import Wait
from perdure.kernel.store.rows import RunRow, RunStatus


class RunResult(msgspec.Struct, frozen=True):
    """`output` where it is done, `error` as `{code, message, hint, …}` where it failed, `waits` where it waits.
    Money is micro-USD, times are milliseconds."""

    run_id: str
    agent_id: str
    status: RunStatus
    output: Any
    error: dict[str, Any] | None
    steps: int
    usage: Usage
    cost_microusd: int
    duration_ms: int
    waiting_for: str = ""
    waits: tuple[Wait, ...] = ()

    @property
    def ok(self) -> bool:
        return self.status == "done"


def result_of(ended: Ended, now: int) -> RunResult:
    run = ended.run
    return RunResult(
        run.id,
        run.agent_id,
        run.status,
        ended.output,
        ended.error,
        run.steps,
        usage_of(run),
        run.cost,
        duration_of(run, now),
        run.waiting_for,
        ended.waits,
    )


def usage_of(run: RunRow) -> Usage:
    return Usage(run.input_tokens, run.output_tokens, run.cached_tokens, reasoning_tokens=run.reasoning_tokens)


def duration_of(run: RunRow, now: int) -> int:
    return (run.finished_at or now) - run.created_at
