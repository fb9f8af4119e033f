"""The page that tells people what the server can be asked."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from html.parser import HTMLParser
from typing import Any

from perdure.server.endpoints import ENDPOINTS
from perdure.server.manual import page_of
from perdure.server.openapi import describe

Served = Callable[..., AbstractAsyncContextManager[Any]]


class Page(HTMLParser):
    """What a page refers to, and what can be referred to in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        found = dict(attrs)
        if "id" in found:
            self.ids.append(found["id"] or "")
        self.links += [found[name] or "" for name in ("href", "src") if name in found]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_every_endpoint_is_on_the_page() -> None:
    page = Page(page_of(describe(ENDPOINTS, "x")))
    for endpoint in ENDPOINTS:
        assert re.sub(r":\w+}", "}", endpoint.path) in page.text
    assert len(page.ids) == len(set(page.ids))


def test_every_link_leads_somewhere() -> None:
    page = Page(page_of(describe(ENDPOINTS, "x")))
    assert {link.removeprefix("#") for link in page.links if link.startswith("#")} <= set(page.ids)


def test_nothing_is_loaded_and_nothing_is_executed() -> None:
    page = Page(page_of(describe(ENDPOINTS, "<script>alert(1)</script>")))
    assert {link for link in page.links if not link.startswith("#")} == {"/openapi.json"}
    assert not {"script", "link", "img", "iframe"} & page.tags


async def test_it_is_served_with_a_strict_policy(served: Served) -> None:
    async with served() as client:
        page = await client.get("/docs")
        assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
        assert "unsafe-inline" not in page.headers["content-security-policy"]
        assert (await client.get("/docs", authorization="")).status == 401
