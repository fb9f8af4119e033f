"""What the process's exit code says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.base.errors import BudgetError, ConfigError, InputError, Interrupted, PerdureError

if TYPE_CHECKING:
    from perdure.control.results import RunResult

DONE = 0
FAILED = 1
USAGE = 2
WAITING = 3
BUDGET = 4
INTERRUPTED = 130

MEANINGS = {
    DONE: "done; also a run that reached its step limit (`yielded`), which is no error and can be resumed",
    FAILED: "failed or cancelled",
    USAGE: "bad usage, a file with errors, or input that was not accepted",
    WAITING: "waiting for a person: an answer, a decision on an effect in doubt, or a paused run",
    BUDGET: "a budget does not allow it",
    INTERRUPTED: "interrupted by Ctrl-C; `perdure resume` goes on",
}


def code_of_error(error: PerdureError) -> int:
    match error:
        case BudgetError():
            return BUDGET
        case ConfigError() | InputError():
            return USAGE
        case Interrupted():
            return INTERRUPTED
        case _:
            return FAILED


def code_of_run(result: RunResult) -> int:
    match result.status:
        case "done" | "yielded":
            return DONE
        case "waiting" | "paused" | "queued" | "running":
            return WAITING
        case _ if result.error is not None and str(result.error.get("code", "")).startswith("budget"):
            return BUDGET
        case _:
            return FAILED
