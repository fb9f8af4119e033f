"""`perdure run --daemon`: an agent that is there in the background."""

from __future__ import annotations

import os
from pathlib import Path

from perdure.agents.config.loader import load_agent
from perdure.base.codec import from_json
from perdure.control.daemons.daemon import Daemon

from ..exits import DONE
from ..serving import Service
from ..terminal import note
from .starting import start_service, tell_started
from .told import ask


def run_daemon(folder: Path, file: Path, name: str | None, said: str | None, agent: str | None, *, json: bool) -> int:
    """Serve the agent of a file in the background, on a free port; it begins with what is `said`. Returns the exit
    code."""
    spec = load_agent(file, environment=os.environ)
    daemon = start_service(Service(folder, port=0, files=(file,)), name or spec.name)
    run_id = "" if said is None else _begin(daemon, spec.name, said, agent)
    tell_started(daemon, json=json, **({"run_id": run_id} if run_id else {}))
    if run_id and not json:
        note(f"Run {run_id} has begun. See: perdure runs show {run_id}")
    return DONE


def _begin(daemon: Daemon, spec: str, said: str, agent: str | None) -> str:
    wanted = {"spec": spec, "input": said, "async": True, **({"agent_id": agent} if agent else {})}
    receipt = from_json(ask(daemon, "/invoke", wanted))
    return str(receipt["run_id"])
