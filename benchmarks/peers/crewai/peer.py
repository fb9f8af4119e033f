"""CrewAI: a crew of one agent with one task, with checkpoints in SQLite when the task is completed, as is the default.

A crew has no conversation, so what was said before is handed to it with the next question.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from crewai import LLM, Agent, CheckpointConfig, Crew, Task
from crewai.state import SqliteProvider
from crewai.tools import tool

from peers.program import Place, main
from peers.task import INSTRUCTIONS, calculate_in_thread


class CrewAI:
    def __init__(self, llm: LLM, database: Path) -> None:
        self._llm = llm
        self._tool = tool("calculate")(calculate_in_thread)
        self._database = database
        self._said: dict[str, list[str]] = {}

    async def ask(self, question: str, conversation: str) -> str:
        said = self._said.setdefault(conversation, [])
        answer = str(await self._crew("\n".join([*said, question])).akickoff())
        said += [question, answer]
        return answer

    async def go_on(self, question: str, conversation: str) -> None:
        """There is no checkpoint before the first task is completed."""

    def _crew(self, description: str) -> Crew:
        agent = Agent(role="Assistant", goal="Answer", backstory=INSTRUCTIONS, llm=self._llm, tools=[self._tool])
        task = Task(description=description, expected_output="The answer", agent=agent)
        checkpoint = CheckpointConfig(location=str(self._database), provider=SqliteProvider())
        return Crew(agents=[agent], tasks=[task], checkpoint=checkpoint)


@asynccontextmanager
async def open(place: Place) -> AsyncIterator[CrewAI]:
    yield CrewAI(LLM(model="openai/bench", base_url=place.url, api_key="none"), place.folder / "checkpoints.db")


if __name__ == "__main__":
    main(open)
