"""All peers go through a scenario in turn, and what goes wrong with one is noted beside what went well."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from peers import flows_page
from peers.catalogue import OURS, Peer
from peers.contest import KEPT, PAGES, run
from peers.page import charts, page, tables
from peers.process import Entrant, Failed
from peers.record import Found, Record, contest_of
from peers.scenarios import Scenario

PERDURE = Entrant(Peer(OURS, "Perdure", "perdure", "everything"), "python")
OTHER = Entrant(Peer("agno", "Agno", "agno", "nothing"), "python")
ONLY = Entrant(Peer("perdure_once", "Once", "perdure", "everything", only="kill"), "python")

MACHINE = {"system": "Linux 6.18", "processor": "Xeon", "cores": 2, "python": "3.11.7"}


def record(rounds: dict[str, dict[str, list[Found]]], absent: dict[str, str] | None = None) -> Record:
    return Record(day="2026-01-31", note="", machine=MACHINE, versions={}, absent=absent or {}, rounds=rounds)


def test_rounds_go_through_all_peers_in_turn() -> None:
    seen: list[tuple[str, int]] = []

    def do(entrant: Entrant, given: Mapping[str, int]) -> Found:
        seen.append((entrant.peer.name, given["runs"]))
        return {"ms": 1.0}

    scenarios = {"alone": Scenario(do, {"runs": 9}, {"runs": 3}), "long": Scenario(do, {"runs": 7}, rounds=1)}
    found = run([PERDURE, OTHER], scenarios, 2, "quick")
    assert seen == [(OURS, 3), ("agno", 3), (OURS, 7), ("agno", 7), (OURS, 3), ("agno", 3)]
    assert [len(all_) for all_ in found[OURS].values()] == [2, 1]


def test_a_variant_takes_part_in_its_own_scenario_alone() -> None:
    scenarios = {name: Scenario(lambda entrant, given: {"ms": 1.0}) for name in ("alone", "kill")}
    assert list(run([ONLY], scenarios, 1, "whole")["perdure_once"]) == ["kill"]


def test_only_those_that_bring_a_server_are_asked_over_http() -> None:
    serving = Entrant(Peer("agno", "Agno", "agno", "nothing", serves="AgentOS."), "python")
    found = run([OTHER, serving], {"serving": Scenario(lambda entrant, given: {"ms": 1.0})}, 1, "whole")
    assert list(found) == ["agno"] and len(found["agno"]["serving"]) == 1


def test_what_is_kept_of_a_scenario_is_its_own_page() -> None:
    rounds: dict[str, dict[str, list[Found]]] = {
        OURS: {"serving": [{"invokes_per_s": 9.0}], "alone": [{"ours_p50_ms": 1.0}]},
        "agno": {"alone": [{"ours_p50_ms": 2.0}]},
        "dbos": {"flow": [{"cpu_ms_per_step": 3.0}]},
    }
    found = Record(**{**record(rounds), "versions": {OURS: {}, "agno": {}, "dbos": {}}})
    main, served, flows = (kept.of(found)["rounds"] for kept in KEPT)
    assert main == {OURS: {"alone": [{"ours_p50_ms": 1.0}]}, "agno": {"alone": [{"ours_p50_ms": 2.0}]}}
    assert served == {OURS: {"serving": [{"invokes_per_s": 9.0}]}}
    assert flows == {"dbos": {"flow": [{"cpu_ms_per_step": 3.0}]}}


def test_a_peer_of_flows_has_a_row_there_and_nowhere_else() -> None:
    rounds: dict[str, dict[str, list[Found]]] = {
        OURS: {"flow": [{"cpu_ms_per_step": 2.0}], "alone": [{"ours_p50_ms": 1.0}], "kill": [{"failed": "no"}]},
        "dbos": {"flow": [{"cpu_ms_per_step": 1.0}]},
    }
    shown = tables(contest_of(record(rounds)))
    assert shown.count("| DBOS |") == 1
    assert "| DBOS | 1 ms **0.5x, better** |" in shown
    assert "- DBOS: CPU of a step, of 100, 1 ms against 2 ms" in shown


def test_what_stands_for_a_figure_is_said_beside_it() -> None:
    rounds: dict[str, dict[str, list[Found]]] = {
        OURS: {"serving": [{"accept_p95_ms": 20.0}]},
        "langgraph": {"serving": [{"accept_p95_ms": 900.0, "accept_p95_ms_how": "the answer itself"}]},
    }
    assert "900 ms (the answer itself) 45x" in tables(contest_of(record(rounds)))


def test_a_failure_is_noted_and_the_others_go_on() -> None:
    def do(entrant: Entrant, given: Mapping[str, int]) -> Found:
        if entrant is OTHER:
            raise Failed("not done within 60 s")
        return {"cpu_ms_per_run": 2.0}

    contest = contest_of(record(run([OTHER, PERDURE], {"at_once": Scenario(do)}, 1, "whole")))
    assert contest.words["agno"]["at_once"] == {"failed": "not done within 60 s"}
    assert contest.results[OURS]["at_once"]["cpu_ms_per_run"]["median"] == 2.0
    assert "| Agno | not done within 60 s |" in page(contest)


def test_a_peer_that_cannot_be_installed_is_reported() -> None:
    found: dict[str, dict[str, list[Found]]] = {OURS: {"at_once": [{"cpu_ms_per_run": 2.0}]}}
    contest = contest_of(record(found, {"crewai": "not installed: no wheel"}))
    assert "| CrewAI | not installed: no wheel |" in page(contest)
    assert "not installed: no wheel" in charts(contest)["cpu.svg"]


def test_a_page_of_its_own_tells_of_those_alone_who_take_part() -> None:
    found: dict[str, dict[str, list[Found]]] = {OURS: {"flow": [{"cpu_ms_per_step": 2.0}]}}
    contest = contest_of(record(found, {name: "not installed: no wheel" for name in ("crewai", "prefect")}))
    shown = flows_page.page(contest)
    assert "CrewAI" not in shown
    assert "| Prefect | not installed: no wheel |" in shown


def test_a_scenario_that_was_not_held_has_no_table() -> None:
    contest = contest_of(record({OURS: {"start": [{"first_ms": 90.0, "import_ms": 50.0, "rss_mb": 40.0}]}}))
    assert "### From nothing" in tables(contest)
    assert "### A run" not in tables(contest)
    assert "### Killed" not in tables(contest)


def test_what_rounds_say_in_words_is_told_once() -> None:
    found: dict[str, dict[str, list[Found]]] = {OURS: {"kill": [{"how": "goes on"}, {"how": "goes on"}]}}
    assert contest_of(record(found)).words[OURS]["kill"] == {"how": "goes on"}


def test_the_pages_of_the_docs_are_what_was_found(tmp_path: Path) -> None:
    for kept in KEPT:
        kept.write(contest_of(json.loads(kept.file.read_text())), tmp_path)
    written = {path.name: path.read_text() for path in tmp_path.iterdir()}
    kept = {path.name: path.read_text() for path in PAGES.iterdir()}
    assert kept == written, "run: scripts/bench --page"
