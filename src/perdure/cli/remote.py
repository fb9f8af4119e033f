"""Asking a server that runs somewhere."""

from __future__ import annotations

import asyncio
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import msgspec

from perdure.base.errors import ERRORS, PerdureError, RequestError
from perdure.control.overview import Overview

TIMEOUT_S = 10


async def remote_overview(url: str, token: str, limit: int) -> Overview:
    """What goes on at the server. Raises what it answers, and RequestError where there is none."""
    body = await asyncio.to_thread(_get, f"{url.rstrip('/')}/runtime/overview?limit={limit}", token)
    try:
        return msgspec.json.decode(body, type=Overview)
    except msgspec.DecodeError as error:
        raise RequestError(f"{url} is no server of Perdure's: {error}", hint="Check --url.") from error


def _get(url: str, token: str) -> bytes:
    if not url.startswith(("http://", "https://")):
        raise RequestError(f"not the address of a server: {url!r}", hint="Write http://127.0.0.1:8420.")
    headers = {"authorization": f"Bearer {token}"} if token else {}
    try:
        with urlopen(Request(url, headers=headers), timeout=TIMEOUT_S) as answer:
            return bytes(answer.read())
    except HTTPError as error:
        with error:
            raise _told(url, error.code, error.read()) from error
    except (URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise RequestError(f"no answer from {url}: {reason}", hint="Does it run, and is --url right?") from error


def _told(url: str, status: int, body: bytes) -> PerdureError:
    """The problem that a server answers with."""
    try:
        said = msgspec.json.decode(body, type=dict[str, object])
    except msgspec.DecodeError:
        said = {}
    kind = ERRORS.get(str(said.get("code", "")), RequestError)
    hint = said.get("hint")
    return kind(str(said.get("detail") or f"{url} answers {status}"), hint=hint if isinstance(hint, str) else None)
