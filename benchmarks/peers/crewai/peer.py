"""CrewAI: a crew of one agent with one task, with a checkpoint in a file when the task is completed, as is the default.
(Its checkpoints in SQLite need a newer SQLite than many a Python has.)

A crew has no conversation, so what was said before is handed to it with the next question.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from crewai import LLM, Agent, CheckpointConfig, Crew, Task
from crewai.tools import BaseTool
from peers.program import Place, main
from peers.task import INSTRUCTIONS, calculate_in_thread


class Calculate(BaseTool):
    name: str = "calculate"
    description: str = 'Multiply two numbers, as in "25 * 47".'

    def _run(self, expression: str) -> str:
        return calculate_in_thread(expression)


class CrewAI:
    def __init__(self, llm: LLM, checkpoints: Path) -> None:
        self._llm = llm
        self._checkpoints = checkpoints
        self._said: dict[str, list[str]] = {}

    async def ask(self, question: str, conversation: str) -> str:
        said = self._said.setdefault(conversation, [])
        answer = str(await self._crew("\n".join([*said, question])).akickoff())
        said += [question, answer]
        return answer

    async def go_on(self, question: str, conversation: str) -> None:
        """There is no checkpoint before the first task is completed."""

    def _crew(self, description: str) -> Crew:
        agent = Agent(role="Assistant", goal="Answer", backstory=INSTRUCTIONS, llm=self._llm, tools=[Calculate()])
        task = Task(description=description, expected_output="The answer", agent=agent)
        checkpoint = CheckpointConfig(location=str(self._checkpoints))
        return Crew(agents=[agent], tasks=[task], checkpoint=checkpoint)


@asynccontextmanager
async def open(place: Place) -> AsyncIterator[CrewAI]:
    yield CrewAI(LLM(model="openai/bench", base_url=place.url, api_key="none"), place.folder / "checkpoints")


if __name__ == "__main__":
    main(open)
