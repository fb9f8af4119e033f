"""LangGraph: a graph of one node that goes back to itself; each state is on disk before the next step begins."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypedDict
from uuid import uuid4

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from peers.steps import Prepare, Run, main


class State(TypedDict):
    n: int
    steps: int


async def add(state: State) -> dict[str, int]:
    return {"n": state["n"] + 1}


def further(state: State) -> str:
    return "add" if state["n"] < state["steps"] else END


@asynccontextmanager
async def open(folder: Path) -> AsyncIterator[Prepare]:
    builder = StateGraph(State)
    builder.add_node("add", add)
    builder.add_edge(START, "add")
    builder.add_conditional_edges("add", further, ["add", END])
    async with AsyncSqliteSaver.from_conn_string(str(folder / "checkpoints.db")) as saver:
        graph = builder.compile(checkpointer=saver)

        def prepare(steps: int) -> Run:
            async def run() -> int:
                config = {"configurable": {"thread_id": str(uuid4())}, "recursion_limit": steps + 1}
                state = await graph.ainvoke({"n": 0, "steps": steps}, config, durability="sync")
                return int(state["n"])

            return run

        yield prepare


if __name__ == "__main__":
    main(open)
