"""The contest: every peer in every scenario, round after round, in turn; kept as JSON, shown as a table and a page."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from figures import machine
from peers.catalogue import Peer, chosen
from peers.environments import ROOT, NotInstalled, python_of, versions
from peers.page import tables, write
from peers.process import Entrant, Failed
from peers.record import Found, Record, Rounds, contest_of
from peers.scenarios import SCENARIOS, Scenario

PAGES = ROOT / "docs" / "benchmarks"
KEPT = ROOT / "benchmarks" / "peers.json"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--peers",
        nargs="?",
        const="all",
        metavar="NAMES",
        help="Perdure beside its peers: all, or some with commas between. All in all scenarios write "
        "benchmarks/peers.json and docs/benchmarks/",
    )
    parser.add_argument("--full", action="store_true", help="with --peers: more runs, and a conversation of 500 turns")
    parser.add_argument(
        "--note", default="", help="with --peers: a sentence for the page, such as what else was at work"
    )
    parser.add_argument("--page", action="store_true", help="write docs/benchmarks/ anew from benchmarks/peers.json")


def rewrite() -> None:
    """The page and its charts anew, from what was found before."""
    write(contest_of(json.loads(KEPT.read_text())), PAGES)


def hold(given: Namespace, rounds: int) -> None:
    """Run the contest that the command line asks for."""
    try:
        peers = chosen(given.peers)
    except LookupError as error:
        raise SystemExit(f"error: {error.args[0]}") from error
    if unknown := set(given.scenarios) - set(SCENARIOS):
        raise SystemExit(f"error: no such scenario: {', '.join(sorted(unknown))}; there are {', '.join(SCENARIOS)}")
    scenarios = {name: scenario for name, scenario in SCENARIOS.items() if name in (given.scenarios or SCENARIOS)}
    entrants, absent = enter(peers)
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
    if given.peers == "all" and scenarios == SCENARIOS and not given.quick:
        KEPT.write_text(json.dumps(record, indent=1) + "\n")
        rewrite()


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
                if peer.only and peer.only != name:
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
