"""Pydantic AI as it comes: the conversation is in memory, and nothing is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from peers.program import Place, main
from peers.task import INSTRUCTIONS, calculate
from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider


class PydanticAI:
    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._said: dict[str, list[ModelMessage]] = {}

    async def ask(self, question: str, conversation: str) -> str:
        result = await self._agent.run(question, message_history=self._said.get(conversation))
        self._said[conversation] = result.all_messages()
        return result.output

    async def stream(self, question: str) -> AsyncIterator[str]:
        async with self._agent.run_stream(question) as result:
            async for piece in result.stream_text(delta=True, debounce_by=None):
                yield piece

    async def go_on(self, question: str, conversation: str) -> None:
        """Nothing is kept to go on with."""


@asynccontextmanager
async def open(place: Place) -> AsyncIterator[PydanticAI]:
    model = OpenAIChatModel("bench", provider=OpenAIProvider(base_url=place.url, api_key="none"))
    yield PydanticAI(Agent(model, instructions=INSTRUCTIONS, tools=[calculate]))


if __name__ == "__main__":
    main(open)
