"""A virtual environment for each peer: `.venvs/peer-NAME`, with the versions that its `requirements.txt` names."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from peers.catalogue import OURS, Peer

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
COMMON = HERE / "requirements.txt"
PATIENCE_S = 900


class NotInstalled(Exception):
    """Why a peer cannot be had."""


def python_of(peer: Peer) -> str:
    """The Python that has this peer, installed now unless it was. Raises NotInstalled."""
    if peer.folder == OURS:
        return sys.executable
    folder = ROOT / ".venvs" / f"peer-{peer.folder}"
    python, stamp = folder / "bin" / "python", folder / "installed"
    files = (COMMON, HERE / peer.folder / "requirements.txt")
    wanted = "".join(file.read_text() for file in files)
    if stamp.exists() and stamp.read_text() == wanted:
        return str(python)
    required = [argument for file in files for argument in ("-r", str(file))]
    uv = _uv()
    if uv is not None:
        _do([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)])
        _do([uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python), *required])
    else:
        _do([sys.executable, "-m", "venv", "--clear", str(folder)])
        _do([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *required])
    stamp.write_text(wanted)
    return str(python)


def versions(python: str) -> dict[str, str]:
    """All that is installed beside this Python."""
    listing = "import importlib.metadata as m; print(*sorted({d.name + '==' + d.version for d in m.distributions()}))"
    said = subprocess.run([python, "-c", listing], check=True, capture_output=True, text=True).stdout
    return dict(item.split("==", 1) for item in said.split())


def _uv() -> str | None:
    # A shim of a version manager may be there and have no uv behind it.
    uv = shutil.which("uv")
    works = uv is not None and subprocess.run([uv, "--version"], capture_output=True, check=False).returncode == 0
    return uv if works else None


def _do(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise NotInstalled(f"not installed within {PATIENCE_S} s") from error
    if done.returncode != 0:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise NotInstalled(" ".join(lines[-3:]) or f"{command[0]} ended with {done.returncode}")
