"""Signatures of requests."""

from __future__ import annotations

import hmac

import pytest

from perdure.base.signing import SIGNATURE, client_key, digest_of, proves, sign, signed_text, stored_key

SECRET = "pdr_ci_0123456789abcdef0123456789abcdef0123456789a"
STORED = stored_key(client_key(SECRET))
TEXT = signed_text(b"POST", b"/invoke?a=1", "1750000000000", "n" * 16, digest_of(b"{}"))
SIGNED = sign(SECRET, "POST", "/invoke?a=1", b"{}", time_ms=1_750_000_000_000, nonce="n" * 16)


def test_the_headers_are_those_of_the_format() -> None:
    assert SIGNED == {
        "X-Agent-Key": "ci",
        "X-Agent-Timestamp": "1750000000000",
        "X-Agent-Nonce": "n" * 16,
        "X-Agent-Digest": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        # by hand: sha256(secret) XOR hmac-sha256(sha256(sha256(secret)), text)
        "X-Agent-Signature": "8295e86ba53748ec7894661883043ee1cfba0bea21116cffe12fc2aa950b367c",
    }


def test_who_holds_the_key_signs() -> None:
    assert proves(SIGNED[SIGNATURE], TEXT, STORED)
    assert not proves(SIGNED[SIGNATURE], TEXT, stored_key(client_key(SECRET + "x")))


@pytest.mark.parametrize(
    "other",
    [
        (b"GET", b"/invoke?a=1", "1750000000000", "n" * 16, digest_of(b"{}")),
        (b"POST", b"/invoke?a=2", "1750000000000", "n" * 16, digest_of(b"{}")),
        (b"POST", b"/invoke?a=1", "1750000000001", "n" * 16, digest_of(b"{}")),
        (b"POST", b"/invoke?a=1", "1750000000000", "m" * 16, digest_of(b"{}")),
        (b"POST", b"/invoke?a=1", "1750000000000", "n" * 16, digest_of(b"{ }")),
    ],
)
def test_a_signature_is_for_exactly_one_request(other: tuple[bytes, bytes, str, str, str]) -> None:
    assert not proves(SIGNED[SIGNATURE], signed_text(*other), STORED)


def test_what_is_kept_does_not_sign() -> None:
    from_stored = hmac.new(STORED, TEXT, "sha256").digest()
    as_client_key = bytes(a ^ b for a, b in zip(STORED, from_stored, strict=True))
    assert not any(proves(forged.hex(), TEXT, STORED) for forged in (STORED, from_stored, as_client_key))


@pytest.mark.parametrize("nonsense", ["", "00", "zz" * 32, "00" * 33, " " * 64, "é" * 64, SIGNED[SIGNATURE] + "00"])
def test_nonsense_proves_nothing(nonsense: str) -> None:
    assert not proves(nonsense, TEXT, STORED)
