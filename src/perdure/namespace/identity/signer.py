"""A key pair in memory, put to use."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import NoReturn

from coincurve import PrivateKey

from perdure.base.errors import UnsafeKey

from . import curve, nip44

Entropy = Callable[[int], bytes]
"""Gives so many random bytes, from the operating system."""


class KeySigner:
    """Signs and encrypts with a key that it keeps to itself: it is in no repr, and cannot be copied or pickled."""

    __slots__ = ("__key", "_entropy", "_pubkey")

    def __init__(self, secret: bytes, entropy: Entropy) -> None:
        """`secret` is 32 bytes. Raises UnsafeKey for what is no key on the curve."""
        try:
            self.__key = PrivateKey(secret)
        except ValueError:
            raise UnsafeKey("not a private key: 32 bytes below the order of secp256k1 are") from None
        self._entropy = entropy
        self._pubkey = curve.pubkey_of(self.__key)

    def pubkey(self) -> str:
        return self._pubkey

    def sign(self, data: bytes) -> bytes:
        return curve.sign(self.__key, sha256(data).digest(), self._entropy(32))

    def verify(self, pubkey: str, signature: bytes, message: bytes) -> bool:
        return curve.verify(pubkey, signature, sha256(message).digest())

    def encrypt(self, recipient: str, text: str) -> str:
        key = nip44.conversation_key(curve.shared(self.__key, recipient))
        return nip44.encrypt(key, text, self._entropy(32))

    def decrypt(self, sender: str, ciphertext: str) -> str:
        return nip44.decrypt(nip44.conversation_key(curve.shared(self.__key, sender)), ciphertext)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(pubkey={self._pubkey!r})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a signer is neither copied nor pickled: that would give its key away")


def new_secret(entropy: Entropy) -> bytes:
    """32 random bytes that are a private key."""
    while True:
        secret = entropy(32)
        try:
            return PrivateKey(secret).secret
        except ValueError:  # one in 2**128
            continue
