"""Keyrings by name, loaded when an agent first needs to be somebody: the libraries of the curve are an extra."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeAlias

from perdure.base.errors import MissingDependency
from perdure.base.lazy import load

from .port import Keyring, Signer

KeyringName: TypeAlias = Literal["memory", "folder"]

_MODULES: dict[KeyringName, str] = {
    "memory": f"{__package__}.memory:MemoryKeys",
    "folder": f"{__package__}.folder:KeyFolder",
}
VERIFY = f"{__package__}.curve:verify"


class LazyKeyring:
    """Stands in for a keyring until the first signer is asked for. Raises MissingDependency then, where the extra
    `identity` is not installed."""

    def __init__(self, name: KeyringName, *arguments: Any) -> None:
        self._name = name
        self._arguments = arguments
        self._keyring: Keyring | None = None
        self._missing: MissingDependency | None = None

    async def signer(self, agent_id: str) -> Signer:
        return await self._loaded().signer(agent_id)

    async def find(self, agent_id: str) -> Signer | None:
        return await self._loaded().find(agent_id)

    def _loaded(self) -> Keyring:
        if self._keyring is None:
            if self._missing is not None:
                raise self._missing.with_traceback(None)  # to look in vain again would take long
            try:
                self._keyring = _load(_MODULES[self._name])(*self._arguments)
            except MissingDependency as error:
                self._missing = error
                raise
        return self._keyring


def memory_keys(entropy: Callable[[int], bytes]) -> Keyring:
    """Keys that last as long as the process. `entropy` gives random bytes, as `os.urandom` does."""
    return LazyKeyring("memory", entropy)


def key_folder(folder: Path, entropy: Callable[[int], bytes]) -> Keyring:
    """Keys in files of `folder` that only their owner can read."""
    return LazyKeyring("folder", folder, entropy)


def verifier() -> Callable[[str, bytes, bytes], bool]:
    """Tells whether whoever holds the key of a public key (hex) made this signature of a digest. Raises
    MissingDependency."""
    found: Callable[[str, bytes, bytes], bool] = _load(VERIFY)
    return found


def _load(where: str) -> Any:
    try:
        return load(where)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.startswith("perdure"):
            raise
        raise MissingDependency(
            f"an agent's identity needs {error.name}", hint="pip install 'perdure[identity]'"
        ) from error
