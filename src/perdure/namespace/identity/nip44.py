"""Text that two keys share, as in NIP-44 version 2 (github.com/nostr-protocol/nips, 44.md): padded, encrypted with
ChaCha20 (RFC 8439) and authenticated with HMAC-SHA256, under keys derived with HKDF (RFC 5869)."""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from binascii import Error as NotBase64

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

from perdure.base.errors import InputError, Undecryptable

VERSION = 2
MAX_TEXT = 65_535
_SHORTEST, _LONGEST = 99, 65_603
"""Bytes of a payload: version, nonce (32), length (2) and padded text (32 at least), code (32)."""


class _Keys(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    cipher: bytes
    nonce: bytes
    mac: bytes

    def __repr__(self) -> str:
        return "_Keys(…)"


def conversation_key(shared_x: bytes) -> bytes:
    """The key (32 bytes) of everything between two parties, from the point that they share."""
    return hmac.digest(b"nip44-v2", shared_x, "sha256")


def encrypt(key: bytes, text: str, nonce: bytes) -> str:
    """The payload in base64; `nonce` is 32 random bytes, never used before. Raises InputError."""
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"cannot be encrypted: {error.reason}") from error
    if not 1 <= len(data) <= MAX_TEXT:
        raise InputError(
            f"{len(data):,} bytes cannot be encrypted", hint=f"A text has 1 to {MAX_TEXT:,} bytes (UTF-8)."
        )
    keys = _message_keys(key, nonce)
    padding = bytes(padded_length(len(data)) - len(data))
    sealed = _chacha20(keys, len(data).to_bytes(2, "big") + data + padding)
    return b64encode(bytes((VERSION,)) + nonce + sealed + hmac.digest(keys.mac, nonce + sealed, "sha256")).decode()


def decrypt(key: bytes, payload: str) -> str:
    """The text of a payload. Raises Undecryptable, without saying more of one that is not authentic than that."""
    if payload.startswith("#"):
        raise Undecryptable("the ciphertext is of a version that is not known")
    try:
        data = b64decode(payload, validate=True)
    except (NotBase64, ValueError) as error:
        raise Undecryptable("the ciphertext is not base64") from error
    if data[:1] not in (b"", bytes((VERSION,))):
        raise Undecryptable(f"the ciphertext is of version {data[0]}, version {VERSION} is known")
    if not _SHORTEST <= len(data) <= _LONGEST:
        raise Undecryptable(f"no ciphertext has {len(data):,} bytes")
    nonce, sealed, code = data[1:33], data[33:-32], data[-32:]
    keys = _message_keys(key, nonce)
    if not hmac.compare_digest(code, hmac.digest(keys.mac, nonce + sealed, "sha256")):
        raise Undecryptable("the ciphertext is not authentic: another key, or it was changed")
    return _unpad(_chacha20(keys, sealed))


def padded_length(length: int) -> int:
    """What a text of `length` bytes is padded to, so that its length tells little."""
    if length <= 32:
        return 32
    power = 1 << (length - 1).bit_length()
    chunk = max(32, power // 8)
    return chunk * ((length - 1) // chunk + 1)


def _unpad(padded: bytes) -> str:
    length = int.from_bytes(padded[:2], "big")
    data = padded[2 : 2 + length]
    if not length or len(data) != length or len(padded) != 2 + padded_length(length):
        raise Undecryptable("the text is not padded as it should be")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Undecryptable("what was encrypted is not text") from error


def _message_keys(key: bytes, nonce: bytes) -> _Keys:
    """HKDF-Expand to 76 bytes."""
    out = block = b""
    for count in (1, 2, 3):
        block = hmac.digest(key, block + nonce + bytes((count,)), "sha256")
        out += block
    return _Keys(out[:32], out[32:44], out[44:76])


def _chacha20(keys: _Keys, data: bytes) -> bytes:
    counter = bytes(4)
    return Cipher(ChaCha20(keys.cipher, counter + keys.nonce), mode=None).encryptor().update(data)
