"""An agent's key is used, and never seen."""

from __future__ import annotations

import hashlib
import pickle

from perdure.base.errors import PerdureError
from perdure.namespace.identity.keyrings import memory_keys
from perdure.namespace.identity.service import identity
from perdure.namespace.namespace import Namespace
from perdure.namespace.served import Served

from .samples import OpenRuntime

SEED = bytes(range(32))


class Signer:
    async def test_signer_no_key_leak(self, open_runtime: OpenRuntime) -> None:
        keyring = memory_keys(lambda count: SEED[:count])
        files = Namespace(Served(identity(keyring, "signer")))
        signature = await files.call("/sign", b"a message")
        asked = b'{"pubkey": "%s", "signature": "%s", "message": "a message"}' % (
            await files.read("/pubkey"),
            signature,
        )
        assert await files.call("/verify", asked) == b"true"
        shown = [signature, await files.read("/pubkey"), repr(keyring).encode()]
        for path in ("/", "/sign", "/private", "/key", "/sign/key", "/pubkey"):
            for look in (files.read, files.list, files.stat):
                try:
                    shown.append(repr(await look(path)).encode())
                except PerdureError as error:
                    shown.append(repr((error, error.facts, error.hint)).encode())
        try:
            shown.append(pickle.dumps(await keyring.signer("signer")))
        except (TypeError, PerdureError, pickle.PicklingError) as error:
            shown.append(repr(error).encode())
        for secret in (SEED, SEED.hex().encode(), hashlib.sha256(SEED).digest()):
            assert not any(secret in one for one in shown)
