"""smolagents: a ToolCallingAgent, which works in a thread and keeps its memory in the process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from peers.program import Place, main
from peers.task import INSTRUCTIONS, calculate_in_thread
from smolagents import LogLevel, OpenAIModel, Tool, ToolCallingAgent, tool

CLIENTS = 64


class Smolagents:
    def __init__(self, model: OpenAIModel) -> None:
        self._model = model
        self._tool: Tool = tool(calculate_in_thread)
        self._tool.name = "calculate"
        self._agents: dict[str, ToolCallingAgent] = {}
        self._threads = ThreadPoolExecutor(CLIENTS)

    async def ask(self, question: str, conversation: str) -> str:
        agent = self._agents.get(conversation) or self._agent()
        self._agents[conversation] = agent
        loop = asyncio.get_running_loop()
        return str(await loop.run_in_executor(self._threads, lambda: agent.run(question, reset=False)))

    async def go_on(self, question: str, conversation: str) -> None:
        """Nothing is kept to go on with."""

    def _agent(self) -> ToolCallingAgent:
        return ToolCallingAgent(
            tools=[self._tool], model=self._model, instructions=INSTRUCTIONS, verbosity_level=LogLevel.OFF
        )


@asynccontextmanager
async def open(place: Place) -> AsyncIterator[Smolagents]:
    yield Smolagents(OpenAIModel("bench", api_base=place.url, api_key="none"))


if __name__ == "__main__":
    main(open)
