"""What a run reaches of its agent's directory: every operation an effect, done once and answered from the journal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import msgspec

from perdure.base.codec import digest_bytes, to_json
from perdure.base.errors import FileError, InputError, NoSuchFile
from perdure.kernel.classes import EffectClass, NotDone, Unsure
from perdure.kernel.context import Context

from .namespace import Namespace
from .port import Change, Entry, Stat

Own: TypeAlias = Callable[[], Awaitable[Namespace]]
"""The agent's own view, as it stands when it is asked for."""
Found: TypeAlias = NotDone | Unsure | None
Changes: TypeAlias = list[Change]
Entries: TypeAlias = list[Entry]

FOLLOW_MS = 60_000
MOST_CHANGES = 1_000


class Files:
    """The agent's own directory by paths such as `/goals/a.json`. What the mounts of the agent do not allow raises the
    FileError that says so, on every replay too.

    Reading is of class `read`. Replacing content is `idempotent`; directories, removing and renaming are looked at
    again after a crash; what is appended, and requests, are `once`, unless the file takes an idempotency key.
    """

    def __init__(self, ctx: Context, own: Own) -> None:
        self._ctx = ctx
        self._own = own

    async def read(self, path: str) -> bytes:
        async def do(_: str) -> bytes:
            return await (await self._own()).read(path)

        return bytes(await self._perform("read", do, {"path": path}, "read"))

    async def list(self, path: str) -> Entries:
        async def do(_: str) -> Entries:
            return await (await self._own()).list(path)

        return msgspec.convert(await self._perform("list", do, {"path": path}, "read"), Entries)

    async def stat(self, path: str) -> Stat:
        async def do(_: str) -> Stat:
            return await (await self._own()).stat(path)

        return msgspec.convert(await self._perform("stat", do, {"path": path}, "read"), Stat)

    async def write(self, path: str, data: bytes | str) -> None:
        """Replace the content, or create the file. A file that takes requests gets one, and its answer is dropped."""

        async def do(_: str) -> None:
            await (await self._own()).write(path, data)

        effect: EffectClass = "idempotent" if await self._takes(path) == "content" else "once"
        await self._perform("write", do, {"path": path, **_size(data)}, effect)

    async def append(self, path: str, data: bytes | str) -> None:
        async def do(_: str) -> None:
            await (await self._own()).append(path, data)

        await self._perform("append", do, {"path": path, **_size(data)}, "once")

    async def call(self, path: str, request: bytes | str | Mapping[str, Any]) -> bytes:
        """Write a request and read its answer. A mapping is sent as JSON; where the file takes an idempotency key and
        the request names none, it gets that of the effect."""
        keyed = isinstance(request, Mapping) and await self._takes(path) == "keyed requests"

        async def do(key: str) -> bytes:
            sent = request
            if isinstance(sent, Mapping):
                sent = to_json({"idempotency_key": key, **sent} if keyed else sent)
            return await (await self._own()).call(path, sent)

        asked = dict(request) if isinstance(request, Mapping) else _size(request)
        effect: EffectClass = "idempotent" if keyed else "once"
        return bytes(await self._perform("call", do, {"path": path, "request": asked}, effect))

    async def remove(self, path: str) -> None:
        async def do(_: str) -> None:
            await (await self._own()).remove(path)

        async def probe(_: str) -> Found:
            there = await self._is_there(path)
            return Unsure() if there is None else NotDone() if there else None

        await self._perform("remove", do, {"path": path}, "checkable", probe)

    async def rename(self, path: str, to: str) -> None:
        async def do(_: str) -> None:
            await (await self._own()).rename(path, to)

        async def probe(_: str) -> Found:
            match await self._is_there(path), await self._is_there(to):
                case True, _:
                    return NotDone()
                case False, True:
                    return None
                case _:
                    return Unsure()

        await self._perform("rename", do, {"path": path, "to": to}, "checkable", probe)

    async def mkdir(self, path: str) -> None:
        async def do(_: str) -> None:
            await (await self._own()).mkdir(path)

        async def probe(_: str) -> Found:
            there = await self._is_there(path)
            return Unsure() if there is None else None if there else NotDone()

        await self._perform("mkdir", do, {"path": path}, "checkable", probe)

    async def follow(
        self,
        path: str,
        *,
        after: int | None = None,
        until: Callable[[Change], bool] | None = None,
        limit: int = 1,
        timeout_ms: int = FOLLOW_MS,
    ) -> Changes:
        """Changes of a file or below a directory from now on, or behind the cursor `after`: the next `limit`, or those
        up to and with the first of which `until` is true, or those that came in `timeout_ms`.

        They are one effect, recorded when they have come. To miss nothing in between, hand the `seq` of the last change
        back as `after`.
        """
        if not 0 < limit <= MOST_CHANGES or timeout_ms <= 0:
            raise InputError(f"between 1 and {MOST_CHANGES} changes can be followed, for more than 0 ms")
        most = MOST_CHANGES if until is not None else limit

        async def do(_: str) -> Changes:
            return await _collect(await self._own(), path, after, until, most, timeout_ms)

        request = {"path": path, "after": after, "limit": most, "timeout_ms": timeout_ms}
        return msgspec.convert(await self._perform("follow", do, request, "read"), Changes)

    async def _perform(
        self,
        verb: str,
        do: Callable[[str], Awaitable[Any]],
        request: dict[str, Any],
        effect: EffectClass,
        probe: Callable[[str], Awaitable[Any]] | None = None,
    ) -> Any:
        return await self._ctx.effect("file", verb, do, request=request, effect=effect, probe=probe)

    async def _takes(self, path: str) -> str:
        """What a file takes; asked outside the journal, as it only says what an effect in doubt would mean."""
        try:
            return (await (await self._own()).stat(path)).takes
        except NoSuchFile:
            return "content"
        except FileError:
            return "requests"

    async def _is_there(self, path: str) -> bool | None:
        """None where that cannot be told."""
        try:
            await (await self._own()).stat(path)
        except NoSuchFile:
            return False
        except FileError:
            return None
        return True


async def _collect(
    own: Namespace,
    path: str,
    after: int | None,
    until: Callable[[Change], bool] | None,
    most: int,
    timeout_ms: int,
) -> list[Change]:
    found: list[Change] = []
    watch = await own.watch(path, after)
    try:
        async with asyncio.timeout(timeout_ms / 1000):
            async for change in watch:
                found.append(change)
                if len(found) >= most or (until is not None and until(change)):
                    break
    except TimeoutError:
        pass  # what has come until now is the answer
    finally:
        await watch.aclose()
    return found


def _size(data: bytes | str) -> dict[str, Any]:
    raw = data.encode() if isinstance(data, str) else data
    return {"bytes": len(raw), "digest": digest_bytes(raw)}
