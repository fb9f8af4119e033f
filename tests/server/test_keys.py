"""API keys: what each may, how long, and how it is taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from perdure.base.clock import ManualClock
from perdure.base.errors import InputError, KeyNotFound, KeyTaken
from perdure.base.messages import ModelResponse, ToolCall
from perdure.control.keys import USED_EVERY_MS
from perdure.server import access, sse
from perdure.server.endpoints import ENDPOINTS
from perdure.wiring import open as open_runtime

Served = Callable[..., AbstractAsyncContextManager[Any]]
DAY = 86_400_000
PAY = ModelResponse((ToolCall("c1", "pay", {"amount": 3}),))


async def add(client: Any, id: str, *scopes: str, **more: Any) -> dict[str, str]:
    """The header of a new key."""
    made = await client.runtime.add_key(id, scopes, **more)
    return {"authorization": f"Bearer {made.secret}"}


async def used(client: Any, id: str, at: int | None) -> None:
    """Return when the key is known to have been used last at this time: it is written down beside the request."""
    async with asyncio.timeout(5):
        while {key.id: key.last_used_at for key in await client.runtime.keys()}[id] != at:
            await asyncio.sleep(0.01)


async def test_a_key_may_what_its_scopes_say_and_no_more(served: Served) -> None:
    async with served([PAY, "paid"]) as client:
        read, send = await add(client, "reader", "read"), await add(client, "sender", "send")
        approve, admin = await add(client, "approver", "read", "approve"), await add(client, "boss", "admin")
        asked = {"spec": "clerk", "input": "pay 3"}
        refused = await client.post("/invoke", asked, **read)
        assert (refused.status, refused.json["code"]) == (403, "access.missing_scope")
        assert refused.json["facts"] == {"scope": "send", "key": "reader"}
        assert (await client.get("/runs", **send)).status == 403
        run = (await client.post("/invoke", asked, **send)).json["run_id"]
        assert (await client.get("/runs", **read)).json["items"][0]["run_id"] == run
        (approval,) = (await client.get("/approvals", **approve)).json["items"]
        path = f"/approvals/{approval['id']}/approve"
        assert (await client.post(path, {}, **send)).status == 403
        assert (await client.post(path, {}, **approve)).status == 202
        assert (await client.runtime.wait(run)).output == "paid"
        assert (await client.ask("DELETE", f"/runs/{run}", headers=approve)).status == 403
        assert (await client.get("/keys", **approve)).status == 403
        assert (await client.ask("DELETE", f"/runs/{run}", headers=admin)).status == 204


async def test_decisions_are_those_of_the_key(served: Served) -> None:
    async with served([PAY, "paid"]) as client:
        run = (await client.post("/invoke", {"spec": "clerk", "input": "pay 3"})).json["run_id"]
        (approval,) = (await client.get("/approvals")).json["items"]
        key = await add(client, "ada", "approve")
        assert (await client.post(f"/approvals/{approval['id']}/approve", {}, **key)).status == 202
        await client.runtime.wait(run)
        assert b'"ada"' in (await client.get(f"/traces/{run}")).content


async def test_what_changes_files_or_keys_is_for_admins() -> None:
    scopes = {(one.method, one.path): one.scope for one in ENDPOINTS if not one.is_open}
    assert {scope for (method, _), scope in scopes.items() if method in ("PUT", "DELETE")} == {"admin"}
    assert {scope for (method, path), scope in scopes.items() if path.startswith("/keys")} == {"admin"}
    # Whoever reads events may say how far.
    assert [path for (method, path), scope in scopes.items() if method == "POST" and scope == "read"] == [
        "/consumers/{name}"
    ]


async def test_clients_of_other_makers_show_a_key_as_they_do_theirs(served: Served) -> None:
    async with served(["hello", "hello"]) as client:
        made = await client.runtime.add_key("app", ["send"])
        client.token = None
        asked = {"model": "clerk", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
        assert (await client.post("/v1/messages", asked, x_api_key=made.secret)).status == 200
        bearer = f"Bearer {made.secret}"
        assert (await client.post("/v1/chat/completions", asked, authorization=bearer)).status == 200
        read = await add(client, "reader", "read")
        refused = await client.post("/v1/chat/completions", asked, **read)
        assert (refused.status, refused.json["error"]["code"]) == (403, "access.missing_scope")


async def test_a_key_that_is_revoked_opens_nothing_at_once_also_from_another_process(
    served: Served, project: Path
) -> None:
    async with served() as client:
        here, elsewhere = await add(client, "here", "read"), await add(client, "elsewhere", "read")
        assert [(await client.get("/runs", **key)).status for key in (here, elsewhere)] == [200, 200]
        assert (await client.ask("DELETE", "/keys/here")).status == 204
        async with open_runtime(project) as other:
            await other.revoke_key("elsewhere")
        assert [(await client.get("/runs", **key)).status for key in (here, elsewhere)] == [401, 401]
        again = await add(client, "here", "read")  # the name is free, the old text is no key
        assert [(await client.get("/runs", **key)).status for key in (here, again)] == [401, 200]
        assert (await client.ask("DELETE", "/keys/nobody")).status == 404


async def test_a_key_expires(served: Served) -> None:
    clock = ManualClock()
    async with served(clock=clock) as client:
        key = await add(client, "brief", "read", expires_in_ms=DAY)
        await clock.jump(DAY - 1)
        assert (await client.get("/runs", **key)).status == 200
        await clock.advance(1)
        assert (await client.get("/runs", **key)).status == 401


async def test_when_a_key_was_last_used_is_known_to_the_minute(served: Served) -> None:
    clock = ManualClock()
    async with served(clock=clock) as client:
        key = await add(client, "app", "read")
        await used(client, "app", None)
        first = clock.now()
        await client.get("/runs", **key)
        await used(client, "app", first)
        await clock.advance(USED_EVERY_MS - 1)
        await client.get("/runs", **key)
        await used(client, "app", first)
        await clock.advance(1)
        await client.get("/runs", **key)
        await used(client, "app", first + USED_EVERY_MS)


async def test_a_stream_is_over_when_its_key_is(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "LOOK_EVERY_MS", 0)
    monkeypatch.setattr(sse, "KEEP_ALIVE_S", 0.05)
    async with served([PAY]) as client:
        run = (await client.post("/invoke", {"spec": "clerk", "input": "pay 3"})).json["run_id"]
        key = await add(client, "watcher", "read")
        watcher = await client.stream("GET", f"/runs/{run}/events", **key)
        await watcher.until("waiting")
        assert await watcher.piece() == b": keep-alive\n\n"
        await client.runtime.revoke_key("watcher")
        with pytest.raises(EOFError):
            while True:
                await watcher.piece()
        async with asyncio.timeout(5):
            while client.runtime.engine.live.watched(run):
                await asyncio.sleep(0.01)


async def test_a_use_brings_no_revoked_key_back(served: Served) -> None:
    async with served() as client:
        key = await add(client, "app", "read")
        asking = [asyncio.create_task(client.get("/runs", **key)) for _ in range(8)]
        await client.runtime.revoke_key("app")
        await asyncio.gather(*asking)
        await client.get("/runs", **key)
        assert await client.runtime.keys() == []


async def test_keys_over_http(served: Served) -> None:
    async with served() as client:
        made = await client.post("/keys", {"id": "ci", "scopes": ["read", "send"], "expires": "1d"})
        assert (made.status, made.headers["location"]) == (201, "/keys/ci")
        assert made.json["secret"].startswith("pdr_ci_")
        assert (await client.get("/specs", x_api_key=made.json["secret"], authorization="")).status == 200
        listed = (await client.get("/keys")).json["items"]
        assert [(key["id"], key["scopes"]) for key in listed] == [("ci", ["read", "send"])]
        assert made.json["secret"] not in str(listed)
        assert (await client.post("/keys", {"id": "ci", "scopes": ["read"]})).status == 409
        assert (await client.post("/keys", {"id": "x", "scopes": ["everything"]})).status == 422


async def test_only_a_hash_is_kept(served: Served, project: Path) -> None:
    async with served() as client:
        made = await client.runtime.add_key("ci", ["read"])
        random = made.secret.removeprefix("pdr_ci_")
        await client.get("/runs", authorization=f"Bearer {made.secret}")
    kept = b"".join(file.read_bytes() for file in project.rglob("*") if file.is_file())
    assert b"keys/ci" in kept and random.encode() not in kept


@pytest.mark.parametrize(
    "wrong",
    ["pdr_ci_", "pdr_ci_x", "pdr__", "pdr_../x_y", "pdr_CI_x", "ci_x", "_", "\xff", "x" * 9_000],
)
async def test_texts_that_are_no_keys(served: Served, wrong: str) -> None:
    async with served() as client:
        await client.runtime.add_key("ci", ["read"])
        head = f"GET /runs HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nx-api-key: {wrong}\r\n\r\n"
        assert (await client.raw(head.encode("latin-1"))).startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize("id", ["", "A", "a_b", "-a", "a-", "a" * 64, "a/b", "é", "a\n"])
async def test_names_that_a_key_cannot_have(served: Served, id: str) -> None:
    async with served() as client:
        with pytest.raises(InputError, match="not a name"):
            await client.runtime.add_key(id, ["read"])


async def test_keys_that_cannot_be(served: Served) -> None:
    async with served() as client:
        for scopes in ([], ["read", "write"]):
            with pytest.raises(InputError):
                await client.runtime.add_key("a", scopes)
        with pytest.raises(InputError):
            await client.runtime.add_key("a", ["read"], expires_in_ms=0)
        with pytest.raises(KeyNotFound):
            await client.runtime.revoke_key("a")
        assert await client.runtime.keys() == []


async def test_of_two_who_take_one_name_at_once_one_has_it(served: Served) -> None:
    async with served() as client:
        both = [client.runtime.add_key("a", ["read"]) for _ in range(2)]
        first, second = await asyncio.gather(*both, return_exceptions=True)
        assert isinstance(second, KeyTaken) and first.key.id == "a"
