"""The page of the documentation that tells of a contest, and the charts that are on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from peers.catalogue import OURS, Peer
from peers.chart import Bar, chart
from peers.record import Contest
from peers.table import (
    CONVERSATION,
    FLOW,
    MORE,
    RUN,
    SERVING,
    START,
    STREAMS,
    Figure,
    better_than_ours,
    instead,
    kill_table,
    table,
    value,
)

CHARTED = {
    "first-answer": START[0],
    "memory": START[2],
    "cpu": RUN[0],
    "runs": RUN[1],
    "alone": RUN[2],
    "late-turn": CONVERSATION[1],
    "stored": CONVERSATION[3],
}
FIGURES = (*START, *RUN, *CONVERSATION, *MORE, *SERVING, *STREAMS, *FLOW)


def tables(contest: Contest) -> str:
    """The tables of all scenarios that were held, as Markdown, with what was found better than Perdure."""
    peers, results, words = contest.peers, contest.results, contest.words
    held = {scenario for by_scenario in results.values() for scenario in by_scenario}
    parts = []
    for title, all_ in (
        ("From nothing to the first answer", START),
        ("A run", RUN),
        (f"A conversation of {contest.turns} turns", CONVERSATION),
        ("Many at once, large, and streamed", MORE),
        ("Asked over HTTP", SERVING),
        ("Streams", STREAMS),
        ("Steps one after another", FLOW),
    ):
        figures = [figure for figure in all_ if figure.scenario in held]
        if figures:
            taking = [peer for peer in peers if peer.takes(figures[0].scenario)]
            parts += [f"### {title}", table(taking, figures, results, words)]
    if "kill" in held:
        parts += [
            "### Killed, and gone on with",
            kill_table([peer for peer in peers if peer.takes("kill")], results, words),
        ]
    better = better_than_ours(peers, FIGURES, results)
    parts += [
        "### Where a peer is better",
        "\n".join(f"- {line}" for line in better) or "Nowhere, in the figures above.",
    ]
    return "\n\n".join(parts)


def found_on(contest: Contest) -> str:
    """When and where the figures were found, and how to read them."""
    machine = "{processor}, {cores} cores, {system}, Python {python}".format_map(contest.machine)
    note = f"\n{contest.note}" if contest.note else ""
    rounds = "round" if contest.rounds == 1 else "rounds"
    return f"""\
Found on {contest.day}: {machine}.{note}
{contest.rounds} {rounds} in turn; median (least–greatest), and how many times Perdure's figure it is: 21x means that
Perdure is 21 times better."""


def page(contest: Contest) -> str:
    keeps = "\n".join(f"| {title(peer, contest)} | {peer.keeps} |" for peer in contest.peers if not peer.only)
    charts = "\n".join(f"![{figure.says}]({name}.svg)\n" for name, figure in CHARTED.items())
    return f"""\
<!-- Written by scripts/bench --peers. -->
# Perdure and its peers

The same work, on the same machine, with the same model server, in turn. A run is two calls of the model over loopback
HTTP and one tool call. `scripts/bench --peers` makes a virtual environment for each peer, runs all of this and writes
this page; the programs, each in its peer's own idiom, are in `benchmarks/peers/`.

{found_on(contest)}

- **Speed** is measured with each peer's default settings, on uvloop, in one process; CPU is what the system says the
  process used, all threads, user and system. **Where it is killed** each peer has the settings that keep the most.
  Perdure has the same in both; its tool is a `read` where speed is measured, as it has no side effect there.
- *Without the model* is the whole less two round trips to the model server by a bare socket, found in the same process.
- The conversation has each peer's own way of keeping and cutting what was said. Those that cut nothing send more each
  turn. It, the kills and the counting of fsyncs are done in one round.
- Nothing leaves the machine: telemetry that would is off.

{charts}
{tables(contest)}

## What each keeps

Fsyncs are counted with `strace`; what is written and when is from the source of the versions below.

| | what is on disk, and when |
| --- | --- |
{keeps}

## What going on means

The tool appends a line to a file, which is counted from outside; model calls are counted by the model server. *Starts
anew*: nothing can be gone on with, and the question is asked once more. Perdure's tool is `checkable`: it appends the
call's key, and a probe looks for the key in the file. Without a probe or a key (class `once`, the default) the run
stops and asks a person: nothing is done twice, and nothing is done until then. A peer whose process died in the tool
calls the tool again, and a side effect is then had twice unless the tool itself finds out. One that starts anew in a
conversation which has the tool's result already shows it to the model, which then need not call the tool again.
"""


def charts(contest: Contest) -> dict[str, str]:
    """SVG by file name."""
    peers = [peer for peer in contest.peers if not peer.only]
    return {
        f"{name}.svg": chart(figure.says, figure.unit, _bars(peers, figure, contest), better=figure.better)
        for name, figure in CHARTED.items()
    }


def write(contest: Contest, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, svg in charts(contest).items():
        (folder / name).write_text(svg)
    (folder / "peers.md").write_text(page(contest))


def _bars(peers: Sequence[Peer], figure: Figure, contest: Contest) -> list[Bar]:
    bars = []
    for peer in peers:
        found = value(contest.results, peer.name, figure)
        said = instead(contest.words, peer.name, figure, found)
        bars.append(Bar(peer.title, None if found is None or said else found["median"], peer.name == OURS, said))
    return bars


def title(peer: Peer, contest: Contest) -> str:
    """Its title, with its version."""
    version = contest.versions.get(peer.name)
    return f"{peer.title} {version}" if version else peer.title
