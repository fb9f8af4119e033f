"""The namespace over HTTP: paths are resources, and methods the verbs of files."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from perdure.server.files import kind_of

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
    ("content", "kind"),
    [
        (b'{"a": 1}', "application/json"),
        (b"[1]\n", "application/json"),
        (b"[not json", "text/plain; charset=utf-8"),
        (b'{"a": 1}\n{"a": 2}\n', "text/plain; charset=utf-8"),
        ("ä".encode(), "text/plain; charset=utf-8"),
        (b"<script>", "text/plain; charset=utf-8"),
        (b"", "text/plain; charset=utf-8"),
        (b"\xff\xfe", "application/octet-stream"),
        (b"a\0b", "application/octet-stream"),
    ],
)
def test_what_content_is_said_to_be(content: bytes, kind: str) -> None:
    assert kind_of(content) == kind
