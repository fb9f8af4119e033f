"""The project's token: a secret in a file that only its owner can read, made when the server first starts."""

from __future__ import annotations

import os
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path

from perdure.base.errors import ConfigError

FILE = "token"
BYTES = 32


def read_token(folder: Path, entropy: Callable[[int], bytes]) -> str:
    """The token in `folder`, the project's folder of state. Raises ConfigError where others may have read it."""
    path = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():  # one that is there is read on a full disk too
            try:
                _make(path, urlsafe_b64encode(entropy(BYTES)).decode().rstrip("="))
            except FileExistsError:
                pass  # another server was faster
        if path.stat().st_mode & 0o077:
            raise ConfigError(
                f"{path} can be read by others", hint="Remove it, and start again: a new one is made.", file=str(path)
            )
        token = path.read_text("ascii").strip()
    except OSError as error:
        hint = "Free space on the disk, or let this user read and write there."
        raise ConfigError(f"{path} cannot be used: {error.strerror or error}", file=str(path), hint=hint) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} cannot be used: {error}", file=str(path), hint="Remove it.") from error
    if len(token) < 16:
        raise ConfigError(f"{path} holds no token", hint="Remove it, and start again: a new one is made.")
    return token


def _make(path: Path, token: str) -> None:
    """Write the file as a whole, never one that is there."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with open(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            file.write(f"{token}\n")
        os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
