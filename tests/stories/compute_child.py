"""A process with a job of /compute that never ends: prints the job's receipt when the call is under way."""

import asyncio
import sys
from pathlib import Path

import perdure
from perdure.base.messages import TextDelta


class Endless:
    name = "scripted/a"

    async def stream(self, request):
        yield TextDelta("so far")
        await asyncio.Event().wait()


class Idle(perdure.Agent):
    async def on_message(self, ctx, message):
        return "done"


async def main(folder: Path, request: bytes) -> None:
    async with perdure.open(folder, models={"scripted/a": Endless()}) as runtime:
        await runtime.run(Idle, "hi", agent="ada")
        receipt = await runtime.jobs.submit("ada", request)
        job_id = (await runtime.jobs.ids("ada"))[0]
        await anext(await runtime.jobs.watch("ada", job_id))
        print(receipt.decode(), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":  # the agent is found by loading this file once more
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2].encode()))
