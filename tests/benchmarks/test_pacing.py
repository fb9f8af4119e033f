"""Words at a pace carry the time at which they were said."""

from __future__ import annotations

from itertools import pairwise

from pacing import Pace, delays_ms, pace_in
from project import digits, model_server
from work import heard


def test_a_pace_is_asked_for_in_words() -> None:
    assert pace_in(f"Please. {Pace(3, 20).question}") == Pace(3, 20)
    assert pace_in("What's 25 * 47?") is None


async def test_the_model_server_says_one_word_after_another() -> None:
    with model_server() as url:
        pieces = await heard(url, Pace(5, 10))
    words = [
        int(word)
        for _, data in pieces
        for word in data.replace(b'"', b" ").split()
        if len(word) > 12 and word.isdigit()
    ]
    assert len(words) == 5
    assert all(after - before >= 9_000_000 for before, after in pairwise(words))
    assert all(delay >= 0 for delay in delays_ms(pieces))


def test_a_word_counts_when_it_first_came_and_only_live() -> None:
    before, live = 100_000_000_000, 200_000_000_000
    pieces = [
        (150_000_000_000, b"%d so far" % before),
        (200_003_000_000, b"%d" % live),
        (200_900_000_000, b"%d %d whole" % (before, live)),
    ]
    assert delays_ms(pieces) == [3.0]
    assert delays_ms([]) == []


def test_digits_of_chance_differ_each_time() -> None:
    assert len(digits(7)) == 7 and digits(40) != digits(40)
