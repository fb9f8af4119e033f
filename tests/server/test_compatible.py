"""The official clients of other makers, against a served project: they are the judges."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import anthropic
import pytest
from openai import (
    APIStatusError,
    AsyncOpenAI,
    AuthenticationError,
    NotFoundError,
    UnprocessableEntityError,
)

from perdure.base.messages import ModelResponse, Text, ToolCall
from perdure.testing import Scripted, by_turn

Served = Callable[..., AbstractAsyncContextManager[Any]]
PAY = ModelResponse((ToolCall("c1", "pay", {"amount": 5}),))
LOOK = ModelResponse((Text("Let me see."), ToolCall("c1", "calculator", {"expression": "1+1"})))
HELLO = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def project(project: Path) -> Path:
    (project / "agents" / "clerk.yaml").write_text(
        (project / "agents" / "clerk.yaml").read_text().replace("ask]", "ask, calculator]")
    )
    return project


def openai(client: Any, **more: Any) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{client.url}/v1", api_key=more.pop("api_key", client.token), max_retries=0, **more)


async def test_a_published_agent_is_a_model(served: Served) -> None:
    async with served() as client, openai(client) as ai:
        assert [model.id async for model in ai.models.list()] == ["clerk", "poor"]
        assert (await ai.models.retrieve("clerk")).id == "clerk"
        with pytest.raises(NotFoundError):
            await ai.models.retrieve("nobody")


async def test_a_completion(served: Served) -> None:
    async with served(["Good day."]) as client, openai(client) as ai:
        done = await ai.chat.completions.create(model="clerk", messages=HELLO)
        (choice,) = done.choices
        assert (choice.message.content, choice.message.role, choice.finish_reason) == ("Good day.", "assistant", "stop")
        assert done.usage is not None and done.usage.total_tokens > 0
        run = await client.get(f"/runs/run_{done.id.removeprefix('chatcmpl-')}")
        assert run.json["summary"]["status"] == "done"


async def test_a_completion_piece_by_piece(served: Served) -> None:
    async with served(["one two three"]) as client, openai(client) as ai:
        stream = await ai.chat.completions.create(
            model="clerk", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
        texts = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
        assert "".join(text or "" for text in texts) == "one two three" and len(texts) > 3
        assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
        assert chunks[-1].usage is not None and chunks[-1].usage.completion_tokens > 0


async def test_what_an_agent_says_between_its_steps_is_a_paragraph(served: Served) -> None:
    async with served([LOOK, "It is 2."]) as client, openai(client) as ai:
        stream = await ai.chat.completions.create(model="clerk", messages=HELLO, stream=True)
        said = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
        assert said == "Let me see.\n\nIt is 2."


async def test_what_was_said_before_is_known_to_the_model(served: Served) -> None:
    model = Scripted(by_turn(["", "Ada."]), name="scripted/m")
    async with served(model=model) as client, openai(client) as ai:
        before = [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "I am Ada."}]},
            {"role": "assistant", "content": "Hello, Ada."},
            {"role": "user", "content": "Who am I?"},
        ]
        done = await ai.chat.completions.create(model="clerk", messages=before)
        assert done.choices[0].message.content == "Ada."
        (asked,) = model.requests
        assert [(one.role, one.text) for one in asked.messages] == [
            ("user", "Be brief."),
            ("user", "I am Ada."),
            ("assistant", "Hello, Ada."),
            ("user", "Who am I?"),
        ]
        assert asked.system == "You are a clerk."


async def test_errors_are_those_that_the_client_knows(served: Served) -> None:
    async with served(["x"]) as client:
        async with openai(client, api_key="wrong") as ai:
            with pytest.raises(AuthenticationError):
                await ai.models.list()
        async with openai(client) as ai:
            with pytest.raises(NotFoundError, match="GET /v1/models lists them"):
                await ai.chat.completions.create(model="nobody", messages=HELLO)
            with pytest.raises(UnprocessableEntityError):
                await ai.chat.completions.create(model="clerk", messages=[])
            with pytest.raises(APIStatusError) as poor:
                await ai.chat.completions.create(model="poor", messages=HELLO)
            assert (poor.value.status_code, poor.value.code) == (402, "budget.exceeded")


async def test_an_agent_that_waits_for_a_person_has_no_answer(served: Served) -> None:
    async with served([PAY]) as client, openai(client) as ai:
        with pytest.raises(APIStatusError, match="waits for a person") as waiting:
            await ai.chat.completions.create(model="clerk", messages=HELLO)
        assert waiting.value.status_code == 409
        stream = await ai.chat.completions.create(model="clerk", messages=HELLO, stream=True)
        with pytest.raises(Exception, match="waits for a person"):
            _ = [chunk async for chunk in stream]


async def test_an_image_reaches_the_model(served: Served) -> None:
    model = Scripted(by_turn(["A dot."]), name="scripted/m")
    async with served(model=model) as client, openai(client) as ai:
        url = "data:image/png;base64,AAAA"
        parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]
        await ai.chat.completions.create(model="clerk", messages=[{"role": "user", "content": parts}])
        _, image = model.requests[0].messages[0].parts
        assert (image.media_type, image.data) == ("image/png", b"\0\0\0")  # type: ignore[union-attr]


def claude(client: Any, **more: Any) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(
        base_url=client.url, api_key=more.pop("api_key", client.token), max_retries=0, **more
    )


async def test_a_message(served: Served) -> None:
    async with served(["Good day."]) as client, claude(client) as ai:
        answer = await ai.messages.create(model="clerk", max_tokens=100, messages=HELLO)
        (block,) = answer.content
        assert (block.type, block.text, answer.stop_reason) == ("text", "Good day.", "end_turn")  # type: ignore[union-attr]
        assert answer.usage.input_tokens > 0


async def test_a_message_piece_by_piece(served: Served) -> None:
    async with served(["one two three"]) as client, claude(client) as ai:
        async with ai.messages.stream(model="clerk", max_tokens=100, system="Be brief.", messages=HELLO) as stream:
            said = [text async for text in stream.text_stream]
            final = await stream.get_final_message()
        assert "".join(said) == "one two three" and len(said) == 3
        assert final.stop_reason == "end_turn" and final.usage.output_tokens > 0


async def test_errors_are_those_that_the_other_client_knows(served: Served) -> None:
    async with served([PAY]) as client:
        async with claude(client, api_key="wrong") as ai:
            with pytest.raises(anthropic.AuthenticationError):
                await ai.messages.create(model="clerk", max_tokens=1, messages=HELLO)
        async with claude(client) as ai:
            with pytest.raises(anthropic.NotFoundError, match="GET /v1/models lists them"):
                await ai.messages.create(model="nobody", max_tokens=1, messages=HELLO)
            with pytest.raises(anthropic.APIStatusError, match="waits for a person"):
                await ai.messages.create(model="clerk", max_tokens=1, messages=HELLO)
            with pytest.raises(anthropic.APIStatusError, match="waits for a person"):
                async with ai.messages.stream(model="clerk", max_tokens=1, messages=HELLO) as stream:
                    _ = [text async for text in stream.text_stream]
            assert [model.id async for model in ai.models.list()] == ["clerk", "poor"]


async def test_a_response_and_the_next(served: Served) -> None:
    model = Scripted(by_turn(["Good day.", "Ada."]), name="scripted/m")
    async with served(model=model) as client, openai(client) as ai:
        first = await ai.responses.create(model="clerk", input="I am Ada.", instructions="Be brief.")
        assert (first.output_text, first.status) == ("Good day.", "completed")
        assert first.usage is not None and first.usage.total_tokens > 0
        said = [{"role": "user", "content": [{"type": "input_text", "text": "Who am I?"}]}]
        second = await ai.responses.create(model="clerk", input=said, previous_response_id=first.id)
        assert second.output_text == "Ada."
        assert [one.text for one in model.requests[1].messages] == ["Be brief.", "I am Ada.", "Good day.", "Who am I?"]
        with pytest.raises(UnprocessableEntityError, match="no response"):
            await ai.responses.create(model="clerk", input="x", previous_response_id="resp_00000000")


async def test_a_response_piece_by_piece(served: Served) -> None:
    async with served(["one two three"]) as client, openai(client) as ai:
        async with ai.responses.stream(model="clerk", input="Count.") as stream:
            said = [event.delta async for event in stream if event.type == "response.output_text.delta"]
            final = await stream.get_final_response()
        assert said == ["one ", "two ", "three"]
        assert (final.output_text, final.status) == ("one two three", "completed")


async def test_a_response_that_fails_in_the_middle(served: Served) -> None:
    async with served([PAY]) as client, openai(client) as ai:
        stream = await ai.responses.create(model="clerk", input="Pay.", stream=True)
        *_, last = [event async for event in stream]
        assert last.type == "error" and "waits for a person" in last.message
