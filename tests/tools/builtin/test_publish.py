"""`publish`: a model says something on topics, and only on those that its agent may."""

from __future__ import annotations

from pathlib import Path

import pytest

import perdure
from perdure.base.errors import ConfigError, InputError
from perdure.testing import Scripted, by_turn, call
from perdure.tools.registry import resolve

AGENT = """
name: clerk
model: {provider: scripted, name: m, price: {input: 0, output: 0}}
tools: [{publish: [reports.>]}]
"""


async def test_what_a_model_says_is_published_where_it_may(tmp_path: Path) -> None:
    (tmp_path / "clerk.yaml").write_text(AGENT)
    answers = [
        call("publish", topic="reports.daily", payload={"sold": 7}),
        call("publish", topic="orders.new", payload="no"),
        "said",
    ]
    model = Scripted(by_turn(answers), name="scripted/m")
    async with perdure.open(tmp_path, models={"scripted/m": model}) as rt:
        assert (await rt.run("clerk.yaml", "Say it")).output == "said"
        (event,) = await rt.topics.events()
        assert (event.envelope.topic, event.envelope.payload) == ("reports.daily", {"sold": 7})
        assert event.envelope.sender.startswith("clerk-")


@pytest.mark.parametrize("entry", [{"publish": ["a..b"]}, {"publish": "a"}, {"publish": {"to": ["a"]}}])
def test_options_that_name_no_topics_are_refused(entry: object) -> None:
    with pytest.raises((ConfigError, InputError)):
        resolve(entry, folder=Path("."))
