"""The call pattern: a request is written, its answer read on the same handle."""

from __future__ import annotations

from typing import NamedTuple

from perdure.base.errors import FileClosed, FileNotReady
from perdure.namespace.path import Path
from perdure.namespace.port import CALL, WRITE, FileService

from .samples import refused


class Exchanged(NamedTuple):
    """A file to call, a request, and the answer that it always has."""

    service: FileService
    path: Path
    request: bytes
    answer: bytes


class CallContract:
    """Inherit from it and give it a fixture `exchanged`."""

    async def test_a_request_is_answered_on_the_same_handle(self, exchanged: Exchanged) -> None:
        async with await exchanged.service.open(exchanged.path, CALL) as file:
            await file.write(exchanged.request)
            await file.flush()
            assert await file.read() == exchanged.answer
            assert await file.read() == b""
            await file.seek(0)
            assert await file.read(2) + await file.read() == exchanged.answer

    async def test_reading_flushes(self, exchanged: Exchanged) -> None:
        middle = len(exchanged.request) // 2
        async with await exchanged.service.open(exchanged.path, CALL) as file:
            await file.write(exchanged.request[:middle])
            await file.write(exchanged.request[middle:])
            assert await file.read() == exchanged.answer

    async def test_a_handle_answers_one_request_after_the_other(self, exchanged: Exchanged) -> None:
        async with await exchanged.service.open(exchanged.path, CALL) as file:
            for _ in range(3):
                await file.write(exchanged.request)
                assert await file.read() == exchanged.answer

    async def test_there_is_no_answer_before_a_request(self, exchanged: Exchanged) -> None:
        async with await exchanged.service.open(exchanged.path, CALL) as file:
            await refused(FileNotReady, file.read())

    async def test_who_only_writes_needs_no_answer(self, exchanged: Exchanged) -> None:
        async with await exchanged.service.open(exchanged.path, WRITE) as file:
            await file.write(exchanged.request)
        await refused(FileClosed, file.read())
        await refused(FileClosed, file.write(b""))
        await file.close()
