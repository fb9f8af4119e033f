"""The namespace over HTTP: paths are resources, and methods the verbs of files."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure.base.errors import VersionConflict
from perdure.namespace.only import only
from perdure.server.content import kind_of

Served = Callable[..., AbstractAsyncContextManager[Any]]
AT = "/agents/ada"


async def begun(client: Any) -> None:
    assert (await client.post("/agents", {"spec": "clerk", "agent_id": "ada"})).status == 201


async def test_what_is_read_is_what_it_is(served: Served) -> None:
    async with served() as client:
        await begun(client)
        status = await client.get(f"{AT}/status")
        assert (status.status, status.headers["content-type"]) == (200, "application/json")
        assert status.json["state"]
        same = await client.get(f"{AT}/status", if_none_match=f'"x", {status.headers["etag"]}')
        assert (same.status, same.content) == (304, b"")


async def test_a_directory_is_listed(served: Served) -> None:
    async with served() as client:
        await begun(client)
        for path in (f"{AT}/", f"{AT}/goals/", f"{AT}/goals"):
            assert (await client.get(path)).status == 200
        names = [entry["name"] for entry in (await client.get(f"{AT}/")).json["items"]]
        assert {"status", "inbox", "goals", "memory", "runs"} <= set(names)


async def test_files_are_written_added_to_and_removed(served: Served) -> None:
    async with served() as client:
        await begun(client)
        note = f"{AT}/memory/note.txt"
        assert (await client.ask("PUT", note, b"one\n")).status == 204
        assert (await client.ask("POST", note, b"two\n")).status == 204
        read = await client.get(note)
        assert (read.content, read.headers["content-type"]) == (b"one\ntwo\n", "text/plain; charset=utf-8")
        assert (await client.ask("HEAD", note)).headers["content-length"] == "8"
        assert (await client.ask("DELETE", note)).status == 204
        assert (await client.get(note)).json["code"] == "file.not_found"


async def test_a_message_is_posted_to_the_inbox(served: Served) -> None:
    async with served(["Good day."]) as client:
        await begun(client)
        envelope = {"id": "env_1", "to": "ada", "payload": "Hello"}
        assert (await client.post(f"{AT}/inbox", envelope)).status in (200, 204)
        (run,) = (await client.runtime.runs(agent="ada")).items
        assert (await client.runtime.wait(run.run_id)).output == "Good day."


async def test_changes_are_watched_from_a_cursor(served: Served) -> None:
    async with served() as client:
        await begun(client)
        watch = await client.stream("GET", f"{AT}/memory/?watch=1")
        await client.ask("PUT", f"{AT}/memory/a", b"1")
        first = await watch.event()
        assert (first["event"], first["data"]["path"]) == ("created", f"{AT}/memory/a")
        watch.close()
        await client.ask("PUT", f"{AT}/memory/a", b"2")
        await client.ask("PUT", f"{AT}/memory/b", b"3")
        back = await client.stream("GET", f"{AT}/memory/?watch=true", last_event_id=first["id"])
        seen = [await back.event() for _ in range(2)]
        assert [(event["event"], event["data"]["path"]) for event in seen] == [
            ("modified", f"{AT}/memory/a"),
            ("created", f"{AT}/memory/b"),
        ]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/agents/nobody/status", 404, "file.not_found"),
        ("GET", f"{AT}/nothing", 404, "file.not_found"),
        ("GET", f"{AT}/statusx", 404, "file.not_found"),
        ("GET", f"{AT}/status/x", 400, "file.not_a_directory"),
        ("GET", f"{AT}/../ada/status", 400, "file.invalid_path"),
        ("GET", f"{AT}/%2e%2e/ada/status", 400, "file.invalid_path"),
        ("GET", f"{AT}/%252e%252e/status", 400, "file.invalid_path"),
        ("GET", f"{AT}//status", 400, "file.invalid_path"),
        ("GET", f"{AT}/a%00b", 400, "file.invalid_path"),
        ("GET", "/agents/%2e%2e/mounts", 400, "file.invalid_path"),
        ("GET", f"{AT}/{'x' * 300}", 400, "file.invalid_path"),
        ("PUT", f"{AT}/status", 405, "file.unsupported"),
        ("DELETE", f"{AT}/status", 405, "file.unsupported"),
        ("DELETE", f"{AT}/memory/none", 404, "file.not_found"),
        ("PUT", f"{AT}/memory", 400, "file.is_a_directory"),
    ],
)
async def test_what_cannot_be_done(served: Served, method: str, path: str, status: int, code: str) -> None:
    async with served() as client:
        await begun(client)
        answer = await client.ask(method, path, b"x" if method == "PUT" else None)
        assert (answer.status, answer.json["code"]) == (status, code)


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a", b'{"a": 1}', "application/json"),
        ("a", b"[1]\n", "application/json"),
        ("a", b"[not json", "text/plain; charset=utf-8"),
        ("a", b"[" * 100_000, "text/plain; charset=utf-8"),
        ("a", b'{"a": 1}\n{"a": 2}\n', "text/plain; charset=utf-8"),
        ("a", "ä".encode(), "text/plain; charset=utf-8"),
        ("a.html", b"<script>", "text/plain; charset=utf-8"),
        ("a.svg", b"<svg>", "text/plain; charset=utf-8"),
        ("plan.MD", b"# Plan", "text/markdown; charset=utf-8"),
        ("a.csv", b"a,b", "text/csv; charset=utf-8"),
        ("a.md", b"\xff", "application/octet-stream"),
        ("a", b"", "text/plain; charset=utf-8"),
        ("a", b"\xff\xfe", "application/octet-stream"),
        ("a", b"a\0b", "application/octet-stream"),
        ("a.txt", b"\x89PNG\r\n\x1a\n...", "image/png"),
    ],
)
def test_what_content_is_said_to_be(name: str, content: bytes, kind: str) -> None:
    assert kind_of(name, content) == kind


TEN = b"0123456789"


@pytest.mark.parametrize(
    ("asked", "status", "content", "range"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=-99", 206, TEN, "bytes 0-9/10"),
        ("bytes=5-99", 206, b"56789", "bytes 5-9/10"),
        ("BYTES = 0 - 0", 206, b"0", "bytes 0-0/10"),
        ("bytes=5-2", 200, TEN, ""),
        ("bytes=0-1,3-4", 200, TEN, ""),
        ("bytes=-", 200, TEN, ""),
        ("bytes=a-b", 200, TEN, ""),
        ("lines=0-1", 200, TEN, ""),
        ("bytes=10-", 416, b"", "bytes */10"),
        (f"bytes={'9' * 5000}-", 416, b"", "bytes */10"),
        ("bytes=-0", 416, b"", "bytes */10"),
    ],
)
async def test_ranges_of_bytes(served: Served, asked: str, status: int, content: bytes, range: str) -> None:
    async with served() as client:
        await begun(client)
        await client.ask("PUT", f"{AT}/memory/ten", TEN)
        answer = await client.get(f"{AT}/memory/ten", range=asked)
        assert (answer.status, answer.headers.get("content-range", "")) == (status, range)
        assert answer.content == content or status == 416


async def test_a_range_of_what_was_changed_since_is_all_of_it(served: Served) -> None:
    async with served() as client:
        await begun(client)
        await client.ask("PUT", f"{AT}/memory/ten", TEN)
        tag = (await client.get(f"{AT}/memory/ten")).headers["etag"]
        assert (await client.get(f"{AT}/memory/ten", range="bytes=0-0", if_range=tag)).status == 206
        for other in ('"x"', f"W/{tag}", "Wed, 21 Oct 2015 07:28:00 GMT"):
            assert (await client.get(f"{AT}/memory/ten", range="bytes=0-0", if_range=other)).status == 200


async def test_a_change_is_made_to_what_was_read(served: Served) -> None:
    async with served() as client:
        await begun(client)
        note = f"{AT}/memory/note"
        assert (await client.ask("PUT", note, b"1", {"if-match": "*"})).status == 412
        assert (await client.ask("PUT", note, b"1", {"if-none-match": "*"})).status == 204
        again = await client.ask("PUT", note, b"2", {"if-none-match": "*"})
        assert (again.status, again.json["code"]) == (412, "request.precondition")
        tag = (await client.get(note)).headers["etag"]
        assert (await client.ask("PUT", note, b"2", {"if-match": f'"x", {tag}'})).status == 204
        late = [await client.ask(method, note, b"3", {"if-match": tag}) for method in ("PUT", "POST", "DELETE")]
        assert [answer.status for answer in late] == [412] * 3
        assert (await client.get(note, if_match=tag)).status == 412
        assert (await client.get(note)).content == b"2"


async def test_of_two_changes_to_the_same_content_one_is_made(served: Served) -> None:
    async with served() as client:
        await begun(client)
        note = f"{AT}/memory/note"
        await client.ask("PUT", note, b"0")
        tag = (await client.get(note)).headers["etag"]
        changes = [client.ask("PUT", note, b"%d" % number, {"if-match": tag}) for number in range(1, 9)]
        answers = [answer.status for answer in await asyncio.gather(*changes)]
        assert sorted(answers) == [204, *[412] * 7]


async def test_of_changes_by_two_processes_to_the_same_content_one_is_made(served: Served, project: Path) -> None:
    async with served() as client, perdure.open(project) as other:
        await begun(client)
        note = f"{AT}/memory/note"
        for content in (b"0", b"1"):
            await client.ask("PUT", note, content)
            tag = (await client.get(note)).headers["etag"]

            async def change(number: int, tag: str = tag) -> int:
                with only(tag.strip('"')):
                    try:
                        await other.namespace.write(note, b"other %d" % number)
                    except VersionConflict:
                        return 412
                return 204

            changes = [client.ask("PUT", note, b"%d" % number, {"if-match": tag}) for number in range(2, 6)]
            answers, others = await asyncio.gather(
                asyncio.gather(*changes), asyncio.gather(*(change(number) for number in range(4)))
            )
            assert sorted([*(answer.status for answer in answers), *others]) == [204, *[412] * 7]


async def test_what_cannot_be_done_comes_with_what_can(served: Served) -> None:
    async with served() as client:
        await begun(client)
        refused = await client.ask("PUT", f"{AT}/status", b"x")
        assert (refused.status, refused.headers["allow"]) == (405, "HEAD, GET")


async def test_nothing_that_is_read_is_executed(served: Served) -> None:
    async with served() as client:
        await begun(client)
        await client.ask("PUT", f"{AT}/memory/a.html", b"<script>alert(1)</script>")
        headers = (await client.get(f"{AT}/memory/a.html")).headers
        assert headers["content-type"].startswith("text/plain") and headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in headers["content-security-policy"]
