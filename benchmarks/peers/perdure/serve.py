"""`perdure serve`, as it comes: every request shows the project's token."""

from __future__ import annotations

import os
import sys
from secrets import token_urlsafe

from pacing import FOLLOWED
from peers.offer import get, given, offer, post
from peers.task import QUESTION
from project import AGENT, TOOLS

COMMAND = "from perdure.cli.main import main; main()"


def main() -> None:
    place, port = given()
    agents, state, token = place.folder / "agents", place.folder / ".perdure", token_urlsafe()
    agents.mkdir()
    state.mkdir()
    (place.folder / "perdure.toml").write_text(f'[providers.compatible]\nbase_url = "{place.url}"\n')
    (agents / "calc.yaml").write_text(AGENT)
    (agents / "tools.py").write_text(TOOLS)
    (state / "token").touch(0o600)
    (state / "token").write_text(token)
    body = {"spec": "calc", "input": QUESTION}
    offer(
        port,
        ready="/readyz",
        token=token,
        invoke=post("/invoke", body),
        accept=post("/invoke", {**body, "async": True}),
        result=get("/runs/{run_id}"),
        stream=post("/invoke", {**body, "stream": True}),
        begin=post("/invoke", body),
        watch=get("/runs/{run_id}/events"),
        begin_pace=post("/invoke", {"spec": "calc", "input": FOLLOWED.question, "stream": True}),
    )
    os.chdir(place.folder)
    os.execv(sys.executable, [sys.executable, "-c", COMMAND, "serve", "--port", str(port)])


if __name__ == "__main__":
    main()
