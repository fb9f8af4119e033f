"""The page of the documentation that tells what a step of a flow costs, with Perdure and with its peers."""

from __future__ import annotations

from pathlib import Path

from peers.page import found_on, tables, title
from peers.record import Contest


def page(contest: Contest) -> str:
    flows = "\n".join(f"| {title(peer, contest)} | {peer.flows} |" for peer in contest.peers if peer.flows)
    return f"""\
<!-- Written by scripts/bench --peers. -->
# Flows, beside its peers

A flow of trivial steps, one after another: each adds one to what the step before gave, and its result is kept before
the next begins, so all that is measured is what the flow adds. The last step's result is looked at; a wrong one is no
figure. `scripts/bench flow --peers` measures it and writes this page; the flows, each in its peer's own idiom, are in
`benchmarks/peers/*/flow.py`.

{found_on(contest)}

{tables(contest)}

CPU is what the system says was used: all threads, user and system, of the peer's process and of those that it starts.
Processes that go on are counted in ticks of 10 ms, over a whole round. Opening, a first flow of ten steps, and what is
read or compiled once for all runs are not counted. Fsyncs are counted with `strace`, as what a second flow of 100
steps calls more; those who call fewer keep less through a power failure, or share them.

## How each is written, and what is on disk

All on uvloop, telemetry off, everything on this machine.

| | |
| --- | --- |
{flows}
"""


def write(contest: Contest, folder: Path) -> None:
    (folder / "flows.md").write_text(page(contest))
