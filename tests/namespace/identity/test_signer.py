from __future__ import annotations

import copy
import hashlib
import logging
import os
import pickle
import traceback

import nostr_sdk
import pytest

from perdure.base.errors import InputError, Undecryptable, UnsafeKey
from perdure.base.ids import seeded
from perdure.namespace.identity.signer import KeySigner, new_secret

SECRET = bytes.fromhex("1f" * 32)


def signer(secret: bytes = SECRET) -> KeySigner:
    return KeySigner(secret, os.urandom)


def test_whoever_knows_the_public_key_can_check_a_signature() -> None:
    agent, anyone = signer(), signer(bytes.fromhex("2e" * 32))
    signature = agent.sign(b"pay 5")
    assert len(signature) == 64
    assert anyone.verify(agent.pubkey(), signature, b"pay 5")
    assert not anyone.verify(agent.pubkey(), signature, b"pay 6")
    assert not anyone.verify(anyone.pubkey(), signature, b"pay 5")
    assert not anyone.verify(agent.pubkey(), b"short", b"pay 5")


def test_two_agents_read_what_they_write_to_each_other_and_nobody_else_does() -> None:
    ann, bob, eve = signer(), signer(bytes.fromhex("2e" * 32)), signer(bytes.fromhex("3d" * 32))
    sealed = ann.encrypt(bob.pubkey(), "meet at noon")
    assert bob.decrypt(ann.pubkey(), sealed) == "meet at noon"
    assert ann.decrypt(bob.pubkey(), sealed) == "meet at noon"
    assert ann.encrypt(bob.pubkey(), "meet at noon") != sealed
    with pytest.raises(Undecryptable):
        eve.decrypt(ann.pubkey(), sealed)


def test_signing_a_serialized_nostr_event_gives_the_signature_of_its_id() -> None:
    serialized = b'[0,"...",1700000000,1,[],"hello"]'
    event_id = hashlib.sha256(serialized).digest()
    theirs = nostr_sdk.Keys.parse(SECRET.hex())
    assert theirs.public_key().to_hex() == signer().pubkey()
    assert signer().verify(signer().pubkey(), bytes.fromhex(theirs.sign_schnorr(event_id)), serialized)


@pytest.mark.parametrize("secret", [bytes(32), b"\xff" * 32, b"", b"x" * 33])
def test_what_is_no_key_is_refused_without_being_shown(secret: bytes) -> None:
    with pytest.raises(UnsafeKey) as caught:
        signer(secret)
    told = "".join(traceback.format_exception(caught.value))
    assert repr(secret)[2:-1][:20] not in told or not secret


def test_new_keys_are_keys_and_differ() -> None:
    entropy = seeded(7)
    assert len({KeySigner(new_secret(entropy), entropy).pubkey() for _ in range(20)}) == 20


def test_the_key_is_in_no_repr_log_error_copy_or_pickle(caplog: pytest.LogCaptureFixture) -> None:
    agent = signer()
    shown = [repr(agent), str(agent), f"{agent}", repr([agent]), repr({"signer": agent})]
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").warning("the signer is %r %s", agent, agent)
    shown.append(caplog.text)
    for wrong in (
        lambda: agent.decrypt("00", "x"),
        lambda: agent.decrypt(agent.pubkey(), "x"),
        lambda: agent.encrypt("zz" * 32, "x"),
        lambda: agent.encrypt(agent.pubkey(), ""),
    ):
        with pytest.raises((InputError, Undecryptable)) as caught:
            wrong()
        shown += ["".join(traceback.format_exception(caught.value)), repr(caught.value.as_dict())]
    for text in shown:
        assert SECRET.hex() not in text and repr(SECRET) not in text and str(list(SECRET)) not in text
    for take in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="neither copied nor pickled"):
            take(agent)
    assert not hasattr(agent, "__dict__")
