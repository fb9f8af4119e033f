"""Keys in files: one for each agent, in a folder that only their owner may enter."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

from perdure.base.codec import digest
from perdure.base.errors import UnsafeKey

from .port import Signer
from .signer import Entropy, KeySigner, new_secret

_LENGTH = 64
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class KeyFolder:
    """A keyring of files: mode 0600, 64 hex digits, in a folder of mode 0700. A key is written whole or not at all, by
    whichever process is first; a file or folder that anybody else may read is refused."""

    def __init__(self, folder: Path, entropy: Entropy) -> None:
        self._folder = folder
        self._entropy = entropy
        self._signers: dict[str, Signer] = {}

    async def signer(self, agent_id: str) -> Signer:
        known = self._signers.get(agent_id)
        if known is None:
            known = await asyncio.to_thread(self._load, agent_id)
            known = self._signers.setdefault(agent_id, known)
        return known

    async def find(self, agent_id: str) -> Signer | None:
        known = self._signers.get(agent_id)
        return await self.signer(agent_id) if known is None and self._is_there(agent_id) else known

    def _is_there(self, agent_id: str) -> bool:
        return os.path.exists(f"{self._folder}{os.sep}{_file(agent_id)}")  # a look that costs no thread

    def path(self, agent_id: str) -> Path:
        """Where the agent's key is: ids that differ in case only have files that differ in more."""
        return self._folder / _file(agent_id)

    def _load(self, agent_id: str) -> Signer:
        path = self.path(agent_id)
        if path.parent != self._folder:
            raise UnsafeKey(f"no key is kept for an agent called {agent_id!r}")
        try:
            self._check_folder()
            try:
                secret = _read(path)
            except FileNotFoundError:
                self._make(path)
                secret = _read(path)
        except OSError as error:
            raise UnsafeKey(f"{path}: {error.strerror or 'cannot be used'}", path=str(path)) from error
        return KeySigner(secret, self._entropy)

    def _check_folder(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check(self._folder, os.lstat(self._folder), stat.S_ISDIR)

    def _make(self, path: Path) -> None:
        """Write a new key beside its place, then link it there unless another process did so first."""
        draft = path.with_name(f".{self._entropy(8).hex()}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            with open(handle, "w", encoding="ascii") as file:
                file.write(new_secret(self._entropy).hex() + "\n")
                file.flush()
                os.fsync(handle)
            try:
                os.link(draft, path, follow_symlinks=False)
            except FileExistsError:
                return
        finally:
            os.unlink(draft)
        _sync(self._folder)


def _file(agent_id: str) -> str:
    return f"{agent_id}.{digest(agent_id)[:8]}.key"


def _read(path: Path) -> bytes:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        _check(path, os.fstat(handle), stat.S_ISREG)
        text = os.read(handle, _LENGTH + 2).rstrip()
    finally:
        os.close(handle)
    if len(text) == _LENGTH:
        try:
            return bytes.fromhex(text.decode("ascii"))
        except ValueError:
            pass  # told below, without the text: it may be most of a key
    raise UnsafeKey(f"{path}: not a key", hint="Restore the file from a backup; a new key is a new identity.")


def _check(path: Path, found: os.stat_result, is_right_kind: object) -> None:
    assert callable(is_right_kind)
    if not is_right_kind(found.st_mode):
        raise UnsafeKey(f"{path}: neither a link nor a special file is used for keys", path=str(path))
    if found.st_uid != os.geteuid():
        raise UnsafeKey(f"{path}: belongs to another user", path=str(path))
    if found.st_mode & _OTHERS:
        raise UnsafeKey(
            f"{path}: others may use it (mode {stat.S_IMODE(found.st_mode):04o})",
            hint=f"chmod go= {path}, and ask yourself who may have read it.",
            path=str(path),
        )


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
