"""How a run came out, as a reply: done is 200, what goes on or waits for a person 202, a failure is a problem."""

from __future__ import annotations

from msgspec.structs import replace

from perdure.control.results import RunResult

from .problems import problem_of_run
from .reply import Reply

CANCELLED = {"code": "run.cancelled", "message": "the run was cancelled"}


def reply_of(result: RunResult) -> Reply:
    """The reply for whoever waited for this run."""
    match result.status:
        case "done" | "yielded":
            return Reply(result)
        case "failed":
            return problem_of_run(result.error or {}, run_id=result.run_id, agent_id=result.agent_id)
        case "cancelled":
            reply = problem_of_run(result.error or CANCELLED, run_id=result.run_id, agent_id=result.agent_id)
            return replace(reply, status=409, body={**reply.body, "status": 409, "title": "Conflict"})
        case _:
            return Reply(result, 202, headers={"location": f"/runs/{result.run_id}"})
