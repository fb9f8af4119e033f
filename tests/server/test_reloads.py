"""Files that were taken up or refused are events."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Served = Callable[..., Any]


async def test_whoever_listens_hears_of_each_and_of_the_last_one_before(served: Served, project: Path) -> None:
    file = project / "agents" / "clerk.yaml"
    good = file.read_text()
    async with served() as client:
        stream = await client.stream("GET", "/runtime/reloads")
        file.write_text(good.replace("Keeps the books", "Keeps them well"))
        await client.runtime.reload()
        event = await stream.event()
        (change,) = event["data"]["changes"]
        assert (event["event"], change["agent"], change["keys"]) == ("reloaded", "clerk", ["description"])
        file.write_text("name: clerk\nmodell: x\n")
        await client.runtime.reload()
        (change,) = (await stream.event())["data"]["changes"]
        assert "modell" in change["problem"]
        late = await client.stream("GET", "/runtime/reloads")
        assert (await late.event())["data"]["changes"] == [change]
        status = (await client.get("/runtime/status")).json
        assert (list(status["problems"]), status["reloaded"]["changes"]) == (["agents/clerk.yaml"], [change])
    assert client.runtime.reloads.told == []
