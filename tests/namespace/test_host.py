"""A folder of the machine: by the suite that every file service passes, and by what would lead out of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from perdure.base.clock import SystemClock
from perdure.namespace.host import HostFolder
from perdure.namespace.port import WRITE
from perdure.testing.file_suite import FileContract


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "jail"
    root.mkdir()
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "outside").mkdir()
    return root


@pytest.fixture
def service(root: Path) -> HostFolder:
    return HostFolder(root, SystemClock(), interval_ms=5)


class TestHostFolder(FileContract):
    @pytest.fixture
    def service(self, service: HostFolder) -> HostFolder:
        return service


async def put(service: HostFolder, path: tuple[str, ...], data: bytes, how=WRITE) -> None:
    async with await service.open(path, how) as file:
        await file.write(data)
