from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from perdure.base.errors import ConfigError, InvalidArguments, ToolDenied, ToolError, ToolFailed, ToolTimeout
from perdure.base.messages import File, Image, Text
from perdure.tools.builtin.http import BUILTIN, HttpOptions, HttpTool
from perdure.tools.builtin.port import Setting
from perdure.tools.fetch.memory import MemoryFetch
from perdure.tools.fetch.pooled import CLIENTS, PooledFetch
from perdure.tools.fetch.port import FetchRequest, FetchResponse
from perdure.tools.fetch.url import parse_url
from perdure.tools.port import ToolOutput, Unsure

CTX: Any = None
Respond = Callable[..., bytes]


def http(**options: Any) -> HttpTool:
    made = BUILTIN.make(msgspec.convert(options, HttpOptions), Setting(folder=None))  # type: ignore[arg-type]
    assert isinstance(made[0], HttpTool)
    return made[0]


async def call(tool: HttpTool, **arguments: Any) -> ToolOutput:
    return await tool.call(arguments, key="key1", ctx=CTX)


async def test_a_get_gives_status_headers_and_data(web: Any, respond: Respond) -> None:
    async with web() as site:
        site.routes["/orders"] = respond(200, b'{"total": 3.5}', ETag='"7"', X_Other="x")
        tool = http(allow=[f"127.0.0.1:{site.port}"])
        output = await call(
            tool, url=site.url("/orders#part"), query={"id": 7, "open": True, "q": "a b"}, headers={"X-Mine": "1"}
        )
    assert output.text == '200 OK\ncontent-type: application/json\netag: "7"\n\n{"total": 3.5}'
    assert output.value["status"] == 200
    assert output.value["json"] == {"total": 3.5}
    assert output.value["headers"]["x-other"] == "x"
    assert not output.error
    asked = site.asked[0]
    assert asked.path == "/orders?id=7&open=true&q=a+b"
    assert asked.headers["x-mine"] == "1"
    assert "idempotency-key" not in asked.headers


async def test_other_methods_send_the_key_and_a_body(web: Any, respond: Respond) -> None:
    async with web() as site:
        site.routes["/orders"] = respond(201, b"", "text/plain")
        tool = http(allow=[f"127.0.0.1:{site.port}"])
        for arguments in (
            {"method": "post", "json": {"a": 1}},
            {"method": "PUT", "body": "text"},
            {"method": "DELETE"},
        ):
            assert tool.effect_of({"url": "", **arguments}) == "idempotent"
            assert (await call(tool, url=site.url("/orders"), **arguments)).text.startswith("201 Created")
    posted, put, deleted = site.asked
    assert (posted.method, json.loads(posted.body), posted.headers["content-type"]) == (
        "POST",
        {"a": 1},
        "application/json",
    )
    assert (put.body, put.headers["content-type"]) == (b"text", "text/plain; charset=utf-8")
    assert {asked.headers["idempotency-key"] for asked in site.asked} == {"key1"}
    assert deleted.body == b""


def test_the_class_goes_by_the_method() -> None:
    tool = http(allow=["example.com"])
    assert tool.effect == "idempotent"
    assert tool.effect_of({"url": "https://example.com/"}) == "read"
    assert tool.effect_of({"url": "https://example.com/", "method": "head"}) == "read"
    assert tool.effect_of({"url": "https://example.com/", "method": "PATCH"}) == "idempotent"
    only_reads = http(allow=["example.com"], methods=["get", "head"])
    assert only_reads.effect == "read"
    assert only_reads.definition.parameters["properties"]["method"]["enum"] == ["GET", "HEAD"]
    assert http(methods=["POST"]).effect_of({"url": "https://example.com/"}) == "idempotent"


async def test_there_is_no_probe() -> None:
    assert await http().reconcile({}, key="k", ctx=CTX) == Unsure()


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({}, InvalidArguments, "url: missing"),
        ({"url": "https://example.com/", "method": "TRACE"}, InvalidArguments, "method: "),
        ({"url": "gopher://example.com/"}, InvalidArguments, "not an http or https URL"),
        ({"url": "https://other.com/"}, ToolDenied, "other.com:443 is not allowed; allowed: example.com"),
        (
            {"url": "https://example.com/", "headers": {"Host": "x"}},
            InvalidArguments,
            "set for you and cannot be given: Host",
        ),
        ({"url": "https://example.com/", "headers": '{"Authorization": "x"}'}, InvalidArguments, "Authorization"),
        ({"url": "https://example.com/", "json": 1, "body": "x"}, InvalidArguments, "json or body"),
    ],
)
def test_what_can_be_refused_is_refused_before_the_call(
    arguments: dict[str, Any], error: type[Exception], said: str
) -> None:
    tool = http(allow=["example.com"], auth={"bearer": "abc"})
    with pytest.raises(error, match=said):
        tool.check(arguments)


@pytest.mark.parametrize(
    "options",
    [
        {"methods": ["TRACE"]},
        {"methods": []},
        {"auth": {}},
        {"auth": {"bearer": "x", "basic": {"user": "a", "password": "b"}}},
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        http(**options)


@pytest.mark.parametrize(
    ("options", "sent", "secret"),
    [
        ({"auth": {"bearer": "s3cr3t-token"}}, "Bearer s3cr3t-token", "s3cr3t-token"),
        ({"auth": {"basic": {"user": "ann", "password": "s3cr3t"}}}, "Basic YW5uOnMzY3IzdA==", "s3cr3t"),
        ({"headers": {"Authorization": "Token s3cr3t-token", "Accept": "*/*"}}, "Token s3cr3t-token", "s3cr3t-token"),
    ],
)
async def test_credentials_are_sent_and_never_shown(
    options: dict[str, Any], sent: str, secret: str, web: Any, respond: Respond
) -> None:
    def echo(asked: Any) -> bytes:
        body = json.dumps({"got": asked.headers["authorization"], "also": secret}).encode()
        return respond(200, body, X_Echo=asked.headers["authorization"], Set_Cookie="a=b")

    async with web() as site:
        site.routes["/"] = echo
        output = await call(http(allow=[f"127.0.0.1:{site.port}"], **options), url=site.url("/"))
    assert site.asked[0].headers["authorization"] == sent
    shown = repr(output)
    assert secret not in shown
    assert sent not in shown
    assert "[redacted]" in shown
    assert "set-cookie" not in shown


async def test_a_redirect_is_followed_where_it_is_allowed(web: Any, respond: Respond) -> None:
    async with web() as site:
        site.routes["/a"] = respond(302, Location="/b")
        site.routes["/b"] = respond(307, Location=site.url("/c"))
        site.routes["/c"] = respond(200, b"there", "text/plain")
        tool = http(allow=[f"127.0.0.1:{site.port}"], auth={"bearer": "s3cr3t-token"})
        assert (await call(tool, url=site.url("/a"))).text.endswith("there")
        posted = await call(tool, url=site.url("/a"), method="POST", body="x")
        kept = await call(tool, url=site.url("/b"), method="PUT", body="x")
    assert posted.value["url"] == site.url("/c")
    assert [asked.method for asked in site.asked] == ["GET", "GET", "GET", "POST", "GET", "GET", "PUT", "PUT"]
    assert all("idempotency-key" not in asked.headers for asked in site.asked if asked.method == "GET")
    assert site.asked[-1].body == b"x"
    assert kept.value["status"] == 200
    assert all(asked.headers["authorization"] == "Bearer s3cr3t-token" for asked in site.asked)


async def test_credentials_do_not_follow_to_another_host(web: Any, respond: Respond) -> None:
    async with web() as first, web() as second:
        first.routes["/"] = respond(303, Location=second.url("/x"))
        second.routes["/x"] = respond(200)
        tool = http(allow=[f"127.0.0.1:{first.port}", f"127.0.0.1:{second.port}"], headers={"X-Api-Key": "abc"})
        await call(tool, url=first.url("/"), headers={"Cookie": "a=b", "X-Mine": "1"}, method="HEAD")
    assert first.asked[0].headers["x-api-key"] == "abc"
    assert first.asked[0].headers["cookie"] == "a=b"
    assert second.asked[0].method == "HEAD"
    assert "x-api-key" not in second.asked[0].headers
    assert "cookie" not in second.asked[0].headers
    assert second.asked[0].headers["x-mine"] == "1"


async def test_a_redirect_to_a_forbidden_host_is_refused(web: Any, respond: Respond) -> None:
    async with web() as site, web() as secret:
        site.routes["/port"] = respond(302, Location=secret.url("/"))
        site.routes["/host"] = respond(302, Location="http://169.254.169.254/latest/meta-data")
        site.routes["/file"] = respond(302, Location="file:///etc/passwd")
        site.routes["/loop"] = respond(302, Location="/loop")
        site.routes["/none"] = respond(302)
        tool = http(allow=[f"127.0.0.1:{site.port}"])
        with pytest.raises(ToolDenied, match=f"127.0.0.1:{secret.port} is not allowed"):
            await call(tool, url=site.url("/port"))
        with pytest.raises(ToolDenied, match=r"169\.254\.169\.254:80 is not allowed"):
            await call(tool, url=site.url("/host"))
        with pytest.raises(InvalidArguments, match="file:///etc/passwd"):
            await call(tool, url=site.url("/file"))
        with pytest.raises(ToolFailed, match="redirected more than 5 times"):
            await call(tool, url=site.url("/loop"))
        assert (await call(tool, url=site.url("/none"))).value["status"] == 302
    assert secret.asked == []


async def test_a_name_that_leads_inside_is_refused_and_a_public_one_pinned() -> None:
    hosts = {
        "good.com": ("8.8.8.8",),
        "rebound.com": ("8.8.8.8", "127.0.0.1"),
        "metadata.com": ("::ffff:169.254.169.254",),
        "none.com": (),
    }
    fetch = MemoryFetch(lambda request: FetchResponse(200, body=b"hi"), hosts)
    tool = HttpTool(HttpOptions(allow=("*",)), fetch)
    assert (await call(tool, url="https://good.com/")).text == "200 OK\n\nhi"
    for url in ("https://rebound.com/", "https://metadata.com/"):
        with pytest.raises(ToolDenied, match="private address"):
            await call(tool, url=url)
    with pytest.raises(ToolDenied, match="has no address"):
        await call(tool, url="https://none.com/")
    with pytest.raises(ToolFailed, match="was not found"):
        await call(tool, url="https://nowhere.com/")
    assert [(request.target.host, address) for request, address in fetch.sent] == [("good.com", "8.8.8.8")]


async def test_the_next_address_is_tried_where_one_does_not_answer() -> None:
    def answer(request: FetchRequest) -> FetchResponse:
        if len(fetch.sent) < 2:
            raise ToolFailed("refused")
        return FetchResponse(204)

    fetch = MemoryFetch(answer, {"good.com": ("2606:4700::1111", "8.8.8.8")})
    tool = HttpTool(HttpOptions(allow=("good.com",)), fetch)
    assert (await call(tool, url="https://good.com/")).text == "204 No Content"
    assert [address for _, address in fetch.sent] == ["2606:4700::1111", "8.8.8.8"]


async def test_a_huge_body_is_cut_also_one_that_unpacks_to_be_huge(web: Any, respond: Respond) -> None:
    async with web() as site:
        site.routes["/plain"] = respond(200, b"x" * 3_000_000, "text/plain")
        site.routes["/json"] = respond(200, b"[" + b"1," * 2000 + b"1]")
        site.routes["/bomb"] = respond(200, gzip.compress(b"x" * 50_000_000), "text/plain", Content_Encoding="gzip")
        site.routes["/exact"] = respond(200, b"x" * 1000, "text/plain")
        tool = http(allow=[f"127.0.0.1:{site.port}"], max_bytes=1000)
        for path in ("/plain", "/bomb"):
            output = await call(tool, url=site.url(path))
            assert output.text.endswith("\n\n" + "x" * 1000)
            assert "(the body is longer than 1,000 bytes and was cut there)" in output.text
        assert "json" not in (await call(tool, url=site.url("/json"))).value
        assert "longer" not in (await call(tool, url=site.url("/exact"))).text


async def test_bodies_are_read_by_their_type(web: Any, respond: Respond) -> None:
    async with web() as site:
        site.routes["/latin"] = respond(200, "grün".encode("latin-1"), "text/html; charset=ISO-8859-1")
        site.routes["/odd"] = respond(200, "grün".encode(), 'text/html; charset="klingon"')
        site.routes["/broken"] = respond(200, b"\xff{", "application/json")
        site.routes["/big"] = respond(200, str(2**80).encode())
        site.routes["/png"] = respond(200, b"\x89PNG", "image/png")
        site.routes["/pdf"] = respond(500, b"%PDF", "application/pdf")
        site.routes["/none"] = respond(200, b"plain", "")
        site.routes["/nul"] = respond(200, b"a\0b", "")
        site.routes["/raw"] = respond(200, b"\xff\xff", "")
        site.routes["/long"] = respond(200, ("x" * 1023 + "ü").encode(), "")
        site.routes["/teapot"] = respond(799, b"")
        tool = http(allow=[f"127.0.0.1:{site.port}"])

        async def get(path: str) -> ToolOutput:
            return await call(tool, url=site.url(path))

        assert (await get("/latin")).text.endswith("grün")
        assert (await get("/odd")).text.endswith("grün")
        assert (await get("/broken")).text.endswith("�{")
        assert (await get("/big")).value["json"] == str(2**80), "as much as the store can hold"
        assert (await get("/png")).parts[1] == Image(media_type="image/png", data=b"\x89PNG")
        pdf = await get("/pdf")
        assert (pdf.parts[1], pdf.error) == (File(media_type="application/pdf", data=b"%PDF"), True)
        assert pdf.parts[0] == Text("500 Internal Server Error\ncontent-type: application/pdf")
        assert (await get("/none")).text.endswith("plain")
        assert isinstance((await get("/nul")).parts[1], File)
        assert isinstance((await get("/raw")).parts[1], File)
        assert (await get("/long")).text.endswith("ü")
        assert (await get("/teapot")).text.startswith("799\n")
        missing = await get("/nothing")
        assert (missing.error, missing.value["status"]) == (True, 404)


async def test_a_slow_server_runs_into_the_timeout(web: Any) -> None:
    async with web() as site:
        site.routes["/"] = lambda asked: None
        tool = http(allow=[f"127.0.0.1:{site.port}"], timeout=0.1)
        with pytest.raises(ToolTimeout, match="http took longer than 100 ms"):
            await call(tool, url=site.url("/"))


async def test_a_broken_connection_is_told_from_none(web: Any) -> None:
    async with web() as site:
        site.routes["/"] = b"HTTP/1.1 200 X\r\nContent-Length: 100\r\nConnection: close\r\n\r\nhalf"
        tool = http(allow=[f"127.0.0.1:{site.port}"])
        with pytest.raises(ToolError, match="broke") as caught:
            await call(tool, url=site.url("/"))
        assert not isinstance(caught.value, ToolFailed)
    unused = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    port = unused.sockets[0].getsockname()[1]
    unused.close()
    with pytest.raises(ToolFailed, match=f"no connection to 127.0.0.1:{port}") as caught:
        await call(http(allow=[f"127.0.0.1:{port}"]), url=f"http://127.0.0.1:{port}/")
    assert caught.value.retryable


@pytest.mark.parametrize("headers", [{"X-A": "a\r\nX-B: c"}, {"bad name": "x"}, {"X-A": "\ud800"}])
async def test_headers_that_would_split_a_request_are_refused(headers: dict[str, str], web: Any) -> None:
    async with web() as site:
        with pytest.raises(InvalidArguments, match="cannot be sent"):
            await call(http(allow=[f"127.0.0.1:{site.port}"]), url=site.url("/"), headers=headers)
    assert site.asked == []


async def test_a_name_is_connected_at_the_address_that_was_checked(web: Any, respond: Respond) -> None:
    fetch = PooledFetch()
    async with web() as site:
        site.routes["/"] = respond(200, b"1")
        target = parse_url(site.url("/", host="no-such-host.test"))
        response = await fetch.send(FetchRequest("GET", target), "127.0.0.1")
        assert (response.body, response.header("content-type"), response.header("zzz")) == (
            b"1",
            "application/json",
            "",
        )
    assert site.asked[0].headers["host"] == f"no-such-host.test:{site.port}"


async def test_hosts_are_looked_up() -> None:
    assert await PooledFetch().addresses("127.0.0.1", 80) == ("127.0.0.1",)
    for host in ("no-such-host.invalid", "a" * 70 + ".com"):
        with pytest.raises(ToolFailed, match="was not found"):
            await PooledFetch().addresses(host, 80)


def test_clients_are_kept_but_not_for_ever() -> None:
    fetch = PooledFetch()
    target = parse_url("http://good.com/")
    first = fetch._client(target, "8.8.8.8")
    assert fetch._client(target, "8.8.8.8") is first
    for number in range(CLIENTS):
        fetch._clients[("x", number, "y")] = first
    fetch._client(target, "1.1.1.1")
    assert len(fetch._clients) == CLIENTS + 1
