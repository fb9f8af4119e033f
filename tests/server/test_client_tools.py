"""Tools that clients pass, and settings that they wish: judged by the official clients of OpenAI and Anthropic."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import anthropic
import pytest
from openai import APIStatusError, AsyncOpenAI, ConflictError, UnprocessableEntityError
from pydantic import BaseModel

from perdure.base.errors import Overloaded
from perdure.base.messages import ModelResponse, Text, ToolCall, ToolResult
from perdure.testing import Scripted, by_turn, call

Served = Callable[..., AbstractAsyncContextManager[Any]]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CHAT: Any = [{"type": "function", "function": {"name": "weather", "description": "Looks out.", "parameters": SCHEMA}}]
FLAT: Any = [{"type": "function", "name": "weather", "parameters": SCHEMA, "strict": False}]
MESSAGES: Any = [{"name": "weather", "description": "Looks out.", "input_schema": SCHEMA}]
ASKS = ModelResponse((Text("Let me look."), ToolCall("c1", "weather", {"city": "Bern"})), stop="tool_calls")
TWO = [call("weather", city="Bern"), call("weather", city="Basel")]
HELLO: Any = [{"role": "user", "content": "How is the weather in Bern?"}]


def model(*answers: Any) -> Scripted:
    return Scripted(by_turn(answers), name="scripted/m")


def openai(client: Any) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{client.url}/v1", api_key=client.token, max_retries=0)


def claude(client: Any) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=client.url, api_key=client.token, max_retries=0)


async def runs(client: Any) -> list[Any]:
    return (await client.get("/runs")).json["items"]


async def test_a_run_goes_on_with_what_the_client_did(served: Served) -> None:
    scripted = model(ASKS, "It is sunny.")
    async with served(model=scripted) as client, openai(client) as ai:
        first = await ai.chat.completions.create(model="clerk", messages=HELLO, tools=CHAT)
        (choice,) = first.choices
        assert (choice.finish_reason, choice.message.content) == ("tool_calls", "Let me look.")
        (called,) = choice.message.tool_calls or ()
        assert called.type == "function" and called.function.name == "weather"
        assert json.loads(called.function.arguments) == {"city": "Bern"}
        (waiting,) = await runs(client)
        assert (waiting["status"], waiting["waiting_for"]) == ("waiting", "tool")

        said = [*HELLO, choice.message, {"role": "tool", "tool_call_id": called.id, "content": "sunny"}]
        second = await ai.chat.completions.create(model="clerk", messages=said, tools=CHAT)
        assert second.choices[0].message.content == "It is sunny." and second.choices[0].finish_reason == "stop"
        (run,) = await runs(client)
        assert (run["status"], run["steps"]) == ("done", 2)
        total = first.usage, second.usage
        assert sum(one.completion_tokens for one in total if one is not None) == run["usage"]["output_tokens"]
        result = scripted.requests[-1].messages[-1].parts[0]
        assert isinstance(result, ToolResult) and (result.name, result.parts) == ("weather", (Text("sunny"),))
        assert [tool.name for tool in scripted.requests[0].tools][-1] == "weather"


async def test_the_call_and_its_result_are_on_record(served: Served) -> None:
    async with served(model=model(ASKS, "It is sunny.")) as client, openai(client) as ai:
        first = await ai.chat.completions.create(model="clerk", messages=HELLO, tools=CHAT)
        message = first.choices[0].message
        (called,) = message.tool_calls or ()
        said = [*HELLO, message, {"role": "tool", "tool_call_id": called.id, "content": "sunny"}]
        await ai.chat.completions.create(model="clerk", messages=said, tools=CHAT)
        (run,) = await runs(client)
        trace = json.dumps((await client.get(f"/traces/{run['run_id']}?full=true")).json)
        assert "sunny" in trace and "weather" in trace
        assert (await client.runtime.replay(run["run_id"])).verdict == "same"


async def test_a_conversation_goes_on_after_the_call(served: Served) -> None:
    """The client sends all that was said: also calls that were made in another run."""
    async with served(model=model(ASKS, "Sunny.", "Yes.")) as client, openai(client) as ai:
        first = (await ai.chat.completions.create(model="clerk", messages=HELLO, tools=CHAT)).choices[0].message
        (called,) = first.tool_calls or ()
        said = [*HELLO, first, {"role": "tool", "tool_call_id": called.id, "content": "sunny"}]
        second = (await ai.chat.completions.create(model="clerk", messages=said, tools=CHAT)).choices[0].message
        said += [second, {"role": "user", "content": "Really?"}]
        third = await ai.chat.completions.create(model="clerk", messages=said, tools=CHAT)
        assert third.choices[0].message.content == "Yes."


async def test_sent_again_it_gives_the_same_answer(served: Served) -> None:
    async with served(model=model(ASKS, "It is sunny.")) as client, openai(client) as ai:
        message = (await ai.chat.completions.create(model="clerk", messages=HELLO, tools=CHAT)).choices[0].message
        (called,) = message.tool_calls or ()

        async def give(text: str) -> str | None:
            said = [*HELLO, message, {"role": "tool", "tool_call_id": called.id, "content": text}]
            done = await ai.chat.completions.create(model="clerk", messages=said, tools=CHAT)
            return done.choices[0].message.content

        assert [await give("sunny"), await give("sunny")] == ["It is sunny."] * 2
        with pytest.raises(ConflictError, match="another result before"):
            await give("rainy")
        assert len(await runs(client)) == 1


async def test_a_run_that_failed_since_goes_on_when_it_is_asked_again(served: Served) -> None:
    answers = iter([ASKS, Overloaded("too much"), "It is sunny."])
    async with served(model=Scripted(lambda _: next(answers), name="scripted/m")) as client, openai(client) as ai:
        message = (await ai.chat.completions.create(model="clerk", messages=HELLO, tools=CHAT)).choices[0].message
        (called,) = message.tool_calls or ()
        said = [*HELLO, message, {"role": "tool", "tool_call_id": called.id, "content": "sunny"}]
        with pytest.raises(APIStatusError) as broken:
            await ai.chat.completions.create(model="clerk", messages=said, tools=CHAT)
        assert broken.value.status_code == 503
        done = await ai.chat.completions.create(model="clerk", messages=said, tools=CHAT)
        assert done.choices[0].message.content == "It is sunny." and len(await runs(client)) == 1


async def test_a_client_that_stays_away_is_waited_for_no_longer(served: Served, project: Path) -> None:
    file = project / "agents" / "clerk.yaml"
    file.write_text(file.read_text() + "limits: {client_timeout: 50ms}\n")
    async with served(model=model(TWO, "It is sunny.")) as client, openai(client) as ai:
        message = (await ai.chat.completions.create(model="clerk", messages=HELLO, tools=CHAT)).choices[0].message
        (run,) = await runs(client)
        row = await client.runtime.store.load_run(run["run_id"])
        ended = await client.runtime.engine.rest(row, person=False)
        assert (ended.run.status, ended.error["code"]) == ("failed", "run.client_silent")
        assert (await client.runtime.replay(run["run_id"])).verdict == "same"
        results = [{"role": "tool", "tool_call_id": one.id, "content": "sunny"} for one in message.tool_calls or ()]
        for _ in range(2):
            with pytest.raises(APIStatusError, match="no longer") as late:
                await ai.chat.completions.create(model="clerk", messages=[*HELLO, message, *results], tools=CHAT)
            assert late.value.status_code == 410
        assert len(await runs(client)) == 1


async def test_a_client_may_be_waited_for_for_ever(served: Served, project: Path) -> None:
    file = project / "agents" / "clerk.yaml"
    file.write_text(file.read_text() + "limits: {client_timeout: 0}\n")
    async with served(model=model(ASKS)) as client, openai(client) as ai:
        await ai.chat.completions.create(model="clerk", messages=HELLO, tools=CHAT)
        (run,) = await runs(client)
        assert await client.runtime.store.timers(run["agent_id"]) == []


async def test_a_client_is_waited_for_ten_minutes(served: Served) -> None:
    async with served(model=model(ASKS)) as client, openai(client) as ai:
        await ai.chat.completions.create(model="clerk", messages=HELLO, tools=CHAT)
        (run,) = await runs(client)
        (timer,) = await client.runtime.store.timers(run["agent_id"])
        assert 0 < timer.due - client.runtime.clock.now() <= 600_000


async def test_all_results_are_wanted(served: Served) -> None:
    async with served(model=model(TWO, "Fine.")) as client, openai(client) as ai:
        message = (await ai.chat.completions.create(model="clerk", messages=HELLO, tools=CHAT)).choices[0].message
        one, other = message.tool_calls or ()
        said = [*HELLO, message, {"role": "tool", "tool_call_id": one.id, "content": "sunny"}]
        with pytest.raises(UnprocessableEntityError, match=other.id):
            await ai.chat.completions.create(model="clerk", messages=said, tools=CHAT)
        said.append({"role": "tool", "tool_call_id": other.id, "content": "rain"})
        done = await ai.chat.completions.create(model="clerk", messages=said, tools=CHAT)
        assert done.choices[0].message.content == "Fine." and len(await runs(client)) == 1


async def test_calls_of_nobody_here_are_a_conversation_from_elsewhere(served: Served) -> None:
    scripted = model("", "It is sunny.")
    async with served(model=scripted) as client, openai(client) as ai:
        called = {"id": "call_x", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Bern"}'}}
        said: Any = [
            *HELLO,
            {"role": "assistant", "content": None, "tool_calls": [called]},
            {"role": "tool", "tool_call_id": "call_x", "content": "sunny"},
        ]
        done = await ai.chat.completions.create(model="clerk", messages=said)
        assert done.choices[0].message.content == "It is sunny."
        assert [one.role for one in scripted.requests[0].messages] == ["user", "assistant", "tool"]
        for broken in ([*said[:2], *HELLO], [*HELLO, said[2]], [*said, {**said[2], "tool_call_id": "y"}]):
            with pytest.raises(UnprocessableEntityError):
                await ai.chat.completions.create(model="clerk", messages=broken)


async def test_calls_come_piece_by_piece_too(served: Served) -> None:
    async with served(model=model(ASKS, "It is very sunny.")) as client, openai(client) as ai:
        async with ai.chat.completions.stream(model="clerk", messages=HELLO, tools=CHAT) as stream:
            message = (await stream.get_final_completion()).choices[0].message
        (called,) = message.tool_calls or ()
        assert (message.content, called.function.name) == ("Let me look.", "weather")
        said: Any = [
            *HELLO,
            message.model_dump(exclude_none=True, exclude={"parsed"}),
            {"role": "tool", "tool_call_id": called.id, "content": "sunny"},
        ]
        stream = await ai.chat.completions.create(model="clerk", messages=said, tools=CHAT, stream=True)
        texts = [chunk.choices[0].delta.content or "" async for chunk in stream]
        assert "".join(texts) == "It is very sunny." and len(texts) > 3


async def test_tools_of_a_response(served: Served) -> None:
    async with served(model=model(TWO, "Fine.")) as client, openai(client) as ai:
        first = await ai.responses.create(model="clerk", input="How is the weather?", tools=FLAT)
        calls = [item for item in first.output if item.type == "function_call"]
        assert [json.loads(one.arguments)["city"] for one in calls] == ["Bern", "Basel"]
        with pytest.raises(UnprocessableEntityError, match="results are missing"):
            await ai.responses.create(model="clerk", input="And?", previous_response_id=first.id)
        given: Any = [{"type": "function_call_output", "call_id": one.call_id, "output": "sunny"} for one in calls]
        second = await ai.responses.create(model="clerk", input=given, previous_response_id=first.id, tools=FLAT)
        assert second.output_text == "Fine." and second.id != first.id
        everything: Any = [*HELLO, *(one.model_dump(exclude_none=True) for one in calls), *given]
        again = await ai.responses.create(model="clerk", input=everything, tools=FLAT)
        assert again.output_text == "Fine." and len(await runs(client)) == 1


async def test_tools_of_a_response_piece_by_piece(served: Served) -> None:
    async with served(model=model(ASKS, "Fine.")) as client, openai(client) as ai:
        async with ai.responses.stream(model="clerk", input="How is the weather?", tools=FLAT) as stream:
            kinds = [event.type async for event in stream]
            first = await stream.get_final_response()
        assert "response.function_call_arguments.done" in kinds and first.output_text == "Let me look."
        called = first.output[1]
        assert called.type == "function_call" and json.loads(called.arguments) == {"city": "Bern"}
        given: Any = [{"type": "function_call_output", "call_id": called.call_id, "output": "sunny"}]
        async with ai.responses.stream(model="clerk", input=given, previous_response_id=first.id) as stream:
            assert (await stream.get_final_response()).output_text == "Fine."


async def test_tools_of_a_message(served: Served) -> None:
    scripted = model(ASKS, "It is sunny.")
    async with served(model=scripted) as client, claude(client) as ai:
        first = await ai.messages.create(model="clerk", max_tokens=100, messages=HELLO, tools=MESSAGES)
        text, used = first.content
        assert first.stop_reason == "tool_use" and text.type == "text" and text.text == "Let me look."
        assert used.type == "tool_use" and (used.name, used.input) == ("weather", {"city": "Bern"})
        result = {"type": "tool_result", "tool_use_id": used.id, "content": "no window", "is_error": True}
        said: Any = [
            *HELLO,
            {"role": "assistant", "content": first.content},
            {"role": "user", "content": [result, {"type": "text", "text": "Go on."}]},
        ]
        second = await ai.messages.create(model="clerk", max_tokens=100, messages=said, tools=MESSAGES)
        assert second.content[0].type == "text" and second.content[0].text == "It is sunny."
        given = scripted.requests[-1].messages[-1].parts[0]
        assert isinstance(given, ToolResult) and given.error
        assert given.parts == (Text("no window"), Text("Go on.")) and len(await runs(client)) == 1


async def test_tools_of_a_message_piece_by_piece(served: Served) -> None:
    async with served(model=model(ASKS, "Fine.")) as client, claude(client) as ai:
        async with ai.messages.stream(model="clerk", max_tokens=100, messages=HELLO, tools=MESSAGES) as stream:
            final = await stream.get_final_message()
        text, used = final.content
        assert text.type == "text" and used.type == "tool_use" and used.input == {"city": "Bern"}
        assert final.stop_reason == "tool_use"


async def test_a_run_waits_for_the_client_over_a_restart(served: Served) -> None:
    async with served(model=model(ASKS, "Fine.")) as client, openai(client) as ai:
        message = (await ai.chat.completions.create(model="clerk", messages=HELLO, tools=CHAT)).choices[0].message
        (called,) = message.tool_calls or ()
    async with served(model=model(ASKS, "Fine.")) as client, openai(client) as ai:
        said = [*HELLO, message, {"role": "tool", "tool_call_id": called.id, "content": "sunny"}]
        done = await ai.chat.completions.create(model="clerk", messages=said)
        assert done.choices[0].message.content == "Fine." and len(await runs(client)) == 1


async def test_settings_count_where_the_agent_leaves_them_open(served: Served, project: Path) -> None:
    (project / "agents" / "strict.yaml").write_text(
        "name: strict\nmodel: {provider: scripted, name: m, temperature: 0.1, max_tokens: 50}\nstop: [END]\n"
    )
    scripted = model("", "x")
    async with served(model=scripted) as client, openai(client) as ai:
        for name in ("clerk", "strict"):
            await ai.chat.completions.create(
                model=name,
                messages=[{"role": "assistant", "content": "Yes?"}, *HELLO],
                temperature=0.7,
                top_p=0.5,
                max_tokens=100,
                stop=["HALT"],
                reasoning_effort="low",
            )
    free, bound = scripted.requests
    assert (free.temperature, free.top_p, free.max_tokens, free.stop) == (0.7, 0.5, 100, ("HALT",))
    assert (bound.temperature, bound.top_p, bound.max_tokens, bound.stop) == (0.1, 0.5, 50, ("END", "HALT"))
    assert free.reasoning_effort == "low"


async def test_the_choice_of_a_tool_is_for_the_first_answer(served: Served) -> None:
    scripted = model(ASKS, "Fine.")
    async with served(model=scripted) as client, openai(client) as ai:
        first = await ai.chat.completions.create(model="clerk", messages=HELLO, tools=CHAT, tool_choice="required")
        message = first.choices[0].message
        (called,) = message.tool_calls or ()
        said = [*HELLO, message, {"role": "tool", "tool_call_id": called.id, "content": "sunny"}]
        await ai.chat.completions.create(model="clerk", messages=said, tools=CHAT, tool_choice="required")
    assert [request.tool_choice for request in scripted.requests] == ["required", "auto"]


async def test_an_answer_in_the_shape_that_the_client_wants(served: Served) -> None:
    class Weather(BaseModel):
        sky: str

    async with served(model=model("sunny", '{"sky": "blue"}')) as client, openai(client) as ai:
        done = await ai.chat.completions.parse(model="clerk", messages=HELLO, response_format=Weather)
        assert done.choices[0].message.parsed == Weather(sky="blue")  # after it was sent back once


async def test_an_answer_that_was_cut_says_so(served: Served) -> None:
    cut = ModelResponse((Text("It is"),), stop="length")
    async with served(model=model(cut)) as client, openai(client) as ai, claude(client) as other:
        done = await ai.chat.completions.create(model="clerk", messages=HELLO, max_tokens=2)
        assert done.choices[0].finish_reason == "length"
        assert (await ai.responses.create(model="clerk", input="x", max_output_tokens=2)).status == "incomplete"
        answer = await other.messages.create(model="clerk", max_tokens=2, messages=HELLO)
        assert answer.stop_reason == "max_tokens"


@pytest.mark.parametrize(
    "wish",
    [
        {"temperature": 3},
        {"top_p": -1},
        {"max_tokens": 0},
        {"n": 2},
        {"tools": [{"type": "function", "function": {"name": "no name"}}]},
        {"tools": [{"type": "function"}]},
        {"tools": [{"type": "function", "function": {"name": "x", "parameters": {"type": "array"}}}]},
        {"tools": CHAT * 2},
        {"tools": [{"type": "function", "function": {"name": "pay"}}]},
        {"tool_choice": "required"},
        {"tool_choice": {"type": "function", "function": {"name": "nobody"}}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "nonsense"}}}},
        {"response_format": {"type": "json_schema", "json_schema": {"schema": {"$ref": "http://127.0.0.1/x"}}}},
        {"messages": [{"role": "tool", "content": "x"}]},
        {"messages": [{"role": "user", "content": "x", "tool_calls": [{"id": "a"}]}, {"role": "nobody"}]},
        {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]},
    ],
)
async def test_wishes_that_make_no_sense_are_refused(served: Served, wish: dict[str, Any]) -> None:
    async with served(["x"]) as client:
        answer = await client.post("/v1/chat/completions", {"model": "clerk", "messages": HELLO, **wish})
        assert answer.status == 422 and answer.json["error"]["message"]
        assert await runs(client) == []


async def test_tools_of_other_makers_are_refused(served: Served) -> None:
    async with served(["x"]) as client, openai(client) as ai:
        with pytest.raises(UnprocessableEntityError, match="web_search"):
            await ai.responses.create(model="clerk", input="x", tools=[{"type": "web_search"}])


async def test_a_call_is_shown_to_whoever_looks(served: Served) -> None:
    """The command line and the API show a run that waits for its client as such."""
    async with served(model=model(ASKS)) as client, openai(client) as ai:
        await ai.chat.completions.create(model="clerk", messages=HELLO, tools=CHAT)
        (run,) = await runs(client)
        (wait,) = (await client.get(f"/runs/{run['run_id']}")).json["waits"]
        assert (wait["kind"], wait["about"]["tool"]) == ("tool", "weather")
        assert (await client.post(f"/runs/{run['run_id']}/cancel")).json["status"] == "cancelled"
