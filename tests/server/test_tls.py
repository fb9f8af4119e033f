"""HTTPS, and addresses that others reach."""

from __future__ import annotations

import asyncio
import datetime
import ssl
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from perdure.base.errors import ConfigError
from perdure.server.links import Link, code_of
from perdure.wiring import serve


@pytest.fixture
def tls(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for localhost and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    cert = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = tmp_path / "cert.pem", tmp_path / "key.pem"
    files[0].write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    plain, pkcs8 = serialization.NoEncryption(), serialization.PrivateFormat.PKCS8
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, pkcs8, plain))
    return files


def ask(url: str, trust: Path, **headers: str) -> Any:
    """The headers and content of what an ordinary client gets."""
    context = ssl.create_default_context(cafile=str(trust))
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), context=context) as answer:
        return answer.headers, answer.read()


async def test_https(project: Path, tls: tuple[Path, Path]) -> None:
    (project / "perdure.toml").write_text('[server]\ntls = {cert = "cert.pem", key = "key.pem"}\n')
    async with serve(project, port=0) as served:
        assert served.url.startswith("https://127.0.0.1:") and served.token is not None
        url = served.url.replace("127.0.0.1", "localhost")
        _, content = await asyncio.to_thread(ask, f"{url}/specs", tls[0], Authorization=f"Bearer {served.token}")
        assert b'"items"' in content
        link = Link("0" * 16, "ada", served.runtime.clock.now() + 60_000)
        headers, _ = await asyncio.to_thread(ask, f"{url}/login?code={code_of(link, served.token)}", tls[0])
        assert headers["set-cookie"].startswith("__Host-perdure-") and "; Secure" in headers["set-cookie"]


async def test_files_that_are_no_certificate(project: Path, tls: tuple[Path, Path]) -> None:
    (project / "garbage.pem").write_text("garbage")
    for pair in ((tls[1], tls[1]), (tls[0], project / "none.pem"), (tls[0], project / "garbage.pem")):
        with pytest.raises(ConfigError, match="cannot serve TLS"):
            async with serve(project, port=0, tls=pair):
                pass


async def test_an_address_that_others_reach_has_tls_or_says_that_a_proxy_has(
    project: Path, tls: tuple[Path, Path]
) -> None:
    with pytest.raises(ConfigError, match="could read their keys"):
        async with serve(project, host="0.0.0.0", port=0):
            pass
    async with serve(project, host="0.0.0.0", port=0, tls=tls) as served:
        assert served.url.startswith("https://0.0.0.0:")
    async with serve(project, host="0.0.0.0", port=0, insecure=True) as served:
        assert served.url.startswith("http://0.0.0.0:")
    (project / "perdure.toml").write_text('[server]\nhost = "0.0.0.0"\ninsecure = true\nauth = "none"\n')
    with pytest.raises(ConfigError, match="loopback only"):  # whatever else is said
        async with serve(project, port=0):
            pass
