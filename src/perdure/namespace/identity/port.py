"""What can be done with an agent's key, which itself never leaves its signer."""

from __future__ import annotations

from typing import Protocol


class Signer(Protocol):
    """One agent's key pair on secp256k1. Public keys are 64 hex digits, the x coordinate (BIP-340)."""

    def pubkey(self) -> str: ...
    def sign(self, data: bytes) -> bytes:
        """The Schnorr signature (BIP-340, 64 bytes) of the SHA-256 of `data`: that of a serialized Nostr event is the
        signature which NIP-01 asks for."""
        ...

    def verify(self, pubkey: str, signature: bytes, message: bytes) -> bool:
        """Whether whoever holds the key of `pubkey` signed `message`. Nothing that is malformed verifies."""
        ...

    def encrypt(self, recipient: str, text: str) -> str:
        """Text of 1 to 65,535 bytes that only `recipient` and this agent can read (NIP-44 version 2, base64).
        Raises InputError."""
        ...

    def decrypt(self, sender: str, ciphertext: str) -> str:
        """What `encrypt` of `sender` made for this agent. Raises Undecryptable, and InputError for what is no key."""
        ...


class Keyring(Protocol):
    """The signers of many agents."""

    async def signer(self, agent_id: str) -> Signer:
        """The agent's signer; its key comes to be with the first call. Raises UnsafeKey."""
        ...

    async def find(self, agent_id: str) -> Signer | None:
        """The agent's signer where it has a key already."""
        ...
