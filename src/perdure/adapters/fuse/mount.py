"""Mounting a file service on a folder, for as long as somebody wants it."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import shutil
import signal
import sys
import threading
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from perdure.base.clock import Clock
from perdure.base.errors import ConfigError, MissingDependency
from perdure.base.lazy import load
from perdure.namespace.port import FileService

from .bridge import Bridge
from .tree import Tree

DEVICE = Path("/dev/fuse")
INSTALL = "apt-get install fuse3 (Debian, Ubuntu), dnf install fuse3 (Fedora), or macFUSE"
OPERATIONS = "perdure.adapters.fuse.operations:Callbacks"
READY_S = 10
GONE_S = 3
"""Seconds that a mount may take to come and to go."""
THREADS = 1_000
"""Reads that may wait at a time for a stream to go on. libfuse 3 would stand still at ten."""


@asynccontextmanager
async def mounted(
    service: FileService, folder: Path, *, clock: Clock, told: Callable[[str], None]
) -> AsyncIterator[asyncio.Event]:
    """Show `service` at `folder`, an empty directory, until the block is left. The event is set where somebody else
    unmounts it. `told` hears of what a program could not be told. Raises MissingDependency and ConfigError."""
    library, here = _library(), os.getcwd()
    folder = Path(here, folder)
    await asyncio.to_thread(_check, folder)  # what is mounted there may be served by this very loop
    loop, ready, gone = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
    bridge = Bridge(loop, lambda: bool(library._libfuse.fuse_interrupted()))
    tree = Tree(service, told)

    def begin() -> None:
        os.chdir(here)  # libfuse goes to / on its way
        loop.call_soon_threadsafe(ready.set)

    callbacks = load(OPERATIONS)(tree, bridge, now=clock.now(), ready=begin)
    failed: list[Exception] = []

    def serve() -> None:
        try:
            library.FUSE(callbacks, os.fspath(folder), raw_fi=True, foreground=True, **_options(library))
        except Exception as error:  # the edge: it is raised again where the mount was asked for
            failed.append(error)
        finally:
            _ignore_broken_pipes()
        with contextlib.suppress(RuntimeError):  # nobody waits any more
            loop.call_soon_threadsafe(gone.set)

    # Not waited for at the end of the process: the kernel takes a mount away whose process has gone.
    threading.Thread(target=serve, name="fuse", daemon=True).start()
    try:
        await _first(ready, gone)
        if gone.is_set():
            why = failed[0] if failed else "libfuse gave up"
            raise ConfigError(f"{folder} could not be mounted: {why}", hint="libfuse says above what is wrong.")
        yield gone
    finally:
        bridge.close()
        await tree.close()
        if not gone.is_set():
            await _unmount(folder, told)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(gone.wait(), GONE_S)


def _ignore_broken_pipes() -> None:
    """libfuse goes and leaves SIGPIPE as it is in C: then the next write to a socket that was closed ends the process.
    Python ignores it from its start; `signal.signal` could say so again in the main thread only."""
    set_handler = ctypes.pythonapi.PyOS_setsig
    set_handler.argtypes, set_handler.restype = (ctypes.c_int, ctypes.c_void_p), ctypes.c_void_p
    set_handler(signal.SIGPIPE, int(signal.SIG_IGN))


def _library() -> Any:
    try:
        return import_module("mfusepy")
    except ImportError as error:
        raise MissingDependency("mounting needs mfusepy", hint="pip install 'perdure[fuse]'") from error
    except OSError as error:
        raise MissingDependency(
            "mounting needs libfuse, which is not installed", hint=f"Install it: {INSTALL}."
        ) from error


def _check(folder: Path) -> None:
    if sys.platform == "linux" and not DEVICE.exists():
        raise MissingDependency(
            f"mounting needs {DEVICE}, which is not there",
            hint="Load the kernel's module: modprobe fuse. A container needs --device /dev/fuse --cap-add SYS_ADMIN.",
        )
    if not folder.is_dir():
        raise ConfigError(f"there is no folder {folder}", hint=f"mkdir {folder}")
    if os.path.ismount(folder):
        raise ConfigError(f"something is mounted at {folder} already", hint=f"fusermount3 -u {folder}")
    if next(folder.iterdir(), None) is not None:
        raise ConfigError(f"{folder} is not empty", hint="Mount on an empty folder: what is in it would be hidden.")


def _options(library: Any) -> dict[str, Any]:
    """Nothing is remembered by the kernel: other processes change the tree as well."""
    options: dict[str, Any] = {"fsname": "perdure", "attr_timeout": 0, "entry_timeout": 0, "negative_timeout": 0}
    version = (library.fuse_version_major, library.fuse_version_minor)
    if version[0] == 2:
        options["atomic_o_trunc"] = True
    elif version >= (3, 12):
        options |= {"max_threads": THREADS, "max_idle_threads": 10}
    return options | {"hard_remove": True}


async def _first(*events: asyncio.Event) -> None:
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=READY_S, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waiting:
            one.cancel()


async def _unmount(folder: Path, told: Callable[[str], None]) -> None:
    """Take the mount away, from programs as well that are in it."""
    said = b"there is no fusermount"
    for words in (("fusermount3", "-u", "-z"), ("fusermount", "-u", "-z"), ("umount", "-l"), ("umount",)):
        if shutil.which(words[0]) is not None:
            process = await asyncio.create_subprocess_exec(*words, os.fspath(folder), stderr=PIPE)
            _, said = await process.communicate()
            if process.returncode == 0:
                return
    told(f"{folder} could not be unmounted: {said.decode(errors='replace').strip()}")
