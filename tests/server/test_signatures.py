"""Signed requests: good for one request, once, now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from perdure.base.clock import ManualClock
from perdure.base.errors import InputError
from perdure.base.signing import DIGEST, KEY, SIGNATURE, TIMESTAMP, digest_of, sign, signed_text
from perdure.base.signing import NONCE as NONCE_HEADER
from perdure.kernel.store.rows import RecordFilter
from perdure.server.signatures import WINDOW_MS

Served = Callable[..., AbstractAsyncContextManager[Any]]
ASKED = b'{"spec": "clerk", "input": "x"}'
NONCE = "0123456789abcdef"


async def secret_of(client: Any, *scopes: str) -> str:
    """The text of a new key; the client goes on without its token."""
    client.token = None
    return str((await client.runtime.add_key("robot", scopes or ["read", "send"])).secret)


def signed(client: Any, secret: str, method: str, target: str, body: bytes = b"", **other: Any) -> dict[str, str]:
    return sign(secret, method, target, body, **{"time_ms": client.runtime.clock.now(), "nonce": NONCE} | other)


async def test_a_signed_request_needs_no_key_in_it(served: Served) -> None:
    async with served(["ok"]) as client:
        secret = await secret_of(client)
        headers = signed(client, secret, "POST", "/invoke", ASKED)
        assert secret not in str(headers)
        assert (await client.ask("POST", "/invoke", ASKED, headers)).json["output"] == "ok"
        headers = signed(client, secret, "GET", "/runs?limit=1&status=done", nonce="f" * 16)
        (run,) = (await client.ask("GET", "/runs?limit=1&status=done", headers=headers)).json["items"]
        assert run["status"] == "done"


async def test_a_bad_signature_opens_not_even_what_is_open(served: Served) -> None:
    async with served() as client:
        headers = signed(client, await secret_of(client), "POST", "/login", b"x")
        answer = await client.ask("POST", "/logout", b"x", headers)
        assert (answer.status, answer.json["code"]) == (401, "access.bad_signature")


async def test_it_may_what_the_key_may(served: Served) -> None:
    async with served() as client:
        secret = await secret_of(client, "read")
        answer = await client.ask("POST", "/invoke", ASKED, signed(client, secret, "POST", "/invoke", ASKED))
        assert (answer.status, answer.json["code"]) == (403, "access.missing_scope")


async def test_it_is_good_once_also_after_a_restart(served: Served) -> None:
    clock = ManualClock()
    async with served(["ok"], clock=clock) as client:
        secret = await secret_of(client)
        headers = signed(client, secret, "POST", "/invoke", ASKED)
        assert (await client.ask("POST", "/invoke", ASKED, headers)).status == 200
        again = await client.ask("POST", "/invoke", ASKED, headers)
        assert (again.status, again.json["code"]) == (401, "access.replayed")
    async with served(["ok"], clock=clock) as client:
        client.token = None
        assert (await client.ask("POST", "/invoke", ASKED, headers)).json["code"] == "access.replayed"
        assert len((await client.runtime.runs()).items) == 1


async def test_of_many_at_once_one_is_the_first(served: Served) -> None:
    async with served(["ok"]) as client:
        headers = signed(client, await secret_of(client), "POST", "/invoke", ASKED)
        answers = await asyncio.gather(*(client.ask("POST", "/invoke", ASKED, headers) for _ in range(10)))
        assert sorted(answer.status for answer in answers) == [200] + [401] * 9


@pytest.mark.parametrize("apart", [-WINDOW_MS - 1, WINDOW_MS + 1, -(10**12)])
async def test_it_is_of_now(served: Served, apart: int) -> None:
    clock = ManualClock()
    async with served(clock=clock) as client:
        secret = await secret_of(client)
        headers = signed(client, secret, "GET", "/runs", time_ms=clock.now() + apart)
        answer = await client.ask("GET", "/runs", headers=headers)
        assert (answer.status, answer.json["code"]) == (401, "access.bad_signature")
        assert answer.json["facts"] == {"server_time": clock.now()}


@pytest.mark.parametrize("apart", [-WINDOW_MS, WINDOW_MS])
async def test_clocks_may_be_a_minute_apart(served: Served, apart: int) -> None:
    clock = ManualClock()
    async with served(clock=clock) as client:
        headers = signed(client, await secret_of(client), "GET", "/runs", time_ms=clock.now() + apart)
        assert (await client.ask("GET", "/runs", headers=headers)).status == 200


async def test_what_was_signed_is_what_is_sent(served: Served) -> None:
    async with served(["ok"]) as client:
        secret = await secret_of(client)
        headers = signed(client, secret, "POST", "/invoke", ASKED)
        other = ASKED.replace(b"x", b"y")
        for method, target, body, changed in (
            ("POST", "/invoke", other, {}),
            ("POST", "/invoke", b"", {}),
            ("POST", "/invoke?x=1", ASKED, {}),
            ("PUT", "/invoke", ASKED, {}),
            ("POST", "/v1/chat/completions", ASKED, {}),
            ("POST", "/invoke", ASKED, {"X-Agent-Nonce": "f" * 16}),
            ("POST", "/invoke", ASKED, {"X-Agent-Timestamp": str(int(headers["X-Agent-Timestamp"]) + 1)}),
            ("POST", "/invoke", ASKED, {"X-Agent-Signature": "0" * 64}),
            ("POST", "/invoke", ASKED, {"X-Agent-Signature": "not hex"}),
            ("POST", "/invoke", ASKED, {"X-Agent-Key": "nobody"}),
            ("POST", "/invoke", ASKED, {"X-Agent-Key": ""}),
            ("POST", "/invoke", ASKED, {"X-Agent-Nonce": "short"}),
            ("POST", "/invoke", ASKED, {"X-Agent-Timestamp": "now"}),
            ("POST", "/invoke", other, {"X-Agent-Digest": digest_of(other)}),
            ("POST", "/invoke", ASKED, {"X-Agent-Digest": headers["X-Agent-Digest"].upper()}),
            ("POST", "/invoke", ASKED, {"X-Agent-Digest": ""}),
        ):
            answer = await client.ask(method, target, body, headers | changed)
            assert (answer.status, answer.json["code"]) == (401, "access.bad_signature"), (method, target, changed)
        assert (await client.runtime.runs()).items == []
        # Nothing of that used the nonce up.
        assert (await client.ask("POST", "/invoke", ASKED, headers)).status == 200


async def test_an_agent_signs_with_the_key_that_it_is_known_by(served: Served) -> None:
    async with served(["ok"]) as client:
        signer = await client.runtime.keyring.signer("ann")
        made = await client.runtime.add_key("ann", ["send"], pubkey=signer.pubkey())
        assert made.secret == ""
        client.token = None
        now = str(client.runtime.clock.now())
        text = signed_text(b"POST", b"/invoke", now, NONCE, digest_of(ASKED))
        headers = {KEY: "ann", TIMESTAMP: now, NONCE_HEADER: NONCE, DIGEST: digest_of(ASKED)}
        for forged in ("", "00", "zz", "00" * 64, (await client.runtime.keyring.signer("bob")).sign(text).hex()):
            answer = await client.ask("POST", "/invoke", ASKED, {**headers, SIGNATURE: forged or "-"})
            assert answer.json["code"] == "access.bad_signature"
        headers[SIGNATURE] = signer.sign(text).hex()
        assert (await client.ask("POST", "/invoke", ASKED, headers)).json["output"] == "ok"
        assert (await client.ask("POST", "/invoke", ASKED, headers)).json["code"] == "access.replayed"
        for bearer in ("pdr_ann_", "pdr_ann_x", signer.pubkey()):  # no text opens for it
            assert (await client.get("/runs", authorization=f"Bearer {bearer}")).status == 401
        (run,) = (await client.runtime.runs()).items
        (sent,) = await client.runtime.store.records(RecordFilter(run_id=run.run_id, types=("run.accepted",)))
        assert b"ann" in sent.data


@pytest.mark.parametrize("pubkey", ["x", "0" * 63, "G" * 64, "A" * 64])
async def test_what_is_no_public_key(served: Served, pubkey: str) -> None:
    async with served() as client:
        with pytest.raises(InputError, match="not a public key"):
            await client.runtime.add_key("ann", ["send"], pubkey=pubkey)


async def test_a_revoked_key_signs_nothing(served: Served) -> None:
    async with served() as client:
        headers = signed(client, await secret_of(client), "GET", "/runs")
        await client.runtime.revoke_key("robot")
        assert (await client.ask("GET", "/runs", headers=headers)).status == 401


async def test_a_signed_body_has_a_size(served: Served, project: Any) -> None:
    (project / "perdure.toml").write_text("[server]\nmax_body = 2048\n")
    async with served() as client:
        body = b"x" * 3_000
        headers = signed(client, await secret_of(client), "POST", "/invoke", body)
        assert (await client.ask("POST", "/invoke", body, headers)).status == 413


async def test_no_body_is_taken_in_of_somebody_who_has_not_signed(served: Served) -> None:
    async with served() as client:
        headers = signed(client, await secret_of(client), "POST", "/invoke", ASKED) | {"X-Agent-Signature": "0" * 64}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        reader, writer = await asyncio.open_connection(client.host, client.port)
        writer.write(f"POST /invoke HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9999\r\n{head}\r\n".encode())
        assert (await reader.readline()).startswith(b"HTTP/1.1 401 ")  # nothing of the body was sent yet
        writer.close()


async def test_nonces_are_forgotten_with_their_minute(served: Served) -> None:
    clock = ManualClock()
    async with served(clock=clock) as client:
        secret = await secret_of(client)
        for number in range(20):
            headers = signed(client, secret, "GET", "/runs", nonce=f"{number:016}")
            assert (await client.ask("GET", "/runs", headers=headers)).status == 200
            await clock.advance(WINDOW_MS // 4)
        kept = await client.runtime.store.values("", "used/")
        assert 8 <= len(kept.items) <= 10  # those of a window, and of a minute more


async def test_a_body_that_is_held_back_brings_no_old_request_through(served: Served) -> None:
    clock = ManualClock()
    async with served(["ok", "ok"], clock=clock) as client:
        secret = await secret_of(client)
        headers = signed(client, secret, "POST", "/invoke", ASKED)
        assert (await client.ask("POST", "/invoke", ASKED, headers)).status == 200
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        reader, writer = await asyncio.open_connection(client.host, client.port)
        writer.write(f"POST /invoke HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(ASKED)}\r\n{head}\r\n".encode())
        assert (await client.get("/healthz")).status == 200  # by now the head is taken in
        await clock.advance(3 * WINDOW_MS)
        later = signed(client, secret, "GET", "/runs", nonce="f" * 16)
        assert (await client.ask("GET", "/runs", headers=later)).status == 200  # which forgets the first use
        assert len((await client.runtime.store.values("", "used/")).items) == 1
        writer.write(ASKED)
        assert (await reader.readline()).startswith(b"HTTP/1.1 401 ")
        writer.close()
        assert len((await client.runtime.runs()).items) == 1
