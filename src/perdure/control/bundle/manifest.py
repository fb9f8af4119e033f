"""`manifest.json`: what a bundle is of, what it needs, and the digests of its other files."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from perdure.base.codec import digest_bytes
from perdure.base.errors import IncompatibleBundle, InvalidBundle

MANIFEST = "manifest.json"
MANIFEST_VERSION = 1
RUNTIME_API_VERSION = 1
"""Raised when a bundle's files come to mean something else."""
STATE_SCHEMA_VERSION = 1
"""Raised when an agent's state comes to be packed in another way."""


class Versioning(msgspec.Struct, frozen=True):
    """`agent_code_digest` covers the spec and the Python tools of the agent's last run, `state_version` is the one of
    its `AgentState`."""

    agent_code_digest: str
    runtime_api_version: int
    state_schema_version: int
    state_version: int


class Capabilities(msgspec.Struct, frozen=True):
    """Paths that the agent was given beside its own directory, and the access that it had to each."""

    required_mounts: tuple[str, ...] = ()
    required_access: dict[str, str] = {}


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """`exported_at` is when the agent changed last (ms UTC): exported again unchanged, it has the same bytes. `pubkey`
    is that of the agent's identity, whose key is never exported; "" where it has none. `tools` maps each Python tool to
    the digest of its source, `files` each other file of the bundle to its own."""

    manifest_version: int
    agent_id: str
    agent_name: str
    pubkey: str = ""
    exported_at: int
    source_runtime: str
    versioning: Versioning
    capabilities: Capabilities = Capabilities()
    includes_logs: bool = True
    tools: dict[str, str] = {}
    files: dict[str, str]


def write_manifest(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest, order="deterministic"), indent=2) + b"\n"


def read_manifest(files: Mapping[str, bytes]) -> Manifest:
    """The manifest, once it is what this version can take over from and every file is the one that it names."""
    if MANIFEST not in files:
        raise InvalidBundle(f"there is no {MANIFEST} in it")
    try:
        versions = msgspec.json.decode(files[MANIFEST], type=_Versions)
        _check_versions(versions)
        manifest = msgspec.json.decode(files[MANIFEST], type=Manifest)
    except msgspec.DecodeError as error:
        raise InvalidBundle(f"{MANIFEST}: {error}", file=MANIFEST) from error
    there = files.keys() - {MANIFEST}
    for name in sorted(there ^ manifest.files.keys()):
        raise InvalidBundle(f"{name} is {'not in the manifest' if name in there else 'missing'}", file=name)
    for name, digest in manifest.files.items():
        if digest_bytes(files[name]) != digest:
            raise InvalidBundle(f"{name} is not what was exported", file=name)
    return manifest


class _ApiVersions(msgspec.Struct, frozen=True):
    runtime_api_version: int
    state_schema_version: int


class _Versions(msgspec.Struct, frozen=True):
    manifest_version: int
    versioning: _ApiVersions


def _check_versions(found: _Versions) -> None:
    """Refuse what a later version wrote, before anything else of it is read."""
    for name, version, ours in (
        ("manifest_version", found.manifest_version, MANIFEST_VERSION),
        ("runtime_api_version", found.versioning.runtime_api_version, RUNTIME_API_VERSION),
        ("state_schema_version", found.versioning.state_schema_version, STATE_SCHEMA_VERSION),
    ):
        if version != ours:
            raise IncompatibleBundle(f"its {name} is {version}, this is {ours}", version=version, supported=ours)
