"""Keys are places in the handler's structure, never moments in time."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from perdure.kernel.keys import Keys, Scope, enter, here

names = st.sampled_from(["model", "tool", "sleep"])


def test_the_first_of_its_name_has_no_number():
    keys = Keys()
    assert [keys.next("tool", "mail"), keys.next("tool", "mail"), keys.next("tool")] == [
        "tool:mail",
        "tool:mail#2",
        "tool",
    ]


def test_a_scope_stands_before_every_key_made_inside():
    keys = Keys()
    with Scope("step1"):
        with Scope("inner"):
            assert keys.next("model") == "step1/inner/model"
        assert here() == "step1/"
    assert keys.next("model") == "model"


def test_counting_goes_on_in_a_scope_entered_again():
    keys = Keys()
    made = []
    for _ in range(2):
        with Scope("round"):
            made.append(keys.next("tool"))
    assert made == ["round/tool", "round/tool#2"]


def test_a_last_scope_leaves_nothing_behind():
    keys = Keys()
    with Scope("outer"), Scope("step1", keys):
        keys.next("tool")
        assert keys.counters == {"outer/step1/tool": 1}
    assert keys.counters == {}


def test_counters_can_be_kept_and_handed_in_again():
    keys = Keys()
    keys.next("tool")
    assert Keys(keys.counters).next("tool") == "tool#2"


@given(st.lists(st.lists(names, max_size=5), min_size=1, max_size=5), st.randoms())
def test_the_order_in_which_branches_run_does_not_matter(branches, chance):
    def keys_of(order):
        keys = Keys()
        made = {}

        async def branch(number):
            enter(f"gather/{number}")
            found = []
            for name in branches[number]:
                found.append(keys.next(name))
                await asyncio.sleep(0)
            made[number] = found

        async def main():
            await asyncio.gather(*(branch(number) for number in order))

        asyncio.run(main())
        return made

    numbers = list(range(len(branches)))
    shuffled = numbers[:]
    chance.shuffle(shuffled)
    made = keys_of(numbers)
    assert made == keys_of(shuffled)
    every = [key for keys in made.values() for key in keys]
    assert len(every) == len(set(every))
