"""Reading what a client sends: no more than is allowed, and what is read is what was meant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar, get_args, get_origin
from urllib.parse import parse_qsl

import msgspec
from starlette.types import Receive

from perdure.base.errors import Malformed, RequestError, TooLarge, WrongMediaType

T = TypeVar("T")

MAX_QUERY = 64


class Gone(Exception):
    """The client went away before its request was whole."""


async def read(receive: Receive, headers: Mapping[bytes, bytes], limit: int) -> bytes:
    """The request's body. Raises TooLarge as soon as it is known to be, and Gone."""
    stated = headers.get(b"content-length")
    if stated is not None and stated.isdigit() and int(stated) > limit:
        raise _too_large(limit)
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        piece: bytes = message.get("body", b"")
        size += len(piece)
        if size > limit:
            raise _too_large(limit)
        if not message.get("more_body", False):
            return b"".join((*pieces, piece)) if pieces else piece
        pieces.append(piece)


def decode(body: bytes, headers: Mapping[bytes, bytes], decoder: msgspec.json.Decoder[T]) -> T:
    """The JSON in a body as the type that is expected. Raises Malformed, WrongMediaType, RequestError."""
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if body and kind and kind != b"application/json" and not kind.endswith(b"+json"):
        raise WrongMediaType(f"the body is {kind.decode('latin-1')[:80]!r}, not JSON")
    try:
        return decoder.decode(body or b"{}")
    except msgspec.ValidationError as error:
        raise RequestError(f"the body is not what is expected: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"the body is not JSON: {error}") from error


def decode_query(query: bytes, type: type[T]) -> T:
    """A query string as the struct that is expected; a field that is a sequence may be given several times."""
    values: dict[str, Any] = {}
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_QUERY)
    except ValueError as error:
        raise Malformed("the query string cannot be read") from error
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    several = {field.encode_name for field in msgspec.structs.fields(type) if _is_sequence(field.type)}  # type: ignore[arg-type]
    found = {name: said if name in several else said[-1] for name, said in values.items()}
    try:
        return msgspec.convert(found, type, strict=False)
    except msgspec.ValidationError as error:
        raise RequestError(f"the query is not what is expected: {error}") from error


def _is_sequence(annotation: Any) -> bool:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return get_origin(annotation) in (tuple, list)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body has more than {limit:,} bytes", limit=limit)
