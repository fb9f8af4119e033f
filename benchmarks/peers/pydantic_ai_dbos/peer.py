"""Pydantic AI with DBOS on SQLite: a run is a workflow, each model call and the tool a step of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dbos import DBOS, SetWorkflowID
from peers import task
from peers.program import Place, main
from pydantic_ai import Agent
from pydantic_ai.durable_exec.dbos import DBOSDurability
from pydantic_ai.messages import ModelMessage
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider


@DBOS.step()
async def calculate(expression: str) -> str:
    """Multiply two numbers, as in "25 * 47"."""
    return await task.perform(expression)


class PydanticAIWithDBOS:
    def __init__(self, agent: Agent) -> None:
        self._said: dict[str, list[ModelMessage]] = {}

        @DBOS.workflow(name="ask")
        async def run(question: str, said: list[ModelMessage]) -> list[ModelMessage]:
            return (await agent.run(question, message_history=said)).all_messages()

        self._run = run

    async def ask(self, question: str, conversation: str) -> str:
        said = self._said.get(conversation, [])
        with SetWorkflowID(f"{conversation}-{len(said)}"):
            self._said[conversation] = await self._run(question, said)
        return _text(self._said[conversation])

    async def go_on(self, question: str, conversation: str) -> str:
        # Launching has taken up what was pending.
        handle = await DBOS.retrieve_workflow_async(f"{conversation}-0")
        return _text(await handle.get_result())


def _text(messages: list[ModelMessage]) -> str:
    return messages[-1].text or ""


@asynccontextmanager
async def open(place: Place) -> AsyncIterator[PydanticAIWithDBOS]:
    DBOS(
        config={
            "name": "peer",
            "system_database_url": f"sqlite:///{place.folder / 'dbos.sqlite'}",
            "log_level": "ERROR",
        }
    )
    model = OpenAIChatModel("bench", provider=OpenAIProvider(base_url=place.url, api_key="none"))
    agent = Agent(
        model, name="calc", instructions=task.INSTRUCTIONS, tools=[calculate], capabilities=[DBOSDurability()]
    )
    peer = PydanticAIWithDBOS(agent)
    DBOS.launch()
    try:
        yield peer
    finally:
        DBOS.destroy()


if __name__ == "__main__":
    main(open)
