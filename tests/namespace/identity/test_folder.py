from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from perdure.base.errors import UnsafeKey
from perdure.base.ids import seeded
from perdure.namespace.identity.folder import KeyFolder
from perdure.namespace.identity.port import Keyring


def keys(folder: Path, entropy: int = 1) -> KeyFolder:
    return KeyFolder(folder / "keys", seeded(entropy))


async def test_a_key_outlasts_the_process_that_made_it(tmp_path: Path) -> None:
    pubkey = (await keys(tmp_path).signer("support")).pubkey()
    assert (await keys(tmp_path, entropy=2).signer("support")).pubkey() == pubkey
    assert (await keys(tmp_path, entropy=3).signer("sales")).pubkey() != pubkey


async def test_only_the_owner_can_read_a_key(tmp_path: Path) -> None:
    ring = keys(tmp_path)
    mask = os.umask(0)
    try:
        await ring.signer("support")
    finally:
        os.umask(mask)
    assert stat.S_IMODE(ring.path("support").stat().st_mode) == 0o600
    assert stat.S_IMODE(ring.path("support").parent.stat().st_mode) == 0o700
    assert [path.name for path in (tmp_path / "keys").iterdir()] == [ring.path("support").name]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o601])
async def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    await keys(tmp_path).signer("support")
    path = keys(tmp_path).path("support")
    path.chmod(mode)
    with pytest.raises(UnsafeKey, match=f"others may use it \\(mode {mode:04o}\\)"):
        await keys(tmp_path).signer("support")
    path.chmod(0o600)
    path.parent.chmod(0o755)
    with pytest.raises(UnsafeKey, match="others may use it"):
        await keys(tmp_path).signer("support")


async def test_links_and_special_files_are_not_followed(tmp_path: Path) -> None:
    await keys(tmp_path).signer("support")
    ring = keys(tmp_path)
    target = ring.path("support")
    ring.path("linked").symlink_to(target)
    with pytest.raises(UnsafeKey):
        await ring.signer("linked")
    os.mkfifo(ring.path("pipe"), 0o600)
    with pytest.raises(UnsafeKey, match="special file"):
        await ring.signer("pipe")
    (tmp_path / "elsewhere").symlink_to(tmp_path / "keys")
    with pytest.raises(UnsafeKey, match="link"):
        await KeyFolder(tmp_path / "elsewhere", seeded(1)).signer("support")


@pytest.mark.parametrize("text", ["", "beef", "z" * 64, "00" * 32, "ab" * 33])
async def test_a_damaged_key_is_refused_and_neither_replaced_nor_shown(tmp_path: Path, text: str) -> None:
    await keys(tmp_path).signer("support")
    path = keys(tmp_path).path("support")
    path.write_text(text)
    with pytest.raises(UnsafeKey) as caught:
        await keys(tmp_path).signer("support")
    assert path.read_text() == text
    assert not text or text not in repr(caught.value.as_dict())


async def test_ids_that_differ_in_case_only_have_keys_of_their_own(tmp_path: Path) -> None:
    ring = keys(tmp_path)
    assert ring.path("Bob").name.lower() != ring.path("bob").name.lower()
    assert (await ring.signer("Bob")).pubkey() != (await ring.signer("bob")).pubkey()


@pytest.mark.parametrize("agent_id", ["../other", "a/b", "/etc/passwd", "x\0y"])
async def test_no_agent_id_leads_out_of_the_folder(tmp_path: Path, agent_id: str) -> None:
    with pytest.raises((UnsafeKey, ValueError)):
        await keys(tmp_path).signer(agent_id)
    assert not (tmp_path / "keys").exists() or not list((tmp_path / "keys").iterdir())


async def test_of_many_who_make_a_key_at_once_one_wins(tmp_path: Path) -> None:
    rings: list[Keyring] = [keys(tmp_path, entropy=number) for number in range(8)]
    signers = await asyncio.gather(*(ring.signer("support") for ring in rings))
    assert len({signer.pubkey() for signer in signers}) == 1
    assert len(list((tmp_path / "keys").iterdir())) == 1


def test_nothing_of_the_curve_is_loaded_before_a_key_is_needed() -> None:
    script = (
        "import os, sys, pathlib; from perdure.namespace.identity.keyrings import key_folder, memory_keys;"
        "memory_keys(os.urandom); key_folder(pathlib.Path('x'), os.urandom);"
        "assert not {'coincurve', 'cryptography'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env={**os.environ})
    assert done.returncode == 0, done.stderr
