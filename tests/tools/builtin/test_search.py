from __future__ import annotations

import sys
from pathlib import Path

import pytest

from perdure.base.errors import InvalidArguments, ToolError, ToolFailed
from perdure.tools.builtin import search
from perdure.tools.builtin.jail import Jail
from perdure.tools.builtin.search import list_files, matches_glob, search_files


@pytest.fixture
def jail(tmp_path: Path) -> Jail:
    (tmp_path / "src" / "deep").mkdir(parents=True)
    (tmp_path / "a.md").write_text("one\nTwo\nthree two\n")
    (tmp_path / "src" / "b.py").write_text("two = 2\n")
    (tmp_path / "src" / "deep" / "c.py").write_text("three = 3\n")
    (tmp_path / "image.bin").write_bytes(b"two\0two")
    (tmp_path / "latin.txt").write_bytes(b"two \xff")
    return Jail(tmp_path)


def find(jail: Jail, query: str, path: str = "", pattern: str = "**/*", regex: bool = False, ignore_case: bool = False):  # type: ignore[no-untyped-def]
    return search_files(jail, path, pattern, query, regex=regex, ignore_case=ignore_case)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("*", "a.md", True),
        ("*", "src/b.py", False),
        ("*.py", "src/b.py", False),
        ("**/*.py", "b.py", True),
        ("**/*.py", "src/deep/b.py", True),
        ("src/**", "src/deep/b.py", True),
        ("src/**", "src", True),
        ("src/**/b.py", "src/b.py", True),
        ("src/**/b.py", "lib/b.py", False),
        ("**/deep/**/x", "a/deep/b/c/x", True),
        ("?.[mp]*", "a.md", True),
        ("**", "a", True),
        ("x/**/y", "z", False),
        ("A.md", "a.md", False),
        ("*" * 60, "a" * 500, True),
        ("*a" * 60 + "b", "a" * 500, False),
    ],
)
def test_patterns(pattern: str, path: str, expected: bool) -> None:
    assert matches_glob(pattern, path) is expected


def test_only_a_deep_pattern_looks_below(jail: Jail) -> None:
    assert [one.path for one in list_files(jail, "", "*.py")] == []
    assert [one.path for one in list_files(jail, "", "**/*.py")] == ["src/b.py", "src/deep/c.py"]
    assert [one.path for one in list_files(jail, "./src/", "*")] == ["src/b.py", "src/deep"]
    for pattern in ("../*", "x" * 2000):
        with pytest.raises(InvalidArguments, match="not a pattern"):
            list(list_files(jail, "", pattern))


@pytest.mark.parametrize("regex", [False, True])
def test_lines_are_found_in_text_files(jail: Jail, regex: bool) -> None:
    assert find(jail, "two", regex=regex) == ([("a.md", 3, "three two"), ("src/b.py", 1, "two = 2")], False)
    assert [one[1] for one in find(jail, "two", pattern="*.md", regex=regex, ignore_case=True).matches] == [2, 3]
    assert find(jail, "3", path="./src/", pattern="**/*.py", regex=regex).matches == [("src/deep/c.py", 1, "three = 3")]
    assert find(jail, "zzz", regex=regex) == ([], False)


def test_a_regular_expression_is_one(jail: Jail) -> None:
    assert [one[1] for one in find(jail, "^t.*o$", ignore_case=True, regex=True).matches] == [2, 3]
    for bad in ("(", "a{99999999999}"):
        with pytest.raises(InvalidArguments, match="not a regular expression"):
            find(jail, bad, regex=True)


@pytest.mark.parametrize("query", ["", "x" * 1001, "a\nb"])
def test_a_query_is_one_line(query: str, jail: Jail) -> None:
    with pytest.raises(InvalidArguments, match="one line"):
        find(jail, query)


def test_an_expression_that_takes_for_ever_is_killed(
    jail: Jail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "trap.txt").write_text("a" * 60 + "!")
    monkeypatch.setattr(search, "SECONDS", 1)
    with pytest.raises(ToolFailed, match="took longer than 1 seconds"):
        find(jail, "(a+)+$", pattern="trap.txt", regex=True)


@pytest.mark.parametrize("regex", [False, True])
def test_bounds(jail: Jail, regex: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "many.txt").write_text("needle\n" * 500)
    found = find(jail, "needle", regex=regex)
    assert (len(found.matches), found.more) == (200, True)
    monkeypatch.setattr(search, "MAX_FILE", 100)
    assert find(jail, "needle", regex=regex).matches == []
    monkeypatch.setattr(search, "MAX_TOTAL", 20)
    assert [one[0] for one in find(jail, "two", regex=regex).matches] == ["a.md"]


def test_a_machine_without_an_interpreter_says_so(jail: Jail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(ToolError, match="could not be started"):
        find(jail, "x", regex=True)
