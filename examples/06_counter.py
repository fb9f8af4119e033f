"""An agent in Python: a class with hooks and typed state. It is as durable as one with a model.

$ python examples/06_counter.py
1 visit, from Ada
2 visits, the last from Bob
3 visits, the last from Cy
"""

import asyncio
from tempfile import TemporaryDirectory

import perdure
from perdure import Agent, AgentState, Context, Envelope


class Counter(Agent):
    class State(AgentState):
        count: int = 0

    state: State

    async def on_message(self, ctx: Context, message: Envelope) -> str:
        self.state.count += 1  # written when the run ends, or not at all
        if self.state.count == 1:
            return f"1 visit, from {message.payload}"
        return f"{self.state.count} visits, the last from {message.payload}"


async def main() -> None:
    with TemporaryDirectory() as folder:
        for name in ("Ada", "Bob", "Cy"):
            async with perdure.open(folder) as runtime:  # a new process would do as well
                result = await runtime.run(Counter, name, agent="door")
                print(result.output)


if __name__ == "__main__":
    asyncio.run(main())
