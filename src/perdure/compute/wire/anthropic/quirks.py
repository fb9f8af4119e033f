"""How servers differ that speak Anthropic's Messages. The defaults are Anthropic's own."""

from __future__ import annotations

from typing import Literal

import msgspec


class Quirks(msgspec.Struct, frozen=True):
    """`max_tokens` is asked for where a request names no limit, since this format has none without.

    `cache` marks tools, system and the last user turn for the prompt cache. `output` is how a JSON Schema is enforced:
    by the format that models since Claude Opus 4.1 have, or by a tool that the model is made to call; models whose name
    begins with one of `without_output` always get the tool.
    """

    path: str = "/messages"
    version: str = "2023-06-01"
    max_tokens: int = 4096
    cache: bool = True
    output: Literal["output_config", "tool"] = "output_config"
    without_output: tuple[str, ...] = (
        "claude-2",
        "claude-3",
        "claude-opus-4-0",
        "claude-opus-4-2",
        "claude-sonnet-4-0",
        "claude-sonnet-4-2",
    )


ANTHROPIC = Quirks()

QUIRKS: dict[str, Quirks] = {
    "anthropic": ANTHROPIC,
    # Servers that imitate the format: no prompt cache to mark, and no output format.
    "compatible": Quirks(cache=False, output="tool"),
}
