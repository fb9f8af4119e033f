"""The file of a team: its members, what holds of all, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from perdure.agents.config.loader import load_agent, load_document
from perdure.agents.config.members import seats_of
from perdure.agents.spec import spec_document
from perdure.base.errors import InvalidFile

TEAM = """
name: crew
model: demo/planner
instructions: Be brief.
tools: [calculator]
team:
  members:
    zoe: {instructions: You are zoe., copies: 2}
    ann: {role: critic, file: people/ann.yaml}
"""
ANN = """
name: annie
model: demo/planner
instructions: You are ann.
tools: ["./own.py:look"]
"""


def written(folder: Path, text: str, name: str = "crew.team.yaml") -> Path:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return folder / name


def problems(folder: Path, text: str, **files: str) -> str:
    for name, content in files.items():
        written(folder, content, name.replace("__", "."))
    with pytest.raises(InvalidFile) as caught:
        load_agent(written(folder, text), environment={})
    return caught.value.message


def test_members_are_agents_in_the_order_of_the_file(tmp_path: Path) -> None:
    written(tmp_path, ANN, "people/ann.yaml")
    spec = load_agent(written(tmp_path, TEAM), environment={})
    seats = seats_of(spec)
    assert [(seat.name, seat.role) for seat in seats] == [
        ("zoe_1", "proposer"),
        ("zoe_2", "proposer"),
        ("ann", "critic"),
    ]
    assert seats[0].tree["instructions"] == "Be brief.\n\nYou are zoe."
    assert (seats[0].tree["tools"], seats[2].tree["tools"]) == (["calculator"], ["./own.py:look"])
    assert (seats[0].folder, seats[2].folder) == (None, "people")


def test_a_stored_team_needs_no_file_any_more(tmp_path: Path) -> None:
    written(tmp_path, ANN, "people/ann.yaml")
    spec = load_agent(written(tmp_path, TEAM), environment={})
    (tmp_path / "people/ann.yaml").unlink()
    assert load_document(spec_document(spec), environment={}).team == spec.team


def test_how_many_there_are_may_come_from_the_environment(tmp_path: Path) -> None:
    text = 'name: crew\nmodel: demo/planner\nteam: {members: {a: {copies: "${N}", role: "${ROLE:-proposer}"}}}\n'
    seats = seats_of(load_agent(written(tmp_path, text), environment={"N": "3"}))
    assert [(seat.name, seat.role) for seat in seats] == [(f"a_{number}", "proposer") for number in (1, 2, 3)]


def test_a_secret_of_a_member_is_not_stored(tmp_path: Path) -> None:
    text = TEAM.replace("{instructions: You are zoe., copies: 2}", '{instructions: "${SECRET}"}')
    written(tmp_path, ANN, "people/ann.yaml")
    spec = load_agent(written(tmp_path, text), environment={"SECRET": "hush"})
    assert b"hush" not in spec_document(spec)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("mode: swarm\n  members: {a: {copies: 2}}", "`mode: swarm` needs 3 of `role: proposer`, there are 2"),
        ("mode: hierarchy\n  members: {a: {}}", "`mode: hierarchy` needs 1 of `role: manager`, there are none"),
        ("members: {a: {copies: 33}}", "copies: expected 32 or less, found 33"),
        ("members: {a: {copies: 32}, b: {copies: 32}, c: {}}", "65 members; a team has at most 64"),
        ("members: {a: {copies: 2}, a_1: {}}", "two members are called a_1"),
        ("members: {a b: {}}", "expected 1 to 32 letters"),
        ("members: {}", "minProperties"),
        ("members: {a: {rôle: critic}}", "unknown key"),
        ("members: {a: {role: critc}}", "did you mean `critic`?"),
        ("members: {a: {model: nonsense}}", "team.members.a.model: expected provider/name"),
        ("members: {a: {agent: {limits: {stepz: 3}}}}", "team.members.a.agent.limits.stepz: unknown key"),
        ("members: {a: {file: nowhere.yaml}}", "nowhere.yaml"),
        ("members: {a: {file: crew.team.yaml}}", "these teams are members of each other"),
        ("order: [b]\n  members: {a: {}}", "team.order[0]: expected a member, found `b`"),
        ("order: [[a]]\n  members: {a: {}}", "team.order[0]: expected text"),
        ("order: [a, a]\n  members: {a: {}}", "comes before already"),
        (
            "mode: consensus\n  votes: {by: judge}\n  members: {a: {copies: 2}}",
            "nobody has `role: judge`",
        ),
        ("reflexion: {rubric: [good]}\n  members: {a: {}}", "needs a member of `role: evaluator`"),
        ("depth: 4\n  members: {a: {}}", "team.depth: expected 3 or less, found 4"),
        ("mode: choir\n  members: {a: {}}", "team.mode: expected"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, said: str, told: str) -> None:
    found = problems(tmp_path, f"name: crew\nmodel: demo/planner\nteam:\n  {said}\n")
    assert told in found
    assert "crew.team.yaml:" in found


def test_a_member_without_a_model_is_told_of(tmp_path: Path) -> None:
    assert "team.members.a.model: this key is required" in problems(tmp_path, "name: crew\nteam: {members: {a: {}}}\n")


def test_what_is_wrong_in_a_members_own_file_is_told_of_that_file(tmp_path: Path) -> None:
    text = "name: crew\nmodel: demo/planner\nteam: {members: {a: {file: a.yaml}}}\n"
    found = problems(tmp_path, text, a__yaml="name: a\nmodel: demo/planner\ntool: [x]\n")
    assert "a.yaml:3:1: tool: unknown key; did you mean `tools`?" in found


def test_a_team_is_no_class_and_its_file_holds_a_team(tmp_path: Path) -> None:
    text = "name: crew\nmodel: demo/planner\nclass: ./a.py:A\nteam: {members: {a: {}}}\n"
    assert "an agent is a team or a class, not both" in problems(tmp_path, text)
    assert "this key is required in the file of a team" in problems(tmp_path, "name: crew\nmodel: demo/planner\n")
