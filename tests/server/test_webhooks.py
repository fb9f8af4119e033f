"""Webhooks: what is signed wakes an agent, once; everything else is turned away."""

from __future__ import annotations

import asyncio
import hmac
import json
import os
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from perdure.testing import Scripted

Served = Callable[..., AbstractAsyncContextManager[Any]]
SECRET = "it is a secret"
KEY = b"0123456789abcdef"
AGENT = """\
name: desk
model: scripted/m
on:
  - webhook: github
    input: "Look at this:"
  - webhook: stripe
  - webhook: slack
  - webhook: shop
  - webhook: bank
  - webhook: named
  - webhook: own
    secret: another secret
  - webhook: bare
"""
PROJECT = f"""\
[webhooks.github]
secret = "${{HOOK_SECRET}}"
[webhooks.stripe]
secret = ["{SECRET}", "a newer one"]
[webhooks.slack]
secret = "{SECRET}"
[webhooks.shop]
secret = "whsec_{b64encode(KEY).decode()}"
[webhooks.bank]
scheme = "hmac"
secret = "{SECRET}"
header = "X-Bank-Signature"
[webhooks.named]
scheme = "hmac"
secret = "{SECRET}"
id_header = "X-Delivery"
[webhooks.till]
scheme = "hmac"
secret = "{SECRET}"
header = "X-Bank-Signature"
id_header = "X-Delivery"
topic = "till.paid"
headers = ["X-Shop", "X-None"]
[webhooks.open]
topic = "till.open"
"""
BODY = json.dumps({"id": "evt_1", "type": "order.paid", "event_id": "Ev1"}).encode()


@pytest.fixture
def project(project: Path) -> Path:
    (project / "agents" / "desk.yaml").write_text(AGENT)
    (project / "perdure.toml").write_text(PROJECT)
    return project


@pytest.fixture
def hooked(served: Served) -> Served:
    model = Scripted(lambda request: f"seen: {request.messages[-1].text}", name="scripted/m")
    return lambda: served(model=model, environment={**os.environ, "HOOK_SECRET": SECRET})


def signed(text: bytes, secret: str | bytes = SECRET) -> str:
    return hmac.digest(secret if isinstance(secret, bytes) else secret.encode(), text, "sha256").hex()


def github(body: bytes = BODY, secret: str = SECRET, id: str = "d1", **more: str) -> dict[str, str]:
    return {
        "X-Hub-Signature-256": f"sha256={signed(body, secret)}",
        "X-GitHub-Delivery": id,
        "X-GitHub-Event": "push",
        "Content-Type": "application/json",
        **more,
    }


def stripe(now: int, body: bytes = BODY, secret: str = SECRET) -> dict[str, str]:
    return {"Stripe-Signature": f"t={now},v1={'0' * 64},v1={signed(b'%d.%b' % (now, body), secret)},v0=x"}


def slack(now: int, body: bytes = BODY, secret: str = SECRET) -> dict[str, str]:
    said = signed(b"v0:%d:%b" % (now, body), secret)
    return {"X-Slack-Request-Timestamp": str(now), "X-Slack-Signature": f"v0={said}"}


def standard(now: int, body: bytes = BODY, secret: bytes = KEY, id: str = "msg_1") -> dict[str, str]:
    text = b"%b.%d.%b" % (id.encode(), now, body)
    said = b64encode(hmac.digest(secret, text, "sha256")).decode()
    return {"Webhook-Id": id, "Webhook-Timestamp": str(now), "Webhook-Signature": f"v1a,xx v1,{said}"}


def bank(body: bytes = BODY, secret: str = SECRET) -> dict[str, str]:
    return {"X-Bank-Signature": signed(body, secret)}


async def send(client: Any, source: str, headers: Mapping[str, str], body: bytes = BODY, agent: str = "desk") -> Any:
    nobody = {"authorization": "", **headers}
    return await client.ask("POST", f"/webhooks/{agent}/{source}", body, nobody)


def seconds(client: Any) -> int:
    return int(client.runtime.clock.now()) // 1000


async def test_a_delivery_wakes_its_agent(hooked: Served) -> None:
    async with hooked() as client:
        answer = await send(client, "github", github())
        assert answer.status == 202 and answer.json["agent_id"] == "desk"
        result = await client.runtime.wait(answer.json["run_id"])
        asked = result.output.removeprefix("seen: ")
        assert asked.startswith("Look at this:\n\n")
        told = json.loads(asked.partition("\n\n")[2])
        assert told == {"webhook": "github", "event": "push", "delivery": "d1", "body": json.loads(BODY)}


@pytest.mark.parametrize("source", ["github", "stripe", "slack", "shop", "bank", "own", "named"])
async def test_a_delivery_counts_once(hooked: Served, source: str) -> None:
    """Also after a restart, and where the sender signs it anew, as those do that sign the time."""
    ids = []
    for later in (0, 7):
        async with hooked() as client:
            at = seconds(client) + later
            headers = {
                "github": github(),
                "stripe": stripe(at),
                "slack": slack(at),
                "shop": standard(at),
                "bank": bank(),
                "own": standard(at, secret=b"another secret"),
                "named": {"X-Signature-256": f"sha256={signed(BODY)}", "X-Delivery": "n1"},
            }[source]
            for _ in range(2):
                answer = await send(client, source, {"Content-Type": "application/json", **headers})
                assert answer.status == 202
                ids.append(answer.json["run_id"])
            await client.runtime.wait(ids[-1])
            assert len((await client.get("/runs?agent_id=desk")).json["items"]) == 1
    assert len(set(ids)) == 1


BAD: list[tuple[str, Callable[[int], dict[str, str]]]] = [
    ("github", lambda now: {}),
    ("github", lambda now: github(secret="a guess")),
    ("github", lambda now: github(b"another body")),
    ("github", lambda now: {"X-Hub-Signature-256": signed(BODY)}),
    ("github", lambda now: {"X-Hub-Signature": "sha1=00", "X-GitHub-Delivery": "d1"}),
    ("github", lambda now: {"X-Hub-Signature-256": "sha256="}),
    ("github", lambda now: {"X-Hub-Signature-256": "sha256=\xff"}),
    ("stripe", lambda now: {}),
    ("stripe", lambda now: stripe(now, secret="a guess")),
    ("stripe", lambda now: stripe(now, b"{}")),
    ("stripe", lambda now: stripe(now - 600)),
    ("stripe", lambda now: stripe(now + 600)),
    ("stripe", lambda now: {"Stripe-Signature": f"v1={signed(BODY)}"}),
    ("stripe", lambda now: {"Stripe-Signature": f"t=soon,v1={signed(b'soon.' + BODY)}"}),
    ("stripe", lambda now: {"Stripe-Signature": f"t={now},t={now - 9999},v1={signed(b'%d.%b' % (now, BODY))}"}),
    ("slack", lambda now: {}),
    ("slack", lambda now: slack(now, secret="a guess")),
    ("slack", lambda now: slack(now, b"{}")),
    ("slack", lambda now: slack(now - 600)),
    ("slack", lambda now: slack(now) | {"X-Slack-Request-Timestamp": str(now + 1)}),
    ("shop", lambda now: {}),
    ("shop", lambda now: standard(now, secret=b"a guess")),
    ("shop", lambda now: standard(now, b"{}")),
    ("shop", lambda now: standard(now - 600)),
    ("shop", lambda now: standard(now) | {"Webhook-Id": "msg_2"}),
    ("shop", lambda now: standard(now) | {"Webhook-Timestamp": "9" * 40}),
    ("bank", lambda now: {}),
    ("bank", lambda now: bank(secret="a guess")),
    ("bank", lambda now: bank(b"another body")),
    ("bank", lambda now: {"X-Bank-Signature": ""}),
    ("own", lambda now: standard(now, secret=SECRET.encode())),
]


@pytest.mark.parametrize(("source", "headers"), BAD)
async def test_a_bad_signature_is_turned_away(
    hooked: Served, source: str, headers: Callable[[int], dict[str, str]]
) -> None:
    async with hooked() as client:
        answer = await send(client, source, headers(seconds(client)))
        assert (answer.status, answer.json["code"]) == (401, "access.bad_signature")
        assert (await client.get("/runs")).json["items"] == []


async def test_whoever_takes_no_deliveries_is_not_found(hooked: Served) -> None:
    async with hooked() as client:
        for agent, source in (("desk", "gitlab"), ("clerk", "github"), ("nobody", "github")):
            assert (await send(client, source, github(), agent=agent)).status == 404


async def test_deliveries_without_a_secret_are_refused(hooked: Served) -> None:
    """Anybody could send them: this is a fault of the project, and its owner is told."""
    async with hooked() as client:
        answer = await send(client, "bare", standard(seconds(client), secret=b""))
        assert answer.status == 500 and "webhooks.bare.secret" in answer.json["hint"]


async def test_a_delivery_without_a_name_is_refused(hooked: Served) -> None:
    async with hooked() as client:
        assert (await send(client, "github", github(id=""))).status == 422
        now, body = seconds(client), b'{"id": 7}'
        assert (
            await send(client, "stripe", {**stripe(now, body), "Content-Type": "application/json"}, body)
        ).status == 422


async def test_services_that_only_say_hello(hooked: Served) -> None:
    async with hooked() as client:
        body = b'{"type": "url_verification", "challenge": "c4fe"}'
        hello = await send(client, "slack", {**slack(seconds(client), body), "Content-Type": "application/json"}, body)
        assert (hello.status, hello.content) == (200, b"c4fe")
        assert (await send(client, "github", github() | {"X-GitHub-Event": "ping"})).status == 204
        assert (await client.get("/runs")).json["items"] == []


async def test_forms_and_text_are_read(hooked: Served) -> None:
    async with hooked() as client:
        form = f"payload={quote(BODY.decode())}".encode()
        answer = await send(
            client, "github", github(form) | {"Content-Type": "application/x-www-form-urlencoded"}, form
        )
        told = (await client.runtime.wait(answer.json["run_id"])).output
        assert '"body":{"id":"evt_1"' in told
        answer = await send(client, "bank", bank(b"paid") | {"Content-Type": "text/plain"}, b"paid")
        assert '"body":"paid"' in (await client.runtime.wait(answer.json["run_id"])).output


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b"{", 400),
        ("application/json", b"[" * 100_000, 400),
        ("text/plain", b"\xff", 415),
        ("application/x-www-form-urlencoded", b"payload=%7B", 400),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(100)), 400),
    ],
)
async def test_what_cannot_be_read_is_refused(hooked: Served, kind: str, body: bytes, status: int) -> None:
    async with hooked() as client:
        answer = await send(client, "bank", bank(body) | {"Content-Type": kind}, body)
        assert answer.status == status


async def test_a_delivery_that_is_too_large_is_refused(hooked: Served, project: Path) -> None:
    (project / "perdure.toml").write_text(PROJECT + "[server]\nmax_body = 2048\n")
    async with hooked() as client:
        body = b"x" * 4096
        assert (await send(client, "bank", bank(body), body)).status == 413


async def test_a_python_agent_hears_it_as_an_event(hooked: Served, project: Path) -> None:
    (project / "agents" / "till.yaml").write_text("name: till\nclass: ../till.py:Till\non: [{webhook: bank}]\n")
    (project / "till.py").write_text(
        "from perdure import Agent\n"
        "class Till(Agent):\n"
        "    async def on_event(self, ctx, event):\n"
        "        return [event.kind, event.sender, event.payload['body']['id']]\n"
    )
    async with hooked() as client:
        headers = bank() | {"Content-Type": "application/json"}
        answer = await send(client, "bank", headers, agent="till")
        assert (await client.runtime.wait(answer.json["run_id"])).output == ["webhook", "webhook:bank", "evt_1"]


# -- onto topics ------------------------------------------------------------------------------------------------------


def till(body: bytes = BODY, id: str = "n1", **more: str) -> dict[str, str]:
    return {**bank(body), "X-Delivery": id, "Content-Type": "application/json", **more}


async def publish(client: Any, headers: Mapping[str, str], body: bytes = BODY, source: str = "till") -> Any:
    return await client.ask("POST", f"/webhooks/{source}", body, {"authorization": "", **headers})


async def test_a_delivery_is_published_once_for_all_who_hear_it(hooked: Served, project: Path) -> None:
    for name in ("one", "two"):
        agent = f'name: {name}\nmodel: scripted/m\non: [{{topic: till.*, input: "Paid:"}}]\n'
        (project / f"agents/{name}.yaml").write_text(agent)
    async with hooked() as client:
        first, again, other = [
            await publish(client, till(id=id, **{"X-Shop": "zurich", "X-Other": "x"})) for id in ("n1", "n1", "n2")
        ]
        assert (first.status, first.json["is_new"], first.json["topic"]) == (202, True, "till.paid")
        assert (again.json["seq"], again.json["is_new"]) == (first.json["seq"], False)
        assert other.json["is_new"]
        events = await client.runtime.topics.events("till.>")
        assert [one.envelope.kind for one in events] == ["webhook", "webhook"]
        told = {"webhook": "till", "event": "order.paid", "body": json.loads(BODY), "headers": {"X-Shop": "zurich"}}
        assert events[0].envelope.payload == {**told, "delivery": "n1"}
        assert events[0].envelope.sender == "webhook:till"
        for name in ("one", "two"):
            async with asyncio.timeout(20):
                while len((await client.get(f"/runs?agent_id={name}&status=done")).json["items"]) < 2:
                    await asyncio.sleep(0.01)


async def test_only_what_is_signed_and_named_is_published(hooked: Served) -> None:
    async with hooked() as client:
        assert (await publish(client, till(b"another"))).status == 401
        assert (await publish(client, {**till(), "X-Delivery": ""})).status == 422
        assert (await publish(client, till(b"{"), b"{")).status == 400
        assert (await publish(client, github(), source="github")).status == 404
        assert (await publish(client, github(), source="nobody")).status == 404
        answer = await publish(client, standard(seconds(client), secret=b""), source="open")
        assert answer.status == 500 and "webhooks.open.secret" in answer.json["hint"]
        assert await client.runtime.topics.events() == []


async def test_headers_of_interest_are_told_to_agents_too(hooked: Served, project: Path) -> None:
    (project / "perdure.toml").write_text(PROJECT.replace('id_header = "X-Delivery"', 'headers = ["X-Shop"]', 1))
    async with hooked() as client:
        headers = {"X-Signature-256": signed(BODY), "X-Shop": "bern", "Content-Type": "application/json"}
        answer = await send(client, "named", headers)
        assert '"headers":{"X-Shop":"bern"}' in (await client.runtime.wait(answer.json["run_id"])).output
