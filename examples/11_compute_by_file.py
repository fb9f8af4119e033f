"""An agent has models as files: it writes a request, watches the answer come, and reads what it cost.

A job is done beside the agent, and is on disk from beginning to end. Its money is set aside when it is accepted.

$ python examples/11_compute_by_file.py
Ada has heard: A |file |was |opened
Ada has heard: and |a |poem |came |out
two jobs: 60 + 75 = 135 micro-dollars
/compute/usage says 135, /wallet/history says 135, $0.999865 are left for today
"""

import asyncio
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import perdure
from perdure import Agent, Context, Envelope, Text
from perdure.base.messages import ModelResponse
from perdure.base.usage import Usage
from perdure.testing import Scripted

PROJECT = """
[budget]
per_day = "$1"
[prices."scripted/poet"]                # dollars per million tokens
input = 3
output = 15
"""


class Ada(Agent):
    async def on_message(self, ctx: Context, message: Envelope) -> int:
        request = {
            "model": "poet",  # of whichever provider has it, as the policy prefers
            "kind": "chat",
            "input": {"messages": [{"role": "user", "content": message.payload}], "max_tokens": 100},
            "stream": True,
        }
        job = json.loads(await ctx.files.call("/compute/new", request))
        told = await ctx.files.follow(job["stream_path"], until=lambda change: b"finish_reason" in change.data)
        print("Ada has heard:", "|".join(json.loads(change.data)["delta"] for change in told).rstrip("|"))
        result = json.loads(await ctx.files.read(job["result_path"]))
        return int(result["cost_microusd"])


def answer(text: str, tokens: int) -> ModelResponse:
    return ModelResponse((Text(text),), usage=Usage(10, tokens))


async def main(folder: str) -> None:
    poet = Scripted([answer("A file was opened", 2), answer("and a poem came out", 3)])
    async with perdure.open(folder, models={"scripted/poet": poet}) as runtime:
        costs = [(await runtime.run(Ada, "Go on.", agent="ada")).output for _ in range(2)]
        print("two jobs:", " + ".join(map(str, costs)), "=", sum(costs), "micro-dollars")

        files = await runtime.namespace_of("ada")
        day = json.loads(await files.read("/compute/usage"))["day"]
        charged = sum(one["spent_microusd"] for one in json.loads(await files.read("/wallet/history")))
        print(f"/compute/usage says {day['spent_microusd']}, /wallet/history says {charged},", end=" ")
        print(f"${day['remaining_microusd'] / 1_000_000} are left for today")


if __name__ == "__main__":
    with TemporaryDirectory() as home:
        Path(home, "perdure.toml").write_text(PROJECT)
        asyncio.run(main(home))
