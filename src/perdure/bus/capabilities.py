"""How capabilities are offered, called and answered: what programs say to each other about them on topics.

A call of `weather` in version 1.0 is a request on `capability.call.weather.1.0`; its correlation is its idempotency
key. Whoever offers it claims the call first, under an id that all would use: the first event with it stands, and who
said it does the call. One that was claimed by whoever called is withdrawn: nobody has done it, and nobody will.
"""

from __future__ import annotations

from typing import Any

from perdure.base.errors import ERRORS, PerdureError, ToolError
from perdure.base.topic import check_topic

CLAIMED = "capability.claimed"
OFFERED = "capability.offered"
"""The topics of offers are below this one."""


def call_topic(name: str, version: str) -> str:
    return check_topic(f"capability.call.{name}.{version}")


def offer_topic(name: str, version: str) -> str:
    return check_topic(f"{OFFERED}.{name}.{version}")


def claim_id(call: str) -> str:
    """The id of the claim of a call, whoever makes it."""
    return f"{call}/claim"


def done(output: Any) -> dict[str, Any]:
    return {"status": "ok", "output": output}


def failed(error: PerdureError) -> dict[str, Any]:
    return {"status": "error", "error": error.as_dict()}


def outcome(answer: Any) -> Any:
    """The output that an answer tells. Raises the error that it tells."""
    if isinstance(answer, dict) and answer.get("status") == "ok":
        return answer.get("output")
    told = answer.get("error") if isinstance(answer, dict) else None
    if not isinstance(told, dict):
        raise ToolError("the answer to a call is none", answer=answer)
    cls = ERRORS.get(str(told.get("code", "")), ToolError)
    raise cls(str(told.get("message", "")), hint=told.get("hint"), **told.get("facts", {}))
