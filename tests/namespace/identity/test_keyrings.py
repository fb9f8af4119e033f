from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from perdure.base.errors import MissingDependency
from perdure.namespace.identity.keyrings import key_folder, memory_keys


async def test_each_agent_has_a_key_of_its_own_that_stays(tmp_path: Path) -> None:
    for ring in (memory_keys(os.urandom), key_folder(tmp_path / "keys", os.urandom)):
        ann = await ring.signer("ann")
        assert (await ring.signer("ann")).pubkey() == ann.pubkey() != (await ring.signer("bob")).pubkey()


async def test_without_the_extra_the_cure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("perdure.namespace.identity.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "coincurve", None)
    with pytest.raises(MissingDependency, match="coincurve") as caught:
        await memory_keys(os.urandom).signer("ann")
    assert "perdure[identity]" in caught.value.hint
