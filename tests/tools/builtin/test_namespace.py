"""A model uses its agent's directory, as far as the mounts allow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import perdure
from perdure.base.messages import ToolResult
from perdure.kernel.store.memory import MemoryStore
from perdure.testing import Scripted, by_turn, call
from perdure.tools.registry import resolve


def named(**options: Any) -> list[str]:
    return [tool.definition.name for tool in resolve({"namespace": options}, folder=Path("."))]


def test_what_there_is() -> None:
    assert named() == ["namespace_list", "namespace_read", "namespace_write", "namespace_call"]
    assert named(read_only=True, name="own") == ["own_list", "own_read"]


async def test_a_model_writes_and_reads_what_it_may_and_reads_why_not(tmp_path: Path) -> None:
    heard: list[str] = []
    steps = by_turn(
        [
            call("namespace_list"),
            call("namespace_write", path="/memory/facts", content="The sky is blue."),
            call("namespace_write", path="/memory/facts", content=" Mostly.", append=True),
            call("namespace_read", path="/memory/facts"),
            call("namespace_call", path="/tools/calculator/call", request='{"expression": "6*7"}'),
            call("namespace_write", path="/status", content="{}"),
            call("namespace_write", path="/goals/a.json", content="no JSON"),
            call("namespace_read", path="/nothing"),
            "done",
        ]
    )

    def model(request: Any) -> Any:
        heard.extend(part.parts[0].text for part in request.messages[-1].parts if isinstance(part, ToolResult))
        return steps(request)

    spec = {"name": "ann", "model": "scripted/m", "tools": ["namespace", "calculator"]}
    async with perdure.open(
        tmp_path, store=MemoryStore(), models={"scripted/m": Scripted(model, name="scripted/m")}
    ) as rt:
        result = await rt.run(spec, "go", agent="ann")
        assert result.output == "done"
        listed, wrote, appended, read, called, *refused = heard
        assert {"memory/", "status", "tools/"} <= set(listed.split())
        assert (wrote, appended, read) == (
            "wrote /memory/facts",
            "appended to /memory/facts",
            "The sky is blue. Mostly.",
        )
        assert '"output": 42' in called
        assert refused[0].startswith("Error: /status: the mount is read only")
        assert all(said.startswith("Error: ") for said in refused)
        assert len(refused) == 3
        assert (await rt.replay(result.run_id)).verdict == "same"
