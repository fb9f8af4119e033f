"""The providers: where each one is, how it wants to see its key, and which wire format it speaks."""

# No `from __future__ import annotations`: msgspec would compile and evaluate each text again when a process starts.

import msgspec

_CHAT = "perdure.compute.wire.openai_chat:OPENAI_CHAT"
_RESPONSES = "perdure.compute.wire.openai_responses:OPENAI_RESPONSES"
_ANTHROPIC = "perdure.compute.wire.anthropic:ANTHROPIC"
_GEMINI = "perdure.compute.wire.gemini:GEMINI"


class Provider(msgspec.Struct, frozen=True):
    """`wire` and `factory` are `module:attribute`; a provider with a factory makes its models without a network.

    `key_variables` are environment variables that may hold the key, the first being the usual one; where there are
    none a key is optional. `base_url` is "" where it must be stated. `priced_as` is the name in `genai-prices`.
    """

    wire: str = ""
    factory: str = ""
    base_url: str = ""
    key_variables: tuple[str, ...] = ()
    key_header: str = "authorization"
    key_prefix: str = "Bearer "
    priced_as: str = ""
    free: bool = False

    @property
    def embeds(self) -> bool:
        """Whether it may have embeddings: those who speak OpenAI's formats may."""
        return self.wire in (_CHAT, _RESPONSES)


PROVIDERS: dict[str, Provider] = {
    "openai": Provider(_CHAT, "", "https://api.openai.com/v1", ("OPENAI_API_KEY",), priced_as="openai"),
    "openai-responses": Provider(_RESPONSES, "", "https://api.openai.com/v1", ("OPENAI_API_KEY",), priced_as="openai"),
    "anthropic": Provider(
        _ANTHROPIC,
        base_url="https://api.anthropic.com/v1",
        key_variables=("ANTHROPIC_API_KEY",),
        key_header="x-api-key",
        key_prefix="",
        priced_as="anthropic",
    ),
    "gemini": Provider(
        _GEMINI,
        base_url="https://generativelanguage.googleapis.com/v1beta",
        key_variables=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        key_header="x-goog-api-key",
        key_prefix="",
        priced_as="google",
    ),
    "azure": Provider(
        _CHAT, key_variables=("AZURE_OPENAI_API_KEY",), key_header="api-key", key_prefix="", priced_as="azure"
    ),
    "groq": Provider(_CHAT, "", "https://api.groq.com/openai/v1", ("GROQ_API_KEY",), priced_as="groq"),
    "deepseek": Provider(_CHAT, "", "https://api.deepseek.com/v1", ("DEEPSEEK_API_KEY",), priced_as="deepseek"),
    "mistral": Provider(_CHAT, "", "https://api.mistral.ai/v1", ("MISTRAL_API_KEY",), priced_as="mistral"),
    "together": Provider(_CHAT, "", "https://api.together.xyz/v1", ("TOGETHER_API_KEY",), priced_as="together"),
    "openrouter": Provider(_CHAT, "", "https://openrouter.ai/api/v1", ("OPENROUTER_API_KEY",), priced_as="openrouter"),
    "xai": Provider(_CHAT, "", "https://api.x.ai/v1", ("XAI_API_KEY",), priced_as="x-ai"),
    "ollama": Provider(_CHAT, base_url="http://127.0.0.1:11434/v1", free=True),
    "vllm": Provider(_CHAT, base_url="http://127.0.0.1:8000/v1", free=True),
    "llamacpp": Provider(_CHAT, base_url="http://127.0.0.1:8080/v1", free=True),
    "compatible": Provider(_CHAT),
    "demo": Provider(factory="perdure.compute.demo:from_spec", free=True),
    "scripted": Provider(factory="perdure.testing.scripted:from_spec", free=True),
}


class ProviderSettings(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a project says about a provider, as in `[providers.openai]` of perdure.toml. `models` are those that
    /compute may choose there for a job that names a model without its provider."""

    api_key: str | None = None
    base_url: str | None = None
    headers: dict[str, str] = {}
    models: tuple[str, ...] = ()
