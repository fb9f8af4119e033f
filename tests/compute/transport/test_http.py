"""What only the full client does: TLS and proxies."""

import shutil
import socket
import ssl
import subprocess

import pytest

from perdure.base.errors import InvalidAnswer, Unreachable
from perdure.compute.transport.http import HttpTransport
from perdure.compute.transport.port import Post


async def post(url, transport=None, **options):
    transport = transport or HttpTransport()
    try:
        return await transport.post(Post(url, b'{"a":1}', **options))
    finally:
        await transport.close()


async def test_no_connection_in_time():
    """A TLS handshake that the other side never answers is a connection that does not come about."""
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unreachable, match="within 80 ms"):
        await post(f"https://127.0.0.1:{silent.getsockname()[1]}/", HttpTransport(connect_ms=80))


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


async def test_a_header_that_is_not_text(server):
    async def behave(head, body, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nX: \xff\r\nContent-Length: 2\r\n\r\n{}")

    async with server.run(behave):
        with pytest.raises(InvalidAnswer, match="not text"):
            await post(server.base_url)
