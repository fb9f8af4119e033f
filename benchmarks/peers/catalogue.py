"""The peers: what they are called, what of a run each keeps, and which package's version tells them apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Peer(NamedTuple):
    """`name` is its folder; `keeps` says what is written and when, as found in its source and by counting fsyncs."""

    name: str
    title: str
    package: str
    keeps: str
    environment: Mapping[str, str] = {}
    only: str = ""
    """The one scenario that it takes part in, where it is not in all."""
    program: str = ""
    """The folder of its program, where it is another's."""
    hears: bool = False
    """Whether its program gives an answer's text as it comes."""
    serves: str = ""
    """How it is served over HTTP (`serve.py`), and what being accepted means there; empty where it brings no server."""

    flows: str = ""
    """How a flow of steps is written for it (`flow.py`), and what of a step is on disk before the next begins; empty
    where it takes no part."""

    def takes(self, scenario: str) -> bool:
        """Whether it takes part in this scenario."""
        if self.only:
            return scenario == self.only
        return {"serving": bool(self.serves), "words": self.hears, "flow": bool(self.flows)}.get(scenario, True)

    @property
    def folder(self) -> str:
        return self.program or self.name


OURS = "perdure"
PEERS = (
    Peer(
        OURS,
        "Perdure",
        "perdure",
        "Every result, before the run goes on. SQLite, write-ahead log, `synchronous=FULL`; runs that wait at the same "
        "time share an fsync.",
        hears=True,
        serves="`perdure serve`, as it comes, a token with each request. What is accepted is on disk, and is answered "
        "after a crash too. A run's events can be heard by any number, at any time, from any place in it.",
        flows="A flow file with a task for each step, a call of a tool of class `read`, which may be repeated after a "
        "crash, as the steps of all others here are. A step's result, before the next begins. SQLite, write-ahead "
        "log, `synchronous=FULL`.",
    ),
    Peer(
        "perdure_once",
        "Perdure, tool of class `once`",
        "perdure",
        "The same. The tool says nothing of itself, so a call of which nothing is known is a person's to decide.",
        environment={"PEER_CLASS": "once"},
        only="kill",
        program=OURS,
    ),
    Peer(
        "langgraph",
        "LangGraph",
        "langgraph",
        "The whole state after each step (AsyncSqliteSaver), while the next one runs; before it where it is killed "
        '(`durability="sync"`). SQLite, write-ahead log, `synchronous` at its default, FULL.',
        hears=True,
        serves="Its own server wants a licence or an account, so this is what its users write: a small Starlette "
        "application around the compiled graph, without authentication. There are no runs in the background and none "
        "that others could watch: where the others give a receipt, the answer is waited for.",
        flows='A graph of one node that goes back to itself, `durability="sync"`. The whole state after each step, '
        "before the next begins (AsyncSqliteSaver). SQLite, write-ahead log, `synchronous` at its default, FULL.",
    ),
    Peer(
        "agno",
        "Agno",
        "agno",
        "The run when it has ended (SqliteDb); also after each batch of tools where it is killed "
        '(`checkpoint="tool-batch"`). SQLite, write-ahead log, `synchronous` at its default, FULL.',
        hears=True,
        serves="AgentOS (FastAPI), without authentication. What is accepted is on disk; nobody goes on with it after a "
        "crash, as its durable queue wants PostgreSQL or Redis. At most 32 runs in the background at once, as it "
        "comes. Of a run in the background others can hear what the process remembers.",
    ),
    Peer(
        "openai_agents",
        "OpenAI Agents SDK",
        "openai-agents",
        "What was said, after each turn (SQLiteSession). SQLite, write-ahead log, `synchronous` at its default, FULL.",
        hears=True,
    ),
    Peer("pydantic_ai", "Pydantic AI", "pydantic-ai-slim", "Nothing.", hears=True),
    Peer(
        "pydantic_ai_dbos",
        "Pydantic AI + DBOS",
        "dbos",
        "Input and output of the run, of each model call and of the tool (steps of a workflow). SQLite, rollback "
        "journal, `synchronous` at its default, FULL.",
    ),
    Peer(
        "agent_framework",
        "Microsoft Agent Framework",
        "agent-framework-core",
        "What was said, after each model call (FileHistoryProvider, experimental). A file of JSON lines, no fsync.",
    ),
    Peer(
        "crewai",
        "CrewAI",
        "crewai",
        "A checkpoint of everything when a task is completed (JsonProvider). A file each, no fsync. Its outputs of "
        "tasks in SQLite besides.",
    ),
    Peer("smolagents", "smolagents", "smolagents", "Nothing."),
    Peer(
        "prefect",
        "Prefect",
        "prefect",
        "Each task's result, as a file, before the flow goes on; states in SQLite, by a server.",
        environment={
            "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "true",
            "PREFECT_LOGGING_LEVEL": "ERROR",
            "PREFECT_LOGGING_TO_API_ENABLED": "false",
        },
        only="flow",
        flows="A `@flow` that awaits a `@task` for each step, with the server that it starts itself (a process of its "
        "own, whose CPU counts), results persisted, logs off. A step's result is a file before the next begins, "
        "without fsync; its states reach the server meanwhile. SQLite, write-ahead log, `synchronous=NORMAL`: a crash "
        "of the process loses nothing of what was written, one of the machine may. Each flow costs it about two "
        "seconds of CPU beside its steps, so look at 1,000 for a step. With a server that ran already (`prefect server "
        "start`) three flows of 100, tried once, took as long.",
    ),
    Peer(
        "dbos",
        "DBOS",
        "dbos",
        "Input and output of the workflow and of each step. SQLite, rollback journal, `synchronous` at its default, "
        "FULL.",
        only="flow",
        flows="A `@DBOS.workflow` that calls a `@DBOS.step` for each step, in threads, which was quicker than its "
        "asynchronous form. A step's result, before the next begins. SQLite, rollback journal, `synchronous` at its "
        "default, FULL. PostgreSQL, where its users have it in production, was not measured.",
    ),
)


def chosen(names: str) -> tuple[Peer, ...]:
    """The peers named, with commas between; Perdure is always among them. Raises LookupError for a name unknown."""
    if names == "all":
        return PEERS
    wanted = {OURS, *names.split(",")}
    if unknown := wanted - {peer.folder for peer in PEERS}:
        raise LookupError(f"no such peer: {', '.join(sorted(unknown))}")
    return tuple(peer for peer in PEERS if peer.folder in wanted)
