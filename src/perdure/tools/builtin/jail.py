"""A folder that nothing gets out of: paths are walked one name at a time by directory handles, following no link.

A check of the whole path first and an open after it could be raced by whoever swaps a folder for a link in between;
here the kernel refuses at each step (openat with O_NOFOLLOW), so there is nothing to race.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from perdure.base.codec import digest, digest_bytes
from perdure.base.errors import ConfigError, InvalidArguments, ToolError, ToolFailed

MAX_PATH = 1024
MAX_NAME = 200
MAX_DEPTH = 40

_DRAFT = ".perdure-"

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Entry(NamedTuple):
    """A file or folder below the jail's root; `path` is relative to where the walk began, with slashes."""

    path: str
    is_folder: bool
    size: int


def split_path(path: str) -> tuple[str, ...]:
    """The names in a relative path. Raises InvalidArguments for anything that could lead out of the folder."""
    why = ""
    if len(path) > MAX_PATH:
        why = f"it is longer than {MAX_PATH} characters"
    elif any(ord(letter) < 32 or 0xD800 <= ord(letter) < 0xE000 or ord(letter) == 127 for letter in path):
        why = "it contains a character that no file name should"
    elif "\\" in path:
        why = "write / between folders, not a backslash"
    elif path.startswith(("/", "~")):
        why = "it must be relative to the folder"
    names = tuple(name for name in path.split("/") if name not in ("", "."))
    if ".." in names:
        why = why or ".. would lead out of the folder"
    elif any(len(name.encode(errors="replace")) > MAX_NAME for name in names):
        why = why or f"a name in it is longer than {MAX_NAME} bytes"
    elif len(names) > MAX_DEPTH:
        why = why or f"it is deeper than {MAX_DEPTH} folders"
    if why:
        shown = path if len(path) <= 80 else f"{path[:79]}…"
        raise InvalidArguments(f"the path {shown!r} is not allowed: {why}")
    return names


def version_of(data: bytes) -> str:
    """12 hex digits that stand for a file's content."""
    return digest_bytes(data)[:12]


class Jail:
    """Files below one folder, which itself may be reached by a link; with `create` it is made by the first write.

    All calls block: run them in a thread.
    """

    def __init__(self, root: Path, *, create: bool = False) -> None:
        self._root = root
        self._create = create
        if root.exists() and not root.is_dir():
            raise ConfigError(f"not a folder: {root}")
        if not create and not root.exists():
            raise ConfigError(f"there is no folder {root}", hint="Create it, or correct the path.")

    def read(self, path: str, limit: int) -> bytes:
        """A file's content. Raises ToolFailed where there is no such file, or one of more than `limit` bytes."""
        *folders, name = self._names(path)
        with self._folder(tuple(folders), path) as folder:
            return _read(folder, name, path, limit)

    def write(self, path: str, data: bytes, key: str) -> None:
        """Replace or create a file in one step: a reader sees the old content or the new, also after a crash."""
        *folders, name = self._names(path)
        with self._folder(tuple(folders), path, create=True) as folder, _locked(folder):
            _replace(folder, name, path, data, key)

    @contextmanager
    def changing(self, path: str, limit: int, key: str, *, create: bool = False) -> Iterator[Change]:
        """Read a file and write it again while no other tool call writes in its folder."""
        *folders, name = self._names(path)
        with self._folder(tuple(folders), path, create=create) as folder, _locked(folder):
            try:
                data = _read(folder, name, path, limit)
            except FileNotFoundError:
                if not create:
                    raise
                data = b""
            yield Change(folder, name, path, data, key)

    def walk(self, path: str = "", *, deep: bool = True) -> Iterator[Entry]:
        """What is in a folder and, if `deep`, below it: sorted, each folder before what is in it. Links and special
        files are left out. Paths are relative to `path`."""
        with self._folder(split_path(path), path or ".") as folder:
            yield from _walk(folder, "", MAX_DEPTH if deep else 0)

    def _names(self, path: str) -> tuple[str, ...]:
        names = split_path(path)
        if not names:
            raise InvalidArguments(f"{path!r} is the folder itself, not a file in it")
        return names

    @contextmanager
    def _folder(self, names: tuple[str, ...], path: str, *, create: bool = False) -> Iterator[int]:
        if create and self._create:
            self._root.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(self._root, _FOLDER & ~os.O_NOFOLLOW)
        except OSError as error:
            raise ToolFailed(f"the tool's folder cannot be opened: {os.strerror(error.errno or 0)}") from error
        try:
            for name in names:
                if create:
                    try:
                        os.mkdir(name, dir_fd=handle)
                    except FileExistsError:
                        pass
                inner = os.open(name, _FOLDER, dir_fd=handle)
                os.close(handle)
                handle = inner
            yield handle
        except OSError as error:
            raise _failed(path, error) from error
        finally:
            os.close(handle)


class Change(NamedTuple):
    """A file being changed: its `data` as it is now, and `write` to replace it."""

    folder: int
    name: str
    path: str
    data: bytes
    key: str

    def write(self, data: bytes) -> None:
        _replace(self.folder, self.name, self.path, data, self.key)


def _read(folder: int, name: str, path: str, limit: int) -> bytes:
    # O_NONBLOCK: a named pipe in the folder must not hang us. It has no meaning for files.
    handle = os.open(name, _READ, dir_fd=folder)
    try:
        about = os.fstat(handle)
        if stat.S_ISDIR(about.st_mode):
            raise ToolFailed(f"{path} is a folder", hint="List it instead.")
        if not stat.S_ISREG(about.st_mode):
            raise ToolFailed(f"{path} is not a regular file")
        data = bytearray()
        while len(data) <= limit and (chunk := os.read(handle, min(1 << 20, limit + 1 - len(data)))):
            data += chunk
    finally:
        os.close(handle)
    if len(data) > limit:
        raise ToolFailed(f"{path} is larger than {limit:,} bytes")
    return bytes(data)


def _replace(folder: int, name: str, path: str, data: bytes, key: str) -> None:
    mode = 0o666
    try:
        about = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if not stat.S_ISREG(about.st_mode):
            raise ToolFailed(f"{path} is there already, and is not a regular file")
        mode = stat.S_IMODE(about.st_mode)
    except FileNotFoundError:
        about = None
    # Named after the key, so that a second attempt after a crash cleans up after the first.
    draft = f"{_DRAFT}{digest(f'{key}/{path}')[:16]}.tmp"
    try:
        os.unlink(draft, dir_fd=folder)
    except FileNotFoundError:
        pass
    handle = os.open(draft, _CREATE, mode, dir_fd=folder)
    try:
        if about is not None:
            os.fchmod(handle, mode)
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view) :]
        os.fsync(handle)
        os.rename(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        os.unlink(draft, dir_fd=folder)
        raise
    finally:
        os.close(handle)
    try:
        os.fsync(folder)
    except OSError as error:
        raise ToolError(f"{path} was replaced, but may not last: {os.strerror(error.errno or 0)}") from error


@contextmanager
def _locked(folder: int) -> Iterator[None]:
    """Hold the folder against other writers that go through a jail, in this process or another."""
    fcntl.flock(folder, fcntl.LOCK_EX)
    yield  # closing the handle lets go


def _walk(folder: int, prefix: str, depth: int) -> Iterator[Entry]:
    with os.scandir(folder) as found:
        entries = sorted((one for one in found if not one.name.startswith(_DRAFT)), key=lambda one: one.name)
    for one in entries:
        path = f"{prefix}{one.name}"
        try:
            about = one.stat(follow_symlinks=False)
            inner = os.open(one.name, _FOLDER, dir_fd=folder) if stat.S_ISDIR(about.st_mode) and depth else -1
        except OSError:
            continue  # gone meanwhile, swapped for a link, or not ours to read
        if stat.S_ISDIR(about.st_mode):
            yield Entry(path, True, 0)
        elif stat.S_ISREG(about.st_mode):
            yield Entry(path, False, about.st_size)
        if inner >= 0:
            try:
                yield from _walk(inner, f"{path}/", depth - 1)
            finally:
                os.close(inner)


def _failed(path: str, error: OSError) -> ToolFailed:
    """What a model should know of an OS error: never where the folder is on this machine."""
    match error.errno:
        case errno.ENOENT:
            return ToolFailed(f"there is no {path}", hint="List the folder to see what there is.")
        case errno.ELOOP | errno.EMLINK:
            return ToolFailed(f"{path} leads through a symbolic link, which is not followed")
        case errno.ENOTDIR:
            return ToolFailed(f"{path} leads through something that is a file or a symbolic link, not a folder")
        case _:
            return ToolFailed(f"{path}: {os.strerror(error.errno or 0)}")
