"""Embedding: a job's input as texts, and vectors as its output."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from perdure.base.codec import to_json
from perdure.base.errors import InputError

from ..embeddings.port import Embedded
from ..estimate import BYTES_PER_TOKEN
from .request import ComputeRequest


class EmbeddingsInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`{text}` or `{texts}`, and how many `dimensions` the vectors are to have."""

    text: str | None = None
    texts: Annotated[tuple[str, ...], Meta(min_length=1, max_length=2048)] | None = None
    dimensions: Annotated[int, Meta(gt=0, le=16_384)] | None = None

    def __post_init__(self) -> None:
        if (self.text is None) == (self.texts is None):
            raise ValueError("it has either text or texts")

    @property
    def all(self) -> tuple[str, ...]:
        return self.texts if self.texts is not None else (self.text or "",)

    @property
    def most_tokens(self) -> int:
        return sum(round(len(text.encode("utf-8", "surrogatepass")) / BYTES_PER_TOKEN) + 2 for text in self.all)


def embeddings_input(request: ComputeRequest) -> EmbeddingsInput:
    try:
        return msgspec.convert(request.input, EmbeddingsInput)
    except msgspec.ValidationError as error:
        raise InputError(f"the input of an embeddings job: {error}", kind=request.does) from error


def output_of(found: Embedded) -> dict[str, Any]:
    return {"embeddings": found.vectors, "dimensions": len(found.vectors[0]) if found.vectors else 0}


def text_of(output: dict[str, Any]) -> str:
    return to_json(output).decode()
