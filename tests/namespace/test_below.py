"""A part of a service is a service: by the suite, below a directory that is not the root."""

from __future__ import annotations

import asyncio

import pytest

from perdure.base.clock import ManualClock
from perdure.namespace.below import Below
from perdure.namespace.tree import MemoryTree
from perdure.testing.file_suite import FileContract


@pytest.fixture
def service() -> Below:
    tree = MemoryTree(ManualClock())
    asyncio.run(tree.mkdir(("deep",)))
    asyncio.run(tree.mkdir(("deep", "down")))
    return Below(tree, ("deep", "down"))


class TestBelow(FileContract):
    @pytest.fixture
    def service(self, service: Below) -> Below:
        return service
