"""Every flow among the examples runs offline, and comes to what its files hold."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

EXPECTED: dict[str, tuple[tuple[str, ...], Any]] = {
    "etl": ((), lambda out: (out["loaded"], out["left_out"], out["best"]) == (11, 1, "NL")),
    "market": (("--input", "prices.csv"), lambda out: out["plan"] == "buy"),
    "market_graph": ((), lambda out: out == {"plan": "buy"}),
    "minutes": (("--set", "file=minutes.md"), lambda out: len(out["tickets"]) == 4),
    "research": (("--input", "When are refunds paid after a return?"), lambda out: "refund" in json.dumps(out).lower()),
    "review": (("--input", "change.diff"), lambda out: out["verdict"] == "changes requested"),
}
FLOWS = sorted((Path(__file__).parents[2] / "examples").glob("*.flow.yaml"))


@pytest.fixture
def perdure(project: Path, environment: dict[str, str]) -> Any:
    def call(*words: str, code: int = 0) -> Any:
        done = subprocess.run(
            ["perdure", *words], cwd=project, env=environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    return call


@pytest.mark.parametrize("name", EXPECTED)
def test_it_runs_offline_and_gives_what_it_should(name: str, perdure: Any) -> None:
    words, is_right = EXPECTED[name]
    result = perdure("run", f"examples/{name}.flow.yaml", *words, "--json")
    assert result["status"] == "done"
    assert is_right(result["output"]), result["output"]


def test_triage_waits_for_a_person_who_may_pay(perdure: Any, project: Path) -> None:
    asked = perdure("run", "examples/triage.flow.yaml", "--input", "tickets.json", "--json", code=3)
    assert (asked["waiting_for"], len(asked["waits"])) == ("approval", 1)
    answered = perdure("approve", asked["run_id"], "--json")
    assert answered["status"] == "done"
    assert any("429" in file.read_text() for file in project.rglob("*ledger*"))


def test_each_flow_among_the_examples_is_run_here() -> None:
    assert {path.name.partition(".")[0] for path in FLOWS} == {*EXPECTED, "triage"}
