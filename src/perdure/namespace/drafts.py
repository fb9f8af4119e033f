"""Changing a file of a folder in one step: what is written is there as a whole, and on the disk, or not at all."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from perdure.base.errors import FileDenied

from .path import Path, show

RESERVED = ".perdure-"
"""What the names of drafts begin with."""

_DRAFT = f"{RESERVED}draft"
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def replace(folder: int, name: str, data: bytes, about: os.stat_result | None, exclusive: bool) -> None:
    try:
        os.unlink(_DRAFT, dir_fd=folder)  # of a process that died; the folder is locked
    except FileNotFoundError:
        pass
    handle = os.open(_DRAFT, _CREATE, 0o666, dir_fd=folder)
    try:
        if about is not None:
            os.fchmod(handle, stat.S_IMODE(about.st_mode))
        _write(handle, data)
        if exclusive:
            os.link(_DRAFT, name, src_dir_fd=folder, dst_dir_fd=folder)  # a rename would replace what came meanwhile
            os.unlink(_DRAFT, dir_fd=folder)
        else:
            os.rename(_DRAFT, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        os.unlink(_DRAFT, dir_fd=folder)
        raise
    finally:
        os.close(handle)


def append(folder: int, name: str, path: Path, data: bytes, about: os.stat_result | None) -> None:
    handle = os.open(name, _CREATE if about is None else _APPEND, 0o666, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):  # swapped since it was looked at
            raise FileDenied(path=show(path))
        _write(handle, data)
    finally:
        os.close(handle)


def _write(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]
    os.fsync(handle)


@contextmanager
def locked(*folders: int) -> Iterator[None]:
    """Hold folders against other writers that go through a jail, in this process or another."""
    with ExitStack() as held:
        for folder in sorted(folders, key=identity):  # in one order for all, or two could wait for each other
            fcntl.flock(folder, fcntl.LOCK_EX)
            held.callback(fcntl.flock, folder, fcntl.LOCK_UN)
        yield


def identity(handle: int) -> tuple[int, int]:
    about = os.fstat(handle)
    return about.st_dev, about.st_ino
