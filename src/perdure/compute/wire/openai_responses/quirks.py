"""How servers differ that speak the Responses API. The defaults are OpenAI's own."""

from __future__ import annotations

import msgspec


class Quirks(msgspec.Struct, frozen=True):
    """`summary` asks for summaries of the reasoning (`auto`, `concise`, `detailed`; "" for none).

    Models whose name begins with one of `without_reasoning` refuse to be asked for encrypted reasoning.
    """

    path: str = "/responses"
    summary: str = ""
    strict: bool = True
    without_reasoning: tuple[str, ...] = ("gpt-3", "gpt-4", "gpt-5-chat", "chatgpt-4")


OPENAI_RESPONSES = Quirks()

QUIRKS: dict[str, Quirks] = {"openai-responses": OPENAI_RESPONSES}
