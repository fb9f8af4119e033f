"""A process whose buyers spend from one pool, all at once, and that may be killed at any instant.

    budget_child.py PROJECT BOSS [--point NAME --nth N]

Sends one message to the agent BOSS (again: the same message, which is known), goes on with whatever lies idle, and ends
when BOSS has ended. Every call of the model is a line in `bill`, written before the answer: what the provider charges,
whatever becomes of the caller. Prints `opening`, `accepted` and `over`, a JSON object a line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
from pathlib import Path
from typing import Any

import perdure
from perdure.base.messages import ModelRequest, ModelResponse, Text
from perdure.base.usage import Usage
from perdure.kernel.settings import Settings
from perdure.testing import Scripted, kill_at

SETTINGS = Settings(recover=True, heartbeat_ms=200, lease_ms=800, poll_ms=30, linger_ms=30)


def tell(**said: Any) -> None:
    print(json.dumps(said), flush=True)


def provider(bill: Path) -> Scripted:
    """Charges 10,000 micro-USD for each call, and takes its time."""
    chance = random.Random(os.getpid())

    async def answer(request: ModelRequest) -> ModelResponse:
        line = os.open(bill, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(line, b"10000\n")
        os.close(line)
        await asyncio.sleep(chance.random() * 0.05)
        return ModelResponse((Text("bought"),), "end", Usage(10, 100))

    return Scripted(answer)


async def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("project", type=Path)
    asked.add_argument("boss")
    asked.add_argument("--point", default="")
    asked.add_argument("--nth", type=int, default=1)
    args = asked.parse_args()
    probe = kill_at(args.point, args.nth) if args.point else (lambda _: None)
    models = {"scripted/buyer": provider(args.project / "bill")}
    tell(opening=True)
    async with perdure.open(args.project, models=models, settings=SETTINGS, probe=probe) as rt:
        run = await rt.start("boss.yaml", "buy", agent=args.boss, envelope_id=f"env_{args.boss}")
        tell(accepted=run.id)
        tell(over=(await rt.wait(run)).output)


if __name__ == "__main__":
    asyncio.run(main())
