"""The curve secp256k1: Schnorr signatures as in BIP-340, and the point that two keys share."""

from __future__ import annotations

from coincurve import PrivateKey, PublicKey, PublicKeyXOnly

from perdure.base.errors import InputError


def pubkey_of(key: PrivateKey) -> str:
    return key.public_key_xonly.format().hex()


def sign(key: PrivateKey, digest: bytes, noise: bytes) -> bytes:
    """The signature (64 bytes) of 32 bytes; `noise` is 32 random bytes."""
    return key.sign_schnorr(digest, noise)


def verify(pubkey: str, signature: bytes, message: bytes) -> bool:
    """Whether this is the signature of `message`, which for `sign` is a digest."""
    try:
        return PublicKeyXOnly(_x(pubkey)).verify(signature, message)
    except (InputError, ValueError):
        return False


def shared(key: PrivateKey, pubkey: str) -> bytes:
    """The x coordinate (32 bytes) of the point that is known to the holders of both keys only. Raises InputError."""
    try:
        point = PublicKey(b"\x02" + _x(pubkey))
    except ValueError as error:
        raise _no_key(pubkey) from error
    return point.multiply(key.secret).format()[1:]


def _x(pubkey: str) -> bytes:
    try:
        x = bytes.fromhex(pubkey)
    except ValueError as error:
        raise _no_key(pubkey) from error
    if len(x) != 32 or len(pubkey) != 64:
        raise _no_key(pubkey)
    return x


def _no_key(pubkey: str) -> InputError:
    return InputError(f"not a public key: {pubkey[:80]!r}", hint="A public key is 64 hex digits, a point on secp256k1.")
