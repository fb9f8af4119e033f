"""Turns as the journal tells them."""

from __future__ import annotations

from typing import Any

import msgspec

from perdure.base.codec import pack
from perdure.base.envelope import Envelope
from perdure.kernel import records as r
from perdure.kernel.journal import encode
from perdure.namespace.services.turns import Turns


def told(*events: r.Event, run_id: str = "run_1") -> list[dict[str, Any]]:
    turns = Turns()
    records = (encode(event, agent_id="bob", run_id=run_id, key="", at=at) for at, event in enumerate(events, 1))
    return [turn for turn in map(turns.note, records) if turn is not None]


def accepted(kind: str = "message") -> r.RunAccepted:
    return r.RunAccepted(spec="s", body=msgspec.Raw(pack(Envelope("env_1", "bob", kind))))


WAITING = r.RunWaiting(waits=(r.Wait("ask", "approval"),))
DONE = r.RunFinished(status="done", body=msgspec.Raw(pack("fine")))


def test_a_run_that_waits_takes_two_turns() -> None:
    first, second = told(accepted("event"), WAITING, r.MessageReceived(kind="approval"), r.RunResumed(reason="x"), DONE)
    assert (first["at"], first["cause"], first["envelope_id"]) == (1, "event", "env_1")
    assert (first["ended_at"], first["end"], first["waits"]) == (2, "waiting", ["approval"])
    assert (second["at"], second["cause"], second["ended_at"], second["end"]) == (3, "approval", 5, "done")


def test_an_attempt_that_failed_is_a_turn() -> None:
    failed = r.TickFailed(attempt=1, body=msgspec.Raw(pack({"code": "x"})))
    first, second = told(accepted(), failed, r.RunResumed(reason="retried"), DONE)
    assert (first["end"], first["error"], second["cause"]) == ("failed_attempt", {"code": "x"}, "retried")


def test_a_turn_whose_beginning_is_not_known_is_told_all_the_same() -> None:
    (turn,) = told(DONE)
    assert turn["end"] == "done"
    assert "at" not in turn and "cause" not in turn
