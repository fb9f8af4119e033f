"""What opens the door is told to nobody: not in problems, not in what the server reports, not in what it keeps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perdure.base.messages import ModelResponse, ToolCall
from perdure.base.signing import SIGNATURE, sign
from perdure.control.runtime import Runtime
from perdure.server.links import Link, code_of
from perdure.testing import Scripted, by_turn
from perdure.wiring import serve

FAILS = ModelResponse((ToolCall("c1", "no_such_tool", {}),))


async def _breaks(*_: Any, **__: Any) -> None:
    raise ValueError("a defect")


async def test_no_secret_gets_out(
    project: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], client_of: Callable[..., Any]
) -> None:
    monkeypatch.setattr(Runtime, "runs", _breaks)
    reports: list[str] = []
    heard = b""
    models = {"scripted/m": Scripted(by_turn([FAILS, "sorry"]), name="scripted/m")}
    async with serve(project, port=0, models=models, report=reports.append) as served:
        client = client_of(served)
        token, now = client.token, client.runtime.clock.now()
        key = (await client.runtime.add_key("app", ["read"])).secret
        code = code_of(Link("0" * 16, "ada", now + 60_000), token)
        session = (await client.get(f"/login?code={code}")).headers["set-cookie"].partition(";")[0].partition("=")[2]
        signature = sign(key, "GET", "/runs", b"", time_ms=now, nonce="n" * 16)
        secrets = {"token": token, "key": key, "code": code, "session": session, "signature": signature[SIGNATURE]}
        shown = [
            {"authorization": f"Bearer {token}"},
            {"authorization": f"Bearer {key}"},
            {"authorization": "", "x_api_key": key},
            {"authorization": "", "cookie": f"perdure-{client.port}={session}", "sec_fetch_site": "same-origin"},
            {"authorization": "", **signature},
            {"authorization": f"Bearer {key}x"},
            {"authorization": f"Basic {token}"},
            {"origin": f"https://{key}.example"[:20], "authorization": f"Bearer {token}"},
        ]
        for headers in shown:
            for path in ("/runs", "/nowhere", f"/login?code={code}", "/runs?limit=x", "/keys", "/runtime/status"):
                heard += (await client.get(path, **headers)).content
            heard += (await client.post("/invoke", {"spec": "clerk", "input": "x"}, **headers)).content
            heard += (await client.post("/invoke", b"{", **headers)).content
        run = (await client.post("/invoke", {"spec": "clerk", "input": "x"})).json["run_id"]
        heard += (await client.get(f"/traces/{run}")).content
    assert reports and "a defect" in reports[0]
    kept = b"".join(
        file.read_bytes() for file in project.rglob("*") if file.is_file() and file.name not in ("token", "tools.py")
    )
    everything = heard + "".join(reports).encode() + "".join(capfd.readouterr()).encode() + kept
    assert [name for name, secret in secrets.items() if secret.encode() in everything] == []
