"""A request as the Responses API takes it, stateless (https://platform.openai.com/docs/api-reference/responses/create).

Nothing is stored at the provider: the whole conversation is sent, reasoning in it encrypted, in the order it came.
"""

from __future__ import annotations

from typing import Any

from perdure.base.errors import InvalidRequest
from perdure.base.messages import (
    File,
    Image,
    Media,
    Message,
    ModelRequest,
    Opaque,
    Part,
    Text,
    ToolCall,
    ToolResult,
)

from ..arguments import arguments_text
from ..body import encode_body
from ..media import media_url, unsupported
from ..port import HttpCall
from ..results import result_media, result_text
from ..schema import is_closed
from .quirks import OPENAI_RESPONSES, Quirks

NAME = "openai-responses"


def encode_request(request: ModelRequest, quirks: Quirks | None = None) -> HttpCall:
    quirks = quirks or OPENAI_RESPONSES
    if request.stop:
        raise InvalidRequest(
            "the Responses API has no stop sequences",
            hint="Remove `stop`, or use the provider `openai` for this model.",
        )
    body: dict[str, Any] = {"model": request.model, "store": False, "input": _items(request.messages)}
    if request.system:
        body["instructions"] = request.system
    if not request.model.startswith(quirks.without_reasoning):
        body["include"] = ["reasoning.encrypted_content"]
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.parameters,
                "strict": False,  # the default here, but not every schema of a tool can be strict
            }
            for tool in request.tools
        ]
        if request.tool_choice in ("required", "none"):
            body["tool_choice"] = request.tool_choice
        elif request.tool_choice != "auto":
            body["tool_choice"] = {"type": "function", "name": request.tool_choice}
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.top_p is not None:
        body["top_p"] = request.top_p
    if request.max_tokens is not None:
        body["max_output_tokens"] = request.max_tokens
    if request.output_schema is not None:
        strict = quirks.strict and is_closed(request.output_schema)
        wanted = {"type": "json_schema", "name": "answer", "schema": request.output_schema, "strict": strict}
        body["text"] = {"format": wanted}
    reasoning = {"effort": request.reasoning_effort, "summary": quirks.summary}
    if request.reasoning_effort is not None or quirks.summary:
        body["reasoning"] = {key: value for key, value in reasoning.items() if value}
    if request.stream:
        body["stream"] = True
    return HttpCall(quirks.path, encode_body(body, request.extra))


def _items(messages: tuple[Message, ...]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    for message in messages:
        if message.role == "assistant":
            _assistant(items, message)
        elif message.role == "system":
            items.append({"role": "developer", "content": message.text})
        else:
            _user(items, message)
    return items


def _assistant(items: list[dict[str, Any]], message: Message) -> None:
    phase: dict[str, Any] = {}
    for part in message.parts:
        if isinstance(part, Text) and part.text:
            items.append({"role": "assistant", "content": part.text, **phase})
        elif isinstance(part, ToolCall):
            items.append(
                {
                    "type": "function_call",
                    "call_id": part.id,
                    "name": part.name,
                    "arguments": arguments_text(part.arguments),
                }
            )
        elif isinstance(part, Opaque) and part.provider == NAME:
            if "phase" in part.data and "type" not in part.data:
                phase = part.data
            elif part.data.get("type") != "reasoning" or part.data.get("encrypted_content"):
                # Reasoning that is not encrypted is only a reference to what was not stored.
                items.append({key: value for key, value in part.data.items() if value is not None})


def _user(items: list[dict[str, Any]], message: Message) -> None:
    rest: list[Part] = []
    for part in message.parts:
        if isinstance(part, ToolResult):
            items.append({"type": "function_call_output", "call_id": part.id, "output": _output(part)})
        elif isinstance(part, (Text, Media)):
            rest.append(part)
    if all(isinstance(part, Text) for part in rest):
        if rest or not message.parts:
            items.append({"role": "user", "content": message.text})
    else:
        items.append({"role": "user", "content": [_content(part) for part in rest]})


def _output(result: ToolResult) -> Any:
    media = result_media(result)
    text = result_text(result)
    if not media:
        return text
    return [_content(part) for part in ([Text(text), *media] if text else media)]


def _content(part: Part) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"type": "input_text", "text": part.text}
    if isinstance(part, Image):
        return {"type": "input_image", "image_url": media_url(part), "detail": "auto"}
    if isinstance(part, File):
        if part.data:
            return {"type": "input_file", "filename": part.name or "file", "file_data": media_url(part)}
        return {"type": "input_file", "file_url": part.url}
    assert isinstance(part, Media)
    raise unsupported(part, "the Responses API")
