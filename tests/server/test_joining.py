"""What is written in one turn of the loop goes out as a whole, in order, and never later than the connection's end."""

from __future__ import annotations

import asyncio

from perdure.server.joining import MOST, JoiningTransport


class Wire(asyncio.Transport):
    """Notes what it is handed."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent.append(bytes(data))

    def write_eof(self) -> None:
        self.sent.append(b"<eof>")

    def close(self) -> None:
        self.sent.append(b"<closed>")

    def abort(self) -> None:
        self.sent.append(b"<aborted>")


def joining() -> tuple[Wire, JoiningTransport]:
    wire = Wire()
    return wire, JoiningTransport(wire, asyncio.get_running_loop())


async def test_a_head_and_its_content_are_one_write() -> None:
    wire, transport = joining()
    transport.write(b"head ")
    transport.write(b"content")
    assert wire.sent == []
    await asyncio.sleep(0)
    assert wire.sent == [b"head content"]
    transport.write(b"next")
    await asyncio.sleep(0)
    assert wire.sent == [b"head content", b"next"]


async def test_the_end_comes_after_what_was_written() -> None:
    for end, mark in ((JoiningTransport.close, b"<closed>"), (JoiningTransport.write_eof, b"<eof>")):
        wire, transport = joining()
        transport.write(b"last words")
        end(transport)
        assert wire.sent == [b"last words", mark]
        await asyncio.sleep(0)
        assert len(wire.sent) == 2


async def test_an_aborted_connection_sends_nothing_more() -> None:
    wire, transport = joining()
    transport.write(b"too late")
    transport.abort()
    await asyncio.sleep(0)
    assert wire.sent == [b"<aborted>"]


async def test_no_more_is_held_back_than_a_little() -> None:
    wire, transport = joining()
    piece = b"x" * (MOST // 2)
    for _ in range(5):
        transport.write(piece)
    assert [len(sent) for sent in wire.sent] == [MOST, MOST]
    await asyncio.sleep(0)
    assert b"".join(wire.sent) == piece * 5
