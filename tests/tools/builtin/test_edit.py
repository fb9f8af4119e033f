from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.base.errors import ToolFailed
from perdure.tools.builtin.edit import check_seen, happened, replace
from perdure.tools.builtin.jail import version_of


def test_an_edit_needs_a_view_that_still_holds() -> None:
    data = b"hello"
    check_seen("a.txt", data, version_of(data))
    with pytest.raises(ToolFailed, match=r"a\.txt must be viewed before modification"):
        check_seen("a.txt", data, "")
    with pytest.raises(ToolFailed, match=r"a\.txt changed since viewed"):
        check_seen("a.txt", data, version_of(b"other"))


def test_replacing_is_exact() -> None:
    assert replace("a", "one two", "two", "2", every=False) == ("one 2", 1)
    assert replace("a", "x x", "x", "", every=True) == (" ", 2)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("", "x", "nothing to replace"),
        ("one", "one", "nothing to replace"),
        ("zzz", "x", "`old` is not in a$"),
        ("one  two", "x", "only with other spaces or line breaks"),
        ("o", "x", "`old` is 2 times in a"),
    ],
)
def test_what_cannot_be_replaced_is_told(old: str, new: str, said: str) -> None:
    with pytest.raises(ToolFailed, match=said):
        replace("a", "one two", old, new, every=False)


def test_whether_it_happened_is_found_by_undoing_it() -> None:
    before, seen = b"a b c b", version_of(b"a b c b")
    assert happened(before, b"c", b"d", seen, every=False) == "no"
    assert happened(b"a b d b", b"c", b"d", seen, every=False) == "yes"
    assert happened(b"a b  b", b"c", b"", seen, every=False) == "yes", "a deletion"
    assert happened(b"a d c d", b"b", b"d", seen, every=True) == "yes"
    assert happened(b"a  c ", b"b", b"", seen, every=True) == "unknown"
    assert happened(b"something else", b"c", b"d", seen, every=False) == "unknown"
    assert happened(b"x" * 20_000, b"y", b"", seen, every=False) == "unknown", "not at any price"


texts = st.text("ab\n", max_size=30)


@given(texts, texts, texts)
def test_an_edit_is_always_known_to_have_happened(head: str, new: str, tail: str) -> None:
    old = "<old>"
    before = f"{head}{old}{tail}"
    after, _ = replace("a", before, old, new, every=False)
    assert happened(after.encode(), old.encode(), new.encode(), version_of(before.encode()), every=False) == "yes"
