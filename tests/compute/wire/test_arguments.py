"""Arguments are a mapping where the model wrote a JSON object, and its own text where it did not."""

from __future__ import annotations

import pytest

from perdure.compute.wire.arguments import arguments_object, arguments_text, parse_arguments


def test_a_json_object_becomes_a_mapping() -> None:
    assert parse_arguments('{"city": "Rome", "days": 2}') == {"city": "Rome", "days": 2}
    assert parse_arguments("") == {}


@pytest.mark.parametrize("text", ['{"city": "Ro', "[1]", "null", "Rome", "[" * 10_000, '{"a": "\ud800"}'])
def test_anything_else_stays_as_it_was_written(text: str) -> None:
    assert parse_arguments(text) == text


def test_they_go_back_as_they_came() -> None:
    assert arguments_text({"a": 1}) == '{"a":1}'
    assert arguments_text("{broken") == "{broken"


def test_formats_that_take_only_objects_are_shown_the_text() -> None:
    assert arguments_object({"a": 1}) == {"a": 1}
    assert arguments_object("{broken") == {"invalid_json": "{broken"}
