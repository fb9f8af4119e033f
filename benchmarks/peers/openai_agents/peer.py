"""OpenAI Agents SDK: an agent on Chat Completions, its conversation in an SQLiteSession."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

from openai import AsyncOpenAI
from peers.program import Place, main
from peers.task import INSTRUCTIONS, calculate

from agents import Agent, OpenAIChatCompletionsModel, Runner, SQLiteSession, function_tool, set_tracing_disabled


class OpenAIAgents:
    def __init__(self, agent: Agent, database: Path) -> None:
        self._agent = agent
        self._database = database

    async def ask(self, question: str, conversation: str) -> str:
        session = SQLiteSession(conversation, self._database)
        try:
            return str((await Runner.run(self._agent, question, session=session)).final_output)
        finally:
            session.close()

    async def stream(self, question: str) -> AsyncIterator[str]:
        session = SQLiteSession(str(uuid4()), self._database)
        try:
            async for event in Runner.run_streamed(self._agent, question, session=session).stream_events():
                if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
                    yield event.data.delta
        finally:
            session.close()

    async def go_on(self, question: str, conversation: str) -> None:
        """A session keeps what was said; a run that was cut off cannot be taken up from it."""


@asynccontextmanager
async def open(place: Place) -> AsyncIterator[OpenAIAgents]:
    set_tracing_disabled(True)
    model = OpenAIChatCompletionsModel("bench", AsyncOpenAI(base_url=place.url, api_key="none"))
    agent = Agent(name="calc", instructions=INSTRUCTIONS, model=model, tools=[function_tool(calculate)])
    yield OpenAIAgents(agent, place.folder / "sessions.db")


if __name__ == "__main__":
    main(open)
