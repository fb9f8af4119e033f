"""How values become bytes: MessagePack in the store, JSON at the edges, one digest."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, TypeVar

import msgspec

from .errors import InputError

T = TypeVar("T")


def _plain(value: Any) -> Any:
    """Amounts of money and time are integers of types of their own: what is kept of them is the number."""
    if isinstance(value, int):
        return int(value)
    raise TypeError(f"Encoding objects of type {type(value).__name__} is unsupported")


_pack = msgspec.msgpack.Encoder(enc_hook=_plain)
_canonical = msgspec.msgpack.Encoder(enc_hook=_plain, order="deterministic")
_unpack = msgspec.msgpack.Decoder()
_json = msgspec.json.Encoder(enc_hook=_plain)
_unjson = msgspec.json.Decoder()

_empty = blake2b(digest_size=16)

NIL = msgspec.Raw(_pack.encode(None))
"""Nothing, packed."""


def pack(value: Any) -> bytes:
    """MessagePack of plain values, structs and dataclasses. Raises InputError for what has no such form."""
    try:
        return _pack.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise _unstorable(error) from error


def unpack(data: bytes | msgspec.Raw) -> Any:
    return _unpack.decode(data)


def unpack_as(data: bytes | msgspec.Raw, type: type[T]) -> T:
    return msgspec.msgpack.decode(data, type=type)


def to_json(value: Any) -> bytes:
    return _json.encode(value)


def from_json(data: bytes | str) -> Any:
    return _unjson.decode(data)


def digest(value: Any) -> str:
    """32 hex digits that stand for the value; the order of keys in mappings does not matter. Raises InputError."""
    try:
        data = value if isinstance(value, bytes) else _canonical.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise _unstorable(error) from error
    return blake2b(data, digest_size=16).hexdigest()


def digest_bytes(data: bytes) -> str:
    return hashed(data).hex()


def hashed(data: bytes) -> bytes:
    """16 bytes that stand for these, by blake2b."""
    hash = _empty.copy()  # in half the time that it takes to make another one
    hash.update(data)
    return hash.digest()


def _unstorable(error: Exception) -> InputError:
    return InputError(f"cannot be stored: {error}", hint="Use plain data, and text that is valid Unicode.")
