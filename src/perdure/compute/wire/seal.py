"""Seals: a provider's signature with its maker's name, so that it goes back to that provider and to no other.

A sealed `signature` reads `anthropic:EqQBCg…`. Thinking that bears no seal, or a foreign one, is not sent back.
"""

from __future__ import annotations


def seal(maker: str, signature: str | None) -> str:
    """The signature under its maker's name, "" where there is none."""
    return f"{maker}:{signature}" if signature else ""


def unseal(maker: str, sealed: str) -> str:
    """The signature as the maker gave it, "" where it is not of this maker."""
    return sealed[len(maker) + 1 :] if sealed.startswith(maker + ":") else ""
