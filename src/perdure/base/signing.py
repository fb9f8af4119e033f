"""Signatures of requests: who holds a key's text proves it for one exact request, and the text itself never travels.

What is signed is `METHOD:path?query:time:nonce:digest`, the digest being the SHA-256 of the body in hex. It is stated
beside the signature, so that a server reads no body of somebody who has not signed for it.

The signature is the proof of RFC 5802 (SCRAM, section 3) with SHA-256: client key XOR HMAC(stored key, what is signed),
the client key being the hash of the text and the stored key the hash of that. A server keeps the stored key alone: it
finds the client key that a signature claims, and looks whether its hash is the stored one. What it keeps is no use to
somebody who wants to sign.
"""

from __future__ import annotations

from hashlib import sha256
from hmac import compare_digest
from hmac import new as hmac

KEY, TIMESTAMP, NONCE = "X-Agent-Key", "X-Agent-Timestamp", "X-Agent-Nonce"
DIGEST, SIGNATURE = "X-Agent-Digest", "X-Agent-Signature"
"""Headers: the key's id, ms UTC, 16 to 64 letters, digits, `-` and `_`, and 64 hex digits each."""


def sign(secret: str, method: str, target: str, body: bytes, *, time_ms: int, nonce: str) -> dict[str, str]:
    """The headers that sign a request with the text of a key, `pdr_ID_…`. `target` is the path with its query, as
    it is sent; the nonce is another one for each request."""
    client = client_key(secret)
    time, digest = str(time_ms), digest_of(body)
    text = signed_text(method.encode(), target.encode(), time, nonce, digest)
    proof = _xor(client, hmac(stored_key(client), text, sha256).digest())
    return {KEY: secret.split("_")[1], TIMESTAMP: time, NONCE: nonce, DIGEST: digest, SIGNATURE: proof.hex()}


def proves(signature: str, text: bytes, stored: bytes) -> bool:
    """Whether the holder of this key signed `text`. Nothing that is malformed does."""
    try:
        proof = bytes.fromhex(signature)
    except ValueError:
        return False
    return len(proof) == sha256().digest_size and is_client_key(
        _xor(proof, hmac(stored, text, sha256).digest()), stored
    )


def digest_of(body: bytes) -> str:
    return sha256(body).hexdigest()


def signed_text(method: bytes, target: bytes, time: str, nonce: str, digest: str) -> bytes:
    return b":".join((method, target, time.encode(), nonce.encode(), digest.encode()))


def client_key(secret: str) -> bytes:
    """What the holder of a key signs with."""
    return sha256(secret.encode()).digest()


def stored_key(client: bytes) -> bytes:
    """What is kept of a key, and all that is needed to check one."""
    return sha256(client).digest()


def is_client_key(client: bytes, stored: bytes) -> bool:
    return compare_digest(stored_key(client), stored)


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))
