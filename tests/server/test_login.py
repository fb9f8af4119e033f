"""Browsers: a link that is good once, a cookie that only our own pages can use, and a logout."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from perdure.base.clock import ManualClock
from perdure.server.links import GOOD_FOR_MS, Link, code_of

Served = Callable[..., AbstractAsyncContextManager[Any]]
OWN = {"sec_fetch_site": "same-origin"}


def path_of(
    client: Any, id: str = "0123456789abcdef", *, token: str = "", lasts: int = GOOD_FOR_MS, scopes: Any = ("admin",)
) -> str:
    link = Link(id, "ada", client.runtime.clock.now() + lasts, scopes)
    return f"/login?code={code_of(link, token or client.admin)}"


async def logged_in(client: Any) -> str:
    """The cookie of a new session, as a browser sends it back."""
    answer = await client.get(path_of(client))
    assert answer.status == 200
    return str(answer.headers["set-cookie"].partition(";")[0])


@pytest.fixture
def browsing(served: Served) -> Served:
    """A client without a token; the token itself is its `admin`."""

    class Opened(AbstractAsyncContextManager[Any]):
        def __init__(self, *args: Any, **more: Any) -> None:
            self._served = served(*args, **more)

        async def __aenter__(self) -> Any:
            client = await self._served.__aenter__()
            client.admin, client.token = client.token, None
            return client

        async def __aexit__(self, *error: Any) -> None:
            await self._served.__aexit__(*error)

    return Opened


async def test_a_session_may_what_its_link_says(browsing: Served) -> None:
    async with browsing() as client:
        answer = await client.get(path_of(client, scopes=("read",)))
        session = answer.headers["set-cookie"].partition(";")[0]
        assert (await client.get("/runs", cookie=session, **OWN)).status == 200
        refused = await client.post("/invoke", {"spec": "clerk", "input": "hi"}, cookie=session, **OWN)
        assert (refused.status, refused.json["code"]) == (403, "access.missing_scope")
        (key,) = await client.runtime.keys()
        assert (key.kind, key.scopes) == ("session", ("read",))


async def test_a_link_begins_a_session(browsing: Served) -> None:
    async with browsing() as client:
        answer = await client.get(path_of(client))
        assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith(f"perdure-{client.port}=pdr_session-")
        assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Path=/" in cookie
        assert b'content="0; url=/"' in answer.content
        session = cookie.partition(";")[0]
        assert (await client.get("/runs", cookie=f"a=b; {session}; c=d", **OWN)).status == 200
        assert (await client.get("/runs", cookie=session)).status == 200  # typed into the address bar
        assert (await client.get("/runs", cookie=f"{session}x", **OWN)).status == 401
        assert (await client.get("/runs")).status == 401


async def test_decisions_in_a_session_are_those_of_whom_the_link_names(browsing: Served) -> None:
    async with browsing(["ok"]) as client:
        session = await logged_in(client)
        made = await client.post("/keys", {"id": "ci", "scopes": ["read"]}, cookie=session, **OWN)
        assert (made.status, made.json["key"]["created_by"]) == (201, "ada")


async def test_a_link_is_good_once(browsing: Served) -> None:
    async with browsing() as client:
        path = path_of(client)
        assert (await client.get(path)).status == 200
        again = await client.get(path)
        assert again.status == 401 and "set-cookie" not in again.headers


async def test_a_used_link_stays_used_when_the_server_starts_again_or_its_session_ends(browsing: Served) -> None:
    clock = ManualClock()
    async with browsing(clock=clock) as client:
        path = path_of(client)
        session = (await client.get(path)).headers["set-cookie"].partition(";")[0]
        await client.post("/logout", cookie=session, **OWN)
        assert (await client.get(path)).status == 401
    async with browsing(clock=clock) as client:
        assert (await client.get(path)).status == 401


async def test_a_link_gets_too_old(browsing: Served) -> None:
    clock = ManualClock()
    async with browsing(clock=clock) as client:
        path = path_of(client)
        await clock.advance(GOOD_FOR_MS)
        assert (await client.get(path)).status == 401


async def test_a_link_that_this_server_did_not_seal(browsing: Served) -> None:
    async with browsing() as client:
        good = path_of(client)
        for bad in (path_of(client, token="x" * 43), good[:-2], good + "AAAA", "/login?code=%00", "/login?code=%C3%A9"):
            answer = await client.get(bad)
            assert answer.status == 401 and "set-cookie" not in answer.headers
        assert (await client.get(good)).status == 200


async def test_looking_ahead_does_not_use_a_link_up(browsing: Served) -> None:
    async with browsing() as client:
        path = path_of(client)
        assert (await client.ask("HEAD", path)).status == 204
        assert (await client.get(path, sec_purpose="prefetch;prerender")).status == 204
        assert (await client.get(path)).status == 200


async def test_a_link_in_a_mail_leads_in(browsing: Served) -> None:
    async with browsing() as client:
        followed = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
        answer = await client.get(path_of(client), **followed)
        assert answer.status == 200
        session = answer.headers["set-cookie"].partition(";")[0]
        # But a link elsewhere to anything else knows nobody, whatever the browser adds to it.
        assert (await client.get("/runs", cookie=session, **followed)).status == 403
        assert (await client.get("/runs", authorization=f"Bearer {client.admin}", **followed)).status == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "https://evil.example", "sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},  # another port of this machine
        {"origin": "null"},
        {},  # a form of an old browser says nothing: who shows only a cookie changes nothing
    ],
)
async def test_other_sites_can_do_nothing_with_the_cookie(browsing: Served, headers: dict[str, str]) -> None:
    async with browsing(["ok"]) as client:
        session = await logged_in(client)
        asked = {"spec": "clerk", "input": "x"}
        assert (await client.post("/invoke", asked, cookie=session, **headers)).status in (401, 403)
        assert (await client.get("/runs", authorization=f"Bearer {client.admin}")).json["items"] == []
        own = {"origin": f"http://127.0.0.1:{client.port}"}
        assert (await client.post("/invoke", asked, cookie=session, **own)).status == 200


async def test_a_listed_site_needs_a_key_of_its_own(browsing: Served, project: Path) -> None:
    (project / "perdure.toml").write_text('[server]\norigins = ["https://app.example"]\n')
    async with browsing() as client:
        session = await logged_in(client)
        listed = {"origin": "https://app.example", "sec_fetch_site": "cross-site"}
        assert (await client.get("/runs", cookie=session, **listed)).status == 401
        assert (await client.get("/runs", authorization=f"Bearer {client.admin}", **listed)).status == 200


async def test_logout(browsing: Served) -> None:
    async with browsing() as client:
        session = await logged_in(client)
        answer = await client.post("/logout", cookie=session, **OWN)
        assert (answer.status, answer.headers["location"]) == (303, "/")
        assert "Max-Age=0" in answer.headers["set-cookie"]
        assert (await client.get("/runs", cookie=session, **OWN)).status == 401
        assert (await client.post("/logout", cookie=session, **OWN)).status == 303


async def test_a_session_ends_by_itself(browsing: Served) -> None:
    clock = ManualClock()
    async with browsing(clock=clock) as client:
        session = await logged_in(client)
        await clock.jump(12 * 3_600_000)
        assert (await client.get("/runs", cookie=session, **OWN)).status == 401
        assert (await client.get(path_of(client, "f" * 16))).status == 200
        assert [key.id for key in await client.runtime.keys()] == [f"session-{'f' * 16}"]  # the other one is swept away
