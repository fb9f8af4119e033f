"""Traces over HTTP."""

from __future__ import annotations

from typing import Any

from perdure.control.tracing import export_trace, import_trace
from perdure.testing import call


async def test_a_trace_is_a_tree_or_lines(served: Any) -> None:
    async with served([call("pay", amount=5), "Paid."]) as client:
        ran = (await client.post("/invoke", {"spec": "clerk", "input": "Look"})).json
        path = f"/traces/{ran['run_id']}"
        tree = await client.get(path)
        by_query = await client.get(f"{path}?format=jsonl")
        by_header = await client.get(path, accept="application/jsonl")
        assert (await client.get(f"{path}?format=xml")).status == 422
        await client.runtime.cancel(ran["run_id"])
    assert tree.json["kind"] == "run" and tree.headers["content-type"] == "application/json"
    assert by_query.headers["content-type"] == by_header.headers["content-type"] == "application/jsonl"
    for answer in (by_query, by_header):
        lines = answer.content.decode().splitlines()
        assert list(export_trace(import_trace(lines))) == lines
        assert len(lines) == 4, "the run, its step, the model and the wait for a person"


async def test_what_goes_on_is_told(served: Any) -> None:
    async with served([call("ask", question="May I?")]) as client:
        await client.post("/invoke", {"spec": "clerk", "input": "Look"})
        found = (await client.get("/runtime/overview?limit=5")).json
        assert found["open_runs"] == {"waiting": 1} and len(found["runs"]) == 1
        assert (await client.get("/runtime/overview?limit=0")).status == 422
