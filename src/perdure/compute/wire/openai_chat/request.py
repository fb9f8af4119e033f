"""A request as Chat Completions takes it (https://platform.openai.com/docs/api-reference/chat/create)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from perdure.base.codec import digest_bytes
from perdure.base.messages import (
    Audio,
    File,
    Image,
    Media,
    Message,
    ModelRequest,
    Opaque,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    text_of,
)

from ..arguments import arguments_object, arguments_text
from ..body import encode_body
from ..call_ids import CallIds
from ..media import base64_text, media_url, unsupported
from ..port import HttpCall
from ..results import result_media, result_text
from ..schema import is_closed
from ..seal import unseal
from .quirks import OPENAI, Quirks

NAME = "openai-chat"
_SOUNDS = {"audio/wav": "wav", "audio/x-wav": "wav", "audio/wave": "wav", "audio/mpeg": "mp3", "audio/mp3": "mp3"}


def encode_request(request: ModelRequest, quirks: Quirks | None = None) -> HttpCall:
    quirks = quirks or OPENAI
    body: dict[str, Any] = {"model": request.model, "messages": _messages(request, quirks)}
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
            }
            for tool in request.tools
        ]
        if request.tool_choice != "auto":
            body["tool_choice"] = _tool_choice(request.tool_choice, quirks)
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.top_p is not None:
        body["top_p"] = request.top_p
    if request.max_tokens is not None:
        body[quirks.max_tokens] = request.max_tokens
    if request.stop:
        body["stop"] = request.stop
    if request.output_schema is not None:
        _ask_for_schema(body, request.output_schema, quirks)
    if request.reasoning_effort is not None or request.thinking_tokens is not None:
        _ask_for_reasoning(body, request, quirks)
    if request.stream:
        body["stream"] = True
        if quirks.usage_in_stream:
            body["stream_options"] = {"include_usage": True}
    path = quirks.path.replace("{model}", quote(request.model, safe="")) if "{" in quirks.path else quirks.path
    return HttpCall(path, encode_body(body, request.extra))


def _tool_choice(choice: str, quirks: Quirks) -> Any:
    if choice == "required":
        return quirks.required
    if choice == "none":
        return choice
    return {"type": "function", "function": {"name": choice}}


def _ask_for_schema(body: dict[str, Any], schema: dict[str, Any], quirks: Quirks) -> None:
    if quirks.output == "json_object":
        body["response_format"] = {"type": "json_object"}
    elif quirks.output == "json_schema":
        wanted: dict[str, Any] = {"name": "answer", "schema": schema}
        if quirks.strict and is_closed(schema):
            wanted["strict"] = True
        body["response_format"] = {"type": "json_schema", "json_schema": wanted}


def _ask_for_reasoning(body: dict[str, Any], request: ModelRequest, quirks: Quirks) -> None:
    if quirks.reasoning == "effort" and request.reasoning_effort is not None:
        body["reasoning_effort"] = request.reasoning_effort
    elif quirks.reasoning == "object":  # takes one of the two
        if request.thinking_tokens is not None:
            body["reasoning"] = {"max_tokens": request.thinking_tokens}
        else:
            body["reasoning"] = {"effort": request.reasoning_effort}


def _messages(request: ModelRequest, quirks: Quirks) -> list[dict[str, Any]]:
    ids = CallIds(_short_id) if quirks.short_ids else None
    messages: list[dict[str, Any]] = []
    if request.system:
        messages.append({"role": quirks.system_role, "content": request.system})
    for message in request.messages:
        if message.role == "assistant":
            messages.append(_assistant(message, quirks, ids))
        elif message.role == "system":
            messages.append({"role": quirks.system_role, "content": message.text})
        else:
            _user(messages, message, quirks, ids)
    return messages


def _short_id(id: str, used: int) -> str:
    return digest_bytes(f"{id}/{used}".encode(errors="replace"))[:9]


def _assistant(message: Message, quirks: Quirks, ids: CallIds | None) -> dict[str, Any]:
    said: dict[str, Any] = {"role": "assistant", "content": message.text}
    calls = [_call(part, quirks, ids) for part in message.parts if isinstance(part, ToolCall)]
    if calls:
        if not said["content"] and quirks.empty_content == "null":
            said["content"] = None
        said["tool_calls"] = calls
        if quirks.reasoning_back:
            field = quirks.reasoning_back
            said[field] = "".join(
                part.text
                for part in message.parts
                if isinstance(part, Thinking) and unseal(NAME, part.signature) == field
            )
    if quirks.details_back:
        for part in message.parts:
            if isinstance(part, Opaque) and part.provider == NAME:
                said.update(part.data)
    return said


def _call(call: ToolCall, quirks: Quirks, ids: CallIds | None) -> dict[str, Any]:
    arguments = arguments_object(call.arguments) if quirks.valid_arguments else call.arguments
    return {
        "id": call.id if ids is None else ids.of_call(call.id),
        "type": "function",
        "function": {"name": call.name, "arguments": arguments_text(arguments)},
    }


def _user(messages: list[dict[str, Any]], message: Message, quirks: Quirks, ids: CallIds | None) -> None:
    """What a person or tools said. Tool messages hold text alone, so media of results follow as a user's."""
    rest: list[Part] = []
    for part in message.parts:
        if not isinstance(part, ToolResult):
            rest.append(part)
            continue
        media = result_media(part)
        said = result_text(part)
        if media:
            said = f"{said}\n(What it returned besides follows.)".lstrip()
            rest.append(Text(f"Returned by {part.name}:"))
            rest.extend(media)
        answer = {"role": "tool", "tool_call_id": part.id if ids is None else ids.of_result(part.id), "content": said}
        if quirks.tool_name:
            answer["name"] = part.name
        messages.append(answer)
    if rest or not message.parts:
        messages.append({"role": "user", "content": _content(rest, quirks)})


def _content(parts: list[Part], quirks: Quirks) -> Any:
    if len(parts) == 1 and isinstance(parts[0], Text):  # nearly always
        return parts[0].text
    if all(isinstance(part, Text) for part in parts):
        return text_of(parts)
    content: list[dict[str, Any]] = []
    for part in parts:
        if isinstance(part, Text):
            content.append({"type": "text", "text": part.text})
        elif isinstance(part, Media):
            if quirks.text_only:
                raise unsupported(part, "this provider")
            content.append(_media(part))
    return content


def _media(part: Media) -> dict[str, Any]:
    if isinstance(part, Image):
        return {"type": "image_url", "image_url": {"url": media_url(part)}}
    if isinstance(part, Audio) and part.data and part.media_type in _SOUNDS:
        return {
            "type": "input_audio",
            "input_audio": {"data": base64_text(part.data), "format": _SOUNDS[part.media_type]},
        }
    if isinstance(part, File) and part.data:
        return {"type": "file", "file": {"filename": part.name or "file", "file_data": media_url(part)}}
    raise unsupported(part, "Chat Completions")
