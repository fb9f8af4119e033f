"""What every transport over HTTP must do, with well-behaved servers and with hostile ones."""

import asyncio
import gzip

import pytest

from perdure.base.errors import BrokenStream, ConfigError, InvalidAnswer, ModelTimeout, Unreachable
from perdure.compute.transport.http import HttpTransport
from perdure.compute.transport.plain.transport import PlainTransport
from perdure.compute.transport.port import Post

STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(params=[HttpTransport, PlainTransport])
def make(request):
    return request.param


async def post(transport, url, **options):
    try:
        return await transport.post(Post(url, b'{"a":1}', **options))
    finally:
        await transport.close()


async def stream(transport, url, **options):
    chunks = []
    try:
        async with transport.stream(Post(url, b"{}", **options)) as incoming:
            async for chunk in incoming.chunks():
                chunks.append(chunk)
        return incoming.status, incoming.headers, chunks
    finally:
        await transport.close()


async def test_a_post_carries_body_and_headers_and_brings_the_whole_answer(make, server):
    async def behave(head, body, writer):
        writer.write(server.answer(b'{"ok":true}', headers={"X-Request-Id": "r1"}))

    async with server.run(behave):
        answer = await post(make(), server.base_url + "/v1/x", headers={"authorization": "Bearer k"})
    assert (answer.status, answer.body, answer.headers["x-request-id"]) == (200, b'{"ok":true}', "r1")
    head, body = server.requests[0]
    assert head.startswith(b"POST /v1/x HTTP/1.1\r\n")
    assert b"authorization: bearer k" in head.lower()
    assert body == b'{"a":1}'


async def test_every_status_is_an_answer(make, server):
    async def behave(head, body, writer):
        writer.write(server.answer(b"slow down", status=429, headers={"Retry-After": "7"}))

    async with server.run(behave):
        answer = await post(make(), server.base_url)
    assert (answer.status, answer.headers["retry-after"], answer.body) == (429, "7", b"slow down")


async def test_calls_share_one_connection(make, server):
    async def behave(head, body, writer):
        writer.write(server.answer(b"{}"))

    transport = make()
    async with server.run(behave):
        for _ in range(5):
            await transport.post(Post(server.base_url, b"{}"))
        await transport.close()
    assert server.connections == 1


async def test_chunks_are_given_as_they_come_and_the_connection_is_kept(make, server):
    told = asyncio.Event()

    async def behave(head, body, writer):
        writer.write(STREAM + server.chunk(b"data: 1\n\n"))
        await writer.drain()
        await told.wait()  # only a client that was given the first chunk goes on to the second
        writer.write(server.chunk(b"data: 2\n\n") + server.chunk(b""))

    transport = make()
    async with server.run(behave):
        for _ in range(3):
            told.clear()
            chunks = []
            async with transport.stream(Post(server.base_url, b"{}")) as incoming:
                assert incoming.headers["content-type"] == "text/event-stream"
                async for chunk in incoming.chunks():
                    chunks.append(chunk)
                    told.set()
            assert chunks == [b"data: 1\n\n", b"data: 2\n\n"]
        await transport.close()
    assert server.connections == 1


async def test_a_closed_transport_opens_again_when_it_is_used(make, server):
    async def behave(head, body, writer):
        writer.write(server.answer(b"{}"))

    transport = make()
    await transport.close()
    async with server.run(behave):
        for _ in range(2):
            await transport.post(Post(server.base_url, b"{}"))
            await transport.close()
    assert server.connections == 2


async def test_nobody_listens(make):
    with pytest.raises(Unreachable, match="Connection refused") as caught:
        await post(make(), "http://user:secret@127.0.0.1:9/v1?key=secret")
    assert "secret" not in caught.value.message


async def test_no_such_host(make):
    with pytest.raises(Unreachable):
        await post(make(), "http://nosuch.invalid/")


@pytest.mark.parametrize("ask", [post, stream])
async def test_an_answer_that_does_not_begin_in_time(make, server, ask):
    async def behave(head, body, writer):
        await asyncio.sleep(30)

    async with server.run(behave):
        with pytest.raises(ModelTimeout, match="within 100 ms"):
            await ask(make(), server.base_url, timeout_ms=100)


@pytest.mark.parametrize("ask", [post, stream])
async def test_an_answer_that_does_not_end_in_time(make, server, ask):
    async def behave(head, body, writer):
        writer.write(STREAM + server.chunk(b"data: 1\n\n"))
        await writer.drain()
        await asyncio.sleep(30)

    async with server.run(behave):
        with pytest.raises(ModelTimeout, match="within 150 ms"):
            await ask(make(), server.base_url, timeout_ms=150)


async def test_a_stream_that_falls_silent(make, server):
    async def behave(head, body, writer):
        writer.write(STREAM + server.chunk(b"data: 1\n\n"))
        await writer.drain()
        await asyncio.sleep(30)

    async with server.run(behave):
        with pytest.raises(ModelTimeout, match="said nothing for 60 ms"):
            await stream(make(idle_ms=60), server.base_url)


@pytest.mark.parametrize("ask", [post, stream])
@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        STREAM + b"4\r\nhalf\r\n",
        STREAM + b"ff\r\nhalf",
        b"",
    ],
    ids=["in the head", "length", "between chunks", "in a chunk", "at once"],
)
async def test_a_body_that_is_cut(make, server, ask, said):
    async def behave(head, body, writer):
        writer.write(said)
        await writer.drain()
        writer.close()

    async with server.run(behave):
        with pytest.raises(BrokenStream):
            await ask(make(), server.base_url)


@pytest.mark.parametrize("ask", [post, stream])
async def test_a_server_that_does_not_speak_http(make, server, ask):
    async def behave(head, body, writer):
        writer.write(b"220 smtp.example.com ESMTP\r\n\r\n")
        await writer.drain()
        writer.close()

    async with server.run(behave):
        with pytest.raises(InvalidAnswer, match="does not answer in HTTP"):
            await ask(make(), server.base_url)


async def test_a_body_that_is_not_what_its_encoding_says(make, server):
    async def behave(head, body, writer):
        writer.write(server.answer(b"not gzip", headers={"Content-Encoding": "gzip"}))

    async with server.run(behave):
        with pytest.raises(InvalidAnswer):
            await post(make(), server.base_url)


async def test_a_body_that_says_that_it_is_too_large_is_not_read_to_its_end(make, server):
    async def behave(head, body, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n" + b"x" * 100_000)
        await writer.drain()
        await asyncio.sleep(30)

    async with server.run(behave):
        with pytest.raises(InvalidAnswer, match="more than") as caught:
            await post(make(), server.base_url)
    assert not caught.value.retryable


@pytest.mark.parametrize("ask", [post, stream])
async def test_a_body_that_grows_too_large(make, server, ask):
    async def behave(head, body, writer):
        writer.write(STREAM)
        for _ in range(200):
            writer.write(server.chunk(b"x" * 1000))

    async with server.run(behave):
        with pytest.raises(InvalidAnswer, match="more than 10000 bytes"):
            await ask(make(max_body=10_000), server.base_url)


async def test_a_small_body_that_unpacks_into_a_large_one(make, server):
    async def behave(head, body, writer):
        writer.write(server.answer(gzip.compress(b"0" * 1_000_000), headers={"Content-Encoding": "gzip"}))

    async with server.run(behave):
        with pytest.raises(InvalidAnswer, match="more than 100000 bytes"):
            await post(make(max_body=100_000), server.base_url)


async def test_redirects_are_not_followed_with_the_key(make, server):
    async def behave(head, body, writer):
        writer.write(server.answer(b"", status=307, headers={"Location": server.base_url + "/elsewhere"}))

    async with server.run(behave):
        answer = await post(make(), server.base_url, headers={"authorization": "Bearer k"})
    assert answer.status == 307
    assert len(server.requests) == 1


@pytest.mark.parametrize("url", ["127.0.0.1:80/x", "ftp://127.0.0.1/x", "http://", "nonsense"])
async def test_a_url_that_is_none(make, url):
    with pytest.raises(ConfigError):
        await post(make(), url)


async def test_a_header_that_cannot_be_sent_is_not_shown(make):
    with pytest.raises(ConfigError) as caught:
        await post(make(), "http://127.0.0.1:9/", headers={"authorization": "Bearer sec\nret"})
    assert "ret" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_cancelled_call_hangs_up(make, server):
    began, hung_up = asyncio.Event(), asyncio.Event()

    async def behave(head, body, writer):
        try:
            writer.write(STREAM)
            while True:
                writer.write(server.chunk(b"data: 1\n\n"))
                await writer.drain()
                await asyncio.sleep(0.005)
        except ConnectionError:
            hung_up.set()

    async def read():
        async with transport.stream(Post(server.base_url, b"{}")) as incoming:
            async for _ in incoming.chunks():
                began.set()

    transport = make()
    async with server.run(behave):
        task = asyncio.create_task(read())
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(hung_up.wait(), 5)
        await transport.close()


async def test_a_call_can_be_cancelled_before_it_is_answered(make, server):
    asked = asyncio.Event()

    async def behave(head, body, writer):
        asked.set()
        await asyncio.sleep(30)

    async with server.run(behave):
        task = asyncio.create_task(post(make(), server.base_url))
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def test_one_transport_serves_one_event_loop_after_the_other(make, server):
    async def behave(head, body, writer):
        writer.write(server.answer(b"{}"))

    async def ask():
        async with server.run(behave):
            return await transport.post(Post(server.base_url, b"{}"))

    transport = make()
    assert [asyncio.run(ask()).status for _ in range(2)] == [200, 200]
    asyncio.run(transport.close())


@pytest.mark.parametrize("ask", [post, stream])
@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\n\r\nbody",
        b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n2;a=b\r\nbo\r\n2\r\ndy\r\n0\r\nX-Trailer: 1\r\n\r\n",
        b"HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 103 Hint\r\nX: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody",
    ],
    ids=["length", "to the end", "1.0", "close", "chunked", "interim answers"],
)
@pytest.mark.parametrize("size", [1, 10_000], ids=["byte by byte", "at once"])
async def test_every_way_to_frame_a_body(make, server, ask, said, size):
    async def behave(head, body, writer):
        for at in range(0, len(said), size):
            writer.write(said[at : at + size])
            await writer.drain()
            await asyncio.sleep(0)
        writer.close()

    async with server.run(behave):
        answer = await ask(make(), server.base_url)
    status, headers, body = answer if ask is stream else (answer.status, answer.headers, [answer.body])
    assert (status, b"".join(body)) == (200, b"body")
    assert not headers.keys() & {"x", "x-trailer"}


@pytest.mark.parametrize("status", [204, 304])
async def test_answers_without_a_body_end_with_their_head(make, server, status):
    async def behave(head, body, writer):
        writer.write(b"HTTP/1.1 %d Told\r\nX-Request-Id: r1\r\n\r\n" % status)

    transport = make()
    async with server.run(behave):
        for _ in range(2):
            answer = await transport.post(Post(server.base_url, b"{}"))
            assert (answer.status, answer.body, answer.headers["x-request-id"]) == (status, b"", "r1")
        await transport.close()
    assert server.connections == 1


@pytest.mark.parametrize("said", [b"Connection: close\r\n", b""], ids=["said", "silently"])
async def test_a_connection_that_the_server_closes_is_not_used_again(make, server, said):
    async def behave(head, body, writer):
        writer.write(b"HTTP/1.1 200 OK\r\n" + said + b"Content-Length: 2\r\n\r\n{}")
        await writer.drain()
        writer.close()

    transport = make()
    async with server.run(behave):
        for _ in range(3):
            assert (await transport.post(Post(server.base_url, b"{}"))).status == 200
            await asyncio.sleep(0.02)  # idle long enough to hear of it
        await transport.close()
    assert server.connections == 3


async def test_a_second_answer_that_nobody_asked_for_is_nobodys(make, server):
    async def behave(head, body, writer):
        writer.write(server.answer(body) + server.answer(b"poison", status=500))

    transport = make()
    async with server.run(behave):
        for turn in (b"1", b"2", b"3"):
            answer = await transport.post(Post(server.base_url, turn))
            assert (answer.status, answer.body) == (200, turn)
        await transport.close()


async def test_what_comes_late_on_an_idle_connection_is_no_answer(make, server):
    async def behave(head, body, writer):
        writer.write(server.answer(body))
        await writer.drain()
        await asyncio.sleep(0.01)
        writer.write(server.answer(b"poison", status=408))

    transport = make()
    async with server.run(behave):
        for turn in (b"1", b"2"):
            assert (await transport.post(Post(server.base_url, turn))).body == turn
            await asyncio.sleep(0.05)
        await transport.close()


@pytest.mark.parametrize("ask", [post, stream])
@pytest.mark.parametrize(
    "said",
    [
        STREAM + b"zz\r\nbody\r\n0\r\n\r\n",
        STREAM + b"4\r\nbodyXX\r\n0\r\n\r\n",
        STREAM + b"-4\r\nbody\r\n0\r\n\r\n",
        STREAM + b"fffffffffffffffff\r\nbody",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nbody!",
        b"HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\nbody",
        b"HTTP/1.1 2oo OK\r\nContent-Length: 4\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 4\r\n\r\nbody",
    ],
    ids=["size", "end", "negative", "overflow", "two lengths", "negative length", "status", "header"],
)
async def test_an_answer_that_breaks_the_rules(make, server, ask, said):
    async def behave(head, body, writer):
        writer.write(said)
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.close()

    async with server.run(behave):
        with pytest.raises((InvalidAnswer, BrokenStream)):
            await ask(make(), server.base_url)


@pytest.mark.parametrize("ask", [post, stream])
@pytest.mark.parametrize(
    ("begin", "more"),
    [
        (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        (b"HTTP/1.1 200 OK\r\n", b"X: 1\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["one header", "many headers", "interim answers"],
)
async def test_a_head_that_does_not_end(make, server, ask, begin, more):
    if make is HttpTransport and b"100" in more:
        pytest.skip("hyper reads interim answers until the time is over")
    hung_up = asyncio.Event()

    async def behave(head, body, writer):
        try:
            writer.write(begin)
            while True:
                writer.write(more * 4000)
                await writer.drain()
        except ConnectionError:
            hung_up.set()
            raise

    async with server.run(behave):
        with pytest.raises((InvalidAnswer, BrokenStream)):
            await ask(make(), server.base_url)
        await asyncio.wait_for(hung_up.wait(), 5)


@pytest.mark.parametrize("ask", [post, stream])
async def test_a_head_that_drips(make, server, ask):
    async def behave(head, body, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nX: ")
        while not writer.is_closing():
            writer.write(b"x")
            await asyncio.sleep(0.01)

    async with server.run(behave):
        with pytest.raises(ModelTimeout, match="within 150 ms"):
            await ask(make(), server.base_url, timeout_ms=150)


@pytest.mark.parametrize("ask", [post, stream])
async def test_a_body_without_end(make, server, ask):
    async def behave(head, body, writer):
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 10_000)
            await writer.drain()

    async with server.run(behave):
        with pytest.raises(InvalidAnswer, match="more than 100000 bytes"):
            await ask(make(max_body=100_000), server.base_url)


@pytest.mark.parametrize("ask", [post, stream])
async def test_a_packed_body_is_unpacked(make, server, ask):
    text = b"data: \xc5\x81 " * 1000

    async def behave(head, body, writer):
        writer.write(server.answer(gzip.compress(text), headers={"Content-Encoding": "gzip"}))

    async with server.run(behave):
        answer = await ask(make(), server.base_url)
    headers, body = (answer[1], b"".join(answer[2])) if ask is stream else (answer.headers, answer.body)
    assert body == text
    assert not headers.keys() & {"content-encoding", "content-length"}


@pytest.mark.parametrize("ask", [post, stream])
async def test_a_packed_body_that_is_cut(make, server, ask):
    async def behave(head, body, writer):
        writer.write(server.answer(gzip.compress(b"a" * 1000)[:-9], headers={"Content-Encoding": "gzip"}))

    async with server.run(behave):
        with pytest.raises(BrokenStream):
            await ask(make(), server.base_url)


@pytest.mark.parametrize("text", ["a\nX-Evil: 1", "a\r\nX-Evil: 1", "a\rb", "a\0b"])
async def test_a_header_cannot_add_another(make, server, text):
    async def behave(head, body, writer):
        writer.write(server.answer(b"{}"))

    async with server.run(behave):
        for headers in ({"authorization": text}, {text: "a"}):
            with pytest.raises(ConfigError):
                await post(make(), server.base_url, headers=headers)
    assert server.requests == []


async def test_a_url_cannot_add_a_line(make, server):
    async def behave(head, body, writer):
        writer.write(server.answer(b"{}"))

    async with server.run(behave):
        await post(make(), server.base_url + "/a b\r\nX-Evil: 1?q=ü x")
    assert server.requests[0][0].startswith(b"POST /a%20bX-Evil:%201?q=%C3%BC%20x HTTP/1.1\r\n")


async def test_a_name_and_password_in_the_url_are_sent_as_authorization(make, server):
    async def behave(head, body, writer):
        writer.write(server.answer(b"{}"))

    async with server.run(behave):
        await post(make(), server.base_url.replace("://", "://us%20er:p%40w@"))
    assert b"uthorization: Basic dXMgZXI6cEB3\r\n" in server.requests[0][0]


async def test_many_calls_at_once(make, server):
    async def behave(head, body, writer):
        await asyncio.sleep(0.001 * (len(server.requests) % 7))
        writer.write(server.answer(body))

    transport = make()
    bodies = [b"%d" % number for number in range(64)]
    async with server.run(behave):
        for _ in range(2):
            answers = await asyncio.gather(*(transport.post(Post(server.base_url, body)) for body in bodies))
            assert [answer.body for answer in answers] == bodies
        await transport.close()


async def test_closing_ends_the_calls_under_way(make, server):
    asked = asyncio.Event()

    async def behave(head, body, writer):
        asked.set()
        await asyncio.sleep(30)

    transport = make()
    async with server.run(behave):
        task = asyncio.create_task(transport.post(Post(server.base_url, b"{}")))
        await asked.wait()
        await transport.close()
        with pytest.raises(BrokenStream):
            await task
