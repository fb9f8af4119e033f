"""The accounts of a soak: each kind of fault has its line, and what is right has none."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from perdure.base.codec import pack
from perdure.base.envelope import Envelope
from perdure.kernel import records as r
from perdure.kernel.effect import idempotency_key
from perdure.kernel.store.rows import EventRow
from perdure.kernel.topics import subscription

SOAK = Path(__file__).parents[2] / "soak"
NAMES = ("accounts", "client", "journal", "load", "news", "slow_disk", "trouble", "vitals", "world")


@pytest.fixture(scope="module")
def soak() -> Iterator[dict[str, Any]]:
    """Its modules, as `scripts/soak` imports them. The benchmarks have some of the same names."""
    others = {name: sys.modules.pop(name) for name in NAMES if name in sys.modules}
    sys.path.insert(0, str(SOAK))
    try:
        yield {name: __import__(name) for name in NAMES}
    finally:
        sys.path.remove(str(SOAK))
        for name in NAMES:
            sys.modules.pop(name, None)
        sys.modules.update(others)


CLASSES = ("idempotent", "checkable", "once")


def told(soak: dict[str, Any], **changed: Any) -> Any:
    """A run of which all is right."""
    run = soak["journal"].Told("run_1", "worker", asked="1-1", status="done", output="1-1: answer 7")
    run.intents = {f"step/{name}": name for name in CLASSES}
    run.done = set(run.intents)
    for name, value in changed.items():
        setattr(run, name, value)
    return run


def question(soak: dict[str, Any], kind: str = "sync", **changed: Any) -> Any:
    one = soak["load"].Question("1-1", kind, "/invoke", {})
    one.runs, one.answers = {"run_1"}, {"1-1: answer 7"}
    for name, value in changed.items():
        setattr(one, name, value)
    return one


@pytest.fixture
def wrong(soak: dict[str, Any]) -> Callable[..., list[str]]:
    def look(runs: list[Any], questions: list[Any], failed: dict[str, list[str]] | None = None) -> list[str]:
        return list(soak["accounts"].answers_wrong(runs, questions, failed or {}, soak["accounts"].Balance()))

    return look


def test_what_is_right_has_no_line(soak: dict[str, Any], wrong: Any) -> None:
    assert wrong([told(soak)], [question(soak)]) == []


def test_a_receipt_without_a_run(soak: dict[str, Any], wrong: Any) -> None:
    assert "there are []" in wrong([], [question(soak)])[0]


def test_a_key_with_two_runs(soak: dict[str, Any], wrong: Any) -> None:
    (line,) = wrong([told(soak), told(soak, id="run_2")], [question(soak)])
    assert "run_2" in line


def test_two_answers_to_one_question(soak: dict[str, Any], wrong: Any) -> None:
    (line,) = wrong([told(soak)], [question(soak, answers={"1-1: answer 7", "1-1: answer 8"})])
    assert "was told" in line


def test_the_answer_to_another_question(soak: dict[str, Any], wrong: Any) -> None:
    said = "1-2: answer 9"
    (line,) = wrong([told(soak, output=said)], [question(soak, answers={said})])
    assert "the answer of another" in line


def test_a_run_that_nobody_asked_for(soak: dict[str, Any], wrong: Any) -> None:
    assert wrong([told(soak, asked="9-9")], []) == ["'9-9' was never asked"]


def test_an_effect_that_is_missing(soak: dict[str, Any], wrong: Any) -> None:
    (line,) = wrong([told(soak, done={"step/once"})], [question(soak)])
    assert "is done, and did {'once': 1}" in line


def test_a_failure_needs_a_reason(soak: dict[str, Any], wrong: Any) -> None:
    run = told(soak, status="failed", output={"code": "model.auth"})
    asked = question(soak, answers=set())
    assert wrong([run], [asked], {"1-1": ["401"]}) == []
    (line,) = wrong([run], [asked])
    assert "failed for no reason" in line


def test_a_budget_that_was_not_kept(soak: dict[str, Any], wrong: Any) -> None:
    over = soak["accounts"].POOR + 1
    (line,) = wrong([told(soak, costs={"step1/model": over})], [question(soak, "poor")])
    assert f"spent {over}" in line


def test_child_runs_are_there_and_are_what_is_told_of_them(soak: dict[str, Any], wrong: Any) -> None:
    def part(number: int, said: str) -> Any:
        return told(soak, id=f"run_p{number}", asked=f"1-1/{number}", output=said)

    said = "1-1/1: answer 3 and 1-1/2: answer 4"
    boss, asked = told(soak, output=said, done=set()), question(soak, "boss", answers={said})
    parts = [part(1, "1-1/1: answer 3"), part(2, "1-1/2: answer 4")]
    assert wrong([boss, *parts], [asked]) == []
    assert "asked ['1-1/1']" in wrong([boss, parts[0]], [asked])[0]
    assert "the others" in wrong([boss, parts[0], part(2, "1-1/2: answer 5")], [asked])[0]


def test_a_server_that_grows(soak: dict[str, Any]) -> None:
    vitals = soak["vitals"]
    flat = vitals.Calm(60, 48, 1, 1, 20, 2)
    assert vitals.wrong([flat], 0) == []
    (line,) = vitals.wrong([flat._replace(rss_growth_mb=40)], 0)
    assert "40.0 MB" in line
    (line,) = vitals.wrong([flat._replace(fd_growth=100)], 0)
    assert "100 files" in line
    (line,) = vitals.wrong([flat], 1 << 30)
    assert "1024 MB" in line


def effects(soak: dict[str, Any], run: Any, happened: Any, stood_still: int = 0) -> list[str]:
    accounts = soak["accounts"]
    return list(accounts.effects_wrong([run], happened, stood_still, accounts.Balance()))


def test_each_effect_once(soak: dict[str, Any]) -> None:
    run = told(soak)
    keys = {name: idempotency_key(run.id, f"step/{name}") for name in CLASSES}
    happened = {name: {key: 1} for name, key in keys.items()}
    assert effects(soak, run, happened) == []
    for name in ("idempotent", "once"):
        assert "was done 2 times" in effects(soak, run, {**happened, name: {keys[name]: 2}}, 1)[0]
    twice = {**happened, "checkable": {keys["checkable"]: 2}}
    assert effects(soak, run, twice, 1) == []
    assert "done twice" in effects(soak, run, twice)[0]
    assert "done 3 times" in effects(soak, run, {**happened, "checkable": {keys["checkable"]: 3}}, 5)[0]
    assert "is said to be done and was not" in effects(soak, run, {**happened, "once": {}})[0]
    assert "no journal speaks of it" in effects(soak, run, {**happened, "once": {keys["once"]: 1, "other": 1}})[0]


def money(soak: dict[str, Any], run: Any, charged: Any, moments: Any = ()) -> list[str]:
    accounts = soak["accounts"]
    return list(accounts.money_wrong([run], charged, set(), moments, accounts.Balance()))


def test_money_to_the_micro_dollar(soak: dict[str, Any]) -> None:
    run = told(soak, answers=[("7", 100)], costs={"step1/model": 100})
    assert money(soak, run, {"7": ("1-1", 100, 5.0)}) == []
    assert "charged was ('1-1', 101, 5.0)" in money(soak, run, {"7": ("1-1", 101, 5.0)})[0]
    assert "charged was None" in money(soak, run, {})[0]
    twice = told(soak, answers=[("7", 100), ("7", 100)], costs={"a": 100, "b": 100})
    assert "answer 7 is counted 2 times" in money(soak, twice, {"7": ("1-1", 100, 5.0)})


def test_an_answer_that_nobody_heard_is_explained_and_set_down(soak: dict[str, Any]) -> None:
    charged = {"7": ("1-1", 100, 50.0)}
    assert money(soak, told(soak, lost=120), charged, [(49.0, 51.0)]) == []
    assert "in no journal" in money(soak, told(soak, lost=120), charged, [(10.0, 20.0)])[0]
    assert "80 set down" in money(soak, told(soak, lost=80), charged, [(49.0, 51.0)])[0]


def test_a_run_that_goes_on_is_told_of_by_and_by(soak: dict[str, Any]) -> None:
    run = told(soak, answers=[("7", 100)], costs={"step1/model": 100}, lost=20)
    run.carry()
    run.costs["step2/model"], run.answers = 30, [("8", 30)]
    assert (run.cost, run.spent, run.spent_lost) == (150, 30, 0)
    assert money(soak, run, {"8": ("1-1", 30, 5.0)}) == []


# -- flows ------------------------------------------------------------------------------------------------------------


def errand(soak: dict[str, Any], status: str, *, undone: tuple[str, ...] = (), **changed: Any) -> Any:
    """A flow that did all its work, and undid some of it."""
    output = {"done": {"asked": "1-1 | errand"}, "failed": {"code": "flow.failed"}}.get(status, {})
    run = told(soak, status=status, output=output, **changed)
    for name in undone:
        run.intents[f"step/compensate/{name}"] = name
        run.done.add(f"step/compensate/{name}")
    return run


def an_errand(soak: dict[str, Any], ends: str = "well", *, is_cancelled: bool = False) -> Any:
    one = question(soak, "errand", answers=set(), is_cancelled=is_cancelled)
    one.body = {"input": {"asked": "1-1 | errand", "ends": ends}}
    return one


@pytest.mark.parametrize(
    ("status", "ends", "is_cancelled", "undone", "right"),
    [
        ("done", "well", False, (), True),
        ("done", "well", True, (), True),  # it was too late
        ("done", "well", False, ("once",), False),
        ("done", "badly", False, (), False),
        ("failed", "badly", False, CLASSES, True),
        ("failed", "badly", False, CLASSES[:2], False),
        ("failed", "well", False, CLASSES, False),
        ("cancelled", "well", True, CLASSES, True),
        ("cancelled", "well", True, CLASSES[1:], False),
        ("cancelled", "well", False, CLASSES, False),
    ],
)
def test_what_a_flow_did_is_undone_exactly_where_it_has_to_be(
    soak: dict[str, Any], wrong: Any, status: str, ends: str, is_cancelled: bool, undone: tuple[str, ...], right: bool
) -> None:
    found = wrong([errand(soak, status, undone=undone)], [an_errand(soak, ends, is_cancelled=is_cancelled)])
    assert (found == []) == right, found


def test_a_flow_that_was_cancelled_early_undoes_what_it_had_done(soak: dict[str, Any], wrong: Any) -> None:
    run = errand(soak, "cancelled", done={"step/once"}, undone=("once",))
    assert wrong([run], [an_errand(soak, is_cancelled=True)]) == []


# -- the bus ----------------------------------------------------------------------------------------------------------

EAR = subscription("ear", "news.>")
COUNTER = subscription("counter", "news.*", qos="batched")
LOG = [EventRow(4, "a", "news.soak", 0, b""), EventRow(7, "b", "news.soak", 0, b"")]


def heard(soak: dict[str, Any], id: str, event: str, **changed: Any) -> Any:
    return soak["journal"].Told(id, "ear", event=event, status="done", **changed)


def news(soak: dict[str, Any], runs: list[Any], published: Any = None, log: Any = LOG) -> list[str]:
    found = soak["accounts"].Balance()
    told_of = {"a": 4, "b": 7} if published is None else published
    return list(soak["news"].news_wrong(runs, told_of, log, [EAR, COUNTER], found))


def test_each_event_once_to_each_subscription(soak: dict[str, Any]) -> None:
    ears = [heard(soak, "run_1", f"{EAR.id}/4"), heard(soak, "run_2", f"{EAR.id}/7")]
    both = heard(soak, "run_3", f"{COUNTER.id}/7", heard=["a", "b"])
    assert news(soak, [*ears, both]) == []
    assert news(soak, [*ears[1:], both]) == ["ear of news.> heard of a 0 times"]
    assert news(soak, [*ears, both, heard(soak, "run_4", f"{EAR.id}/4")]) == ["ear of news.> heard of a 2 times"]
    assert news(soak, [*ears, both, heard(soak, "run_4", f"{EAR.id}/9")]) == [
        "ear of news.> heard of number 9, which was not published"
    ]
    both.status = "failed"
    assert news(soak, [*ears, both]) == ["run_3, of an event, is failed"]


def test_a_receipt_is_what_the_log_says(soak: dict[str, Any]) -> None:
    ears = [heard(soak, "run_1", f"{EAR.id}/4"), heard(soak, "run_2", f"{EAR.id}/7")]
    both = heard(soak, "run_3", f"{COUNTER.id}/7", heard=["a", "b"])
    assert news(soak, [*ears, both], {"a": 4, "b": 8}) == ["event b is number 7 of the log, its receipt says 8"]
    assert news(soak, [*ears, both], {"a": 4, "c": 8})[0] == "event c is number None of the log, its receipt says 8"
    assert "event a is in the log 2 times" in news(
        soak, [*ears, both], log=[*LOG, EventRow(9, "a", "news.soak", 0, b"")]
    )


def test_a_run_knows_what_it_was_asked_and_by_which_event(soak: dict[str, Any]) -> None:
    def accepted(envelope: Envelope) -> Any:
        run = soak["journal"].Told("run_1", "ear")
        run.hear("", r.RunAccepted(spec="s", body=msgspec.Raw(pack(envelope))))
        return run

    assert accepted(Envelope("env_1", "a", payload="1-1 | look; mail")).asked == "1-1"
    assert accepted(Envelope("env_1", "a", payload={"asked": "1-2 | errand", "ends": "well"})).asked == "1-2"
    batch = accepted(
        Envelope("sub_x/7", "a", "event", payload=[{"id": "a", "payload": {}}, {"id": "b", "payload": {}}])
    )
    assert (batch.event, batch.heard, batch.asked) == ("sub_x/7", ["a", "b"], "")


# -- troubles ---------------------------------------------------------------------------------------------------------

SYNC = """
import os, sys, time
with open(sys.argv[1], "wb") as file:
    began = time.perf_counter()
    os.fdatasync(file.fileno())
    print(time.perf_counter() - began)
"""


def test_a_slow_disk_makes_who_syncs_wait(soak: dict[str, Any], tmp_path: Path) -> None:
    slow = soak["slow_disk"].SlowDisk(tmp_path)
    if not slow.is_there:
        pytest.skip("there is no C compiler")

    def took() -> float:
        done = [sys.executable, "-c", SYNC, str(tmp_path / "file")]
        return float(subprocess.run(done, env=dict(slow.environment), capture_output=True, check=True).stdout)

    quick = min(took() for _ in range(3))
    with slow.slow(quick + 0.3):
        assert took() >= quick + 0.3
