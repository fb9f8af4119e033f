"""An agent's identity as files: `pubkey` is read; `sign`, `verify`, `encrypt` and `decrypt` answer requests."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from perdure.base.errors import InputError
from perdure.namespace.node import Document, Folder

from .port import Keyring

T = TypeVar("T")


class Verify(msgspec.Struct, frozen=True):
    """`pubkey` and `signature` are hex."""

    pubkey: str
    signature: str
    message: str


class Encrypt(msgspec.Struct, frozen=True):
    recipient: str
    message: str


class Decrypt(msgspec.Struct, frozen=True):
    """`sender` is a public key in hex, `ciphertext` what `encrypt` answered, in base64."""

    sender: str
    ciphertext: str


def identity(keyring: Keyring, agent_id: str) -> Folder:
    """The directory of one agent: `pubkey` (hex), `sign` (any bytes → hex), `verify` (JSON → `true` or `false`),
    `encrypt` and `decrypt` (JSON → text). Raises InputError for a request that makes no sense, and Undecryptable."""

    async def pubkey() -> bytes:
        return (await keyring.signer(agent_id)).pubkey().encode()

    async def sign(data: bytes) -> bytes:
        return (await keyring.signer(agent_id)).sign(data).hex().encode()

    async def verify(data: bytes) -> bytes:
        asked = _request(data, Verify)
        signer = await keyring.signer(agent_id)
        holds = signer.verify(asked.pubkey, _hex(asked.signature), asked.message.encode())
        return b"true" if holds else b"false"

    async def encrypt(data: bytes) -> bytes:
        asked = _request(data, Encrypt)
        return (await keyring.signer(agent_id)).encrypt(asked.recipient, asked.message).encode()

    async def decrypt(data: bytes) -> bytes:
        asked = _request(data, Decrypt)
        return (await keyring.signer(agent_id)).decrypt(asked.sender, asked.ciphertext.strip()).encode()

    return Folder(
        {
            "pubkey": Document(read=pubkey, size=64),
            "sign": Document(call=sign),
            "verify": Document(call=verify),
            "encrypt": Document(call=encrypt),
            "decrypt": Document(call=decrypt),
        }
    )


def _request(data: bytes, type: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=type)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        fields = ", ".join(f'"{name}": "…"' for name in type.__struct_fields__)  # type: ignore[attr-defined]
        raise InputError(f"not a request: {error}", hint=f"Write {{{fields}}}.") from error


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise InputError("the signature is not hex", hint="A signature is 128 hex digits.") from error
