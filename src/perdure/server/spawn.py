"""`/spawn` and `/kill`: agents by the dozen, each from a published spec, under an id of its own."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from perdure.control.agents import AgentSummary

from .endpoint import Call, Endpoint, Nothing
from .reply import Reply


class Spawn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Make a new agent of a published spec."""

    template: Annotated[str, Meta(description="The name of the spec.")] = "default"


class Spawned(msgspec.Struct, frozen=True):
    agent_id: str


class Kill(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """End an agent for good: what it does is cancelled, what it has done stays on record."""

    agent_id: str
    why: str = ""


class Killed(msgspec.Struct, frozen=True):
    ok: bool
    agent: AgentSummary


async def spawn(call: Call[Spawn, Nothing]) -> Reply:
    runtime = call.runtime
    spec = runtime.shelf.spec(call.body.template)
    made = await runtime.create(spec, agent=f"{spec.name}-{runtime.ids.short()}", who=call.who)
    return Reply(Spawned(made.agent_id), 201, headers={"location": f"/agents/{made.agent_id}"})


async def kill(call: Call[Kill, Nothing]) -> Killed:
    asked = call.body
    return Killed(True, await call.runtime.change(asked.agent_id, "terminate", why=asked.why, who=call.who))


ENDPOINTS: tuple[Endpoint[Any, Any], ...] = (
    Endpoint("POST", "/spawn", spawn, scope="admin", body=Spawn, answer=Spawned, status=201),
    Endpoint("POST", "/kill", kill, scope="admin", body=Kill, answer=Killed),
)
