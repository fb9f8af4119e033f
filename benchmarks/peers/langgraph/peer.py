"""LangGraph: an agent with the SQLite saver, which writes while the next step runs, as is the default; in the runs that
are killed each step is on disk before the next begins (`durability="sync"`)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from langchain.agents import create_agent
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from peers.program import Place, main
from peers.task import INSTRUCTIONS, calculate


class LangGraph:
    def __init__(self, agent: Any, durability: str) -> None:
        self._agent = agent
        self._durability = durability

    async def ask(self, question: str, conversation: str) -> str:
        return await self._run({"messages": [{"role": "user", "content": question}]}, conversation)

    async def stream(self, question: str) -> AsyncIterator[str]:
        given = {"messages": [{"role": "user", "content": question}]}
        config = {"configurable": {"thread_id": str(uuid4())}}
        async for piece, _ in self._agent.astream(given, config, stream_mode="messages"):
            yield str(piece.content)

    async def go_on(self, question: str, conversation: str) -> str:
        return await self._run(None, conversation)

    async def _run(self, given: Any, conversation: str) -> str:
        config = {"configurable": {"thread_id": conversation}}
        state = await self._agent.ainvoke(given, config, durability=self._durability)
        return str(state["messages"][-1].content)


@asynccontextmanager
async def compiled(place: Place) -> AsyncIterator[Any]:
    """The graph, with its saver."""
    model = ChatOpenAI(model="bench", base_url=place.url, api_key="none")
    async with AsyncSqliteSaver.from_conn_string(str(place.folder / "checkpoints.db")) as saver:
        yield create_agent(model, [calculate], system_prompt=INSTRUCTIONS, checkpointer=saver)


@asynccontextmanager
async def open(place: Place) -> AsyncIterator[LangGraph]:
    async with compiled(place) as agent:
        yield LangGraph(agent, "sync" if place.durable else "async")


if __name__ == "__main__":
    main(open)
