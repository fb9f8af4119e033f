"""`/v1/models`: the published agents, as OpenAI's API lists models."""

from __future__ import annotations

from typing import Any

import msgspec

from perdure.control.publishing import Published

from ..endpoint import Call, Endpoint
from .openai_errors import told


class Model(msgspec.Struct, frozen=True):
    id: str
    object: str = "model"
    created: int = 0
    owned_by: str = "perdure"
    type: str = "model"
    display_name: str = ""
    created_at: str = "1970-01-01T00:00:00Z"


class Models(msgspec.Struct, frozen=True):
    """OpenAI's list, with what Anthropic's has beside it."""

    data: list[Model]
    object: str = "list"
    has_more: bool = False
    first_id: str | None = None
    last_id: str | None = None


async def list_models(call: Call[Any, Any]) -> Models:
    found = [_model(one) for one in call.runtime.shelf.all() if one.digest]
    return Models(found, first_id=found[0].id if found else None, last_id=found[-1].id if found else None)


async def show(call: Call[Any, Any]) -> Model:
    name = call.path["model"]
    call.runtime.shelf.spec(name)
    return Model(name, display_name=name)


def _model(published: Published) -> Model:
    return Model(published.name, display_name=published.description or published.name)


ENDPOINTS = (
    Endpoint("GET", "/v1/models", list_models, scope="read", answer=Models, told=told),
    Endpoint("GET", "/v1/models/{model}", show, scope="read", answer=Model, told=told),
)
