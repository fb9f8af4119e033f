"""Server-sent events arrive in pieces cut anywhere, and come out whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.base.errors import InvalidAnswer
from perdure.compute.wire.sse import MAX_EVENT, SseParser


def parse(*chunks: bytes) -> list[tuple[str, str]]:
    parser = SseParser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


def test_an_event_has_a_name_and_data() -> None:
    assert parse(b'event: ping\ndata: {"a": 1}\n\n') == [("ping", '{"a": 1}')]
    assert parse(b"data: hello\n\ndata:there\n\n") == [("", "hello"), ("", "there")]


def test_an_event_name_holds_for_one_event() -> None:
    assert parse(b"event:one\ndata: 1\n\ndata: 2\n\n") == [("one", "1"), ("", "2")]
    assert parse(b"event: nothing\n\ndata: 2\n\n") == [("", "2")]


def test_lines_of_data_are_joined() -> None:
    assert parse(b"data: one\ndata:\ndata: three\n\n") == [("", "one\n\nthree")]
    assert parse(b"data\n\n") == [("", "")]
    assert parse(b"data:  two spaces\n\n") == [("", " two spaces")]


def test_comments_and_other_fields_are_passed_over() -> None:
    assert parse(b": keep-alive\n\nid: 7\nretry: 10\ndatum: x\nunknown\ndata: 1\n: more\n\n") == [("", "1")]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_every_line_ending_counts(end: bytes) -> None:
    assert parse(end.join([b"event: a", b"data: 1", b"data: 2", b"", b"data: 3", b"", b""])) == [
        ("a", "1\n2"),
        ("", "3"),
    ]


def test_a_line_ending_cut_in_two_is_one() -> None:
    assert parse(b"data: 1\r", b"", b"\ndata: 2\r", b"\n\r\n") == [("", "1\n2")]


def test_a_carriage_return_ends_a_line_at_once() -> None:
    assert parse(b"data: 1\r\r") == [("", "1")]


def test_a_byte_order_mark_is_dropped_at_the_start_alone() -> None:
    assert parse(b"\xef\xbb", b"\xbfdata: 1\n\n\xef\xbb\xbfdata: 2\n\n") == [("", "1")]


def test_text_is_utf8_and_may_be_cut_inside_of_a_character() -> None:
    text = "data: grüße 🦎\n\n".encode()
    assert parse(*(text[i : i + 1] for i in range(len(text)))) == [("", "grüße 🦎")]
    assert parse(b"data: \xff\n\n") == [("", "\ufffd")]


def test_what_was_cut_off_is_not_an_event() -> None:
    assert parse(b"data: 1\n\ndata: 2\n") == [("", "1")]


def test_an_event_has_a_largest_size() -> None:
    parser = SseParser(limit=100)
    assert parser.feed(b"data: " + b"x" * 60 + b"\n\n") == [("", "x" * 60)]
    assert parser.feed(b"data: " + b"y" * 60 + b"\n\n") == [("", "y" * 60)]
    with pytest.raises(InvalidAnswer, match="more than 100 bytes"):
        for _ in range(11):
            parser.feed(b"data: 78901234")
    with pytest.raises(InvalidAnswer):
        SseParser(limit=100).feed(b"data: 7890\n" * 30)
    assert MAX_EVENT == 16 * 1024 * 1024


def test_a_large_line_in_many_chunks_is_whole() -> None:
    piece = b"0123456789" * 100
    assert parse(b"data: ", *[piece] * 1000, b"\n\n") == [("", (piece * 1000).decode())]


LINES = st.sampled_from(
    [
        b"data: one",
        b"data:two",
        b"data",
        b"data:",
        b": comment",
        b"event: e",
        b"",
        b"id: 1",
        "data: ü🦎".encode(),
        b"\xef\xbb\xbfdata: x",
    ]
)


@given(st.lists(st.tuples(LINES, st.sampled_from([b"\n", b"\r", b"\r\n"]))), st.data())
def test_any_cutting_gives_the_same_events(lines: list[tuple[bytes, bytes]], data: st.DataObject) -> None:
    text = b"".join(line + end for line, end in lines)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)))))
    chunks = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert parse(*chunks) == parse(text) == reference(text)


def reference(text: bytes) -> list[tuple[str, str]]:
    """The same by the letter of the specification, slowly."""
    events, data, name = [], "", ""
    content = text.decode("utf-8", "replace").removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    for line in content.split("\n")[:-1]:
        field, colon, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                events.append((name, data[:-1]))
            data, name = "", ""
        elif field == "data":
            data += value + "\n"
        elif field == "event" and colon:
            name = value
    return events
