"""Who may come in, and who is turned away."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from perdure.base.errors import ConfigError
from perdure.server.door import is_loopback
from perdure.wiring import serve

Served = Callable[..., AbstractAsyncContextManager[Any]]


async def test_everything_but_health_needs_the_token(served: Served) -> None:
    async with served() as client:
        token, client.token = client.token, None
        for path in ("/healthz", "/readyz"):
            assert (await client.get(path)).status == 200
        for path in ("/runs", "/specs", "/openapi.json", "/nowhere", "/healthz/", "/HEALTHZ"):
            answer = await client.get(path)
            assert (answer.status, answer.json["code"]) == (401, "access.unauthorized")
            assert answer.headers["www-authenticate"] == "Bearer"
        for wrong in ("Bearer", "Bearer x", f"Basic {token}", f"Bearer {token}x", f"Bearer {token[:-1]}"):
            assert (await client.get("/runs", authorization=wrong)).status == 401
        for right in (f"Bearer {token}", f"bearer {token}"):
            assert (await client.get("/runs", authorization=right)).status == 200
        assert (await client.get("/runs", x_api_key=token)).status == 200


async def test_the_token_is_in_a_file_for_its_owner(served: Served, project: Path) -> None:
    file = project / ".perdure" / "token"
    async with served() as client:
        assert file.read_text().strip() == client.token
        assert file.stat().st_mode & 0o777 == 0o600
    async with served() as client:
        assert file.read_text().strip() == client.token  # it stays what it is


async def test_a_token_that_others_may_have_read_is_none(served: Served, project: Path) -> None:
    async with served():
        pass
    (project / ".perdure" / "token").chmod(0o644)
    with pytest.raises(ConfigError, match="can be read by others"):
        async with served():
            pass


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8420", "127.0.0.1.evil.example", "localhost.evil.example"]
)
async def test_a_name_that_somebody_pointed_here_is_refused(served: Served, host: str) -> None:
    async with served() as client:
        for path in ("/runs", "/healthz"):
            answer = await client.get(path, host=host)
            assert (answer.status, answer.json["code"]) == (403, "access.forbidden")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:80", "192.0.2.7", "agents.example"])
async def test_addresses_and_names_of_ones_own_are_not(served: Served, project: Path, host: str) -> None:
    (project / "perdure.toml").write_text('[server]\nhosts = ["agents.example"]\n')
    async with served() as client:
        assert (await client.get("/runs", host=host)).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost"},
        {"sec_fetch_site": "cross-site"},
        {"origin": "https://evil.example", "sec_fetch_site": "cross-site"},
    ],
)
async def test_pages_of_other_sites_are_refused(served: Served, headers: dict[str, str]) -> None:
    async with served() as client:
        assert (await client.get("/runs", **headers)).status == 403


async def test_own_pages_and_those_that_are_listed_are_not(served: Served, project: Path) -> None:
    (project / "perdure.toml").write_text('[server]\norigins = ["https://app.example"]\n')
    async with served() as client:
        own = f"http://127.0.0.1:{client.port}"
        assert (await client.get("/runs", origin=own, sec_fetch_site="same-origin")).status == 200
        assert (await client.get("/runs", origin="https://app.example", sec_fetch_site="cross-site")).status == 200


async def test_without_a_token_it_is_for_loopback_only(served: Served, project: Path) -> None:
    (project / "perdure.toml").write_text('[server]\nauth = "none"\n')
    async with served() as client:
        assert client.token is None
        assert (await client.get("/runs")).status == 200
        assert (await client.get("/runs", host="evil.example")).status == 403
    with pytest.raises(ConfigError, match="loopback only"):
        async with serve(project, host="0.0.0.0", port=0):
            pass


async def test_an_address_that_is_taken_is_told(served: Served, project: Path) -> None:
    async with served() as client:
        with pytest.raises(ConfigError, match="cannot listen on"):
            async with serve(project, port=client.port):
                pass


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("a.example", False),
    ],
)
def test_what_loopback_is(host: str, local: bool) -> None:
    assert is_loopback(host) is local
