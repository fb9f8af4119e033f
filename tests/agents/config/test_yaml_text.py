"""Both of PyYAML's parsers have to mean the same: libyaml where it is there, and the one in Python elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from perdure.agents.config import yaml_text
from perdure.agents.config.problems import Place
from perdure.agents.config.scalars import as_number, odd_number, plain_value
from perdure.agents.config.yaml_text import read_yaml


@pytest.fixture(params=[yaml.CSafeLoader, yaml.SafeLoader], ids=["libyaml", "python"], autouse=True)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_text, "_LOADER", request.param)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("NO", "NO"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("Null", None),
        ("010", 10),
        ("+7", 7),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b11", "0b11"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("2026-01-01", "2026-01-01"),
        ("1.50", 1.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("-x", "-x"),
        ("1.2.3", "1.2.3"),
        ("'1'", "1"),
        ('"true"', "true"),
        ("!!str 5", "5"),
        ("!!float 5", 5),
        ("!!bool true", True),
        ("! 5", "5"),
    ],
)
def test_scalars_follow_the_core_schema(text: str, value: Any) -> None:
    parsed = read_yaml(f"k: {text}\n")
    assert parsed.value == {"k": value}
    assert type(parsed.value["k"]) is type(value)
    assert not parsed.faults


def test_keys_are_text_whatever_they_look_like() -> None:
    assert read_yaml("on: 1\nyes: 2\n3: 4\nnull: 5\n? long\n: 6\n").value == {
        "on": 1,
        "yes": 2,
        "3": 4,
        "null": 5,
        "long": 6,
    }


def test_places_of_keys_and_values() -> None:
    marks = read_yaml('a: 1\nb:\n  - x\n  - {c: "d e"}\n').marks()
    assert marks.keys == {("a",): Place(1, 1, 1), ("b",): Place(2, 1, 1), ("b", 1, "c"): Place(4, 6, 1)}
    assert marks.values[("a",)] == Place(1, 4, 1)
    assert marks.values[("b", 0)] == Place(3, 5, 1)
    assert marks.values[("b", 1, "c")] == Place(4, 9, 5)


def test_aliases_stand_for_what_they_name() -> None:
    parsed = read_yaml("a: &x {k: [1]}\nb: *x\nc: &n name\n*n : 2\n")
    assert parsed.value == {"a": {"k": [1]}, "b": {"k": [1]}, "c": "name", "name": 2}
    assert parsed.marks().values[("b",)] == Place(2, 4, 2)


def test_of_a_key_given_twice_the_first_counts() -> None:
    parsed = read_yaml("a: {x: 1}\nb: 1\na: {x: [2, 3]}\nb: [4]\n")
    assert parsed.value == {"a": {"x": 1}, "b": 1}
    assert [fault.path for fault in parsed.faults] == [("a",), ("b",)]
    assert not parsed.broken


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a: [1", "this bracket is never closed"),
        ("a: [1\nb: 2", "expected `,` or `]` to close what line 1:4 opens"),
        ("a: b: c", "`: ` cannot stand here"),
        ("a:\n\tb: 1", "a tab cannot indent YAML"),
        ('a: "b', "this quote is never closed"),
        ("a: `b`", "a backtick cannot begin a value"),
        ("&x a: *y", "`*y` has no anchor"),
        ("a: &x {b: *x}", "`*x` stands inside what it names"),
        ("&x {a: 1}: 2", "a key must be text"),
        ("a: &x [1]\n*x : 2", "a key must be text; this alias is not"),
        ("a: 1\n---\n", "a second document begins here"),
        ("a: " + "{b: " * 70, "nested deeper than 64 levels"),
        ("%YAML 9", "not YAML: "),
    ],
)
def test_a_broken_text_says_where_and_why(text: str, what: str) -> None:
    parsed = read_yaml(text)
    assert parsed.broken
    assert parsed.faults[-1].what.startswith(what)


@pytest.mark.parametrize("text", ["0x" + "f" * 16, "1e999", "-.inf", ".NaN", "0o" + "7" * 100, "9" * 5000])
def test_numbers_that_json_cannot_hold_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="put it in quotes"):
        plain_value(text)
    assert as_number(text) == text
    assert len(read_yaml(f"a: {text}").faults) == 1


def test_odd_numbers() -> None:
    assert odd_number(2**63) and odd_number(float("nan"))
    assert not odd_number(2**63 - 1) and not odd_number(0.5)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(-1e9, 1e9)
    | st.text("ab:#-é'\"{}[] \n", max_size=9)
)
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=4)
)


@given(TREES)
def test_json_is_yaml(tree: Any) -> None:
    text = yaml_text.yaml.dump(tree, Dumper=yaml.SafeDumper, default_flow_style=True, allow_unicode=True)
    parsed = read_yaml(text)
    assert not parsed.faults
    assert parsed.value == tree


@given(st.text("ab:-[]{}&*!|>'\"%@`,?#~.01e \t\n", max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    parsed = read_yaml(text)
    assert parsed.broken == any(fault.path == () or "key" in fault.what for fault in parsed.faults if parsed.broken)
