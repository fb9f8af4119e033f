from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from perdure.base.messages import File, Text
from perdure.tools.cut import DEFAULT_LIMIT, cut, cut_text


def test_a_long_text_keeps_both_ends_and_says_where_the_whole_is() -> None:
    text = "a" * 100_000 + "b" * 43_456
    shown = cut((Text(text),), "tool:lookup")[0]
    assert isinstance(shown, Text)
    assert shown.text == (
        "a" * 15_000 + "\n[… 123,456 characters left out; the whole is kept as effect tool:lookup …]\n" + "b" * 5_000
    )


def test_a_text_within_the_limit_is_left_alone() -> None:
    parts = (Text("x" * DEFAULT_LIMIT), File(media_type="a/b", data=b"1"))
    assert cut(parts, "k") is parts


def test_several_texts_share_the_limit_in_order() -> None:
    shown = cut((Text("a" * 6), File(media_type="a/b"), Text("b" * 6), Text("c" * 6)), "k", 8)
    texts = [part.text for part in shown if isinstance(part, Text)]
    assert texts[0] == "aaaaaa"
    assert texts[1] == "b\n[… 4 characters left out; the whole is kept as effect k …]\nb"
    assert texts[2] == "[… 6 characters left out; the whole is kept as effect k …]"


@given(st.text(min_size=1), st.integers(0, 50))
def test_never_more_than_the_limit_and_the_note(text: str, limit: int) -> None:
    shown = cut_text(text, "k", limit)
    assert shown == text if len(text) <= limit else len(shown) <= limit + 80
