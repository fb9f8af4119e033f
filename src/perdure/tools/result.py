"""What a Python function returns, as a tool's output: parts for the model and plain data for programs."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec

from perdure.base.errors import InvalidResult
from perdure.base.lazy import load
from perdure.base.messages import Audio, File, Image, Opaque, Part, Text

from . import pydantic
from .port import ToolOutput

GUESS_TYPE = "mimetypes:guess_type"
_PARTS = (Text, Image, Audio, File, Opaque)
_LEAST, _MOST = -(2**63), 2**64 - 1
_SCALARS = (str, int, float, bool, type(None))


def to_output(value: Any) -> ToolOutput:
    """The output that stands for a return value.

    Text stays text and None is `done`; parts, or a list with a part in it, stay parts; a Path is read and bytes become
    a file. Everything else is JSON text, with its plain data as the value: integers beyond 64 bits are text in it, and
    lone surrogates become U+FFFD. Raises InvalidResult, naming type and path, for what has no JSON form.
    """
    if isinstance(value, str):
        return ToolOutput((Text(valid_text(value)),))
    if value is None:
        return ToolOutput((Text("done"),))
    if isinstance(value, ToolOutput):
        return value
    if isinstance(value, (*_PARTS, Path, bytes, bytearray)):
        return ToolOutput((_part(value),))
    if isinstance(value, (list, tuple)) and any(isinstance(one, (*_PARTS, Path, bytes)) for one in value):
        return ToolOutput(tuple(_part(one) for one in value))
    plain = to_plain(value)
    return ToolOutput((Text(plain if isinstance(plain, str) else msgspec.json.encode(plain).decode()),), plain)


def to_plain(value: Any) -> Any:
    """The value as data that JSON and the store can hold. Raises InvalidResult for what neither can."""
    try:
        plain = msgspec.to_builtins(value, str_keys=True, enc_hook=_foreign)
        msgspec.msgpack.encode(plain)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return _walk(value, "$", ())
    return plain


def valid_text(text: str) -> str:
    """The text with surrogate pairs joined and lone surrogates replaced, so that it can be encoded."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def media_part(name: str, data: bytes) -> Part:
    """Bytes as an image, audio or file part, by the name's extension."""
    media_type = load(GUESS_TYPE)(name)[0] or "application/octet-stream"
    match media_type.partition("/")[0]:
        case "image":
            return Image(media_type=media_type, data=data, name=name)
        case "audio":
            return Audio(media_type=media_type, data=data, name=name)
        case _:
            return File(media_type=media_type, data=data, name=name)


def _part(value: Any) -> Part:
    if isinstance(value, Text):
        return Text(valid_text(value.text))
    if isinstance(value, _PARTS):
        return value
    if isinstance(value, (bytes, bytearray)):
        return File(media_type="application/octet-stream", data=bytes(value))
    if isinstance(value, Path):
        try:
            return media_part(value.name, value.read_bytes())
        except OSError as error:
            raise InvalidResult(
                f"the tool returned the path {value}, which cannot be read: {error.strerror}"
            ) from error
    if isinstance(value, str):
        return Text(valid_text(value))
    return Text(to_output(value).text)


def _foreign(value: Any) -> Any:
    if pydantic.is_model(type(value)):
        return pydantic.dump_model(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError


def _walk(value: Any, path: str, above: tuple[int, ...]) -> Any:
    """The slow way, which puts right what can be and names what cannot."""
    if isinstance(value, str) and not isinstance(value, Enum):
        return valid_text(value)
    if isinstance(value, int) and not isinstance(value, (bool, Enum)):
        return value if _LEAST <= value <= _MOST else _digits(value, path)
    if isinstance(value, _SCALARS) and not isinstance(value, Enum):
        return value
    if id(value) in above:
        raise InvalidResult(f"the tool's result contains itself at {path}", path=path)
    above = (*above, id(value))
    if len(above) > 200:
        raise InvalidResult("the tool's result is nested more than 200 levels deep", path=path[:200])
    if isinstance(value, Mapping):
        return {_key(key, path): _walk(one, f"{path}.{key}", above) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_walk(one, f"{path}[{number}]", above) for number, one in enumerate(value)]
    if isinstance(value, msgspec.Struct):
        return {name: _walk(getattr(value, name), f"{path}.{name}", above) for name in value.__struct_fields__}
    if hasattr(type(value), "__dataclass_fields__"):
        names = type(value).__dataclass_fields__
        return {name: _walk(getattr(value, name), f"{path}.{name}", above) for name in names}
    try:
        plain = msgspec.to_builtins(value, enc_hook=_foreign)
    except (TypeError, ValueError) as error:
        kind = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
        raise InvalidResult(
            f"the tool ran, but its result cannot be kept: {path} is of type {kind}", path=path, type=kind
        ) from error
    return _walk(plain, path, above)


def _digits(value: int, path: str) -> str:
    try:
        return str(value)
    except ValueError as error:  # Python refuses to write integers of more than 4,300 digits
        raise InvalidResult(f"the tool ran, but {path} is an integer of thousands of digits", path=path) from error


def _key(key: Any, path: str) -> str:
    if isinstance(key, str) and not isinstance(key, Enum):
        return valid_text(key)
    if isinstance(key, (int, float, bool, type(None), Enum)):
        return str(key.value if isinstance(key, Enum) else key)
    kind = type(key).__name__
    raise InvalidResult(f"the tool ran, but a key of {path} is of type {kind}, not text", path=path, type=kind)
