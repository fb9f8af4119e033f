"""What a contest found, as it is kept in `benchmarks/peers.json`, and what of it the tables and charts show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypedDict

from figures import Summary, summary
from peers.catalogue import OURS, PEERS, Peer

Found = dict[str, float | str]
"""Figures, and things said in words; under `failed`, why there is nothing else."""
Rounds = dict[str, dict[str, list[Found]]]
"""Peer, scenario, and what each round found."""


class Record(TypedDict):
    """`versions` has all packages of each peer's environment; `absent`, why a peer could not be installed."""

    day: str
    note: str
    machine: dict[str, Any]
    versions: dict[str, dict[str, str]]
    absent: dict[str, str]
    rounds: Rounds


class Contest(NamedTuple):
    """`results` by peer, scenario and figure; `words`, what was said instead or besides; `versions` by peer."""

    peers: Sequence[Peer]
    results: Mapping[str, Mapping[str, Summary]]
    words: Mapping[str, Mapping[str, Mapping[str, str]]]
    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    rounds: int
    turns: int
    day: str
    note: str


def contest_of(record: Record) -> Contest:
    rounds, absent = record["rounds"], record["absent"]
    everywhere = {scenario for by_scenario in rounds.values() for scenario in by_scenario}
    words = {peer: {name: _words(all_) for name, all_ in it.items()} for peer, it in rounds.items()}
    ours = rounds.get(OURS, {})
    return Contest(
        peers=[peer for peer in PEERS if peer.name in rounds or peer.name in absent],
        results={peer: {name: summary(_numbers(all_)) for name, all_ in it.items()} for peer, it in rounds.items()},
        words=words | {peer: {name: {"failed": why} for name in everywhere} for peer, why in absent.items()},
        machine=record["machine"],
        versions={peer.name: record["versions"].get(peer.name, {}).get(peer.package, "") for peer in PEERS},
        rounds=max((len(all_) for all_ in ours.values()), default=0),
        turns=int(next(iter(ours.get("conversation", [])), {}).get("turns", 0)),
        day=record["day"],
        note=record["note"],
    )


def _numbers(rounds: Sequence[Found]) -> list[dict[str, float]]:
    return [{key: value for key, value in found.items() if not isinstance(value, str)} for found in rounds]


def _words(rounds: Sequence[Found]) -> dict[str, str]:
    """What was said in words, each different thing once."""
    said: dict[str, dict[str, None]] = {}
    for found in rounds:
        for key, value in found.items():
            if isinstance(value, str):
                said.setdefault(key, {})[value] = None
    return {key: ", ".join(values) for key, values in said.items()}
