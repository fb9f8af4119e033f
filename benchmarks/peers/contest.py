"""The contest: every peer in every scenario, round after round, in turn; kept as JSON, shown as a table and a page."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from figures import machine
from peers import flows_page, page, serving_page
from peers.catalogue import Peer, chosen
from peers.environments import ROOT, NotInstalled, python_of, versions
from peers.page import tables
from peers.process import Entrant, Failed
from peers.record import Contest, Found, Record, Rounds, contest_of
from peers.scenarios import SCENARIOS, Scenario

PAGES = ROOT / "docs" / "benchmarks"


class Kept(NamedTuple):
    """What is kept of these scenarios once all peers have been through all of them, and what writes its page."""

    scenarios: frozenset[str]
    file: Path
    write: Callable[[Contest, Path], None]

    def of(self, record: Record) -> Record:
        """The part of a record that is kept here."""
        rounds = {
            peer: {name: found for name, found in all_.items() if name in self.scenarios}
            for peer, all_ in record["rounds"].items()
        }
        there = {peer: found for peer, found in rounds.items() if found}
        return {**record, "rounds": there, "versions": {peer: record["versions"][peer] for peer in there}}

    def rewrite(self) -> None:
        self.write(contest_of(json.loads(self.file.read_text())), PAGES)


SERVED = frozenset({"serving"})
FLOWS = frozenset({"flow"})
KEPT = (
    Kept(frozenset(SCENARIOS) - SERVED - FLOWS, ROOT / "benchmarks" / "peers.json", page.write),
    Kept(SERVED, ROOT / "benchmarks" / "peers-serving.json", serving_page.write),
    Kept(FLOWS, ROOT / "benchmarks" / "peers-flows.json", flows_page.write),
)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--peers",
        nargs="?",
        const="all",
        metavar="NAMES",
        help="Perdure beside its peers: all, or some with commas between. All of them in all scenarios, in "
        "`serving` or in `flow`, are kept in benchmarks/ and written to docs/benchmarks/",
    )
    parser.add_argument("--full", action="store_true", help="with --peers: more runs, and a conversation of 500 turns")
    parser.add_argument(
        "--note", default="", help="with --peers: a sentence for the page, such as what else was at work"
    )
    parser.add_argument("--page", action="store_true", help="write docs/benchmarks/ anew from benchmarks/peers.json")


def rewrite() -> None:
    """The pages and their charts anew, from what was found before."""
    for kept in KEPT:
        kept.rewrite()


def hold(given: Namespace, rounds: int) -> None:
    """Run the contest that the command line asks for."""
    try:
        peers = chosen(given.peers)
    except LookupError as error:
        raise SystemExit(f"error: {error.args[0]}") from error
    if unknown := set(given.scenarios) - set(SCENARIOS):
        raise SystemExit(f"error: no such scenario: {', '.join(sorted(unknown))}; there are {', '.join(SCENARIOS)}")
    scenarios = {name: scenario for name, scenario in SCENARIOS.items() if name in (given.scenarios or SCENARIOS)}
    entrants, absent = enter([peer for peer in peers if any(map(peer.takes, scenarios))])
    size = "quick" if given.quick else "full" if given.full else "whole"
    record = Record(
        day=datetime.now(UTC).date().isoformat(),
        note=given.note,
        machine=machine(),
        versions={entrant.peer.name: versions(entrant.python) for entrant in entrants},
        absent=absent,
        rounds=run(entrants, scenarios, rounds, size),
    )
    print(f"\n{', '.join(f'{name} {value}' for name, value in record['machine'].items())}\n")
    print(tables(contest_of(record)))
    for kept in KEPT:
        if given.peers == "all" and not given.quick and kept.scenarios <= scenarios.keys():
            kept.file.write_text(json.dumps(kept.of(record), indent=1) + "\n")
            kept.rewrite()


def enter(peers: Sequence[Peer]) -> tuple[list[Entrant], dict[str, str]]:
    """The peers that can be had, one installed after another, and why the others cannot."""
    entrants: list[Entrant] = []
    absent: dict[str, str] = {}
    for peer in peers:
        print(f"installing: {peer.title}", file=sys.stderr, flush=True)
        try:
            entrants.append(Entrant(peer, python_of(peer)))
        except NotInstalled as error:
            absent[peer.name] = f"not installed: {error}"
    return entrants, absent


def run(entrants: Sequence[Entrant], scenarios: Mapping[str, Scenario], rounds: int, size: str) -> Rounds:
    """Scenario by scenario, so that all peers go through one in the same minutes; a failure is noted and left alone."""
    found: Rounds = {}
    for number in range(1, rounds + 1):
        for name, scenario in scenarios.items():
            if number > scenario.rounds:
                continue
            for entrant in entrants:
                peer = entrant.peer
                if not peer.takes(name):
                    continue
                print(f"round {number} of {rounds}: {name}: {peer.title}", file=sys.stderr, flush=True)
                found.setdefault(peer.name, {}).setdefault(name, []).append(_one(scenario, entrant, size))
    return found


def _one(scenario: Scenario, entrant: Entrant, size: str) -> Found:
    try:
        return scenario.do(entrant, getattr(scenario, size) or scenario.whole)
    except Failed as error:
        print(f"  {error}", file=sys.stderr, flush=True)
        return {"failed": str(error)}
