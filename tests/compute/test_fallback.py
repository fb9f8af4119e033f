import msgspec
import pytest

from perdure.base.errors import (
    AuthFailed,
    ContentFiltered,
    ContextTooLong,
    InvalidRequest,
    ModelNotFound,
    ModelTimeout,
    Overloaded,
    RateLimited,
    Unreachable,
)
from perdure.base.messages import Finished, Message, ModelRequest, Restart, Text, TextDelta
from perdure.compute.fallback import Fallback
from perdure.compute.port import generate
from perdure.compute.spec import ModelSpec
from perdure.testing import Scripted, breaks

QUESTION = ModelRequest(
    model="scripted/a", messages=(Message("user", (Text("Hi"),)),), temperature=0.5, max_tokens=10, extra={"seed": 1}
)


def chain(first, second, **settings):
    a, b = Scripted(first, name="scripted/a"), Scripted(second, name="scripted/b")
    return Fallback(a, [(b, ModelSpec("scripted", "b", **settings))]), a, b


@pytest.mark.parametrize(
    "error", [AuthFailed, ModelNotFound, Overloaded, RateLimited, ModelTimeout, Unreachable, ContextTooLong]
)
async def test_the_next_model_steps_in_and_its_name_is_on_the_answer(error):
    model, _, _ = chain([error("no")], ["yes"])
    response = await generate(model, QUESTION)
    assert (response.text, response.model) == ("yes", "scripted/b")


async def test_the_first_answers_where_it_can():
    model, _, second = chain(["yes"], ["never"])
    assert (await generate(model, QUESTION)).model == "scripted/a"
    assert second.requests == []


async def test_it_inherits_settings_but_not_what_is_a_providers_own():
    model, _, second = chain([Overloaded("busy")], ["yes"], temperature=0.0, extra={"top_k": 3}, timeout="7s")
    await generate(model, QUESTION)
    asked = second.requests[0]
    assert (asked.model, asked.temperature, asked.max_tokens) == ("scripted/b", 0.0, 10)
    assert (asked.extra, asked.timeout_ms) == ({"top_k": 3}, 7_000)


@pytest.mark.parametrize("error", [InvalidRequest, ContentFiltered])
async def test_a_request_that_is_wrong_is_not_carried_around(error):
    model, _, second = chain([error("no")], ["never"])
    with pytest.raises(error):
        await generate(model, QUESTION)
    assert second.requests == []


async def test_when_all_fail_the_error_tells_what_each_said():
    model, _, _ = chain([Overloaded("busy")], [Unreachable("gone")])
    with pytest.raises(Unreachable) as caught:
        await generate(model, QUESTION)
    assert caught.value.facts["tried"] == {
        "scripted/a": "model.overloaded: busy",
        "scripted/b": "model.unreachable: gone",
    }


async def test_what_was_shown_before_is_void():
    model, _, _ = chain([breaks("Hel")], ["Hello"])
    deltas = [delta async for delta in model.stream(msgspec.structs.replace(QUESTION, stream=True))]
    assert deltas[:3] == [TextDelta("Hel"), Restart("the connection broke"), TextDelta("Hello")]
    assert isinstance(deltas[3], Finished)
