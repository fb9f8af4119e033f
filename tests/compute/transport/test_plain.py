"""What plain HTTP on the loop does beyond the port: its connections, who waits for whom, and its bounds."""

import asyncio
import socket
import sys
import zlib
from contextlib import asynccontextmanager, suppress

import pytest

from perdure.base.errors import BrokenStream, InvalidAnswer, ModelTimeout, Unreachable
from perdure.compute.transport.plain.pool import MAX_IDLE
from perdure.compute.transport.plain.transport import PlainTransport
from perdure.compute.transport.port import Post

STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(autouse=True, params=["asyncio", "uvloop"])
def loops(request):
    """Both loops that it may run on."""
    if request.param == "asyncio":
        yield
        return
    if sys.version_info >= (3, 14):
        pytest.skip("policies are deprecated")
    asyncio.set_event_loop_policy(pytest.importorskip("uvloop").EventLoopPolicy())
    yield
    asyncio.set_event_loop_policy(None)


@asynccontextmanager
async def listening(behave, host="127.0.0.1"):
    """A server that reads nothing by itself; gives its port, and ends when all its connections have."""

    async def connected(reader, writer):
        tasks.append(asyncio.current_task())
        try:
            await behave(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    tasks = []
    server = await asyncio.start_server(connected, host, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*tasks)


async def hang_up(writer):
    await writer.drain()
    writer.close()


async def test_a_kept_connection_that_closes_under_a_request_is_replaced(server):
    """The server lets go of it in the moment in which the request is on its way."""

    async def behave(head, body, writer):
        if body == b"second" and server.connections == 1:
            await hang_up(writer)
        else:
            writer.write(server.answer(body))

    transport = PlainTransport()
    async with server.run(behave):
        for body in (b"first", b"second"):
            assert (await transport.post(Post(server.base_url, body))).body == body
        await transport.close()
    assert [body for _, body in server.requests] == [b"first", b"second", b"second"]


async def test_it_is_replaced_once(server):
    async def behave(head, body, writer):
        if body == b"fatal":
            await hang_up(writer)
        else:
            writer.write(server.answer(body))

    transport = PlainTransport()
    async with server.run(behave):
        await transport.post(Post(server.base_url, b"first"))
        with pytest.raises(BrokenStream):
            await transport.post(Post(server.base_url, b"fatal"))
        await transport.close()
    assert [body for _, body in server.requests] == [b"first", b"fatal", b"fatal"]


@pytest.mark.parametrize("said", [b"H", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
async def test_an_answer_that_has_begun_is_not_asked_for_again(server, said):
    async def behave(head, body, writer):
        if body == b"fatal":
            writer.write(said)
            await hang_up(writer)
        else:
            writer.write(server.answer(body))

    transport = PlainTransport()
    async with server.run(behave):
        await transport.post(Post(server.base_url, b"first"))
        with pytest.raises(BrokenStream):
            await transport.post(Post(server.base_url, b"fatal"))
        await transport.close()
    assert len(server.requests) == 2


async def test_a_new_connection_that_closes_at_once_is_not_replaced(server):
    async def behave(head, body, writer):
        await hang_up(writer)

    transport = PlainTransport()
    async with server.run(behave):
        with pytest.raises(BrokenStream, match="before an answer"):
            await transport.post(Post(server.base_url, b"{}"))
    assert len(server.requests) == 1


async def test_the_time_of_a_call_is_not_given_twice(server):
    async def behave(head, body, writer):
        if body == b"first":
            writer.write(server.answer(body))
        elif server.connections == 1:
            await hang_up(writer)
        else:
            await asyncio.sleep(30)

    transport = PlainTransport()
    async with server.run(behave):
        await transport.post(Post(server.base_url, b"first"))
        with pytest.raises(ModelTimeout, match="within 100 ms"):
            await transport.post(Post(server.base_url, b"second", timeout_ms=100))
        await transport.close()
    assert server.connections == 2


async def test_an_idle_connection_is_let_go(server):
    async def behave(head, body, writer):
        writer.write(server.answer(body))

    transport = PlainTransport(kept_ms=30)
    async with server.run(behave):
        for _ in range(2):
            await asyncio.gather(*(transport.post(Post(server.base_url, b"{}")) for _ in range(3)))
            await asyncio.sleep(0.15)
        await transport.close()
    assert server.connections == 6


async def test_few_idle_connections_are_kept(server):
    count = MAX_IDLE + 20
    together = asyncio.Barrier(count)

    async def behave(head, body, writer):
        await together.wait()
        writer.write(server.answer(body))

    async def ask(number):
        await asyncio.sleep(number * 0.001)  # the system holds few connections that are not accepted yet
        await transport.post(Post(server.base_url, b"{}"))

    transport = PlainTransport()
    async with server.run(behave):
        await asyncio.gather(*map(ask, range(count)))
        assert server.connections == count
        await asyncio.gather(*map(ask, range(count)))
        await transport.close()
    assert server.connections == count + 20


async def test_a_stream_that_is_left_early_gives_its_connection_up(server):
    async def behave(head, body, writer):
        writer.write(STREAM + server.chunk(b"data: 1\n\n"))

    transport = PlainTransport()
    async with server.run(behave):
        for _ in range(2):
            async with transport.stream(Post(server.base_url, b"{}")) as incoming:
                async for chunk in incoming.chunks():
                    assert chunk == b"data: 1\n\n"
                    break
        await transport.close()
    assert server.connections == 2


async def test_a_stream_that_is_left_at_its_last_event_keeps_its_connection(server):
    """The end of the body comes a moment after the event that says that this was all."""

    async def behave(head, body, writer):
        writer.write(STREAM + server.chunk(b"data: [DONE]\n\n"))
        await writer.drain()
        await asyncio.sleep(0.01)
        writer.write(server.chunk(b""))

    transport = PlainTransport()
    async with server.run(behave):
        for _ in range(3):
            async with transport.stream(Post(server.base_url, b"{}")) as incoming:
                async for chunk in incoming.chunks():
                    assert chunk == b"data: [DONE]\n\n"
                    break
            await asyncio.sleep(0.05)
        await transport.close()
    assert server.connections == 1


async def test_what_came_before_the_connection_broke_is_given_first(server):
    async def behave(head, body, writer):
        writer.write(STREAM + server.chunk(b"data: 1\n\n") + b"5\r\nhal")
        await hang_up(writer)

    transport = PlainTransport()
    chunks = []
    async with server.run(behave):
        with pytest.raises(BrokenStream, match="in the middle"):
            async with transport.stream(Post(server.base_url, b"{}")) as incoming:
                await asyncio.sleep(0.05)
                async for chunk in incoming.chunks():
                    chunks.append(chunk)
    assert b"".join(chunks) == b"data: 1\n\nhal"


async def test_a_slow_reader_slows_the_server_down(server):
    sent = 0
    size = 32 * 1024 * 1024

    async def behave(head, body, writer):
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        while sent < size:
            writer.write(b"x" * 65_536)
            sent += 65_536
            await writer.drain()

    transport = PlainTransport()
    async with server.run(behave):
        for read_whole in (False, True):
            sent = 0
            async with transport.stream(Post(server.base_url, b"{}")) as incoming:
                await asyncio.sleep(0.1)
                assert sent < size / 2  # the rest waits in the server, not in memory here
                if read_whole:
                    got = len(await incoming.read())
                else:
                    got = sum([len(chunk) async for chunk in incoming.chunks()])
            assert got == size
        await transport.close()
    assert server.connections == 1


async def test_trailers_without_end(server):
    async def behave(head, body, writer):
        writer.write(STREAM + server.chunk(b"data") + b"0\r\n")
        while True:
            writer.write(b"X-Trailer: 1\r\n" * 1000)
            await writer.drain()

    transport = PlainTransport()
    async with server.run(behave):
        with pytest.raises(InvalidAnswer, match="over 65536 bytes"):
            await transport.post(Post(server.base_url, b"{}"))


@pytest.mark.parametrize(
    ("said", "match"),
    [
        (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "changes the protocol"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "transfer-encoding 'gzip, chunked'"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx", "content-encoding 'br'"),
    ],
)
async def test_what_was_not_asked_for_is_refused(server, said, match):
    async def behave(head, body, writer):
        writer.write(said)

    transport = PlainTransport()
    async with server.run(behave):
        with pytest.raises(InvalidAnswer, match=match):
            await transport.post(Post(server.base_url, b"{}"))
        await transport.close()


@pytest.mark.parametrize("window", [zlib.MAX_WBITS, -zlib.MAX_WBITS], ids=["zlib", "raw"])
async def test_deflate_is_unpacked_with_its_head_and_without(server, window):
    text = b"some text, " * 1000
    packer = zlib.compressobj(wbits=window)
    packed = packer.compress(text) + packer.flush()

    async def behave(head, body, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nTransfer-Encoding: chunked\r\n\r\n")
        for at in range(0, len(packed), 7):
            writer.write(server.chunk(packed[at : at + 7]))
            await writer.drain()
        writer.write(server.chunk(b""))

    transport = PlainTransport()
    async with server.run(behave):
        async with transport.stream(Post(server.base_url, b"{}")) as incoming:
            assert b"".join([chunk async for chunk in incoming.chunks()]) == text
        await transport.close()


async def test_no_connection_in_time():
    """A server whose queue of connections is full does not even refuse."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        url = f"http://127.0.0.1:{full.getsockname()[1]}/"
        with socket.create_connection(full.getsockname()):
            with pytest.raises(Unreachable, match="no connection within 80 ms"):
                await PlainTransport(connect_ms=80).post(Post(url, b"{}"))
            with pytest.raises(ModelTimeout, match="within 60 ms"):
                await PlainTransport().post(Post(url, b"{}", timeout_ms=60))


async def test_an_answer_before_the_whole_request_was_sent_ends_the_connection():
    """What is left of the request would be read as the next one."""
    connections = 0

    async def refuse(reader, writer):
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        await reader.read(-1)

    transport = PlainTransport()
    async with listening(refuse) as port:
        for _ in range(2):
            answer = await transport.post(Post(f"http://127.0.0.1:{port}/", b"x" * 32_000_000, timeout_ms=10_000))
            assert answer.status == 413
        await transport.close()
    assert connections == 2


async def test_an_address_of_ipv6():
    async def behave(reader, writer):
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    heads = []
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
    transport = PlainTransport()
    async with listening(behave, "::1") as port:
        assert (await transport.post(Post(f"http://[::1]:{port}/", b""))).status == 200
        await transport.close()
    assert f"\r\nhost: [::1]:{port}\r\n".encode() in heads[0]


async def test_a_header_in_any_bytes_is_read(server):
    async def behave(head, body, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nX: \xff\r\nContent-Length: 2\r\n\r\n{}")

    transport = PlainTransport()
    async with server.run(behave):
        assert (await transport.post(Post(server.base_url, b"{}"))).headers["x"] == "\xff"
        await transport.close()
