from __future__ import annotations

import pytest

from perdure.agents.config.problems import Finding, Problem, either, guess, refuse, show_path, show_value
from perdure.base.errors import InvalidFile, MissingVariable


def test_a_problem_is_shown_with_its_line_and_a_caret() -> None:
    problem = Problem("a.yaml", "limits.step", "unknown key", 3, 3, 4, "  step: 5")
    assert problem.render() == "\n".join(
        [
            "a.yaml:3:3: limits.step: unknown key",
            "    3 |   step: 5",
            "      |   ^^^^",
        ]
    )


@pytest.mark.parametrize(
    ("source", "column", "width", "shown", "carets"),
    [
        ("\tkey: v", 2, 3, "    key: v", "    ^^^"),
        ("名前: 値段", 5, 2, "名前: 値段", "      ^^^^"),
        ("e\u0301te\u0301: x", 7, 1, "e\u0301te\u0301: x", "    ^"),
        ("a", 5, 1, "a", " ^"),
        ("", 1, 1, "", "^"),
        ("abc", 2, 40, "abc", " ^^"),
        ("a\x07b", 2, 1, "a\ufffdb", " ^"),
    ],
    ids=["tab", "wide", "combining", "past the end", "empty line", "too wide", "not printable"],
)
def test_the_caret_stands_where_a_terminal_shows_the_text(
    source: str, column: int, width: int, shown: str, carets: str
) -> None:
    lines = Problem("f", "", "no", 1, column, width, source).render().split("\n")
    assert lines[1:] == [f"    1 | {shown}".rstrip(), f"      | {carets}"]


def test_a_long_line_is_cut_around_its_caret() -> None:
    source = "x" * 300 + "HERE" + "y" * 300
    _, line, carets = Problem("f", "", "no", 12, 301, 4, source).render().split("\n")
    assert line.startswith("   12 | …xxx") and line.endswith("yyy…")
    assert len(line) < 140
    assert line[carets.index("^") : carets.index("^") + carets.count("^")] == "HERE"


def test_a_problem_without_a_line_names_the_file_alone() -> None:
    assert Problem("a.yaml", "", "no such file").render() == "a.yaml: no such file"


def test_paths_read_as_they_are_written_in_code() -> None:
    assert show_path(("tools", 0, "http", "allow")) == "tools[0].http.allow"
    assert show_path(("prices", "openai/gpt-5", "input")) == 'prices."openai/gpt-5".input'
    assert show_path(("a\nb",)) == '"a\\nb"'
    assert show_path(()) == ""


def test_a_guess_is_made_only_where_a_word_is_near() -> None:
    assert guess("Modle", ["model", "tools"]) == "; did you mean `model`?"
    assert guess("colour", ["model", "tools"]) == ""


def test_values_are_told_shortly() -> None:
    values = [None, True, False, "a", "x" * 80, {}, [], 3, 0.5]
    assert [show_value(value) for value in values] == [
        "nothing",
        "true",
        "false",
        "`a`",
        f"`{'x' * 60}…`",
        "a mapping",
        "a list",
        "3",
        "0.5",
    ]
    assert show_value("a\n\x1b[31mé") == "`a\\n\\x1b[31mé`"
    assert either(["a"]) == "a"
    assert either("abc") == "a, b or c"


def test_a_finding_tells_its_value_as_it_is_written() -> None:
    finding = Finding(("limits", "steps"), "expected a whole number", shown=True, hint="; put it in quotes")
    told = finding.say({"limits": {"steps": "${STEPS}"}})
    assert told == "expected a whole number, found `${STEPS}`; put it in quotes"


def test_problems_are_raised_in_the_order_of_the_file_and_once() -> None:
    first, second = Problem("f", "a", "one", 1, 1), Problem("f", "b", "two", 2, 1)
    with pytest.raises(InvalidFile) as caught:
        refuse([second, first, second])
    assert caught.value.problems == (first, second)


def test_a_flood_of_problems_is_cut() -> None:
    with pytest.raises(InvalidFile) as caught:
        refuse([Problem("f", "", "no", line, 1) for line in range(1, 61)])
    assert len(caught.value.problems) == 60
    assert str(caught.value).endswith("\n… and 10 more problems")


def test_only_missing_variables_make_that_error() -> None:
    missing = Problem("f", "a", "not set", variable="A")
    with pytest.raises(MissingVariable):
        refuse([missing])
    with pytest.raises(InvalidFile):
        refuse([missing, Problem("f", "b", "wrong")])
