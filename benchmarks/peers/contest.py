"""The contest: every peer in every scenario, round after round, in turn, and what was found."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from figures import machine, summary
from peers.catalogue import Peer, chosen
from peers.environments import ROOT, NotInstalled, python_of, versions
from peers.page import Contest, tables, write
from peers.process import Entrant, Failed
from peers.scenarios import SCENARIOS, Found, Scenario

PAGES = ROOT / "docs" / "benchmarks"
RESULTS = ROOT / "benchmarks" / "peers.json"
Rounds = dict[str, dict[str, list[Found]]]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--peers",
        nargs="?",
        const="all",
        metavar="NAMES",
        help="Perdure beside its peers: all, or some with commas between; writes benchmarks/peers.json, and "
        "docs/benchmarks/ where all are in all scenarios",
    )
    parser.add_argument("--full", action="store_true", help="with --peers: more runs, and a conversation of 500 turns")
    parser.add_argument("--note", default="", help="with --peers: a sentence for the page on what else the machine did")


def contest(given: Namespace, rounds: int) -> None:
    try:
        peers = chosen(given.peers)
    except LookupError as error:
        raise SystemExit(f"error: {error.args[0]}") from error
    scenarios = {name: it for name, it in SCENARIOS.items() if not given.scenarios or name in given.scenarios}
    entrants, absent = enter(peers)
    size = "quick" if given.quick else "full" if given.full else "whole"
    found = run(entrants, scenarios, rounds, size)
    results = {
        peer: {scenario: summary([_numbers(one) for one in all_]) for scenario, all_ in by_scenario.items()}
        for peer, by_scenario in found.items()
    }
    words = {peer: {scenario: _words(all_) for scenario, all_ in it.items()} for peer, it in found.items()}
    words |= {name: {key: {"failed": f"not installed: {why}"} for key in SCENARIOS} for name, why in absent.items()}
    installed = {entrant.peer.name: versions(entrant.python) for entrant in entrants}
    done = Contest(
        peers=peers,
        results=results,
        words=words,
        machine=machine(),
        versions={peer.name: installed.get(peer.name, {}).get(peer.package, "") for peer in peers},
        rounds=rounds,
        turns=getattr(SCENARIOS["conversation"], size)["turns"],
        day=datetime.now(UTC).date().isoformat(),
        note=given.note,
    )
    RESULTS.write_text(
        json.dumps(
            {
                "day": done.day,
                "note": done.note,
                "machine": done.machine,
                "versions": installed,
                "absent": absent,
                "rounds": found,
                "summary": results,
            },
            indent=1,
        )
        + "\n"
    )
    print(f"\n{', '.join(f'{name} {value}' for name, value in done.machine.items())}\n\n{tables(done)}")
    if given.peers == "all" and scenarios == SCENARIOS and not given.quick:
        write(done, PAGES)


def enter(peers: Sequence[Peer]) -> tuple[list[Entrant], dict[str, str]]:
    """The peers that can be had, one installed after another, and why the others cannot."""
    entrants: list[Entrant] = []
    absent: dict[str, str] = {}
    for peer in peers:
        print(f"installing: {peer.title}", file=sys.stderr, flush=True)
        try:
            entrants.append(Entrant(peer, python_of(peer)))
        except NotInstalled as error:
            absent[peer.name] = str(error)
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
                try:
                    one = scenario.do(entrant, getattr(scenario, size) or scenario.whole)
                except Failed as error:
                    one = {"failed": str(error)}
                    print(f"  {error}", file=sys.stderr, flush=True)
                found.setdefault(peer.name, {}).setdefault(name, []).append(one)
    return found


def _numbers(found: Mapping[str, Any]) -> dict[str, float]:
    return {key: value for key, value in found.items() if not isinstance(value, str)}


def _words(rounds: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What was said in words, each different thing once."""
    said: dict[str, dict[str, None]] = {}
    for found in rounds:
        for key, value in found.items():
            if isinstance(value, str):
                said.setdefault(key, {})[value] = None
    return {key: ", ".join(values) for key, values in said.items()}
