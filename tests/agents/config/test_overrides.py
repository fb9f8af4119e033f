from __future__ import annotations

from typing import Any

import pytest

from perdure.agents.config.overrides import apply_overrides, parse_override
from perdure.base.errors import InvalidFile


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("limits.steps=5", ("limits", "steps"), 5),
        ("name=a=b", ("name",), "a=b"),
        ("tools[0]=calculator", ("tools", 0), "calculator"),
        ("on[1].topic=x", ("on", 1, "topic"), "x"),
        ('prices."openai/gpt-5.1".input=0.5', ("prices", "openai/gpt-5.1", "input"), 0.5),
        ("description=Do this: that", ("description",), "Do this: that"),
        ("stop=[a, 'b']", ("stop",), ["a", "b"]),
        ("model={provider: openai, name: m}", ("model",), {"provider": "openai", "name": "m"}),
        ('version="1"', ("version",), "1"),
        ("description=", ("description",), None),
        ("budget= null", ("budget",), None),
        ("while_waiting=cancel", ("while_waiting",), "cancel"),
        ("metadata.a-b=true", ("metadata", "a-b"), True),
    ],
)
def test_an_override_is_a_path_and_a_yaml_value(text: str, path: tuple[str | int, ...], value: Any) -> None:
    override = parse_override(text)
    assert (override.path, override.value) == (path, value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("steps", "--override steps: expected PATH=VALUE, such as limits.steps=5"),
        ("=5", "--override =5: expected PATH=VALUE, such as limits.steps=5"),
        ("a..b=5", "--override a..b=5: expected PATH=VALUE, such as limits.steps=5"),
        ("a=1e999", "--override a=1e999: the number is too large; put it in quotes if it is text"),
        ("a=\udce9", "--override a=?: not valid text"),
        ("x" * 99, f"--override {'x' * 60}…: expected PATH=VALUE, such as limits.steps=5"),
    ],
)
def test_what_is_no_override_is_refused_by_name(text: str, told: str) -> None:
    with pytest.raises(InvalidFile) as caught:
        parse_override(text)
    assert str(caught.value) == told


@pytest.mark.parametrize("text", ["stop=[a", "stop={a: 1, a: 2}"])
def test_a_value_that_is_no_yaml_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(InvalidFile, match=r"^--override stop=.*:1:\d+: "):
        parse_override(text)


def applied(tree: Any, *texts: str) -> tuple[Any, list[str]]:
    changed, problems = apply_overrides(tree, [parse_override(text) for text in texts])
    return changed, [str(problem) for problem in problems]


def test_values_are_replaced_added_and_taken_away() -> None:
    tree = {"name": "a", "limits": {"steps": 1}, "tools": ["x", "y"], "description": "d"}
    changed, problems = applied(
        tree, "limits.steps=2", "budget.per_run=$1", "tools[0]=z", "tools[2]=w", "description=", "stop[0]=END", "nope="
    )
    assert problems == []
    assert changed == {
        "name": "a",
        "limits": {"steps": 2},
        "tools": ["z", "y", "w"],
        "budget": {"per_run": "$1"},
        "stop": ["END"],
    }
    assert tree == {"name": "a", "limits": {"steps": 1}, "tools": ["x", "y"], "description": "d"}


def test_items_of_lists_can_be_taken_away_and_changed_within() -> None:
    tree = {"tools": ["x", {"http": {"allow": []}}]}
    changed, problems = applied(tree, "tools[1].http.allow[0]=a.com", "tools[0]=")
    assert (changed, problems) == ({"tools": [{"http": {"allow": ["a.com"]}}]}, [])


def test_an_override_that_fits_nowhere_is_named() -> None:
    _, problems = applied({"tools": [], "model": "a/b"}, "tools[3]=x", "model.name=x", "model[0]=x", "tools.x=1")
    assert problems == [
        "--override tools[3]=x: there is no item [3] to replace",
        "--override model.name=x: `name` has no place: what is there is a plain value; override that as a whole",
        "--override model[0]=x: there is no item [0] to replace, nor a list",
        "--override tools.x=1: `x` has no place: what is there is a list; override that as a whole",
    ]
