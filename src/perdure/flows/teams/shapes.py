"""What members answer with, as JSON Schemas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]

TEXT: Schema = {"type": "string"}
SURE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
ABSTAIN = "abstain"
YES: Schema = {"type": "boolean"}


def proposal(answer: Schema) -> Schema:
    return _object({"answer": answer, "confidence": SURE}, ("answer", "confidence"))


def critique() -> Schema:
    weakness = _object({"weakness": TEXT, "fix": TEXT}, ("weakness", "fix"))
    return _object({"weaknesses": {"type": "array", "items": weakness}}, ("weaknesses",))


def verdict(answer: Schema) -> Schema:
    return _object({"answer": answer, "confidence": SURE, "why": TEXT}, ("answer", "confidence", "why"))


def ballot(labels: Sequence[str]) -> Schema:
    choice = {"type": "string", "enum": [*labels, ABSTAIN]}
    return _object({"choice": choice, "confidence": SURE, "why": TEXT}, ("choice", "why"))


def ruling(labels: Sequence[str]) -> Schema:
    return _object(
        {"choice": {"type": "string", "enum": list(labels)}, "why": TEXT, "confidence": SURE}, ("choice", "why")
    )


def orders(names: Sequence[str], answer: Schema) -> Schema:
    task = _object({"to": {"type": "string", "enum": list(names)}, "task": TEXT}, ("to", "task"))
    fields = {"tasks": {"type": "array", "items": task}, "answer": answer, "confidence": SURE}
    return _object(fields, ())


def remark() -> Schema:
    return _object({"say": TEXT, "done": YES}, ("say",))


def floor(names: Sequence[str]) -> Schema:
    return _object({"next": {"type": "string", "enum": [*names, "nobody"]}, "why": TEXT}, ("next",))


def passing(names: Sequence[str], answer: Schema) -> Schema:
    to = {"type": "string", "enum": [*names, "nobody"]}
    return _object({"answer": answer, "hand_to": to, "why": TEXT}, ("answer",))


def postings(answer: Schema) -> Schema:
    entry = _object({"key": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}, "text": TEXT}, ("key", "text"))
    return _object({"post": {"type": "array", "items": entry}, "answer": answer}, ("post",))


def review() -> Schema:
    return _object({"ok": YES, "feedback": TEXT, "take_over": YES}, ("ok", "feedback"))


def scores(rubric: Sequence[str]) -> Schema:
    each = {"type": "array", "items": SURE, "minItems": len(rubric), "maxItems": len(rubric)}
    return _object({"scores": each, "lesson": TEXT}, ("scores", "lesson"))


def _object(fields: dict[str, Schema], required: Sequence[str]) -> Schema:
    return {"type": "object", "properties": fields, "required": list(required)}
