"""`perdure mount`: what it says where it cannot, and the folder where it can."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from ctypes.util import find_library
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Perdure = Callable[..., Result]


@pytest.fixture(autouse=True)
def bob(perdure: Perdure) -> None:
    """An agent that has run once."""
    perdure("run", "calculator.yaml", "--input", "1+1", "--agent", "bob")


def test_a_folder_that_cannot_be_mounted_on_is_an_error(perdure: Perdure) -> None:
    assert "error[agent.not_found]" in perdure("mount", "m", "--agent", "nobody", code=1).stderr
    assert "error[config." in perdure("mount", "absent", code=2).stderr


@pytest.mark.skipif(
    not os.access("/dev/fuse", os.R_OK | os.W_OK)
    or find_spec("mfusepy") is None
    or not (find_library("fuse3") or find_library("fuse")),
    reason="a real mount: /dev/fuse, libfuse or mfusepy is not here",
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_is_mounted_until_somebody_stops_it(folder: Path, start: Callable[..., Any], number: int) -> None:
    (folder / "m").mkdir()
    mounting = start("mount", "m")
    assert "m shows the namespace" in mounting.stderr.readline()
    assert sorted(os.listdir("m")) == ["agents", "mounts"]
    script = "exec 3<>m/agents/bob/inbox/new; echo '6 * 7' >&3; cat <&3"
    said = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=20).stdout
    assert '"status": "queued"' in said
    until = time.monotonic() + 20
    while "6 * 7 = 42" not in Path("m/agents/bob/logs/trajectory").read_text():
        assert time.monotonic() < until
        time.sleep(0.05)
    mounting.send_signal(number)
    mounting.communicate(timeout=20)
    assert mounting.returncode == 0
    assert not os.path.ismount("m")
