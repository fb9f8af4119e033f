import asyncio
import gzip
import shutil
import socket
import ssl
import subprocess

import pytest

from perdure.base.errors import BrokenStream, ConfigError, InvalidAnswer, ModelTimeout, Unreachable
from perdure.compute.transport.http import HttpTransport
from perdure.compute.transport.port import Post

STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


async def post(url, transport=None, **options):
    transport = transport or HttpTransport()
    try:
        return await transport.post(Post(url, b'{"a":1}', **options))
    finally:
        await transport.close()


async def stream(url, transport=None, **options):
    transport = transport or HttpTransport()
    chunks = []
    try:
        async with transport.stream(Post(url, b"{}", **options)) as incoming:
            async for chunk in incoming.chunks():
                chunks.append(chunk)
        return incoming.status, incoming.headers, chunks
    finally:
        await transport.close()


async def test_a_post_carries_body_and_headers_and_brings_the_whole_answer(server):
    async def behave(head, body, writer):
        writer.write(server.answer(b'{"ok":true}', headers={"X-Request-Id": "r1"}))

    async with server.run(behave):
        answer = await post(server.base_url + "/v1/x", headers={"authorization": "Bearer k"})
    assert (answer.status, answer.body, answer.headers["x-request-id"]) == (200, b'{"ok":true}', "r1")
    head, body = server.requests[0]
    assert head.startswith(b"POST /v1/x HTTP/1.1\r\n")
    assert b"authorization: bearer k" in head.lower()
    assert body == b'{"a":1}'


async def test_every_status_is_an_answer(server):
    async def behave(head, body, writer):
        writer.write(server.answer(b"slow down", status=429, headers={"Retry-After": "7"}))

    async with server.run(behave):
        answer = await post(server.base_url)
    assert (answer.status, answer.headers["retry-after"], answer.body) == (429, "7", b"slow down")


async def test_calls_share_one_connection(server):
    async def behave(head, body, writer):
        writer.write(server.answer(b"{}"))

    transport = HttpTransport()
    async with server.run(behave):
        for _ in range(5):
            await transport.post(Post(server.base_url, b"{}"))
        await transport.close()
    assert server.connections == 1


async def test_chunks_are_given_as_they_come_and_the_connection_is_kept(server):
    told = asyncio.Event()

    async def behave(head, body, writer):
        writer.write(STREAM + server.chunk(b"data: 1\n\n"))
        await writer.drain()
        await told.wait()  # only a client that was given the first chunk goes on to the second
        writer.write(server.chunk(b"data: 2\n\n") + server.chunk(b""))

    transport = HttpTransport()
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


async def test_a_closed_transport_opens_again_when_it_is_used(server):
    async def behave(head, body, writer):
        writer.write(server.answer(b"{}"))

    transport = HttpTransport()
    await transport.close()
    async with server.run(behave):
        for _ in range(2):
            await transport.post(Post(server.base_url, b"{}"))
            await transport.close()
    assert server.connections == 2


async def test_nobody_listens():
    with pytest.raises(Unreachable, match="Connection refused") as caught:
        await post("http://user:secret@127.0.0.1:9/v1?key=secret")
    assert "secret" not in caught.value.message


async def test_no_such_host():
    with pytest.raises(Unreachable):
        await post("http://nosuch.invalid/")


async def test_no_connection_in_time():
    """A TLS handshake that the other side never answers is a connection that does not come about."""
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unreachable, match="within 80 ms"):
        await post(f"https://127.0.0.1:{silent.getsockname()[1]}/", HttpTransport(connect_ms=80))


@pytest.mark.parametrize("ask", [post, stream])
async def test_an_answer_that_does_not_begin_in_time(server, ask):
    async def behave(head, body, writer):
        await asyncio.sleep(30)

    async with server.run(behave):
        with pytest.raises(ModelTimeout, match="within 100 ms"):
            await ask(server.base_url, timeout_ms=100)


@pytest.mark.parametrize("ask", [post, stream])
async def test_an_answer_that_does_not_end_in_time(server, ask):
    async def behave(head, body, writer):
        writer.write(STREAM + server.chunk(b"data: 1\n\n"))
        await writer.drain()
        await asyncio.sleep(30)

    async with server.run(behave):
        with pytest.raises(ModelTimeout, match="within 150 ms"):
            await ask(server.base_url, timeout_ms=150)


async def test_a_stream_that_falls_silent(server):
    async def behave(head, body, writer):
        writer.write(STREAM + server.chunk(b"data: 1\n\n"))
        await writer.drain()
        await asyncio.sleep(30)

    async with server.run(behave):
        with pytest.raises(ModelTimeout, match="said nothing for 60 ms"):
            await stream(server.base_url, HttpTransport(idle_ms=60))


@pytest.mark.parametrize("ask", [post, stream])
@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        STREAM + b"4\r\nhalf\r\n",
        STREAM + b"ff\r\nhalf",
        b"",
    ],
    ids=["length", "between chunks", "in a chunk", "at once"],
)
async def test_a_body_that_is_cut(server, ask, said):
    async def behave(head, body, writer):
        writer.write(said)
        await writer.drain()
        writer.close()

    async with server.run(behave):
        with pytest.raises(BrokenStream):
            await ask(server.base_url)


@pytest.mark.parametrize("ask", [post, stream])
async def test_a_server_that_does_not_speak_http(server, ask):
    async def behave(head, body, writer):
        writer.write(b"220 smtp.example.com ESMTP\r\n\r\n")
        await writer.drain()
        writer.close()

    async with server.run(behave):
        with pytest.raises(InvalidAnswer, match="does not answer in HTTP"):
            await ask(server.base_url)


async def test_a_body_that_is_not_what_its_encoding_says(server):
    async def behave(head, body, writer):
        writer.write(server.answer(b"not gzip", headers={"Content-Encoding": "gzip"}))

    async with server.run(behave):
        with pytest.raises(InvalidAnswer):
            await post(server.base_url)


async def test_a_body_that_says_that_it_is_too_large_is_not_read_to_its_end(server):
    async def behave(head, body, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n" + b"x" * 100_000)
        await writer.drain()
        await asyncio.sleep(30)

    async with server.run(behave):
        with pytest.raises(InvalidAnswer, match="more than") as caught:
            await post(server.base_url)
    assert not caught.value.retryable


@pytest.mark.parametrize("ask", [post, stream])
async def test_a_body_that_grows_too_large(server, ask):
    async def behave(head, body, writer):
        writer.write(STREAM)
        for _ in range(200):
            writer.write(server.chunk(b"x" * 1000))

    async with server.run(behave):
        with pytest.raises(InvalidAnswer, match="more than 10000 bytes"):
            await ask(server.base_url, HttpTransport(max_body=10_000))


async def test_a_small_body_that_unpacks_into_a_large_one(server):
    async def behave(head, body, writer):
        writer.write(server.answer(gzip.compress(b"0" * 1_000_000), headers={"Content-Encoding": "gzip"}))

    async with server.run(behave):
        with pytest.raises(InvalidAnswer, match="more than 100000 bytes"):
            await post(server.base_url, HttpTransport(max_body=100_000))


async def test_redirects_are_not_followed_with_the_key(server):
    async def behave(head, body, writer):
        writer.write(server.answer(b"", status=307, headers={"Location": server.base_url + "/elsewhere"}))

    async with server.run(behave):
        answer = await post(server.base_url, headers={"authorization": "Bearer k"})
    assert answer.status == 307
    assert len(server.requests) == 1


@pytest.mark.parametrize("url", ["127.0.0.1:80/x", "ftp://127.0.0.1/x", "http://", "nonsense"])
async def test_a_url_that_is_none(url):
    with pytest.raises(ConfigError):
        await post(url)


async def test_a_header_that_cannot_be_sent_is_not_shown():
    with pytest.raises(ConfigError) as caught:
        await post("http://127.0.0.1:9/", headers={"authorization": "Bearer sec\nret"})
    assert "ret" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_cancelled_call_hangs_up(server):
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

    transport = HttpTransport()
    async with server.run(behave):
        task = asyncio.create_task(read())
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(hung_up.wait(), 5)
        await transport.close()


async def test_a_call_can_be_cancelled_before_it_is_answered(server):
    asked = asyncio.Event()

    async def behave(head, body, writer):
        asked.set()
        await asyncio.sleep(30)

    async with server.run(behave):
        task = asyncio.create_task(post(server.base_url))
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def test_one_transport_serves_one_event_loop_after_the_other(server):
    async def behave(head, body, writer):
        writer.write(server.answer(b"{}"))

    async def ask():
        async with server.run(behave):
            return await transport.post(Post(server.base_url, b"{}"))

    transport = HttpTransport()
    assert [asyncio.run(ask()).status for _ in range(2)] == [200, 200]
    asyncio.run(transport.close())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate of an authority that no system knows."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    common = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    authority = ["-subj", "/CN=nobody", "-keyout", "ca.key", "-out", "ca.pem"]
    server = ["-subj", "/CN=127.0.0.1", "-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", "key.pem", "-out", "cert.pem"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"]
    for arguments in (authority, server + names):
        subprocess.run([openssl, *common, *arguments], cwd=folder, check=True, capture_output=True)
    return folder


async def test_certificates_are_verified(server, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")

    async def behave(head, body, writer):
        writer.write(server.answer(b"{}"))

    async with server.run(behave, ssl=context):
        with pytest.raises(Unreachable, match="certificate"):
            await post(server.base_url, headers={"authorization": "Bearer k"})
        assert server.requests == []
        doubting = HttpTransport()
        with pytest.raises(BrokenStream):
            await doubting.post(Post(server.base_url.replace("https", "http"), b"{}"))
        with pytest.raises(Unreachable, match="certificate"):
            await post(server.base_url, doubting)
        trusting = HttpTransport(root_certificate=(certificate / "ca.pem").read_bytes())
        assert (await post(server.base_url, trusting)).status == 200


async def test_proxy_variables_are_honoured(server, monkeypatch):
    async def behave(head, body, writer):
        writer.write(server.answer(b"{}"))

    async with server.run(behave):
        monkeypatch.setenv("HTTP_PROXY", server.base_url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        await post("http://models.invalid/v1")
    assert server.requests[0][0].startswith(b"POST http://models.invalid/v1 ")


async def test_a_server_on_this_machine_is_asked_past_the_proxy(server, monkeypatch):
    async def behave(head, body, writer):
        writer.write(server.answer(b"{}"))

    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with server.run(behave):
        assert (await post(server.base_url)).status == 200
        assert (await post(server.base_url.replace("127.0.0.1", "localhost"))).status == 200
        with pytest.raises(Unreachable):
            await post("http://models.invalid/v1")
