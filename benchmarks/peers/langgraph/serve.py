"""LangGraph as its users serve it: its own server wants a licence or an account, so this is a small Starlette
application around the compiled graph. It has no runs in the background and none that others could watch."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import uvicorn
from peers.langgraph.peer import compiled
from peers.offer import given, offer, post
from peers.task import QUESTION
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route


def asked(body: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    config = {"configurable": {"thread_id": str(uuid4())}}
    return {"messages": [{"role": "user", "content": body["input"]}]}, config


async def invoke(request: Request) -> Response:
    given, config = asked(await request.json())
    state = await request.app.state.graph.ainvoke(given, config)
    return JSONResponse({"output": state["messages"][-1].content})


async def stream(request: Request) -> Response:
    given, config = asked(await request.json())

    async def events() -> AsyncIterator[str]:
        last = ""
        async for mode, item in request.app.state.graph.astream(given, config, stream_mode=["messages", "values"]):
            if mode == "messages":
                piece, _ = item
                yield f"event: message\ndata: {json.dumps({'text': piece.content})}\n\n"
            else:
                last = str(item["messages"][-1].content)
        yield f"event: end\ndata: {json.dumps({'output': last})}\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")


async def ready(request: Request) -> Response:
    return Response()


def main() -> None:
    place, port = given()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with compiled(place) as graph:
            app.state.graph = graph
            yield

    routes = [Route("/invoke", invoke, methods=["POST"]), Route("/stream", stream, methods=["POST"])]
    app = Starlette(routes=[*routes, Route("/ready", ready)], lifespan=lifespan)
    body = {"input": QUESTION}
    offer(port, ready="/ready", invoke=post("/invoke", body), stream=post("/stream", body))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False)


if __name__ == "__main__":
    main()
