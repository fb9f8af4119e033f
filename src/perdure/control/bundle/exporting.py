"""Exporting an agent: all of it, as one file, with the same bytes for as long as the agent does not change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from perdure.base.codec import digest, digest_bytes, from_json
from perdure.base.version import __version__
from perdure.kernel import records as r
from perdure.kernel.journal import decode
from perdure.kernel.store.rows import Answer, ScopeRow
from perdure.kernel.store.snapshot import Snapshot

from .archive import pack_archive
from .contents import Contents, answers_prefix, to_files
from .manifest import (
    MANIFEST,
    MANIFEST_VERSION,
    RUNTIME_API_VERSION,
    STATE_SCHEMA_VERSION,
    Capabilities,
    Manifest,
    Versioning,
    write_manifest,
)

if TYPE_CHECKING:
    from ..runtime import Runtime

AT_ONCE = 200


async def export_agent(runtime: Runtime, agent_id: str, *, pubkey: str = "") -> bytes:
    """The agent as a bundle. Its keys stay here. Raises AgentNotFound."""
    snapshot = await runtime.store.snapshot(agent_id)
    snapshot = replace(snapshot, scopes=tuple(await _scopes(runtime, snapshot)))
    at = changed_at(snapshot)
    contents = Contents(snapshot, tuple(await _answers(runtime, agent_id, at)))
    return bundle(contents, pubkey=pubkey)


def bundle(contents: Contents, *, pubkey: str = "") -> bytes:
    """The contents as a file."""
    snapshot = contents.snapshot
    files = to_files(contents)
    tools = last_tools(snapshot)
    document = snapshot.specs.get(snapshot.agent.spec)
    mounts = mounts_of(snapshot)
    manifest = Manifest(
        manifest_version=MANIFEST_VERSION,
        agent_id=snapshot.agent.id,
        agent_name=str(from_json(document)["spec"]["name"]) if document else "",
        pubkey=pubkey,
        exported_at=changed_at(snapshot),
        source_runtime=f"perdure/{__version__}",
        versioning=Versioning(
            digest({"spec": snapshot.agent.spec, "tools": tools}),
            RUNTIME_API_VERSION,
            STATE_SCHEMA_VERSION,
            snapshot.agent.state_version,
        ),
        capabilities=Capabilities(tuple(sorted(mounts)), dict(sorted(mounts.items()))),
        tools=dict(sorted(tools.items())),
        files={name: digest_bytes(data) for name, data in sorted(files.items())},
    )
    return pack_archive({**files, MANIFEST: write_manifest(manifest)})


def changed_at(snapshot: Snapshot) -> int:
    """When the agent changed last, ms UTC."""
    return max((snapshot.agent.updated_at, snapshot.agent.created_at, *(one.at for one in snapshot.records[-1:])))


def last_tools(snapshot: Snapshot) -> dict[str, str]:
    """The Python tools that the agent's last run began with, and the digests of their sources."""
    for record in reversed(snapshot.records):
        if record.type == r.RunAccepted.type and not record.erased:
            event = decode(record)
            assert isinstance(event, r.RunAccepted)
            return event.tools
    return {}


def mounts_of(snapshot: Snapshot) -> dict[str, str]:
    """Paths that were mounted for the agent on top of what its spec says, and the access that it has to each."""
    found: dict[str, str] = {}
    for record in snapshot.records:
        if record.type == r.MountChanged.type and not record.erased:
            event = decode(record)
            assert isinstance(event, r.MountChanged)
            if event.service:
                found[event.path] = event.access
            else:
                found.pop(event.path, None)
    return found


async def _scopes(runtime: Runtime, snapshot: Snapshot) -> list[ScopeRow]:
    """Budgets of the agent itself, and of its runs."""
    found = await runtime.store.scopes([f"run:{run.id}" for run in snapshot.runs])
    cursor = ""
    while True:
        page = await runtime.store.scopes_like(f"agent:{snapshot.agent.id}:", cursor=cursor, limit=AT_ONCE)
        found += page.items
        cursor = page.next
        if not cursor:
            return sorted(found, key=lambda scope: scope.id)


async def _answers(runtime: Runtime, agent_id: str, now: int) -> list[Answer]:
    found: list[Answer] = []
    cursor = ""
    while True:
        page = await runtime.store.answers(answers_prefix(agent_id), now, cursor=cursor, limit=AT_ONCE)
        found += page.items
        cursor = page.next
        if not cursor:
            return found
