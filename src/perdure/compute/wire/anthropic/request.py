"""A request as Anthropic's Messages takes it (https://platform.claude.com/docs/en/api/messages)."""

from __future__ import annotations

from typing import Any

from perdure.base.messages import (
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
    ToolDefinition,
    ToolResult,
)

from ..arguments import arguments_object
from ..body import encode_body
from ..call_ids import CallIds
from ..media import unsupported
from ..port import HttpCall
from ..seal import unseal
from .quirks import ANTHROPIC, Quirks
from .schema import closed_schema

NAME = "anthropic"
ANSWER_TOOL = "give_final_answer"
"""The tool that a model is made to call where its server has no output format; its input is the answer."""

_CACHED = {"type": "ephemeral"}


def encode_request(request: ModelRequest, quirks: Quirks | None = None) -> HttpCall:
    quirks = quirks or ANTHROPIC
    system, turns = _conversation(request)
    budget = request.thinking_tokens
    # The budget for thinking is part of the limit, so a limit that nobody named leaves room for the answer.
    max_tokens = request.max_tokens if request.max_tokens is not None else quirks.max_tokens + (budget or 0)
    body: dict[str, Any] = {"model": request.model, "max_tokens": max_tokens, "messages": turns}
    if system:
        body["system"] = [{"type": "text", "text": system}] if quirks.cache else system
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        if request.tool_choice != "auto":
            body["tool_choice"] = _tool_choice(request.tool_choice)
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.top_p is not None:
        body["top_p"] = request.top_p
    if request.stop:
        body["stop_sequences"] = request.stop
    if budget is not None:
        body["thinking"] = {"type": "enabled", "budget_tokens": budget}
    if request.reasoning_effort is not None:
        body["output_config"] = {"effort": request.reasoning_effort}
    if request.output_schema is not None:
        _ask_for_schema(body, request, quirks)
    if request.stream:
        body["stream"] = True
    if quirks.cache:
        _mark_for_cache(body, turns)
    return HttpCall(quirks.path, encode_body(body, request.extra), {"anthropic-version": quirks.version})


def _tool(tool: ToolDefinition) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}


def _tool_choice(choice: str) -> dict[str, Any]:
    if choice == "required":
        return {"type": "any"}
    if choice == "none":
        return {"type": "none"}
    return {"type": "tool", "name": choice}


def _ask_for_schema(body: dict[str, Any], request: ModelRequest, quirks: Quirks) -> None:
    if quirks.output == "output_config" and not request.model.startswith(quirks.without_output):
        wanted = {"type": "json_schema", "schema": closed_schema(request.output_schema)}
        body["output_config"] = {**body.get("output_config", {}), "format": wanted}
        return
    answer = {"name": ANSWER_TOOL, "description": "Gives the final answer.", "input_schema": request.output_schema}
    tools = body.setdefault("tools", [])
    tools.append(answer)
    if request.thinking_tokens is None and request.tool_choice in ("auto", "none"):  # thinking forbids to force a tool
        forced = len(tools) == 1 or request.tool_choice == "none"
        body["tool_choice"] = {"type": "tool", "name": ANSWER_TOOL} if forced else {"type": "any"}


def _mark_for_cache(body: dict[str, Any], turns: list[dict[str, Any]]) -> None:
    """Marks the ends of what the next request will begin with: tools, then system, then the conversation."""
    if "tools" in body:
        body["tools"][-1]["cache_control"] = _CACHED
    if "system" in body:
        body["system"][-1]["cache_control"] = _CACHED
    last = next((turn for turn in reversed(turns) if turn["role"] == "user"), None)
    if last is not None:
        last["content"][-1]["cache_control"] = _CACHED


def _conversation(request: ModelRequest) -> tuple[str, list[dict[str, Any]]]:
    """System text, and turns that take each other's place as the format asks: user, assistant, user, …

    System messages at the beginning belong to the system text, later ones are said by the user.
    """
    system = [request.system] if request.system else []
    ids = CallIds(_id)
    turns: list[dict[str, Any]] = []
    for message in request.messages:
        if message.role == "system" and not turns:
            system.append(message.text)
            continue
        role = "assistant" if message.role == "assistant" else "user"
        blocks = _blocks(message, ids)
        if not blocks:  # empty messages are refused
            continue
        if turns and turns[-1]["role"] == role:
            blocks = turns.pop()["content"] + blocks
        turns.append({"role": role, "content": _results_first(blocks) if role == "user" else blocks})
    return "\n\n".join(system), turns


def _id(id: str, used: int) -> str:
    """Ids are unique in a conversation, of letters, digits, `_` and `-`; other vendors are less strict."""
    if used:
        id = f"{id}-{used}"
    if id.replace("_", "").replace("-", "").isalnum() and id.isascii():
        return id
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in id) or "call"


def _results_first(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(blocks, key=_is_no_result)


def _is_no_result(block: dict[str, Any]) -> bool:
    return bool(block["type"] != "tool_result")


def _blocks(message: Message, ids: CallIds) -> list[dict[str, Any]]:
    return [block for part in message.parts if (block := _block(part, ids)) is not None]


def _block(part: Part, ids: CallIds) -> dict[str, Any] | None:
    """None for what has no place here: blank text, which is refused, and what came from other vendors."""
    if isinstance(part, Text):
        return {"type": "text", "text": part.text} if part.text and not part.text.isspace() else None
    if isinstance(part, ToolCall):
        return {
            "type": "tool_use",
            "id": ids.of_call(part.id),
            "name": part.name,
            "input": arguments_object(part.arguments),
        }
    if isinstance(part, ToolResult):
        return _result(part, ids)
    if isinstance(part, Thinking):
        signature = unseal(NAME, part.signature)
        return {"type": "thinking", "thinking": part.text, "signature": signature} if signature else None
    if isinstance(part, Opaque):
        return dict(part.data) if part.provider == NAME else None
    return _media(part)


def _result(result: ToolResult, ids: CallIds) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "tool_result", "tool_use_id": ids.of_result(result.id)}
    content = [inner for part in result.parts if (inner := _block(part, ids)) is not None]
    if content:
        block["content"] = content
    if result.error:
        block["is_error"] = True
        if not content:  # an error must say something
            block["content"] = [{"type": "text", "text": "Error"}]
    return block


def _media(part: Media) -> dict[str, Any]:
    if isinstance(part, Image):
        return {"type": "image", "source": _source(part)}
    if isinstance(part, File) and part.media_type == "application/pdf":
        document: dict[str, Any] = {"type": "document", "source": _source(part)}
    elif isinstance(part, File) and part.media_type.startswith("text/") and part.data:
        text = part.data.decode("utf-8", "replace")
        document = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": text}}
    else:
        raise unsupported(part, "Anthropic")
    if part.name:
        document["title"] = part.name
    return document


def _source(media: Media) -> dict[str, Any]:
    if media.data:
        return {"type": "base64", "media_type": media.media_type, "data": media.data}  # bytes are encoded as base64
    return {"type": "url", "url": media.url}
