from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.agents.amounts import (
    LONGEST_WAIT,
    MOST_MONEY,
    Duration,
    Money,
    amount_schema,
    decode_amount,
    encode_amount,
)
from perdure.base.codec import digest, pack, to_json


def test_amounts_are_whole_numbers_inside() -> None:
    assert decode_amount(Money, "$0.10") == 100_000
    assert decode_amount(Money, 5) == 5_000_000
    assert decode_amount(Duration, "1h30m") == 5_400_000
    assert decode_amount(Duration, 0.5) == 500
    assert type(decode_amount(Money, 0)) is Money


@given(st.integers(0, MOST_MONEY), st.integers(0, LONGEST_WAIT))
def test_the_text_of_an_amount_reads_back_exactly(money: int, wait: int) -> None:
    assert decode_amount(Money, encode_amount(Money(money))) == money
    assert decode_amount(Duration, encode_amount(Duration(wait))) == wait


@pytest.mark.parametrize("value", [True, None, [], "", "lots", -1, float("nan"), "9" * 99, 1e18, "5 EUR"])
@pytest.mark.parametrize("type", [Money, Duration])
def test_what_is_no_amount_is_refused(type: type, value: object) -> None:
    with pytest.raises(ValueError):
        decode_amount(type, value)


@given(st.text("$0123456789._ usdUSDmhw", max_size=8))
def test_the_schema_accepts_the_text_that_is_read(text: str) -> None:
    for type in (Money, Duration):
        pattern = amount_schema(type)["anyOf"][0]["pattern"]
        try:
            decode_amount(type, text)
        except ValueError as error:
            read = str(error).startswith("too much")
        else:
            read = True
        assert bool(re.search(pattern, text)) == read


def test_other_types_are_left_to_msgspec() -> None:
    for hook in (amount_schema, encode_amount):
        with pytest.raises(NotImplementedError):
            hook(complex)


def test_an_amount_is_kept_as_its_number() -> None:
    assert pack(Money(5)) == pack(5)
    assert to_json({"limit": Duration(250)}) == b'{"limit":250}'
    assert digest([Money(5)]) == digest([5])
