"""What one sees and may do: a file service used by paths as people write them."""

from __future__ import annotations

from .path import parse
from .port import APPEND, CALL, READ, WRITE, Entry, File, FileService, How, Stat, Watch


class Namespace:
    """`service` by paths such as `/agents/support/status`. Text that is written is encoded as UTF-8. Methods raise the
    FileError that says what is wrong with the path: InvalidPath where it is none at all."""

    __slots__ = ("_service",)

    def __init__(self, service: FileService) -> None:
        self._service = service

    @property
    def service(self) -> FileService:
        """The same by parsed paths."""
        return self._service

    async def open(self, path: str, how: How = READ) -> File:
        return await self._service.open(parse(path), how)

    async def read(self, path: str) -> bytes:
        file = await self._service.open(parse(path), READ)
        try:
            return await file.read()
        finally:
            await file.close()

    async def write(self, path: str, data: bytes | str) -> None:
        """Replace the content, or create the file; where a request is expected, send it and drop the answer."""
        await self._put(path, data, WRITE)

    async def append(self, path: str, data: bytes | str) -> None:
        await self._put(path, data, APPEND)

    async def call(self, path: str, request: bytes | str) -> bytes:
        """Write a request and read its answer."""
        async with await self._service.open(parse(path), CALL) as file:
            await file.write(request.encode() if isinstance(request, str) else request)
            await file.flush()
            return await file.read()

    async def list(self, path: str) -> list[Entry]:
        return await self._service.list(parse(path))

    async def stat(self, path: str) -> Stat:
        return await self._service.stat(parse(path))

    async def watch(self, path: str, after: int | None = None) -> Watch:
        """Changes from this call on, or those that follow the change with the cursor `after`."""
        return await self._service.watch(parse(path), after)

    async def remove(self, path: str) -> None:
        await self._service.remove(parse(path))

    async def rename(self, path: str, to: str) -> None:
        await self._service.rename(parse(path), parse(to))

    async def mkdir(self, path: str) -> None:
        await self._service.mkdir(parse(path))

    async def _put(self, path: str, data: bytes | str, how: How) -> None:
        async with await self._service.open(parse(path), how) as file:
            await file.write(data.encode() if isinstance(data, str) else data)
