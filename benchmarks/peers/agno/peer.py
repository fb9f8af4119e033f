"""Agno: an agent with SqliteDb, which keeps a run when it ends, as is the default; the runs that are killed are kept
after every batch of tools too (`checkpoint="tool-batch"`), as its guide to crashes says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agno.agent import Agent
from agno.db.sqlite import SqliteDb
from agno.models.openai import OpenAIChat
from agno.run.agent import RunContentEvent
from peers.program import Place, main
from peers.task import INSTRUCTIONS, calculate


class Agno:
    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    async def ask(self, question: str, conversation: str) -> str:
        return str((await self._agent.arun(question, session_id=conversation)).content)

    async def stream(self, question: str) -> AsyncIterator[str]:
        async for event in self._agent.arun(question, stream=True):
            if isinstance(event, RunContentEvent):
                yield str(event.content)

    async def go_on(self, question: str, conversation: str) -> str | None:
        session = await self._agent.aget_session(session_id=conversation)
        if session is None or not session.runs:
            return None
        run_id = session.runs[-1].run_id
        return str((await self._agent.acontinue_run(run_id=run_id, session_id=conversation)).content)


def agent(place: Place) -> Agent:
    return Agent(
        model=OpenAIChat(id="bench", base_url=place.url, api_key="none"),
        instructions=INSTRUCTIONS,
        tools=[calculate],
        db=SqliteDb(db_file=str(place.folder / "agno.db")),
        add_history_to_context=True,
        checkpoint="tool-batch" if place.durable else "runs",
        telemetry=False,
    )


@asynccontextmanager
async def open(place: Place) -> AsyncIterator[Agno]:
    yield Agno(agent(place))


if __name__ == "__main__":
    main(open)
