"""NIP-44 version 2 against its official vectors (github.com/paulmillr/nip44, named in the NIP, 44.md), and against
nostr-sdk, an independent implementation in Rust."""

from __future__ import annotations

import nostr_sdk
import pytest
from coincurve import PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.base.errors import InputError, Undecryptable
from perdure.namespace.identity import curve, nip44

KEY = bytes.fromhex("c41c775356fd92eadc63ff5a0dc1da211b268cbea22316767095b2871ea1412d")
NONCE = (1).to_bytes(32, "big")
PAYLOAD = (
    "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABee0G5VSK0/9YypIObAtDKfYEAjD35uVkHyB0F4DwrcNaCXlCWZKaArsGrY6M9wnuTMxWfp1R"
    "TN9Xga8no+kF5Vsb"
)


def test_conversation_keys_are_the_official_ones() -> None:
    one, two = (PrivateKey(number.to_bytes(32, "big")) for number in (1, 2))
    assert nip44.conversation_key(curve.shared(one, curve.pubkey_of(two))) == KEY
    assert nip44.conversation_key(curve.shared(two, curve.pubkey_of(one))) == KEY
    other = PrivateKey(bytes.fromhex("315e59ff51cb9209768cf7da80791ddcaae56ac9775eb25b6dee1234bc5d2268"))
    theirs = "c2f9d9948dc8c7c38321e4b85c8558872eafa0641cd269db76848a6073e69133"
    expected = "3dfef0ce2a4d80a25e7a328accf73448ef67096f65f79588e358d9a0eb9013f1"
    assert nip44.conversation_key(curve.shared(other, theirs)).hex() == expected


def test_the_payload_is_the_official_one() -> None:
    assert nip44.encrypt(KEY, "a", NONCE) == PAYLOAD
    assert nip44.decrypt(KEY, PAYLOAD) == "a"


@pytest.mark.parametrize(
    ("length", "padded"),
    [
        (1, 32), (16, 32), (32, 32), (33, 64), (37, 64), (45, 64), (49, 64), (64, 64), (65, 96), (100, 128),
        (111, 128), (200, 224), (250, 256), (320, 320), (383, 384), (384, 384), (400, 448), (500, 512), (512, 512),
        (515, 640), (700, 768), (800, 896), (900, 1024), (1020, 1024), (65535, 65536),
    ],
)  # fmt: skip
def test_lengths_are_padded_as_in_the_official_vectors(length: int, padded: int) -> None:
    assert nip44.padded_length(length) == padded


@given(st.text(min_size=1, max_size=2_000).filter(lambda text: text.isprintable()), st.binary(min_size=32, max_size=32))
@settings(max_examples=40, deadline=None)
def test_an_independent_implementation_reads_what_is_written_and_the_other_way(text: str, nonce: bytes) -> None:
    mine, theirs = PrivateKey(bytes.fromhex("11" * 32)), nostr_sdk.Keys.parse("22" * 32)
    their_pubkey = theirs.public_key().to_hex()
    key = nip44.conversation_key(curve.shared(mine, their_pubkey))
    me = nostr_sdk.PublicKey.parse(curve.pubkey_of(mine))
    assert nostr_sdk.nip44_decrypt(theirs.secret_key(), me, nip44.encrypt(key, text, nonce)) == text
    written = nostr_sdk.nip44_encrypt(theirs.secret_key(), me, text, nostr_sdk.Nip44Version.V2)
    assert nip44.decrypt(key, written) == text


def test_the_shortest_and_the_longest_text_go_through() -> None:
    for text in ("x", "x" * 65_535):
        assert nip44.decrypt(KEY, nip44.encrypt(KEY, text, NONCE)) == text


@pytest.mark.parametrize("text", ["", "x" * 65_536, "\ud800"])
def test_what_cannot_be_encrypted_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        nip44.encrypt(KEY, text, NONCE)


@given(st.integers(min_value=0), st.integers(1, 255))
@settings(max_examples=60, deadline=None)
def test_a_payload_changed_anywhere_is_refused(place: int, change: int) -> None:
    data = bytearray(nip44.b64decode(PAYLOAD))
    data[place % len(data)] ^= change
    with pytest.raises(Undecryptable):
        nip44.decrypt(KEY, nip44.b64encode(bytes(data)).decode())


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        ("#" + PAYLOAD, "not known"),
        ("", "0 bytes"),
        (PAYLOAD[:-1], "base64"),
        ("A,AA", "base64"),
        ("AA" + PAYLOAD[2:], "version 0"),
        (PAYLOAD[:100], "bytes"),
        (PAYLOAD + "é", "base64"),
    ],
)
def test_a_malformed_payload_is_refused_with_its_reason(payload: str, why: str) -> None:
    with pytest.raises(Undecryptable, match=why):
        nip44.decrypt(KEY, payload)


def test_the_keys_of_a_message_are_not_shown() -> None:
    assert repr(nip44._message_keys(KEY, NONCE)) == "_Keys(…)"
