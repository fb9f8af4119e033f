"""The suite of a whole runtime, over both stores."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure.control.runtime import Runtime
from perdure.kernel.store.memory import MemoryStore
from perdure.testing.runtime_suite import RuntimeContract


class TestSqlite(RuntimeContract):
    @pytest.fixture
    def open_runtime(self, tmp_path: Path) -> Callable[..., AbstractAsyncContextManager[Runtime]]:
        return lambda **options: perdure.open(tmp_path, **options)


class TestMemory(RuntimeContract):
    @pytest.fixture
    def open_runtime(self, tmp_path: Path) -> Callable[..., AbstractAsyncContextManager[Runtime]]:
        store: Any = MemoryStore()
        return lambda **options: perdure.open(tmp_path, store=store, **options)
