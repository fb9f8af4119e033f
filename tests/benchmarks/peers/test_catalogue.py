"""Every peer has a program and pinned versions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from peers.catalogue import OURS, PEERS, chosen

FOLDER = Path(__file__).parents[3] / "benchmarks" / "peers"


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: str(peer.name))
def test_a_peer_has_a_program_and_pins_what_it_needs(peer) -> None:  # type: ignore[no-untyped-def]
    assert (FOLDER / peer.folder / "peer.py").is_file() == (peer.only != "flow")
    assert (FOLDER / peer.folder / "flow.py").is_file() == bool(peer.flows or peer.folder == OURS)
    assert peer.keeps.endswith(".")
    assert (FOLDER / peer.folder / "serve.py").is_file() == bool(peer.serves or peer.folder == OURS)
    program = FOLDER / peer.folder / ("flow.py" if peer.only == "flow" else "peer.py")
    assert ("def stream" in program.read_text()) == bool(peer.hears or peer.folder == OURS)
    if peer.folder != OURS:
        lines = (FOLDER / peer.folder / "requirements.txt").read_text().split()
        assert [line for line in lines if not re.fullmatch(r"[\w.\[\],-]+==[\w.]+", line)] == []
        assert any(re.split(r"[\[=]", line)[0] == peer.package for line in lines)


def test_perdure_takes_part_whoever_is_chosen() -> None:
    assert [peer.name for peer in chosen("agno")] == [OURS, "perdure_once", "agno"]
    assert chosen("all") == PEERS


def test_a_name_that_nobody_has_is_refused() -> None:
    with pytest.raises(LookupError, match="no such peer: nobody"):
        chosen("agno,nobody")


def test_those_that_run_flows_alone_take_part_in_nothing_else() -> None:
    flows = [peer.name for peer in PEERS if peer.takes("flow")]
    assert flows == [OURS, "langgraph", "prefect", "dbos"]
    assert [peer.name for peer in PEERS if peer.takes("flow") and peer.takes("kill")] == [OURS, "langgraph"]
