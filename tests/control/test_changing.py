"""Files that change, found by looking."""

from __future__ import annotations

import os
from pathlib import Path

from perdure.control.changing import Changing


def test_a_change_is_told_once_it_is_at_rest(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("1")
    changing = Changing(lambda: [file])
    assert changing.look() == frozenset()
    file.write_text("12")
    assert changing.look() == frozenset()  # somebody may still be writing
    file.write_text("123")
    assert changing.look() == frozenset()
    assert changing.look() == {file}
    assert changing.look() == frozenset()


def test_files_that_come_and_go_are_changes(tmp_path: Path) -> None:
    file = tmp_path / "a"
    changing = Changing(lambda: tmp_path.iterdir())
    file.write_text("1")
    assert [changing.look(), changing.look(), changing.look()] == [frozenset(), {file}, frozenset()]
    file.unlink()
    assert [changing.look(), changing.look(), changing.look()] == [frozenset(), {file}, frozenset()]


def test_a_file_that_never_rests_keeps_no_other_from_being_told(tmp_path: Path) -> None:
    restless, calm = tmp_path / "restless", tmp_path / "calm"
    changing = Changing(lambda: [restless, calm])
    calm.write_text("1")
    told = []
    for number in range(3):
        restless.write_text("x" * number)
        told.append(changing.look())
    assert told == [frozenset(), {calm}, frozenset()]


def test_another_file_of_the_same_size_and_time_is_a_change(tmp_path: Path) -> None:
    file, other = tmp_path / "a", tmp_path / "b"
    for path in (file, other):
        path.write_text("1")
        os.utime(path, ns=(1, 1))
    changing = Changing(lambda: [file])
    other.replace(file)
    assert [changing.look(), changing.look()] == [frozenset(), {file}]


def test_a_change_that_is_taken_back_before_it_rested_is_none(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("1")
    os.utime(file, ns=(1, 1))
    changing = Changing(lambda: [file])
    file.write_text("2")
    os.utime(file, ns=(2, 2))
    assert changing.look() == frozenset()
    file.write_text("1")
    os.utime(file, ns=(1, 1))
    assert [changing.look(), changing.look()] == [frozenset(), frozenset()]
