"""How servers differ that speak Chat Completions. The defaults are OpenAI's own."""

from __future__ import annotations

from typing import Literal

import msgspec


class Quirks(msgspec.Struct, frozen=True):
    """What one server wants to be asked differently. Answers are read leniently, whoever gave them.

    `path` may hold `{model}`. `max_tokens` and `required` are the words for the limit and for "some tool must be
    called". `reasoning` is how effort and thinking budget are asked for, `reasoning_back` the field in which thinking
    that came in it goes back beside tool calls. `output` is how a JSON Schema is enforced, and `strict` whether the
    server knows that flag. `text_only` servers take content as a string and no media.
    """

    path: str = "/chat/completions"
    max_tokens: str = "max_completion_tokens"
    system_role: Literal["system", "developer"] = "system"
    required: str = "required"
    usage_in_stream: bool = True
    reasoning: Literal["effort", "object", "none"] = "effort"
    reasoning_back: str = ""
    details_back: bool = False  # OpenRouter's reasoning_details
    output: Literal["json_schema", "json_object", "none"] = "json_schema"
    strict: bool = True
    empty_content: Literal["null", "text"] = "null"  # of an assistant message that only calls tools
    valid_arguments: bool = False  # the server parses earlier arguments, so text that is no JSON must be wrapped
    short_ids: bool = False  # tool call ids have nine letters or digits
    tool_name: bool = False  # tool messages repeat the tool's name
    text_only: bool = False


AZURE_API_VERSION = "2024-10-21"
"""The newest dated version of Azure's data plane that is generally available; its v1 API has none."""

OPENAI = Quirks()
COMPATIBLE = Quirks(max_tokens="max_tokens", strict=False, empty_content="text")

QUIRKS: dict[str, Quirks] = {
    "openai": OPENAI,
    # https://learn.microsoft.com/azure/ai-foundry/openai/reference: the deployment is part of the path.
    "azure": Quirks(path=f"/openai/deployments/{{model}}/chat/completions?api-version={AZURE_API_VERSION}"),
    # https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle: base URL …/openai/v1.
    "azure-v1": OPENAI,
    "compatible": COMPATIBLE,
    # https://docs.ollama.com/api/openai-compatibility
    "ollama": Quirks(max_tokens="max_tokens", strict=False, empty_content="text", valid_arguments=True),
    # https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html: chat templates parse earlier arguments.
    "vllm": Quirks(strict=False, empty_content="text", valid_arguments=True),
    # https://github.com/ggml-org/llama.cpp/tree/master/tools/server
    "llamacpp": Quirks(
        max_tokens="max_tokens", strict=False, empty_content="text", valid_arguments=True, reasoning="none"
    ),
    # https://console.groq.com/docs/api-reference
    "groq": Quirks(),
    # https://api-docs.deepseek.com/guides/thinking_mode: no schemas, and reasoning goes back beside tool calls.
    "deepseek": Quirks(
        max_tokens="max_tokens",
        output="json_object",
        strict=False,
        empty_content="text",
        reasoning_back="reasoning_content",
        text_only=True,
    ),
    # https://docs.mistral.ai/api
    "mistral": Quirks(
        max_tokens="max_tokens",
        required="any",
        usage_in_stream=False,  # refused; usage comes unasked
        reasoning="none",
        empty_content="text",
        short_ids=True,
        tool_name=True,
    ),
    # https://docs.together.ai/reference/chat-completions-1
    "together": Quirks(max_tokens="max_tokens", strict=False, empty_content="text"),
    # https://openrouter.ai/docs/use-cases/reasoning-tokens
    "openrouter": Quirks(max_tokens="max_tokens", reasoning="object", details_back=True),
    # https://docs.x.ai/docs/api-reference
    "xai": Quirks(),
}
