"""Values as bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.base.codec import NIL, digest, digest_bytes, from_json, pack, to_json, unpack, unpack_as
from perdure.base.errors import InputError
from perdure.base.usage import Usage

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(plain)
def test_plain_values_come_back(value):
    assert unpack(pack(value)) == value
    assert unpack(NIL) is None


@given(plain)
def test_json_comes_back(value):
    assert from_json(to_json(value)) == value


def test_a_struct_comes_back_as_itself():
    assert unpack_as(pack(Usage(1, 2)), Usage) == Usage(1, 2)


@pytest.mark.parametrize("value", [object(), 2**70, "\ud800", {1: {2: object()}}])
def test_what_has_no_form_is_refused(value):
    for refuse in (pack, digest):
        with pytest.raises(InputError, match="cannot be stored"):
            refuse(value)


def test_what_contains_itself_is_refused():
    value: list[object] = []
    value.append(value)
    with pytest.raises(InputError):
        pack(value)


@given(st.dictionaries(st.text(), plain, max_size=6), st.randoms())
def test_a_digest_does_not_depend_on_the_order_of_keys(value, chance):
    items = list(value.items())
    chance.shuffle(items)
    assert digest(dict(items)) == digest(value)
    assert digest(value) != digest({**value, "one more": 1})


def test_a_digest_of_bytes_is_of_the_bytes():
    assert digest(b"x") == digest_bytes(b"x") != digest("x")
    assert len(digest(b"x")) == 32
