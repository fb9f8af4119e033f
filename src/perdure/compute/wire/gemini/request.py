"""A request as Gemini takes it (https://ai.google.dev/api/generate-content)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from perdure.base.messages import (
    Media,
    Message,
    ModelRequest,
    Opaque,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolDefinition,
    ToolResult,
)

from ..arguments import arguments_object
from ..body import encode_body
from ..call_ids import is_made_up
from ..port import HttpCall
from ..results import result_media, result_text
from ..seal import unseal
from .quirks import BUDGETS, GEMINI, Quirks
from .schema import openapi_schema

NAME = "gemini"
_UNSIGNED = "skip_thought_signature_validator"
"""Documented for calls that another model made: https://ai.google.dev/gemini-api/docs/thought-signatures"""


def encode_request(request: ModelRequest, quirks: Quirks | None = None) -> HttpCall:
    quirks = quirks or GEMINI
    system, contents = _conversation(request, quirks)
    body: dict[str, Any] = {"contents": contents}
    if system:
        body["systemInstruction"] = {"parts": [{"text": system}]}
    if request.tools:
        body["tools"] = [{"functionDeclarations": [_declare(tool, quirks) for tool in request.tools]}]
        if request.tool_choice != "auto":
            body["toolConfig"] = {"functionCallingConfig": _calling(request.tool_choice)}
    if settings := _settings(request, quirks):
        body["generationConfig"] = settings
    method = "streamGenerateContent?alt=sse" if request.stream else "generateContent"
    model = quote(request.model.removeprefix("models/"), safe="")
    return HttpCall(quirks.path.format(model=model, method=method), encode_body(body, request.extra))


def _declare(tool: ToolDefinition, quirks: Quirks) -> dict[str, Any]:
    declared: dict[str, Any] = {"name": tool.name, "description": tool.description}
    if quirks.json_schema:
        declared["parametersJsonSchema"] = tool.parameters
    elif tool.parameters.get("properties"):  # an object without properties is refused
        declared["parameters"] = openapi_schema(tool.parameters)
    return declared


def _calling(choice: str) -> dict[str, Any]:
    if choice == "required":
        return {"mode": "ANY"}
    if choice == "none":
        return {"mode": "NONE"}
    return {"mode": "ANY", "allowedFunctionNames": [choice]}


def _settings(request: ModelRequest, quirks: Quirks) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if request.temperature is not None:
        settings["temperature"] = request.temperature
    if request.top_p is not None:
        settings["topP"] = request.top_p
    if request.max_tokens is not None:
        settings["maxOutputTokens"] = request.max_tokens
    if request.stop:
        settings["stopSequences"] = request.stop
    if request.output_schema is not None:
        settings["responseMimeType"] = "application/json"
        if quirks.json_schema:
            settings["responseJsonSchema"] = request.output_schema
        else:
            settings["responseSchema"] = openapi_schema(request.output_schema)
    effort, budget = request.reasoning_effort, request.thinking_tokens
    if budget is None and effort in BUDGETS and request.model.startswith(quirks.by_budget):
        budget = BUDGETS[effort]
    if budget is not None:
        settings["thinkingConfig"] = {"thinkingBudget": budget, "includeThoughts": budget != 0}
    elif effort is not None:
        settings["thinkingConfig"] = {"thinkingLevel": effort, "includeThoughts": True}
    return settings


def _conversation(request: ModelRequest, quirks: Quirks) -> tuple[str, list[dict[str, Any]]]:
    """System text, and contents in turns: all results of one answer's calls have to come in one content."""
    system = [request.system] if request.system else []
    signed = request.model.startswith("gemini-") and not request.model.startswith(quirks.by_budget)
    contents: list[dict[str, Any]] = []
    for message in request.messages:
        if message.role == "system" and not contents:
            system.append(message.text)
            continue
        role = "model" if message.role == "assistant" else "user"
        parts = _said(message, signed) if role == "model" else _told(message)
        if not parts:
            continue
        if contents and contents[-1]["role"] == role:
            parts = contents.pop()["parts"] + parts
        contents.append({"role": role, "parts": sorted(parts, key=_is_no_result) if role == "user" else parts})
    return "\n\n".join(system), contents


def _is_no_result(part: dict[str, Any]) -> bool:
    return "functionResponse" not in part


def _said(message: Message, signed: bool) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    unsigned: dict[str, Any] | None = None  # the first call, until a signature is found
    for part in message.parts:
        if isinstance(part, ToolCall):
            made: dict[str, Any] = {"functionCall": _call(part)}
            if signature := unseal(NAME, part.signature):
                made["thoughtSignature"] = signature
                signed = False
            unsigned = unsigned or made
            parts.append(made)
        elif isinstance(part, Thinking):
            if signature := unseal(NAME, part.signature):
                parts.append({"text": part.text, "thought": True, "thoughtSignature": signature})
        elif isinstance(part, Opaque):
            if part.provider == NAME:
                _give_back(parts, part.data)
        elif isinstance(part, Text):
            if part.text:
                parts.append({"text": part.text})
        elif isinstance(part, Media):
            parts.append(_media(part))
    if signed and unsigned is not None:
        unsigned["thoughtSignature"] = _UNSIGNED
    return parts


def _give_back(parts: list[dict[str, Any]], data: dict[str, Any]) -> None:
    """A signature alone belongs to the text or image before it, or to an empty text."""
    if set(data) != {"thoughtSignature"}:
        parts.append(data)
    elif parts and not parts[-1].keys() & {"thoughtSignature", "functionCall"}:
        parts[-1].update(data)
    else:
        parts.append({"text": "", **data})


def _call(call: ToolCall) -> dict[str, Any]:
    made: dict[str, Any] = {"name": call.name, "args": arguments_object(call.arguments)}
    return made if is_made_up(call.id) else {"id": call.id, **made}


def _told(message: Message) -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = []
    rest: list[dict[str, Any]] = []
    for part in message.parts:
        if isinstance(part, ToolResult):
            answers.append({"functionResponse": _answer(part)})
            rest += map(_media, result_media(part))
        elif isinstance(part, Text):
            if part.text:
                rest.append({"text": part.text})
        elif isinstance(part, Media):
            rest.append(_media(part))
    return answers + rest


def _answer(result: ToolResult) -> dict[str, Any]:
    key = "error" if result.error else "output"
    made: dict[str, Any] = {"name": result.name, "response": {key: result_text(result, mark_error=False)}}
    return made if is_made_up(result.id) else {"id": result.id, **made}


def _media(part: Part) -> dict[str, Any]:
    assert isinstance(part, Media)
    if part.data:
        return {"inlineData": {"mimeType": part.media_type, "data": part.data}}  # bytes are encoded as base64
    return {"fileData": {"mimeType": part.media_type, "fileUri": part.url}}
