"""What runs do, as log lines: heard from the journal's records as they are written."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

from perdure.base.codec import unpack
from perdure.base.errors import PerdureError
from perdure.kernel import records as r
from perdure.kernel.hearing import hearing
from perdure.kernel.journal import decode
from perdure.kernel.keys import tool_of
from perdure.kernel.lineage import trace_of_run
from perdure.kernel.live import Live
from perdure.kernel.store.port import Store

KEPT = 4_096
"""Runs whose traces are remembered."""

Line: TypeAlias = tuple[int, str, Mapping[str, Any]]
"""Level, words and fields."""

_log = logging.getLogger("perdure.runs")
_INFO = (r.RunWaiting, r.RunResumed, r.RunPaused, r.RunYielded, r.RunFinished, r.TickFailed, r.BudgetWarned)
_DEBUG = (r.EffectDone, r.MessageSent)


def logging_runs(live: Live, store: Store) -> AbstractAsyncContextManager[None]:
    """Log what runs of this process do while this is entered: what is heard is what the level asks for."""
    heard = (*_INFO, r.EffectFailed, *(_DEBUG if _log.isEnabledFor(logging.DEBUG) else ()))
    return hearing(live, [event.type for event in heard], _RunLog(store).take)


class _RunLog:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._traces: OrderedDict[str, str] = OrderedDict()

    async def take(self, record: r.Record, lost: int) -> None:
        if lost:
            _log.warning("%d records came faster than they could be logged", lost)
        level, words, fields = line_of(record)
        if _log.isEnabledFor(level):
            told = {"run_id": record.run_id, "agent_id": record.agent_id, "trace_id": await self._trace(record)}
            _log.log(level, words, extra={"fields": {**told, **fields}})
        if record.type == r.RunFinished.type:
            self._traces.pop(record.run_id, None)

    async def _trace(self, record: r.Record) -> str:
        known = self._traces.get(record.run_id)
        if known is None:
            try:
                run = await self._store.load_run(record.run_id)
                known = "" if run is None else (await trace_of_run(self._store, run)).id
            except PerdureError:  # the line is worth more than what it belongs to
                return ""
            self._traces[record.run_id] = known
            if len(self._traces) > KEPT:
                self._traces.popitem(last=False)
        return known


def line_of(record: r.Record) -> Line:
    """What a record is in a log. Nothing of what was said in the run is told, but for errors."""
    event = decode(record)
    match event:
        case r.RunFinished():
            if event.status == "failed":
                return logging.ERROR, "failed", _error(event.body)
            return logging.INFO, event.status, {}
        case r.RunWaiting():
            kinds = sorted({wait.kind for wait in event.waits})
            level = logging.WARNING if "in_doubt" in kinds else logging.INFO
            return level, "waiting", {"for": kinds, "keys": [wait.key for wait in event.waits]}
        case r.RunResumed():
            return logging.INFO, "resumed", {"reason": event.reason}
        case r.RunPaused():
            return logging.INFO, "paused", {"by": event.who}
        case r.RunYielded():
            return logging.INFO, "yielded", {"steps": event.steps}
        case r.TickFailed():
            return logging.WARNING, "attempt failed", {"attempt": event.attempt, **_error(event.body)}
        case r.BudgetWarned():
            about = {"scope": event.scope, "spent_microusd": event.spent, "limit_microusd": event.limit}
            return logging.WARNING, "budget is low", about
        case r.EffectFailed():
            return (
                logging.WARNING,
                f"{_name(record.key, event.kind)} failed",
                {**_effect(record, event), **_error(event.body)},
            )
        case r.EffectDone():
            return logging.DEBUG, _name(record.key, event.kind), _effect(record, event)
        case _:
            return logging.DEBUG, record.type, {"key": record.key}


def _name(key: str, kind: str) -> str:
    return f"tool {tool_of(key)}" if kind == "tool" else kind


def _effect(record: r.Record, event: r.EffectDone | r.EffectFailed) -> dict[str, Any]:
    return {"key": record.key, "ms": event.ms} | ({"cost_microusd": event.cost} if event.cost else {})


def _error(body: r.Raw) -> dict[str, Any]:
    told = unpack(body) or {}
    return {"code": told.get("code", ""), "error": told.get("message", "")}
