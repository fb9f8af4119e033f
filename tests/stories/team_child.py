"""A process that goes on with the run of a team, and may be killed at any instant.

    team_child.py PROJECT [KILL_MS]

With KILL_MS it ends itself so long after the first question of its life, and members take 15 ms for an answer.

Every question to a member is written to the file `asked` of the project before it is answered. Prints a JSON object a
line: `begun` once the run is on disk, `over` at its end.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import perdure
from perdure.base.messages import ModelRequest
from perdure.kernel.settings import Settings
from perdure.testing import Scripted

ENVELOPE = "env_the_one_task"
PAUSE_MS = 15
SETTINGS = Settings(recover=True, heartbeat_ms=30, lease_ms=120, poll_ms=10, linger_ms=30)


def model(folder: Path, kill_ms: float | None) -> Scripted:
    doomed = False
    asked = os.open(folder / "asked", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def answer(request: ModelRequest) -> str:
        nonlocal doomed
        assert request.output_schema is not None
        words = request.messages[-1].text
        said = words.count("\n- ")
        os.write(asked, f"{request.system} {said}\n".encode())
        if kill_ms is not None:
            if not doomed:
                asyncio.get_running_loop().call_later(kill_ms / 1000, os.kill, os.getpid(), signal.SIGKILL)
                doomed = True
            await asyncio.sleep(PAUSE_MS / 1000)
        if "answer" in request.output_schema["properties"]:
            return json.dumps({"answer": f"{said} remarks", "confidence": 1})
        return json.dumps({"say": f"remark {said}", "done": False})

    return Scripted(answer, name="scripted/any")


async def main(folder: Path, kill_ms: float | None) -> None:
    def tell(**what: Any) -> None:
        print(json.dumps(what), flush=True)

    async with perdure.open(folder, models={"scripted/any": model(folder, kill_ms)}, settings=SETTINGS) as rt:
        run = await rt.start("talk.team.yaml", "Talk", agent="talk", envelope_id=ENVELOPE)
        tell(begun=run.id)
        result = await rt.wait(run)
        tell(over=result.status, output=result.output)


asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else None))
