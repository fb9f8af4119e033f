"""`/agents`: list them, let one be there, look at it, forget it. What is in an agent's directory is in `files.py`."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from perdure.control.agents import AgentDetail, AgentSummary
from perdure.control.deploying import Deployed
from perdure.kernel.store.rows import Page

from .endpoint import Call, Endpoint, Nothing
from .reply import Reply


class Listed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    status: Annotated[str, Meta(description="States, with commas between them.")] = ""
    limit: Annotated[int, Meta(ge=1, le=1_000)] = 50
    cursor: Annotated[str, Meta(description="The `next` of the page before.")] = ""


class Create(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Let an agent of a published spec be there, under the spec's name or another. One that is there already is of this
    spec from its next run on."""

    spec: str
    agent_id: str = ""


async def list_agents(call: Call[Any, Listed]) -> Page[AgentSummary]:
    status = tuple(filter(None, call.query.status.split(",")))
    return await call.runtime.agents(status=status, limit=call.query.limit, cursor=call.query.cursor)


async def create(call: Call[Create, Nothing]) -> Reply:
    spec = call.runtime.shelf.spec(call.body.spec)
    deployed = await call.runtime.deploy(spec, agent=call.body.agent_id or None)
    status = 201 if deployed.is_new else 200
    return Reply(deployed, status, headers={"location": f"/agents/{deployed.agent_id}"})


async def show(call: Call[Any, Nothing]) -> AgentDetail:
    return await call.runtime.show_agent(call.path["id"])


async def delete(call: Call[Any, Nothing]) -> Reply:
    await call.runtime.delete_agent(call.path["id"])
    return Reply(status=204)


ENDPOINTS = (
    Endpoint("GET", "/agents", list_agents, query=Listed, answer=Page[AgentSummary]),
    Endpoint("POST", "/agents", create, body=Create, answer=Deployed, status=201),
    Endpoint("GET", "/agents/{id}", show, answer=AgentDetail),
    Endpoint("DELETE", "/agents/{id}", delete, status=204),
)
