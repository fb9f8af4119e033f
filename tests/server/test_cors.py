"""Pages of sites that are listed: they may call, and read what comes back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

Served = Callable[..., AbstractAsyncContextManager[Any]]
LISTED, OTHER = "https://app.example", "https://evil.example"
ASKS = {"access_control_request_method": "POST", "access_control_request_headers": "authorization,content-type"}


async def test_a_listed_site_reads_answers_and_problems(served: Served, project: Path) -> None:
    (project / "perdure.toml").write_text(f'[server]\norigins = ["{LISTED}"]\n')
    async with served() as client:
        for path, status in (("/specs", 200), ("/nowhere", 404)):
            answer = await client.get(path, origin=LISTED, sec_fetch_site="cross-site")
            assert (answer.status, answer.headers["access-control-allow-origin"]) == (status, LISTED)
            assert answer.headers["vary"] == "Origin"
            assert "Perdure-Run-Id" in answer.headers["access-control-expose-headers"]
            assert "access-control-allow-credentials" not in answer.headers
        client.token = None
        answer = await client.get("/specs", origin=LISTED)
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (401, LISTED)


async def test_a_browser_asks_before_it_sends(served: Served, project: Path) -> None:
    (project / "perdure.toml").write_text(f'[server]\norigins = ["{LISTED}/"]\n')
    async with served() as client:
        client.token = None
        answer = await client.ask("OPTIONS", "/invoke", headers={"origin": LISTED, **ASKS})
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (204, LISTED)
        assert "POST" in answer.headers["access-control-allow-methods"]
        assert answer.headers["access-control-allow-headers"] == "authorization,content-type"


async def test_other_sites_are_promised_nothing(served: Served, project: Path) -> None:
    (project / "perdure.toml").write_text(f'[server]\norigins = ["{LISTED}"]\n')
    async with served() as client:
        for method, headers in (("OPTIONS", ASKS), ("GET", {})):
            answer = await client.ask(method, "/specs", headers={"origin": OTHER, **headers})
            assert answer.status == 403 and "access-control-allow-origin" not in answer.headers


async def test_where_nobody_is_listed_there_is_nothing_of_it(served: Served) -> None:
    async with served() as client:
        answer = await client.ask("OPTIONS", "/specs", headers={"origin": OTHER, **ASKS})
        assert answer.status == 403 and "access-control-allow-origin" not in answer.headers
        assert "vary" not in (await client.get("/specs")).headers
