import pytest

from perdure.base.clock import ManualClock
from perdure.base.errors import ModelError, Overloaded, UnpricedModel
from perdure.base.messages import Message, ModelRequest, ModelResponse, Text, TextDelta
from perdure.base.usage import Usage
from perdure.compute.asker import ASSUMED_ANSWER
from perdure.compute.gateway import Gateway
from perdure.compute.prices import Prices
from perdure.compute.registry import Models
from perdure.compute.spec import Price
from perdure.compute.transport.memory import MemoryTransport, Reply
from perdure.testing import Scripted

LONG = "word " * 200


def question(text="Hi", **more):
    return ModelRequest("scripted/a", (Message("user", (Text(text),)),), **more)


def gateway(answers, prices=None):
    given = {"scripted/a": Scripted(answers, name="scripted/a"), "acme/b": Scripted(answers, name="acme/b")}
    models = Models(
        transport=MemoryTransport(lambda _: Reply()),
        clock=ManualClock(),
        chance=lambda: 0.0,
        environment={},
        given=given,
    )
    return Gateway(models, Prices(prices or {"scripted/a": Price(3, 15)}), ManualClock())


async def test_an_answer_comes_with_what_it_cost():
    answer = ModelResponse((Text("Hello"),), usage=Usage(10, 2))
    answered = await gateway([answer]).asker("scripted/a").ask(question())
    assert (answered.response.text, answered.charge.microusd, answered.charge.version) == ("Hello", 60, "project")


async def test_who_listens_is_told_piece_by_piece():
    heard = []
    await gateway(["one two"]).asker("scripted/a").ask(question(), heard.append)
    assert heard == [TextDelta("one "), TextDelta("two")]


async def test_who_does_not_listen_gets_it_in_one_piece():
    asked = gateway(["one two"])
    await asked.asker("scripted/a").ask(question())
    assert not asked.models.model("scripted/a").requests[0].stream


async def test_what_one_learns_all_know():
    door = gateway(lambda _: ModelResponse((Text("ok"),), usage=Usage(500, 1)))
    before = door.asker("scripted/a").worst_cost(question(LONG, max_tokens=1))
    await door.asker("scripted/a").ask(question(LONG))
    assert door.asker("scripted/a").worst_cost(question(LONG, max_tokens=1)) > before
    assert door.learnt("scripted/a").calls == 1


async def test_a_failure_is_learnt_and_raised():
    door = gateway([Overloaded("busy")])
    with pytest.raises(Overloaded):
        await door.asker("scripted/a").ask(question())
    assert door.learnt("scripted/a").status(door.clock.now()) == ("degraded", "busy")


def test_the_most_that_a_call_costs_counts_the_longest_answer():
    asker = gateway([]).asker("scripted/a")
    bounded = asker.bounded(question())
    assert bounded.max_tokens == ASSUMED_ANSWER
    assert asker.bounded(question(max_tokens=7)).max_tokens == 7
    assert asker.worst_cost(bounded) > ASSUMED_ANSWER * 15


def test_a_model_that_nobody_knows_the_price_of_has_no_most():
    with pytest.raises(UnpricedModel, match="acme/b has no known price"):
        gateway([]).asker("acme/b").worst_cost(question())


async def test_a_rehearsal_knows_the_price_and_asks_nothing():
    asker = gateway([]).rehearsal("scripted/a")
    assert asker.worst_cost(question(max_tokens=1)) > 0
    with pytest.raises(ModelError, match="asks no model"):
        await asker.ask(question())
