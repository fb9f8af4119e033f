"""A head that is written as a whole says what one that is written line by line says."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from perdure.server.cycle import Cycle

QUIET = logging.getLogger("tests.cycle")


class Wire(asyncio.Transport):
    """Keeps what it is handed."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += bytes(data)

    def close(self) -> None:
        self.is_closed = True


async def answered(
    kind: type[RequestResponseCycle], headers: list[tuple[bytes, bytes]], *, method: str = "POST", alive: bool = True
) -> tuple[bytes, bool]:
    """What is on the wire of an answer with these headers, and whether the connection was closed behind it."""
    wire = Wire()
    cycle = kind(
        scope={"type": "http", "method": method},  # type: ignore[typeddict-item]
        transport=wire,
        flow=FlowControl(wire),
        logger=QUIET,
        access_logger=QUIET,
        access_log=False,
        default_headers=[(b"date", b"today")],
        message_event=asyncio.Event(),
        expect_100_continue=False,
        keep_alive=alive,
        on_response=lambda: None,
    )
    messages: list[Any] = [
        {"type": "http.response.start", "status": 202, "headers": headers},
        {"type": "http.response.body", "body": b"hello"},
    ]
    for message in messages:
        await cycle.send(message)
    return wire.sent, wire.is_closed


@pytest.mark.parametrize("method", ["POST", "HEAD"])
@pytest.mark.parametrize("alive", [True, False])
@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"content-length", b"5")],
        [(b"content-length", b"5"), (b"location", b"/runs/1"), (b"x-empty", b"")],
        [(b"content-length", b"5"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")],
        [(b"Content-Length", b"5"), (b"X-Kept", b"as it is")],
        [(b"content-length", b"5"), (b"connection", b"close")],
        [(b"transfer-encoding", b"chunked")],
    ],
)
async def test_the_bytes_are_the_same(headers: list[tuple[bytes, bytes]], alive: bool, method: str) -> None:
    expected = await answered(RequestResponseCycle, headers, method=method, alive=alive)
    assert await answered(Cycle, headers, method=method, alive=alive) == expected
    assert expected[0].startswith(b"HTTP/1.1 202 Accepted\r\ndate: today\r\n")


@pytest.mark.parametrize(
    "header",
    [(b"location", b"/\r\nset-cookie: a=1"), (b"location", b"\x00"), (b"a b", b"c"), (b"a\r\nb", b"c"), (b"", b"\n")],
)
async def test_nothing_can_be_smuggled_into_a_head(header: tuple[bytes, bytes]) -> None:
    with pytest.raises(RuntimeError, match="Invalid HTTP header"):
        await answered(Cycle, [(b"content-length", b"5"), header])


async def test_content_that_is_not_as_long_as_was_said() -> None:
    for length in (b"4", b"6"):
        with pytest.raises(RuntimeError, match="Content-Length"):
            await answered(Cycle, [(b"content-length", length)])
