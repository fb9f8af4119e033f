"""Agno's own way of serving: AgentOS, with its durable queue for runs in the background, so that a request which was
accepted is on disk."""

from __future__ import annotations

import uvicorn
from agno.job_queue import QueueConfig
from agno.os import AgentOS
from peers.agno.peer import agent
from peers.offer import get, given, offer, post_form
from peers.task import QUESTION

DEPTH = 4_000
"""Runs that may wait; by default the thousandth is refused."""


def main() -> None:
    place, port = given()
    served = agent(place)
    served.id = "calc"
    app = AgentOS(agents=[served], queue=QueueConfig(durable=True, max_queue_depth=DEPTH), telemetry=False).get_app()
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
    )
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False)


if __name__ == "__main__":
    main()
