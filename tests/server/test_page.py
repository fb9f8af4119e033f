"""The web page: its files as they are served, and the page in a real browser."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright, expect

from perdure.base.messages import Delta, Finished, ModelRequest, ModelResponse, Text, TextDelta, ToolCall
from perdure.server.links import Link, code_of
from perdure.server.page.assets import FILES, FOLDER, TYPES

Served = Callable[..., AbstractAsyncContextManager[Any]]
HOSTILE = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>'
PAY = ModelResponse((ToolCall("c1", "pay", {"amount": 5}),))
ASK = ModelResponse((ToolCall("c1", "ask", {"question": HOSTILE}),))
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
browser = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")


@asynccontextmanager
async def visiting(client: Any, **context: Any) -> AsyncIterator[Page]:
    """A page of somebody who has logged in as ann; nothing may go wrong in it."""
    troubles: list[str] = []
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await (await chromium.new_context(**context)).new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
        link = Link("0123456789abcdef", "ann", client.runtime.clock.now() + 60_000)
        await page.goto(f"{client.url}/login?code={code_of(link, client.token)}")
        await expect(page.locator("#live")).to_have_text("Live")
        yield page
        assert await page.evaluate("window.hit") is None
        await chromium.close()
    assert [one for one in troubles if "status of 4" not in one] == []


class Slow:
    """A model that says one word each time it is let to."""

    name = "scripted/m"

    def __init__(self) -> None:
        self.words: asyncio.Queue[str] = asyncio.Queue()

    async def stream(self, request: ModelRequest) -> AsyncIterator[Delta]:
        said = ""
        while word := await self.words.get():
            said += word
            yield TextDelta(word)
        yield Finished(ModelResponse((Text(said),)))


# -- its files ---------------------------------------------------------------------------------------------------------


async def test_anybody_gets_the_page_and_nobody_what_is_on_it(served: Served) -> None:
    async with served() as client:
        client.token = None
        for name in FILES:
            answer = await client.get("/" if name == "index.html" else f"/page/{name}")
            assert (answer.status, answer.content) == (200, (FOLDER / name).read_bytes())
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy and "unsafe" not in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
        for path in ("/runs", "/approvals", "/events", "/page/", "/page/../runs"):
            assert (await client.get(path)).status == 401
        for path in ("/page/assets.py", "/page/..%2fassets.py", "/page/%00", "/page/none.js"):
            assert (await client.get(path)).status in (401, 404)


async def test_a_browser_keeps_a_file_while_it_is_the_same(served: Served) -> None:
    async with served() as client:
        first = await client.get("/page/app.js")
        assert first.headers["cache-control"] == "no-cache"
        again = await client.get("/page/app.js", if_none_match=f'"other", W/{first.headers["etag"]}')
        assert (again.status, again.headers["etag"]) == (304, first.headers["etag"])
        assert (await client.get("/page/app.js", if_none_match='"other"')).status == 200


def test_every_file_is_served() -> None:
    assert {path.name for path in FOLDER.iterdir() if path.suffix in TYPES} == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_no_file_loads_from_elsewhere_or_makes_html_of_text(name: str) -> None:
    text = (FOLDER / name).read_text()
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)", text) == []
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)
    assert not re.search(r"<[a-z][^>]* (on[a-z]+|style)=|<script>|<style>", text)


# -- in a browser ------------------------------------------------------------------------------------------------------


@browser
async def test_runs_come_and_go_without_a_reload(served: Served) -> None:
    async with served([HOSTILE]) as client, visiting(client) as page:
        await expect(page.get_by_role("heading", name="Nothing has run yet.")).to_be_visible()
        await expect(page.locator(".command").first).to_contain_text("perdure run agents/")
        await client.post("/invoke", {"spec": "clerk", "agent_id": "ann", "input": HOSTILE})
        row = page.locator(".run").filter(has_text="ann")
        await expect(row).to_contain_text("Done")
        await row.click()
        await expect(page.get_by_role("heading", name="ann")).to_be_visible()
        await expect(page.locator(".said").first).to_have_text(HOSTILE)
        await expect(page.locator(".talk section").nth(1)).to_contain_text(HOSTILE)


@browser
async def test_an_agent_is_asked_by_keyboard_and_heard_while_it_answers(served: Served) -> None:
    model = Slow()
    async with served(model=model) as client, visiting(client) as page:
        form = page.get_by_role("form", name="Ask an agent")
        await expect(form).to_be_visible()
        assert await form.get_by_role("option").all_text_contents() == ["clerk", "poor"]
        await form.get_by_label("Agent").focus()
        await page.keyboard.press("Tab")
        await expect(form.get_by_label("What is it to do?")).to_be_focused()
        await page.keyboard.type(HOSTILE)
        await page.keyboard.press("Tab")
        await expect(form.get_by_role("button", name="Ask")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.locator(".said").first).to_have_text(HOSTILE)
        model.words.put_nowait("Good day.")
        await expect(page.locator(".speaking")).to_have_text("Good day.")
        model.words.put_nowait("")
        await expect(page.locator(".head .state")).to_have_text("Done")
        (run,) = (await client.get("/runs")).json["items"]
        assert run["spec"] == "clerk" and page.url.endswith(f"#/runs/{run['run_id']}")
        await page.goto(f"{client.url}/#/runs?agent={run['agent_id']}")
        more = page.get_by_role("form", name=f"Go on with {run['agent_id']}")
        await more.get_by_role("textbox").fill("And now?")
        await page.keyboard.press("Control+Enter")
        model.words.put_nowait("Still.")
        model.words.put_nowait("")
        await expect(page.locator(".talk section").nth(1)).to_contain_text("Still.")
        assert {one["agent_id"] for one in (await client.get("/runs")).json["items"]} == {run["agent_id"]}


@browser
async def test_who_may_not_ask_is_told_so_and_keeps_the_words(served: Served) -> None:
    async with served() as client, visiting(client) as page:
        await client.runtime.revoke_key("session-0123456789abcdef")
        link = Link("fedcba9876543210", "eve", client.runtime.clock.now() + 60_000, ("read",))
        await page.goto(f"{client.url}/login?code={code_of(link, client.token)}")
        await page.get_by_label("What is it to do?").fill("Pay me")
        await page.get_by_role("button", name="Ask").click()
        await expect(page.get_by_role("alert")).to_contain_text("lacks the scope")
        await expect(page.get_by_label("What is it to do?")).to_have_value("Pay me")
        assert (await client.get("/runs")).json["items"] == []


@browser
async def test_asked_twice_by_an_impatient_hand_is_asked_once(served: Served) -> None:
    async with served(["a", "b"]) as client, visiting(client) as page:
        await page.get_by_label("What is it to do?").fill("Hello")
        await page.evaluate(
            "() => { const form = document.querySelector('.ask'); for (let n = 0; n < 3; n++) form.requestSubmit(); }"
        )
        await expect(page.locator(".head .state")).to_have_text("Done")
        assert len((await client.get("/runs")).json["items"]) == 1


@browser
async def test_a_run_is_a_waterfall_that_is_walked_by_keys(served: Served) -> None:
    async with served([PAY, "paid"]) as client, visiting(client) as page:
        run = (await client.post("/invoke", {"spec": "clerk", "agent_id": "ann", "input": "Pay"})).json["run_id"]
        await page.goto(f"{client.url}/#/runs/{run}")
        rows = page.locator(".waterfall .span")
        await expect(rows).to_have_count(3)  # a step, the model, the wait
        await page.get_by_role("button", name="Approve", exact=True).click()
        await expect(rows).to_have_count(6)
        bars = [await bar.bounding_box() for bar in await page.locator(".waterfall .bar").all()]
        starts = [box["x"] for box in bars if box]
        assert len(starts) == 6 and starts[1] < starts[3] < starts[5]  # the model, the tool, the model again
        tool = rows.filter(has_text="Tool")
        await rows.first.focus()
        for _ in range(3):
            await page.keyboard.press("ArrowDown")
        await expect(tool).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(tool).to_have_attribute("aria-expanded", "true")
        await expect(page.locator(".detail:visible")).to_contain_text('"amount": 5')
        await expect(page.locator(".detail:visible")).to_contain_text("paid 5")


@browser
async def test_the_answer_is_read_while_it_is_written(served: Served) -> None:
    model = Slow()
    async with served(model=model) as client, visiting(client) as page:
        watcher = await client.stream("POST", "/invoke", {"spec": "clerk", "input": "x", "stream": True})
        await page.goto(f"{client.url}/#/runs/{watcher.headers['perdure-run-id']}")
        await expect(page.locator(".head .state")).to_have_text("Running")
        for word in ("one ", "two ", HOSTILE):
            model.words.put_nowait(word)
        await expect(page.locator(".speaking")).to_have_text(f"one two {HOSTILE}")
        model.words.put_nowait("")
        await expect(page.locator(".head .state")).to_have_text("Done")
        await expect(page.locator(".speaking")).to_have_count(0)


@browser
async def test_an_approval_is_given_by_keyboard_and_says_who_and_why(served: Served) -> None:
    async with served([PAY, "paid"]) as client, visiting(client) as page:
        run = (await client.post("/invoke", {"spec": "clerk", "agent_id": "ann", "input": "Pay"})).json["run_id"]
        await expect(page.locator("#asked")).to_have_text("1 to decide")
        await page.get_by_role("link", name="Approvals").press("Enter")
        card = page.get_by_role("article")
        for shown in ("May ann call pay?", '"amount": 5', "approve: pay"):
            await expect(card).to_contain_text(shown)
        await card.get_by_label("Reason").fill("It is due")
        await page.keyboard.press("Tab")
        await expect(card.get_by_role("button", name="Approve")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(card).to_contain_text("Approved.")
        await expect(page.locator("#asked")).to_be_hidden()
        assert (await client.runtime.wait(run)).output == "paid"
        (wait,) = [node for node in (await client.runtime.trace(run)).children[0].children if node.kind == "wait"]
        assert (wait.detail["by"], wait.detail["why"]) == ("ann", "It is due")


@browser
async def test_what_somebody_else_decided_first_is_told(served: Served) -> None:
    async with served([PAY, "paid"]) as client, visiting(client) as page:
        await client.post("/invoke", {"spec": "clerk", "agent_id": "ann", "input": "Pay"})
        await page.goto(f"{client.url}/#/approvals")
        deny = page.get_by_role("article").get_by_role("button", name="Deny")
        await expect(deny).to_be_visible()
        (approval,) = (await client.runtime.approvals()).items
        # In one turn of the page's loop, before it can hear that the question is gone.
        await page.evaluate(
            "([url]) => fetch(url, {method: 'POST'}).then(() => document.querySelector('button.no').click())",
            [f"/approvals/{approval.id}/approve"],
        )
        await expect(page.get_by_role("alert")).to_contain_text("decided already")


@browser
async def test_a_question_in_words_is_shown_as_text_and_answered(served: Served) -> None:
    async with served([ASK, "so"]) as client, visiting(client) as page:
        run = (await client.post("/invoke", {"spec": "clerk", "agent_id": "ann", "input": "x"})).json["run_id"]
        await page.goto(f"{client.url}/#/runs/{run}")
        card = page.get_by_role("article")
        await expect(card.get_by_role("heading")).to_have_text(HOSTILE)
        await card.get_by_label("Your answer").fill("because")
        await card.get_by_role("button", name="Answer").click()
        await expect(page.locator(".head .state")).to_have_text("Done")


@browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_is_read_on_a_phone_by_day_and_by_night(served: Served, scheme: str) -> None:
    long = ModelResponse((ToolCall("c1", "pay", {"amount": 5, "note": "w" * 400}),))
    async with (
        served([long, "x" * 500]) as client,
        visiting(client, viewport={"width": 375, "height": 700}, color_scheme=scheme) as page,
    ):
        agent = "a" * 60
        run = (await client.post("/invoke", {"spec": "clerk", "agent_id": agent, "input": "y" * 500})).json["run_id"]
        await client.post("/invoke", {"spec": "poor", "agent_id": "poor", "input": "x"})
        places = {"runs": ".run", f"runs/{run}": ".waterfall", "approvals": "main", "agents": ".agent"}
        for place, shown in places.items():
            await page.goto(f"{client.url}/#/{place}")
            await expect(page.locator(shown).first).to_be_visible()
            assert await page.evaluate("document.documentElement.scrollWidth") <= 375, place
        paper = await page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", paper)[:3])) > 384) == (scheme == "light")


@browser
async def test_it_is_found_by_landmarks_and_a_link_goes_past_them(served: Served) -> None:
    async with served(["a"]) as client, visiting(client) as page:
        for role in ("banner", "main"):
            await expect(page.get_by_role(role)).to_have_count(1)
        await expect(page.get_by_role("navigation", name="Main")).to_be_visible()
        await expect(page.get_by_role("link", name="Runs", exact=True)).to_have_attribute("aria-current", "page")
        await page.evaluate("document.activeElement.blur()")
        await page.keyboard.press("Tab")
        skip = page.get_by_role("link", name="Skip to the content")
        await expect(skip).to_be_focused()
        await expect(skip).to_be_in_viewport()
        for name in ("perdure", "Runs", "Approvals", "Agents"):
            await page.keyboard.press("Tab")
            focused = page.locator(":focus")
            await expect(focused).to_contain_text(name)
            assert await focused.evaluate("one => getComputedStyle(one).outlineStyle") == "solid"


@browser
async def test_who_has_not_logged_in_is_told_how(served: Served) -> None:
    async with served() as client, async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await chromium.new_page()
        await page.goto(client.url)
        await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
        await expect(page.locator(".command")).to_have_text("perdure open")
        await chromium.close()
