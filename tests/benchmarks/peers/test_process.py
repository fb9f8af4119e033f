"""A peer's program is a process with a time limit, and its failure has a reason."""

from __future__ import annotations

import sys

import pytest
from peers.catalogue import PEERS
from peers.killed import killed
from peers.process import Entrant, Failed, figures, marked_line, output

LIMIT_S = 30.0


def program(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_figures_are_the_last_line() -> None:
    assert figures(program("print('noise'); print('{\"ms\": 1.5}')"), {}, LIMIT_S) == {"ms": 1.5}


def test_the_marked_line_is_found_among_others() -> None:
    took, said = marked_line(program("print('noise\\nMARK it is there\\nmore')"), {}, "MARK", LIMIT_S)
    assert said == "it is there"
    assert took > 0


def test_a_program_that_fails_says_why() -> None:
    with pytest.raises(Failed, match="ValueError: no"):
        output(program("raise ValueError('no')"), {}, LIMIT_S)
    with pytest.raises(Failed, match="ended with 1: ValueError: no"):
        marked_line(program("raise ValueError('no')"), {}, "MARK", LIMIT_S)


def test_a_program_that_takes_too_long_is_ended() -> None:
    forever = program("import time; time.sleep(600)")
    with pytest.raises(Failed, match="not done within 0 s"):
        output(forever, {}, 0.2)
    with pytest.raises(Failed, match="not done within 0 s"):
        marked_line(forever, {}, "MARK", 0.2)


@pytest.mark.parametrize(
    ("name", "point", "how"),
    [
        ("perdure", "after_effect", "goes on"),
        ("perdure", "next_call", "goes on"),
        ("perdure_once", "after_effect", "asks a person"),
    ],
)
def test_perdure_goes_on_and_does_nothing_twice(name: str, point: str, how: str) -> None:
    peer = next(peer for peer in PEERS if peer.name == name)
    found = killed(Entrant(peer, sys.executable), point, LIMIT_S)
    assert found["how"] == how
    assert (found["model_calls_repeated"], found["effects_repeated"]) == (0, 0)
