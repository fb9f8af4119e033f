"""What Prometheus is told."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from perdure.base.errors import RateLimited
from perdure.base.histogram import Histogram
from perdure.control.metrics import Family, one
from perdure.kernel.meter import MOST, OTHER, Meter
from perdure.kernel.records import EffectDone
from perdure.server.metrics import lines_of
from perdure.testing import Scripted, call

PROMTOOL = shutil.which("promtool")


def samples(text: str) -> dict[str, float]:
    """Values by name and labels, as a scraper reads them."""
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


async def test_what_was_done_is_counted(served: Any) -> None:
    async with served([call("ask", question="May I?"), "It is fine."]) as client:
        ran = (await client.post("/invoke", {"spec": "clerk", "input": "Look"})).json
        found = samples((await client.get("/metrics")).content.decode())
        assert found['perdure_runs{status="waiting"}'] == 1 and found["perdure_agents"] == 1
        await client.runtime.approve(ran["run_id"], "yes")
        result = await client.runtime.wait(ran["run_id"])
        answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = samples(answer.content.decode())
    assert found['perdure_runs{status="waiting"}'] == 0
    assert found['perdure_runs_ended_total{status="done"}'] == 1
    assert found["perdure_ticks_total"] == 2
    assert found['perdure_model_seconds_count{model="scripted/m"}'] == 2
    assert found['perdure_model_seconds_bucket{model="scripted/m",le="+Inf"}'] == 2
    assert found['perdure_tool_seconds_count{tool="ask"}'] == 1
    assert found['perdure_cost_microusd_total{model="scripted/m"}'] == result.cost_microusd > 0
    assert found['perdure_tokens_total{direction="input",model="scripted/m"}'] == result.usage.input_tokens
    assert found["perdure_store_sync_seconds_count"] == found["perdure_store_batch_commits_count"] > 0
    assert found["perdure_store_batch_commits_sum"] >= found["perdure_store_batch_commits_count"]
    assert found["process_resident_memory_bytes"] > 1e6
    assert found['perdure_http_requests_total{code="200",method="GET",route="/metrics"}'] == 1, "the one before"
    invoked = [value for name, value in found.items() if 'method="POST",route="/invoke"' in name]
    assert invoked == [1]


async def test_what_the_bus_carries_and_loses_is_counted(served: Any) -> None:
    async with served([]) as client:
        topics = client.runtime.topics
        slow = await topics.bus.subscribe("a", qos="realtime", capacity=2)
        for n in range(5):
            await topics.publish("a", n, durable=False)
        found = samples((await client.get("/metrics")).content.decode())
        assert found["perdure_bus_published_total"] == 5 and found["perdure_bus_backlog"] == 2
        assert found['perdure_bus_dropped_total{reason="queue_full"}'] == slow.dropped == 3
        assert found["perdure_bus_subscriptions"] == 1
        assert [event.envelope.payload for event in await slow.take()] == [3, 4]
        slow.close()
        found = samples((await client.get("/metrics")).content.decode())
        assert (found["perdure_bus_delivered_total"], found["perdure_bus_subscriptions"]) == (2, 0)


async def test_failures_are_counted_by_their_code(served: Any) -> None:
    async with served([RateLimited("slow down")]) as client:
        assert (await client.post("/invoke", {"spec": "clerk", "input": "Look"})).status == 429
        found = samples((await client.get("/metrics")).content.decode())
    assert found['perdure_failures_total{code="model.rate_limited",kind="model"}'] == 1
    assert found['perdure_runs_ended_total{status="failed"}'] == 1
    assert found['perdure_http_requests_total{code="429",method="POST",route="/invoke"}'] == 1


async def test_open_streams_are_counted_and_their_length_is_no_latency(served: Any) -> None:
    async with served([call("ask", question="May I?")]) as client:
        ran = (await client.post("/invoke", {"spec": "clerk", "input": "Look"})).json
        stream = await client.stream("GET", f"/runs/{ran['run_id']}/events")
        await stream.event()
        found = samples((await client.get("/metrics")).content.decode())
        assert found["perdure_http_streams"] == 1
        stream.close()
        await client.runtime.cancel(ran["run_id"])
        while client.runtime.engine.live.watched(ran["run_id"]):
            await client.get("/healthz")
        found = samples((await client.get("/metrics")).content.decode())
    assert found["perdure_http_streams"] == 0
    assert not any("/events" in name for name in found if "request_seconds" in name)


async def test_whoever_may_not_read_is_told_nothing(served: Any) -> None:
    async with served() as client:
        client.token = None
        assert (await client.get("/metrics")).status == 401


async def test_there_are_only_so_many_labels(served: Any) -> None:
    async with served() as client:
        for number in range(30):
            await client.get(f"/nowhere/{number}")
            await client.get(f"/runs/run_{number:032x}")
        await client.ask("PROPFIND", "/coffee")
        found = samples((await client.get("/metrics")).content.decode())
    routes = {name for name in found if name.startswith("perdure_http_requests_total")}
    assert len(routes) == 3, routes


def test_names_that_models_make_up_are_counted_together() -> None:
    meter = Meter()
    for number in range(MOST + 50):
        meter.done(f"step1/call/1/tool:t{number}", EffectDone(kind="tool", digest="", ms=number))
        meter.done("step1/model", EffectDone(kind="model", digest="", note={"model": f"m{number}"}, cost=1))
    assert len(meter.tool_seconds) == len(meter.model_seconds) == MOST + 1
    assert meter.tool_seconds[OTHER].count == meter.model_seconds[OTHER].count == 50
    assert sum(meter.cost.values()) == MOST + 50


def test_values_are_written_as_they_are_read() -> None:
    found = Histogram((0.5, 1.0))
    for value in (0.5, 0.6, 7):
        found.observe(value)
    text = "".join(lines_of([one("a_seconds", "histogram", "A.", found), Family("b", "gauge", "B.", {})]))
    assert text.splitlines() == [
        "# HELP a_seconds A.",
        "# TYPE a_seconds histogram",
        'a_seconds_bucket{le="0.5"} 1',
        'a_seconds_bucket{le="1.0"} 2',
        'a_seconds_bucket{le="+Inf"} 3',
        "a_seconds_sum 8.1",
        "a_seconds_count 3",
    ]
    odd = Family("c", "gauge", "C.", {(("name", 'a "b"\n\\'),): 1})
    assert list(lines_of([odd]))[-1] == 'c{name="a \\"b\\"\\n\\\\"} 1\n'


JOB = {"kind": "chat", "model": "scripted/m", "input": {"messages": [{"role": "user", "content": "hi"}]}}


async def test_jobs_are_counted_when_they_are_over(served: Any, project: Path) -> None:
    (project / "perdure.toml").write_text('[prices."scripted/m"]\ninput = 3\noutput = 15\n')
    answers = iter(["Good day.", RateLimited("slow down")])
    async with served(model=Scripted(lambda _: next(answers), name="scripted/m")) as client:
        agent = (await client.post("/agents", {"spec": "clerk"})).json["agent_id"]
        for key, status in (("1", "complete"), ("2", "failed")):
            new = f"/agents/{agent}/compute/new"
            job = (await client.post(new, {**JOB, "idempotency_key": key, "max_cost_microusd": 100_000})).json
            place = f"/agents/{agent}{job['status_path']}"
            while (await client.get(place)).json["status"] != status:
                pass
            found = samples((await client.get("/metrics")).content.decode())
            assert found[f'perdure_compute_jobs_ended_total{{kind="chat",status="{status}"}}'] == 1
    assert found['perdure_compute_job_seconds_count{kind="chat"}'] == 2
    assert found["perdure_compute_jobs"] == 0 and found["perdure_compute_cost_microusd_total"] > 0


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
async def test_promtool_finds_nothing(served: Any) -> None:
    async with served([call("pay", amount=5)]) as client:
        await client.post("/invoke", {"spec": "clerk", "input": "Look"})
        await client.post("/invoke", {"spec": "poor", "input": "Look"})
        text = (await client.get("/metrics")).content
    checked = subprocess.run([str(PROMTOOL), "check", "metrics"], input=text, capture_output=True)  # noqa: ASYNC221
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
