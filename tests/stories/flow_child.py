"""A process that carries a flow out and may be killed at any instant.

    flow_child.py PROJECT --runs N

Begins the runs 1 to N, where they have not begun yet, goes on with all of them, and ends when they have. It prints a
JSON object a line: `open` once it works, `over` with the status and output of each run.

What is in doubt an operator decides, who looks at the other side: that is the only way to be sure.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any

from crash_tools import outside

import perdure
from perdure.base.errors import PerdureError
from perdure.kernel.effect import idempotency_key
from perdure.kernel.settings import Settings

SETTINGS = Settings(recover=True, heartbeat_ms=200, lease_ms=800, poll_ms=30, linger_ms=30)


def tell(**said: Any) -> None:
    print(json.dumps(said), flush=True)


async def ended(rt: perdure.Runtime, run_id: str) -> Any:
    """The run's result; what is in doubt on the way is decided."""
    while True:
        result = await rt.look(run_id)
        if result.status in ("done", "failed", "cancelled"):
            return result
        for wait in result.waits:
            if wait.kind == "in_doubt":
                happened = await outside(do="probe", key=idempotency_key(run_id, wait.key))
                try:
                    if happened:
                        await rt.resolve(run_id, wait.key, "done", value="once done")
                    else:
                        await rt.resolve(run_id, wait.key, "retry")
                except PerdureError:
                    pass  # it has been decided in the meantime
        await asyncio.sleep(0.02)


async def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("project", type=Path)
    asked.add_argument("--runs", type=int, default=1)
    args = asked.parse_args()
    async with perdure.open(args.project, settings=SETTINGS, recover=True) as rt:
        tell(open=True)
        runs = [
            await rt.start("killed.flow.yaml", {"n": n}, agent=f"killed-{n}", envelope_id=f"env_{n}")
            for n in range(1, args.runs + 1)
        ]
        results = [await ended(rt, run.id) for run in runs]
        tell(over=[[one.run_id, one.status, one.output, one.error] for one in results])


if __name__ == "__main__":
    asyncio.run(main())
