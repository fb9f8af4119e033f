from __future__ import annotations

import asyncio
import json
import os
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path as HostPath
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.base.errors import FileError, InputError, PerdureError, Undecryptable
from perdure.namespace.identity.folder import KeyFolder
from perdure.namespace.identity.keyrings import memory_keys
from perdure.namespace.identity.port import Keyring
from perdure.namespace.identity.service import identity
from perdure.namespace.path import Path
from perdure.namespace.port import APPEND, CALL, CREATE, READ, WRITE
from perdure.namespace.served import Served


def home(keyring: Keyring, agent_id: str = "ann") -> Served:
    return Served(identity(keyring, agent_id))


async def read(service: Served, name: str) -> str:
    async with await service.open((name,)) as file:
        return (await file.read()).decode()


async def call(service: Served, name: str, request: Any) -> str:
    async with await service.open((name,), CALL) as file:
        await file.write(request if isinstance(request, bytes) else json.dumps(request).encode())
        return (await file.read()).decode()


async def test_an_agent_signs_by_writing_and_reading_a_file() -> None:
    keyring = memory_keys(os.urandom)
    ann, bob = home(keyring), home(keyring, "bob")
    signature = await call(ann, "sign", b"pay 5")
    asked = {"pubkey": await read(ann, "pubkey"), "signature": signature, "message": "pay 5"}
    assert len(signature) == 128
    assert await call(bob, "verify", asked) == "true"
    assert await call(bob, "verify", asked | {"message": "pay 6"}) == "false"
    assert await call(bob, "verify", asked | {"pubkey": await read(bob, "pubkey")}) == "false"


async def test_two_agents_write_to_each_other_so_that_nobody_else_can_read_it() -> None:
    keyring = memory_keys(os.urandom)
    ann, bob = home(keyring), home(keyring, "bob")
    sealed = await call(ann, "encrypt", {"recipient": await read(bob, "pubkey"), "message": "grüezi"})
    assert "grüezi" not in sealed
    opened = {"sender": await read(ann, "pubkey"), "ciphertext": sealed + "\n"}
    assert await call(bob, "decrypt", opened) == "grüezi"
    with pytest.raises(Undecryptable):
        await call(home(keyring, "eve"), "decrypt", opened)


async def test_the_directory_has_five_files_and_no_more() -> None:
    service = home(memory_keys(os.urandom))
    assert [entry.name for entry in await service.list(())] == ["decrypt", "encrypt", "pubkey", "sign", "verify"]
    for refused in (
        service.open(("pubkey",), WRITE),
        service.open(("secret",), CREATE),
        service.remove(("sign",)),
        service.rename(("sign",), ("signed",)),
        service.mkdir(("more",)),
        service.watch(("pubkey",)),
    ):
        with pytest.raises(FileError):
            await refused


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("verify", b"not json"),
        ("verify", {"pubkey": "00"}),
        ("verify", {"pubkey": "00" * 32, "signature": "xx", "message": "m"}),
        ("encrypt", {"recipient": "00", "message": "m"}),
        ("encrypt", {"recipient": 5, "message": "m"}),
        ("decrypt", {"sender": "zz" * 32, "ciphertext": "x"}),
    ],
)
async def test_a_request_that_makes_no_sense_says_what_would(name: str, request_: Any) -> None:
    with pytest.raises(InputError) as caught:
        await call(home(memory_keys(os.urandom)), name, request_)
    assert caught.value.hint


# -- nothing of the key comes out -------------------------------------------------------------------------------------

SECRET = bytes.fromhex("00" + "8f3a" * 15 + "5c")
FORMS = [
    SECRET,
    SECRET.hex().encode(),
    SECRET.hex().upper().encode(),
    repr(SECRET)[2:-1].encode(),
    str(list(SECRET)).encode(),
]
NAMES = st.sampled_from(
    ["pubkey", "sign", "verify", "encrypt", "decrypt", "secret", "key", "ann.key", "keys", "..", "."]
)
PATHS = st.lists(st.one_of(NAMES, st.text(max_size=6)), max_size=3).map(tuple)
BODIES = st.one_of(
    st.binary(max_size=64),
    st.fixed_dictionaries(
        {},
        optional={
            name: st.one_of(st.text(max_size=8), st.just("11" * 32), st.none(), st.integers())
            for name in ("pubkey", "signature", "message", "recipient", "sender", "ciphertext")
        },
    ).map(lambda body: json.dumps(body).encode()),
)
HOWS = st.sampled_from([READ, WRITE, APPEND, CALL, CREATE])


@asynccontextmanager
async def told(into: list[bytes]) -> AsyncIterator[None]:
    """Keep what an error would show to anybody."""
    try:
        yield
    except (PerdureError, ValueError) as error:
        into.append("".join(traceback.format_exception(error)).encode("utf-8", "replace"))
        into.append(repr(error).encode("utf-8", "replace"))
        if isinstance(error, PerdureError):
            into.append(json.dumps(error.as_dict(), default=repr).encode())


@given(PATHS, PATHS, HOWS, BODIES)
@settings(max_examples=150, deadline=None)
def test_no_path_request_error_listing_or_stat_gives_anything_of_the_key_away(
    path: Path, other: Path, how: Any, body: bytes
) -> None:
    shown: list[bytes] = []

    async def probe(service: Served) -> None:
        async with told(shown), await service.open(path, how) as file:
            if how.write:
                await file.write(body)
            shown.append(await file.read())
        async with told(shown):
            shown.append(repr(await service.list(path)).encode("utf-8", "replace"))
        async with told(shown):
            shown.append(repr(await service.stat(path)).encode("utf-8", "replace"))
        async with told(shown):
            await service.rename(path, other)
        async with told(shown):
            await service.remove(path)
        async with told(shown):
            await (await service.watch(path)).aclose()
        shown.append(repr(service).encode() + repr(identity(keyring, "ann")).encode())

    # the key that the ring makes is known to this test, as its randomness is
    keyring = memory_keys(lambda n: SECRET if n == 32 else bytes(n))
    asyncio.run(probe(home(keyring)))
    for text in shown:
        assert not any(form in text for form in FORMS)


async def test_the_folder_of_keys_shows_itself_without_the_keys(tmp_path: HostPath) -> None:
    keyring = KeyFolder(tmp_path / "keys", lambda n: SECRET[:n])
    assert len(await read(home(keyring), "pubkey")) == 64
    assert (tmp_path / "keys").is_dir() and SECRET.hex() in keyring.path("ann").read_text()
    assert SECRET.hex() not in repr(keyring) + repr(vars(keyring)) + repr(await keyring.signer("ann"))
