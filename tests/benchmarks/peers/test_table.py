"""Tables show each figure, how many times Perdure's it is, and say so where a peer is better."""

from __future__ import annotations

from peers.catalogue import OURS, Peer
from peers.table import Figure, better_than_ours, factor, kill_table, table

TIME = Figure("alone", "ms", "a run", "ms")
PACE = Figure("at_once", "runs_per_s", "runs a second", "/s", "more")
PERDURE = Peer(OURS, "Perdure", "perdure", "everything")
OTHER = Peer("other", "Other", "other", "nothing")


def once(value: float) -> dict[str, float]:
    return {"median": value, "min": value, "max": value}


def test_less_time_and_more_runs_are_both_so_many_times_better() -> None:
    assert factor(TIME, theirs=8.0, ours=2.0) == 4
    assert factor(PACE, theirs=50.0, ours=100.0) == 2
    assert factor(PACE, theirs=200.0, ours=100.0) == 0.5


def test_nothing_is_so_many_times_nothing() -> None:
    assert factor(TIME, theirs=5.0, ours=0.0) is None
    assert factor(PACE, theirs=0.0, ours=5.0) is None


def test_a_cell_has_the_spread_and_the_ratio() -> None:
    results = {
        OURS: {"alone": {"ms": once(2.0)}},
        "other": {"alone": {"ms": {"median": 8.0, "min": 7.0, "max": 9.5}}},
    }
    shown = table([PERDURE, OTHER], [TIME], results, {})
    assert shown.splitlines()[2:] == ["| Perdure | 2 ms |", "| Other | 8 ms (7–9.5) 4x |"]
    assert better_than_ours([PERDURE, OTHER], [TIME], results) == []


def test_where_a_peer_is_better_the_table_says_so() -> None:
    results = {OURS: {"at_once": {"runs_per_s": once(100.0)}}, "other": {"at_once": {"runs_per_s": once(400.0)}}}
    assert "| Other | 400 /s **0.25x, better** |" in table([PERDURE, OTHER], [PACE], results, {})
    assert better_than_ours([PERDURE, OTHER], [PACE], results) == ["Other: runs a second, 400 /s against 100 /s"]


def test_a_failure_is_shown_in_the_place_of_the_figure() -> None:
    words = {"other": {"alone": {"failed": "not done\nwithin 60 s | really"}}}
    assert "| Other | not done within 60 s / really |" in table([OTHER], [TIME], {}, words)


def test_nothing_kept_is_not_a_small_figure() -> None:
    stored = Figure("conversation", "stored", "stored", "KB", nothing="keeps nothing")
    results = {OURS: {"conversation": {"stored": once(2.0)}}, "other": {"conversation": {"stored": once(0.0)}}}
    assert "| Other | keeps nothing |" in table([PERDURE, OTHER], [stored], results, {})
    assert better_than_ours([PERDURE, OTHER], [stored], results) == []


def test_what_became_of_killed_runs_is_told_place_by_place() -> None:
    found = {
        f"{point}_{key}": once(value)
        for point, repeated in (("in_tool", 0.0), ("after_effect", 1.0), ("next_call", 0.0))
        for key, value in (("ms", 812.0), ("model_calls_repeated", 1.0), ("effects_repeated", repeated))
    }
    words = {"other": {"kill": {f"{point}_how": "starts anew" for point in ("in_tool", "after_effect", "next_call")}}}
    lines = kill_table([PERDURE, OTHER], {"other": {"kill": found}}, words).splitlines()
    assert lines[2] == "| Perdure | in the tool, before its side effect | – |  |  |  |"
    assert lines[6] == "|  | after the tool's side effect | starts anew | 812 ms | 1 | 1 |"
