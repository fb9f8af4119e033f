"""Agno's own way of serving: AgentOS. With SQLite a run in the background is written down before it is accepted, and
nobody goes on with it after a crash: its durable queue wants PostgreSQL or Redis."""

from __future__ import annotations

import uvicorn
from agno.os import AgentOS
from pacing import FOLLOWED
from peers.agno.peer import agent
from peers.offer import get, given, offer, post_form
from peers.task import QUESTION


def main() -> None:
    place, port = given()
    served = agent(place)
    served.id = "calc"
    app = AgentOS(agents=[served], telemetry=False).get_app()
    runs, run = "/agents/calc/runs", "/agents/calc/runs/{run_id}"
    offer(
        port,
        ready="/health",
        invoke=post_form(runs, message=QUESTION, stream="false"),
        accept=post_form(runs, message=QUESTION, stream="false", background="true"),
        result=get(f"{run}?session_id={{session_id}}"),
        stream=post_form(runs, message=QUESTION, stream="true"),
        begin=post_form(runs, message=QUESTION, stream="true", background="true"),
        watch=post_form(f"{run}/resume"),
        begin_pace=post_form(runs, message=FOLLOWED.question, stream="true", background="true"),
    )
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False)


if __name__ == "__main__":
    main()
