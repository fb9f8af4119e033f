"""The namespace as a folder, for programs that know of nothing else."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from perdure.adapters.fuse.mount import mounted
from perdure.base.errors import ConfigError, MissingDependency

from .samples import Ledger, OpenRuntime


class FuseMount:
    async def test_fuse_mount(self, open_runtime: OpenRuntime, tmp_path: Path) -> None:
        folder = tmp_path / "mnt"
        folder.mkdir()
        async with open_runtime() as rt:
            await rt.run(Ledger, "hello", agent="shown")
            told: list[str] = []
            try:
                async with mounted(rt.namespace.service, folder, clock=rt.clock, told=told.append):
                    place = folder / "agents" / "shown"
                    assert "status" in await _sh(f"ls {place}")
                    assert '"agent_id": "shown"' in await _sh(f"cat {place}/status")
                    await _sh(f'echo \'{{"be": "seen"}}\' > {place}/goals/one.json')
                    assert "seen" in await _sh(f"cat {place}/goals/one.json")
                    with pytest.raises(AssertionError, match="No such file"):
                        await _sh(f"cat {folder}/agents/nobody/status")
            except (MissingDependency, ConfigError) as error:
                pytest.skip(f"nothing can be mounted here: {error.message}")
            assert b"seen" in await rt.namespace.read("/agents/shown/goals/one.json")
            assert not told


async def _sh(command: str) -> str:
    shell = await asyncio.create_subprocess_shell(
        command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said, complained = await shell.communicate()
    assert shell.returncode == 0, complained.decode()
    return said.decode()
