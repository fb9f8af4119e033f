"""/compute of an agent: jobs by writing files, answers by reading and watching them."""

from __future__ import annotations

from typing import Any

from perdure.base.errors import InputError, JobNotFound
from perdure.namespace.node import Document, Folder, Node, json_document, json_text
from perdure.namespace.path import Path
from perdure.namespace.port import Watch

from .jobs.jobs import Jobs
from .jobs.port import Provider

RESTRICTED: tuple[Path, ...] = (("policy",),)
"""What of it only an administrator writes: `Mount.restricted`. A mount of it has the price 0, as jobs reserve their own
money."""


def compute_node(agent_id: str, jobs: Jobs) -> Folder:
    """`new`, `jobs/`, `usage`, `policy`, `providers/`."""

    async def submit(body: bytes) -> bytes:
        return await jobs.submit(agent_id, body) + b"\n"

    async def usage() -> dict[str, Any]:
        return await jobs.usage(agent_id)

    async def policy() -> bytes:
        return json_text(await jobs.policies.of(agent_id))

    async def set_policy(data: bytes) -> None:
        await jobs.policies.put(agent_id, data)

    return Folder(
        {
            "new": Document(call=submit, keyed=True),
            "jobs": _jobs_node(agent_id, jobs),
            "usage": json_document(usage),
            "policy": Document(read=policy, write=set_policy),
            "providers": _providers_node(jobs),
        }
    )


def _jobs_node(agent_id: str, jobs: Jobs) -> Folder:
    async def names() -> list[str]:
        return await jobs.ids(agent_id)

    async def child(job_id: str) -> Node | None:
        try:
            await jobs.find(agent_id, job_id)
        except JobNotFound:
            return None
        return _job_node(agent_id, job_id, jobs)

    async def remove(job_id: str) -> None:
        await jobs.remove(agent_id, job_id)

    return Folder(names=names, child=child, remove=remove)


def _job_node(agent_id: str, job_id: str, jobs: Jobs) -> Folder:
    async def status() -> dict[str, Any]:
        return (await jobs.find(agent_id, job_id)).standing

    async def result() -> dict[str, Any]:
        return (await jobs.find(agent_id, job_id)).result

    async def watch(after: int | None) -> Watch:
        return await jobs.watch(agent_id, job_id, after)

    async def command(data: bytes) -> None:
        said = data.decode(errors="replace").strip()
        if said != "cancel":
            raise InputError(f"not a command to a job: {said!r}", hint="A job can be told: cancel.")
        await jobs.cancel(agent_id, job_id)

    return Folder(
        {
            "status": json_document(status),
            "result": json_document(result),
            "stream": Document(watch=watch),
            "ctl": Document(write=command),
        }
    )


def _providers_node(jobs: Jobs) -> Folder:
    async def listed() -> bytes:
        return json_text([one.info() for one in jobs.providers.all])

    async def names() -> list[str]:
        return [one.id for one in jobs.providers.all]

    async def child(id: str) -> Node | None:
        provider = jobs.providers.find(id)
        return None if provider is None else _provider_node(provider)

    return Folder(names=names, child=child, itself=Document(read=listed))


def _provider_node(provider: Provider) -> Folder:
    async def info() -> Any:
        return provider.info()

    async def models() -> Any:
        return provider.info().models

    async def health() -> dict[str, Any]:
        told = provider.info()
        shown: dict[str, Any] = {"status": told.status, "latency": told.latency}
        return shown | ({"reason": told.reason} if told.reason else {})

    return Folder({"info": json_document(info), "models": json_document(models), "health": json_document(health)})
