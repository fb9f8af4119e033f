"""A folder of this machine that no path leads out of. All calls block: run them in a thread.

Paths are walked one name at a time by directory handles that follow no link (openat with O_NOFOLLOW), so there is no
moment between a check and its use in which a folder could be swapped for a link. Links, devices, pipes and sockets are
refused, and so is a name that a file system takes for another one because it does not mind case.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path as HostPath
from typing import TypeAlias

from perdure.base.errors import (
    FileDenied,
    FileExists,
    FileTooLarge,
    InvalidPath,
    IsADirectory,
    NoSuchFile,
    NotADirectory,
)

from .drafts import RESERVED, append, identity, locked, replace
from .faults import told
from .path import Path, show, what_is_wrong
from .port import Entry, How, Stat

Seen: TypeAlias = tuple[int, int, int]
"""What tells one content of a file from another: inode, size, time of change. A directory has only the inode."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe put there meanwhile must not hang us


class Jail:
    """Files below `root`, which may itself be reached by a link. A file of more than `max_bytes` is not read."""

    def __init__(self, root: HostPath, max_bytes: int) -> None:
        self._root = root
        self._limit = max_bytes

    def read(self, path: Path) -> bytes:
        with self._in(path) as (folder, name):
            _regular(_look(folder, name), path)
            handle = os.open(name, _READ, dir_fd=folder)
            try:
                _regular(os.fstat(handle), path)
                data = bytearray()
                while len(data) <= self._limit and (chunk := os.read(handle, self._limit + 1 - len(data))):
                    data += chunk
            finally:
                os.close(handle)
        if len(data) > self._limit:
            raise FileTooLarge(f"it is larger than {self._limit:,} bytes", path=show(path), limit=self._limit)
        return bytes(data)

    def stat(self, path: Path) -> Stat:
        if not path:
            with self._folder(path) as folder:
                return _stat(os.fstat(folder))
        with self._in(path) as (folder, name):
            return _stat(_kept(_look(folder, name), path))

    def list(self, path: Path) -> list[Entry]:
        with self._folder(path) as folder:
            return [_entry(name, about) for name, about in _names(folder)]

    def writable(self, path: Path, how: How) -> bool:
        """Whether the file is there. Raises what forbids writing it in this way."""
        with self._in(path) as (folder, name):
            return _writable(folder, name, path, how) is not None

    def write(self, path: Path, data: bytes, how: How) -> None:
        """Replace a file in one step, or append to it: on the disk when this returns."""
        with self._in(path) as (folder, name), locked(folder):
            about = _writable(folder, name, path, how)
            if how.append:
                append(folder, name, path, data, about)
            else:
                replace(folder, name, data, about, how.exclusive)
            os.fsync(folder)

    def remove(self, path: Path) -> None:
        with self._in(_movable(path)) as (folder, name), locked(folder):
            about = _kept(_look(folder, name), path)
            if stat.S_ISDIR(about.st_mode):
                os.rmdir(name, dir_fd=folder)
            else:
                os.unlink(name, dir_fd=folder)

    def rename(self, path: Path, to: Path) -> None:
        with self._in(_movable(path)) as (out, name):
            about = _kept(_look(out, name), path)
            if path == to:
                return
            if to[: len(path)] == path and stat.S_ISDIR(about.st_mode):
                raise InvalidPath("a directory cannot move into itself", path=show(to))
            if not to:
                raise FileExists(path="/")
            with self._in(to) as (into, new), locked(*{identity(out): out, identity(into): into}.values()):
                target = _there(into, new, to)
                if target is not None and (stat.S_ISDIR(about.st_mode) or stat.S_ISDIR(target.st_mode)):
                    raise FileExists(path=show(to))
                with told(path):
                    os.rename(name, new, src_dir_fd=out, dst_dir_fd=into)

    def mkdir(self, path: Path) -> None:
        if not path:
            raise FileExists(path="/")
        with self._in(path) as (folder, name):
            if _there(folder, name, path) is not None:
                raise FileExists(path=show(path))
            os.mkdir(name, dir_fd=folder)

    def scan(self, path: Path, limit: int) -> dict[Path, Seen]:
        """What is at and below a path, nothing where there is no such path. Raises FileTooLarge above `limit` names."""
        found: dict[Path, Seen] = {}
        try:
            if not self.stat(path).is_dir:
                with self._in(path) as (folder, name):
                    return {path: _seen(_look(folder, name))}
            with self._folder(path) as folder:
                found[path] = (os.fstat(folder).st_ino, 0, 0)
                _scan(folder, path, found, limit)
        except NoSuchFile:
            return {}
        return found

    @contextmanager
    def _in(self, path: Path) -> Iterator[tuple[int, str]]:
        """A handle of the folder that a path is in, and its name in there."""
        if not path:
            raise IsADirectory("it is the root", path="/")
        with self._folder(path[:-1]) as folder, told(path):
            _plain(path[-1], path)
            if path[-1].startswith(RESERVED):
                raise FileDenied("the name is reserved", path=show(path))
            yield folder, path[-1]

    @contextmanager
    def _folder(self, path: Path) -> Iterator[int]:
        with told(()):
            handle = os.open(self._root, _FOLDER & ~os.O_NOFOLLOW)
        try:
            for index, name in enumerate(path):
                with told(path[: index + 1]):
                    _plain(name, path)
                    _folder_itself(_look(handle, name), path[: index + 1])
                    inner = os.open(name, _FOLDER, dir_fd=handle)
                os.close(handle)
                handle = inner
            with told(path):
                yield handle
        finally:
            os.close(handle)


def _movable(path: Path) -> Path:
    if not path:
        raise FileDenied("the root stays where it is", path="/")
    return path


def _plain(name: str, path: Path) -> None:
    why = what_is_wrong(name)  # paths are parsed long before; here it would be too late to trust that
    if why:
        raise InvalidPath(why, path=ascii(show(path))[1:-1])


def _look(folder: int, name: str) -> os.stat_result:
    """What is at exactly this name. Raises FileNotFoundError."""
    about = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if _taken_for_another(folder, name, about):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    return about


def _there(folder: int, name: str, path: Path) -> os.stat_result | None:
    """What would be replaced by writing to this name."""
    try:
        about = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if _taken_for_another(folder, name, about):
        raise FileDenied("a name that differs only in case is there", path=show(path))
    return _kept(about, path)


def _taken_for_another(folder: int, name: str, about: os.stat_result) -> bool:
    """Whether the file system found a name that differs in case. Its own spelling is looked up only if that may be."""
    other = name.swapcase()
    if other == name:
        return False
    try:
        same = os.path.samestat(os.stat(other, dir_fd=folder, follow_symlinks=False), about)
    except OSError:
        return False
    return same and name not in os.listdir(folder)


def _kept(about: os.stat_result, path: Path) -> os.stat_result:
    """Files and directories are what a jail holds."""
    if stat.S_ISLNK(about.st_mode):
        raise FileDenied("it is a symbolic link, which is not followed", path=show(path))
    if not stat.S_ISREG(about.st_mode) and not stat.S_ISDIR(about.st_mode):
        raise FileDenied("it is a device, a pipe or a socket", path=show(path))
    return about


def _regular(about: os.stat_result, path: Path) -> None:
    if stat.S_ISDIR(_kept(about, path).st_mode):
        raise IsADirectory(path=show(path))


def _folder_itself(about: os.stat_result, path: Path) -> None:
    if not stat.S_ISDIR(_kept(about, path).st_mode):
        raise NotADirectory(path=show(path))


def _writable(folder: int, name: str, path: Path, how: How) -> os.stat_result | None:
    about = _there(folder, name, path)
    if about is None:
        if not how.create:
            raise NoSuchFile(path=show(path))
        return None
    _regular(about, path)
    if how.exclusive:
        raise FileExists(path=show(path))
    if how.append and about.st_nlink > 1:
        raise FileDenied("it has another name, which may be outside of this folder", path=show(path))
    return about


def _names(folder: int) -> Iterator[tuple[str, os.stat_result]]:
    """What can be reached in a folder: no links, nothing special, no name that is not one in a path."""
    for name in sorted(os.listdir(folder)):
        if name.startswith(RESERVED) or what_is_wrong(name):
            continue
        try:
            about = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            continue  # gone meanwhile
        if stat.S_ISREG(about.st_mode) or stat.S_ISDIR(about.st_mode):
            yield name, about


def _scan(folder: int, path: Path, found: dict[Path, Seen], limit: int) -> None:
    for name, about in _names(folder):
        if len(found) > limit:
            raise FileTooLarge(f"more than {limit:,} files cannot be watched at once", path=show(path))
        found[(*path, name)] = _seen(about)
        if stat.S_ISDIR(about.st_mode):
            try:
                inner = os.open(name, _FOLDER, dir_fd=folder)
            except OSError:
                continue  # gone or swapped meanwhile, or not ours to read
            try:
                _scan(inner, (*path, name), found, limit)
            finally:
                os.close(inner)


def _seen(about: os.stat_result) -> Seen:
    if stat.S_ISDIR(about.st_mode):
        return about.st_ino, 0, 0
    return about.st_ino, about.st_size, about.st_mtime_ns


def _stat(about: os.stat_result) -> Stat:
    is_dir = stat.S_ISDIR(about.st_mode)
    return Stat(is_dir, None if is_dir else about.st_size, None, about.st_mtime_ns // 1_000_000, writable=True)


def _entry(name: str, about: os.stat_result) -> Entry:
    is_dir = stat.S_ISDIR(about.st_mode)
    return Entry(name, is_dir, None if is_dir else about.st_size, about.st_mtime_ns // 1_000_000)
