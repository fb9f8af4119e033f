"""The page of the documentation that tells how Perdure and its peers serve."""

from __future__ import annotations

from pathlib import Path

from peers.page import found_on, tables, title
from peers.record import Contest


def page(contest: Contest) -> str:
    serves = "\n".join(f"| {title(peer, contest)} | {peer.serves} |" for peer in contest.peers if peer.serves)
    return f"""\
<!-- Written by scripts/bench --peers. -->
# Served, beside its peers

The same agent behind HTTP, on the same machine, with the same model server, in turn: each answer is two calls of the
model and one tool call. The server, the model server and the clients are a process each and share the machine. Every
answer is looked at; a wrong one, or one that does not come, is no figure. `scripts/bench serving --peers` measures it
and writes this page; how each is served is in `benchmarks/peers/*/serve.py`, what it is asked in `benchmarks/load.py`.

{found_on(contest)}

{tables(contest)}

A client is one kept connection, and a time counts from the moment that all clients have asked. Events a second are not
compared: each peer tells a run in units of its own. A run that goes on says a word every 40 ms, and the word is the
time at which the model server said it.

## How each is served

All on uvicorn with uvloop and httptools, one process.

| | |
| --- | --- |
{serves}
"""


def write(contest: Contest, folder: Path) -> None:
    (folder / "serving.md").write_text(page(contest))
