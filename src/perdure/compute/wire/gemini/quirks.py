"""How servers differ that speak Gemini's generateContent. The defaults are the Gemini API's own."""

from __future__ import annotations

import msgspec

BUDGETS = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}
"""Tokens of thinking by effort (https://ai.google.dev/gemini-api/docs/openai#thinking)."""


class Quirks(msgspec.Struct, frozen=True):
    """`path` holds `{model}` and `{method}`. `json_schema` says that schemas are taken as JSON Schema; else they are
    cut down to the subset of OpenAPI 3.0 that every version takes.

    Models whose name begins with one of `by_budget` know no levels of thinking, and do not insist on signatures.
    """

    path: str = "/models/{model}:{method}"
    json_schema: bool = False
    by_budget: tuple[str, ...] = ("gemini-1", "gemini-2")


GEMINI = Quirks()

QUIRKS: dict[str, Quirks] = {
    "gemini": GEMINI,
    # https://cloud.google.com/vertex-ai/docs/reference/rest: base URL …/v1/projects/PROJECT/locations/LOCATION
    "vertex": Quirks(path="/publishers/google/models/{model}:{method}"),
}
