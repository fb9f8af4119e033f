from __future__ import annotations

import pytest

from perdure.agents.config.variables import fill

ENVIRONMENT = {"NAME": "Ada", "EMPTY": "", "NESTED": "${NAME}", "BROKEN": "\udce9"}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("${NAME}", "Ada"),
        ("hello ${NAME}, and ${NAME}", "hello Ada, and Ada"),
        ("${MISSING:-nobody}", "nobody"),
        ("${EMPTY:-nobody}", "nobody"),
        ("${EMPTY}", ""),
        ("${MISSING:-}", ""),
        ("${MISSING:-a:-b}", "a:-b"),
        ("$${NAME}", "${NAME}"),
        ("$${last}", "${last}"),
        ("$$${NAME}", "$${NAME}"),
        ("${NESTED}", "${NAME}"),
        ("$NAME costs $5", "$NAME costs $5"),
        ("{NAME}", "{NAME}"),
    ],
)
def test_variables_are_filled_in(text: str, filled: str) -> None:
    assert fill(text, ENVIRONMENT) == (filled, [])


def test_keys_and_other_values_stay_as_they_are() -> None:
    tree = {"${NAME}": ["${NAME}", 1, None, {"a": True, "b": "${NAME}"}]}
    assert fill(tree, ENVIRONMENT)[0] == {"${NAME}": ["Ada", 1, None, {"a": True, "b": "Ada"}]}
    assert tree["${NAME}"][0] == "${NAME}"


def test_every_variable_that_is_missing_is_found_with_its_path() -> None:
    _, findings = fill({"a": "${X} ${Y}", "b": ["${X}"]}, ENVIRONMENT)
    assert [(finding.path, finding.variable) for finding in findings] == [(("a",), "X"), (("a",), "Y"), (("b", 0), "X")]


@pytest.mark.parametrize("text", ["${}", "${1}", "${a b}", "${NAME", "${NAME:default}", "${" + "x" * 90 + "!}"])
def test_what_is_no_variable_is_said_to_be_none(text: str) -> None:
    filled, findings = fill(text, ENVIRONMENT)
    assert filled == text
    assert [finding.variable for finding in findings] == [""]
    assert "is not a variable; write `$${` where `${` is meant as text" in findings[0].what
    assert len(findings[0].what) < 120


def test_a_variable_has_to_hold_text() -> None:
    _, findings = fill("${BROKEN}", ENVIRONMENT)
    assert findings[0].what == "the environment variable BROKEN does not hold valid UTF-8 text"
