"""What a handle to call refuses, and what becomes of a request that fails."""

from __future__ import annotations

import pytest

from perdure.base.errors import FileNotReady, FileTooLarge, FileUnsupported, InputError
from perdure.namespace.exchange import Exchange


async def echo(request: bytes) -> bytes:
    return request


async def test_a_request_is_written_from_its_beginning() -> None:
    async with Exchange(echo) as file:
        await file.write(b"hello")
        with pytest.raises(FileUnsupported):
            await file.seek(1)
        await file.flush()
        with pytest.raises(InputError):
            await file.seek(-1)


async def test_a_request_has_a_largest_size() -> None:
    async with Exchange(echo, limit=10) as file:
        await file.write(b"x" * 10)
        with pytest.raises(FileTooLarge):
            await file.write(b"y")


async def test_a_request_that_failed_is_not_sent_again() -> None:
    sent: list[bytes] = []

    async def refuse(request: bytes) -> bytes:
        sent.append(request)
        raise InputError("that makes no sense")

    file = Exchange(refuse)
    await file.write(b"nonsense")
    with pytest.raises(InputError):
        await file.read()
    with pytest.raises(FileNotReady):
        await file.read()
    await file.close()
    assert sent == [b"nonsense"]


async def test_a_request_that_is_given_up_is_not_sent() -> None:
    sent: list[bytes] = []

    async def take(request: bytes) -> bytes:
        sent.append(request)
        return b""

    with pytest.raises(RuntimeError):
        async with Exchange(take) as file:
            await file.write(b"half a requ")
            raise RuntimeError("something else failed")
    assert sent == []
