"""The loop: ask the model, call the tools it asks for, until it answers."""

from __future__ import annotations

import asyncio

import pytest

from perdure.base.errors import AuthFailed, BrokenStream, ToolFailed
from perdure.base.messages import ModelResponse, Text
from perdure.base.usage import Usage
from perdure.testing import breaks, by_turn, call
from perdure.tools.function import tool


def said(request, number=-1):
    """What the model was shown last, as text."""
    message = request.messages[number]
    if message.role == "tool":
        return [part.parts[0].text for part in message.parts]
    return message.text


@tool(effect="read")
def double(number: int) -> int:
    """Twice the number."""
    return 2 * number


@tool(effect="once")
def moody(mood: str) -> str:
    """May fail."""
    if mood == "bad":
        raise ValueError("not today")
    if mood == "worse":
        raise ToolFailed("nothing was done")
    return "fine"


class slow_ones:
    """How many calls of `slow` are under way."""

    now, most = 0, []


@tool(effect="read")
async def slow(number: int) -> int:
    """Takes its time."""
    slow_ones.now += 1
    slow_ones.most.append(slow_ones.now)
    await asyncio.sleep(0.001)
    slow_ones.now -= 1
    return number


@tool(effect="once", timeout="5ms")
async def pay(amount: int) -> str:
    """Never comes to an end."""
    await asyncio.Event().wait()
    return "paid"


@tool(effect="read")
def echo(text: str) -> str:
    """Say it."""
    return text


async def test_an_agent_answers(stage):
    async with stage.open(["Hello!"]) as rt:
        result = await rt.run(stage.spec(instructions="Be kind."), "Hi")
    assert (result.status, result.output, result.steps) == ("done", "Hello!", 1)
    (request,) = stage.model.requests
    assert (request.system, said(request), request.tools) == ("Be kind.", "Hi", ())
    assert result.cost_microusd == result.usage.input_tokens + 2 * result.usage.output_tokens


async def test_tools_are_called_and_their_results_read(stage):
    answers = [[call("double", number=21), call("double", number=4)], "42 and 8"]
    async with stage.open(answers) as rt:
        result = await rt.run(stage.spec(tools=[double]), "Double 21 and 4")
    assert (result.output, result.steps) == ("42 and 8", 2)
    assert said(stage.model.requests[1]) == ["42", "8"]
    assert [tool.name for tool in stage.model.requests[0].tools] == ["double"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (call("triple", number=1), "there is no tool triple"),
        (call("double", number="many"), "number"),
        (call("moody", mood="bad"), "not today"),
        (call("moody", mood="worse"), "nothing was done"),
    ],
)
async def test_what_goes_wrong_with_a_call_the_model_reads(stage, asked, told):
    async with stage.open([asked, "I see"]) as rt:
        result = await rt.run(stage.spec(tools=[double, moody]), "go")
    assert (result.status, result.output) == ("done", "I see")
    (error,) = said(stage.model.requests[1])
    assert error.startswith("Error: ") and told in error


async def test_calls_of_one_answer_run_at_once_as_far_as_the_spec_allows(stage):
    for limits, wanted in ((2, 2), (False, 1), (True, 5)):
        most = slow_ones.most = []
        async with stage.open([[call("slow", number=n) for n in range(5)], "ok"]) as rt:
            await rt.run(stage.spec(tools=[slow], limits={"concurrency": limits}), "go")
        assert max(most) == wanted
        assert said(stage.model.requests[1]) == ["0", "1", "2", "3", "4"]


async def test_the_step_limit_yields_and_a_resume_goes_on(stage):
    answers = [call("double", number=1), call("double", number=2), call("double", number=3), "done"]
    async with stage.open(answers) as rt:
        result = await rt.run(stage.spec(tools=[double], limits={"steps": 2}), "go")
        assert (result.status, result.steps) == ("yielded", 2)
        result = await rt.resume(result.run_id)
    assert (result.status, result.output, result.steps) == ("done", "done", 4)


async def test_the_token_limit_yields(stage):
    answers = [ModelResponse((call("double", number=1),), usage=Usage(60, 60)), "never asked"]
    async with stage.open(answers) as rt:
        result = await rt.run(stage.spec(tools=[double], limits={"tokens": 100}), "go")
    assert (result.status, result.steps) == ("yielded", 1)


async def test_a_model_that_fails_fails_the_run(stage):
    async with stage.open([AuthFailed("wrong key")]) as rt:
        result = await rt.run(stage.spec(), "go")
    assert (result.status, result.error["code"]) == ("failed", "model.auth")


async def test_a_stream_that_breaks_leaves_nothing_half_in_the_journal(stage):
    async with stage.open([breaks("half an ans", BrokenStream("cut"))] * 10) as rt:
        events = [event async for event in rt.stream(stage.spec(), "go")]
    assert events[-1].result.status == "failed"
    assert "half an ans" in "".join(event.text for event in events if event.type == "text")


async def test_a_stream_is_heard_as_it_comes(stage):
    async with stage.open([call("double", number=2), "It is four."]) as rt:
        events = [event async for event in rt.stream(stage.spec(tools=[double]), "go")]
    kinds = [event.type for event in events]
    assert kinds[0] == "accepted" and kinds[-1] == "result"
    assert "".join(event.text for event in events if event.type == "text") == "It is four."
    assert next(event.data for event in events if event.type == "tool_start")["arguments"] == {"number": 2}
    assert all(request.stream for request in stage.model.requests)


async def test_a_conversation_goes_on(stage):
    async with stage.open(by_turn([call("double", number=21), "42", "Yes, 42."])) as rt:
        await rt.run(stage.spec(tools=[double]), "Double 21", agent="bob")
        result = await rt.run(stage.spec(tools=[double]), "Sure?", agent="bob")
    assert result.output == "Yes, 42."
    last = stage.model.requests[-1].messages
    assert [message.role for message in last] == ["user", "assistant", "tool", "assistant", "user"]
    assert said(stage.model.requests[-1], 2) == ["42"]


async def test_a_long_run_goes_on_from_its_checkpoint_with_all_that_was_said(stage):
    many = 55
    answers = [*(call("double", number=n) for n in range(many)), call("ask", question="go on?"), "the end"]
    async with stage.open(by_turn(answers)) as rt:
        result = await rt.run(stage.spec(tools=[double, "ask"], limits={"steps": 100}), "the beginning")
        assert (result.status, result.waiting_for) == ("waiting", "approval")
        assert (await stage.store.load_run(result.run_id)).checkpoint_seq
    async with stage.open(by_turn(answers)) as rt:
        await rt.approve(result.run_id, "yes")
        result = await rt.wait(result.run_id)
    assert (result.status, result.output, result.steps) == ("done", "the end", many + 2)
    (request,) = stage.model.requests
    assert len(request.messages) == 1 + 2 * (many + 1)
    assert said(request, 0) == "the beginning"


async def test_a_long_run_keeps_its_opening_message_when_its_beginning_is_out_of_reach(stage):
    many = 55
    answers = [*(call("echo", text="x" * 400) for _ in range(many)), call("ask", question="go on?"), "the end"]

    spec = stage.spec(tools=[echo, "ask"], limits={"steps": 100}, context={"tokens": 1_000, "keep": 4})

    def script(request):
        done = len(asked)
        asked.append(1)
        return answers[done]

    asked = []
    async with stage.open(script) as rt:
        result = await rt.run(spec, "the beginning")
        assert result.waiting_for == "approval"
    async with stage.open(script) as rt:
        await rt.approve(result.run_id, "yes")
        result = await rt.wait(result.run_id)
    assert result.output == "the end"
    assert said(stage.model.requests[-1], 0) == "the beginning"


# -- money ------------------------------------------------------------------------------------------------------------


async def test_a_budget_reserves_the_worst_case_and_stops_before_it_is_overspent(stage):
    async with stage.open(["never asked"]) as rt:
        result = await rt.run(stage.spec(budget={"per_run": "$0.000001"}), "go")
    assert (result.status, result.error["code"], result.cost_microusd) == ("failed", "budget.exceeded", 0)
    assert stage.model.requests == []


async def test_a_model_without_a_price_fails_closed_under_a_budget(stage):
    spec = stage.spec(budget={"per_run": "$1"}) | {"model": "openai/scripted"}
    async with stage.open(["never asked"]) as rt:
        result = await rt.run(spec, "go")
    assert (result.status, result.error["code"]) == ("failed", "budget.unpriced_model")


async def test_within_a_budget_the_answer_is_bounded_and_paid(stage):
    async with stage.open([ModelResponse((Text("ok"),), usage=Usage(100, 50))]) as rt:
        result = await rt.run(stage.spec(budget={"per_run": "$1", "per_day": "$2"}), "go")
    assert (result.status, result.cost_microusd) == ("done", 200)
    assert stage.model.requests[0].max_tokens == 4_096


# -- people -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("answer", "seen"), [("approve", "42"), ("deny", "Error: double was not approved")])
async def test_a_call_that_needs_consent_waits_for_it(stage, answer, seen):
    async with stage.open([call("double", number=21), "ok"]) as rt:
        result = await rt.run(stage.spec(tools=[double], approve=["dou*"]), "go")
        assert (result.status, result.waiting_for) == ("waiting", "approval")
        (wait,) = result.waits
        assert wait.about["about"] == {"tool": "double", "arguments": {"number": 21}, "policy": "approve: dou*"}
        await (rt.approve(result.run_id) if answer == "approve" else rt.deny(result.run_id))
        result = await rt.wait(result.run_id)
    assert result.output == "ok"
    assert said(stage.model.requests[1])[0].startswith(seen)


async def test_a_tool_in_doubt_is_decided_by_a_person_with_any_data(stage):
    async with stage.open([call("pay", amount=5), "ok"]) as rt:
        result = await rt.run(stage.spec(tools=[pay]), "go")
        assert result.waiting_for == "in_doubt"
        await rt.resolve(result.run_id, result.waits[0].key, "done", value={"receipt": 7})
        result = await rt.wait(result.run_id)
    assert result.status == "done"
    assert said(stage.model.requests[1]) == ['{"receipt":7}']


# -- shapes -----------------------------------------------------------------------------------------------------------

SHAPE = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


async def test_a_structured_answer_is_given_as_data(stage):
    async with stage.open(['```json\n{"n": 3}\n```']) as rt:
        result = await rt.run(stage.spec(output=SHAPE), "go")
    assert result.output == {"n": 3}
    assert stage.model.requests[0].output_schema == SHAPE


async def test_a_misshapen_answer_is_sent_back_with_what_is_wrong(stage):
    async with stage.open(["not json", '{"n": "x"}', '{"n": 3}']) as rt:
        result = await rt.run(stage.spec(output=SHAPE), "go")
    assert (result.output, result.steps) == ({"n": 3}, 3)
    assert "not valid JSON" in said(stage.model.requests[1])
    assert "$.n: 'x' is not of type 'integer'" in said(stage.model.requests[2])


async def test_answers_are_sent_back_only_so_often(stage):
    async with stage.open(["no"] * 5) as rt:
        result = await rt.run(stage.spec(output=SHAPE, output_retries=1), "go")
    assert (result.status, result.error["code"]) == ("failed", "model.invalid_answer")
    assert len(stage.model.requests) == 2
