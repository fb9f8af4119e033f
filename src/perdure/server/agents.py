"""`/agents`: list them, make one, look at it, move it through its life, take it elsewhere, forget it.

What is in an agent's directory is in `files.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, get_args

import msgspec
from msgspec import Meta

from perdure.control.agents import AgentDetail, AgentSummary
from perdure.control.bundle.importing import Imported, ImportMode
from perdure.kernel.life import LifeVerb
from perdure.kernel.records import AgentStatus
from perdure.kernel.store.rows import Page

from .endpoint import AgentId, Call, Endpoint, Nothing
from .invoke import Accepted, accepted
from .reply import Reply

VERBS: tuple[LifeVerb, ...] = get_args(LifeVerb)


class Listed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    status: Annotated[
        tuple[AgentStatus, ...], Meta(description="In one of these states; may be given several times.")
    ] = ()
    limit: Annotated[int, Meta(ge=1, le=1_000)] = 50
    cursor: Annotated[str, Meta(description="The `next` of the page before.")] = ""


class Create(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Make an agent of a published spec, under the spec's name or another."""

    spec: str
    agent_id: AgentId = ""


class Tick(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: Annotated[str, Meta(description="What the agent is to do; otherwise it goes on with what there is.")] = ""


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    why: str = ""


class Import(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`restore` gives the agent its own id, `clone` a new one or `agent_id`, `merge` adds to the one named."""

    mode: ImportMode = "restore"
    agent_id: AgentId = ""


async def list_agents(call: Call[Any, Listed]) -> Page[AgentSummary]:
    return await call.runtime.agents(status=call.query.status, limit=call.query.limit, cursor=call.query.cursor)


async def create(call: Call[Create, Nothing]) -> Reply:
    spec = call.runtime.shelf.spec(call.body.spec)
    made = await call.runtime.create(spec, agent=call.body.agent_id or None, who=call.who)
    return Reply(made, 201, headers={"location": f"/agents/{made.agent_id}"})


async def show(call: Call[Any, Nothing]) -> AgentDetail:
    return await call.runtime.show_agent(call.path["id"])


async def tick(call: Call[Tick, Nothing]) -> Reply:
    return accepted(await call.runtime.tick(call.path["id"], reason=call.body.reason, who=call.who))


def change(verb: LifeVerb) -> Callable[[Call[Change, Nothing]], Awaitable[AgentSummary]]:
    """The handler that does this to an agent."""

    async def handler(call: Call[Change, Nothing]) -> AgentSummary:
        return await call.runtime.change(call.path["id"], verb, why=call.body.why, who=call.who)

    handler.__name__ = verb
    return handler


async def export(call: Call[Any, Nothing]) -> Reply:
    return Reply(await call.runtime.export_agent(call.path["id"]), media_type="application/gzip")


async def import_(call: Call[bytes, Import]) -> Reply:
    asked = call.query
    imported = await call.runtime.import_agent(call.body, mode=asked.mode, agent=asked.agent_id or None, who=call.who)
    return Reply(imported, 201, headers={"location": f"/agents/{imported.id}"})


async def delete(call: Call[Any, Nothing]) -> Reply:
    await call.runtime.delete_agent(call.path["id"])
    return Reply(status=204)


ENDPOINTS: tuple[Endpoint[Any, Any], ...] = (
    Endpoint("GET", "/agents", list_agents, scope="read", query=Listed, answer=Page[AgentSummary]),
    Endpoint("POST", "/agents", create, scope="admin", body=Create, answer=AgentSummary, status=201),
    Endpoint("POST", "/agents/import", import_, scope="admin", body=bytes, query=Import, answer=Imported, status=201),
    Endpoint("GET", "/agents/{id}", show, scope="read", answer=AgentDetail),
    Endpoint("DELETE", "/agents/{id}", delete, scope="admin", status=204),
    Endpoint("GET", "/agents/{id}/export", export, scope="admin", media="application/gzip"),
    Endpoint("POST", "/agents/{id}/tick", tick, scope="send", body=Tick, answer=Accepted, status=202),
    *(
        Endpoint("POST", f"/agents/{{id}}/{verb}", change(verb), scope="admin", body=Change, answer=AgentSummary)
        for verb in VERBS
    ),
)
