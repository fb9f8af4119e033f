"""Microsoft Agent Framework: an agent whose history is in files, written after each call of the model."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agent_framework import Agent, FileHistoryProvider
from agent_framework.openai import OpenAIChatCompletionClient
from peers.program import Place, main
from peers.task import INSTRUCTIONS, calculate


class AgentFramework:
    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    async def ask(self, question: str, conversation: str) -> str:
        session = self._agent.create_session(session_id=conversation)
        return (await self._agent.run(question, session=session)).text

    async def go_on(self, question: str, conversation: str) -> None:
        """The history keeps what was said; a run that was cut off cannot be taken up from it."""


@asynccontextmanager
async def open(place: Place) -> AsyncIterator[AgentFramework]:
    client = OpenAIChatCompletionClient("bench", base_url=place.url, api_key="none")
    async with Agent(
        client,
        INSTRUCTIONS,
        name="calc",
        tools=[calculate],
        context_providers=[FileHistoryProvider(place.folder / "history")],
        require_per_service_call_history_persistence=True,
    ) as agent:
        yield AgentFramework(agent)


if __name__ == "__main__":
    main(open)
