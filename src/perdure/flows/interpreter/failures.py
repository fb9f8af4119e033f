"""What a step's failure means: who may deal with it, what expressions see of it, whether the step is tried again."""

from __future__ import annotations

from typing import Any

from perdure.base.errors import PerdureError, ReplayDivergence, StoreError

from ..plan import Agent, Request, Step, Tool

FATAL = (StoreError, ReplayDivergence)
"""What no step can deal with: the run itself cannot go on."""


def told(error: PerdureError, step: str) -> dict[str, Any]:
    """The `error` that expressions see: of the innermost step that failed."""
    where = str(error.facts.get("step", step))
    return {"code": error.code, "message": error.message, "step": where, "retryable": error.retryable}


def placed(error: PerdureError, step: str) -> PerdureError:
    """The error, which says where it came from; the first to say so counts."""
    if step:
        error.facts.setdefault("step", step)
    return error


def is_tried_again(step: Step, error: PerdureError) -> bool:
    """Whether the step's `retry` is for this error."""
    if step.retry is None:
        return False
    codes = step.retry.codes
    if codes:
        return error.code in codes or error.code.partition(".")[0] in codes
    return error.retryable or isinstance(step, (Agent, Request, Tool))


def pause(step: Step, attempt: int) -> int:
    """Milliseconds before a step is tried for the `attempt`th time, from 2."""
    assert step.retry is not None
    return round(min(step.retry.backoff_ms * step.retry.factor ** (attempt - 2), step.retry.most_ms))
