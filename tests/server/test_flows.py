"""Flows over HTTP: published by files in `flows`, invoked by their names."""

from __future__ import annotations

FLOW = """
name: double
description: Doubles a number
inputs: {n: integer}
tasks: [{id: all, set: {twice: "${n * 2}"}}]
outputs: {twice: "${twice}"}
"""


async def test_a_flow_is_published_and_invoked_by_its_name(project, served):
    (project / "flows").mkdir()
    (project / "flows" / "double.flow.yaml").write_text(FLOW)
    async with served() as client:
        items = (await client.get("/specs")).json["items"]
        assert [(one["name"], one["kind"]) for one in items if one["kind"] == "flow"] == [("double", "flow")]
        answer = await client.post("/invoke", {"spec": "double", "input": {"n": 4}})
        assert (answer.status, answer.json["output"]) == (200, {"twice": 8})
        again = await client.post("/invoke", {"agent_id": answer.json["agent_id"], "input": 5})
        assert again.json["output"] == {"twice": 10}


async def test_what_is_no_input_of_it_is_refused(project, served):
    (project / "flows").mkdir()
    (project / "flows" / "double.flow.yaml").write_text(FLOW)
    (project / "flows" / "bad.flow.yaml").write_text("name: bad\ntasks: [{agent: nobody}]")
    async with served() as client:
        answer = await client.post("/invoke", {"spec": "double", "input": {"n": "four"}})
        assert (answer.status, answer.json["code"]) == (422, "input.invalid")
        assert (await client.post("/invoke", {"spec": "bad", "input": 1})).status == 404
        problems = {one["name"]: one["problem"] for one in (await client.get("/specs")).json["items"]}
        assert "nobody" in problems["bad"]
