"""pydantic models in tools, where the user has pydantic: it is never imported here, only met."""

from __future__ import annotations

import sys
from typing import Any


def is_model(type_: Any) -> bool:
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and isinstance(type_, type) and issubclass(type_, pydantic.BaseModel)


def is_field(value: Any) -> bool:
    """Whether this is what `pydantic.Field(…)` gives."""
    fields = sys.modules.get("pydantic.fields")
    return fields is not None and isinstance(value, fields.FieldInfo)


def model_schema(type_: Any) -> dict[str, Any]:
    schema: dict[str, Any] = type_.model_json_schema()
    return schema


def load_model(type_: Any, value: Any) -> Any:
    """The model made from plain data. Raises ValueError with one line for each thing that is wrong."""
    try:
        return type_.model_validate(value)
    except sys.modules["pydantic"].ValidationError as error:
        lines = [f"{'.'.join(map(str, one['loc'])) or type_.__name__}: {one['msg']}" for one in error.errors()]
        raise ValueError("; ".join(lines)) from error


def dump_model(value: Any) -> Any:
    return value.model_dump(mode="json")
