"""What libfuse calls, each in a thread of its own: paths and flags in, numbers and errno out."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from typing import Any

from mfusepy import Operations

from perdure.base.errors import FileError
from perdure.namespace.path import Path, parse
from perdure.namespace.port import Stat

from .bridge import Bridge
from .numbers import number_of
from .tree import Tree

_MS = 1_000_000


class Callbacks(Operations):  # type: ignore[misc]
    """`ready` is called when the tree can be used. Files without a time show `now` (ms), that of the mount."""

    use_ns = True

    def __init__(self, tree: Tree, bridge: Bridge, *, now: int, ready: Callable[[], None]) -> None:
        self._tree = tree
        self._bridge = bridge
        self._now = now
        self._ready = ready
        self._owner = {"st_uid": os.getuid(), "st_gid": os.getgid()}

    def init(self, path: str) -> None:
        self._ready()

    def getattr(self, path: str, fh: Any = None) -> dict[str, Any]:
        if fh is not None and fh.fh:
            self._tree.seek_end(fh.fh)
        found = self._bridge.run(self._tree.stat(_path(path)))
        changed = (self._now if found.modified_at is None else found.modified_at) * _MS
        created = changed if found.created_at is None else found.created_at * _MS
        times = {"st_mtime": changed, "st_ctime": changed, "st_atime": changed, "st_birthtime": created}
        links = 2 if found.is_dir else 1
        return {"st_mode": _mode(found), "st_nlink": links, "st_size": found.size or 0, **self._owner, **times}

    def readdir(self, path: str, fh: int) -> Any:
        entries = self._bridge.run(self._tree.list(_path(path)))
        kinds = [(one.name, {"st_mode": stat.S_IFDIR if one.is_dir else stat.S_IFREG}, 0) for one in entries]
        return [".", "..", *kinds]

    def open(self, path: str, fi: Any) -> int:
        fi.fh = self._bridge.run(self._tree.open(_path(path), fi.flags & ~os.O_CREAT))
        return self._opened(fi)

    def create(self, path: str, mode: int, fi: Any = None) -> int:
        fi.fh = self._bridge.run(self._tree.open(_path(path), fi.flags | os.O_CREAT))
        return self._opened(fi)

    def _opened(self, fi: Any) -> int:
        fi.direct_io = 1  # sizes are not known before, and what is read must not be what was there before
        fi.nonseekable = int(self._tree.in_order(fi.fh))
        return 0

    def read(self, path: str, size: int, offset: int, fi: Any) -> bytes:
        return self._bridge.run(self._tree.read(fi.fh, size, offset))

    def write(self, path: str, data: bytes, offset: int, fi: Any) -> int:
        return self._bridge.run(self._tree.write(fi.fh, data, offset))

    def flush(self, path: str, fi: Any) -> int:
        self._bridge.run(self._tree.flush(fi.fh))
        return 0

    def fsync(self, path: str, datasync: int, fi: Any) -> int:
        return self.flush(path, fi)

    def release(self, path: str, fi: Any) -> int:
        self._bridge.run(self._tree.release(fi.fh))
        return 0

    def truncate(self, path: str, length: int, fi: Any = None) -> int:
        number = None if fi is None else fi.fh
        self._bridge.run(self._tree.truncate(_path(path), length, number))
        return 0

    def mkdir(self, path: str, mode: int) -> int:
        self._bridge.run(self._tree.mkdir(_path(path)))
        return 0

    def unlink(self, path: str) -> int:
        self._bridge.run(self._tree.remove(_path(path)))
        return 0

    def rmdir(self, path: str) -> int:
        return self.unlink(path)

    def rename(self, old: str, new: str) -> int:
        self._bridge.run(self._tree.rename(_path(old), _path(new)))
        return 0

    def utimens(self, path: str, times: Any = None) -> int:
        return 0  # `touch` asks for it; times are what the service says

    def chmod(self, path: str, mode: int) -> int:
        raise _unsupported()

    def chown(self, path: str, uid: int, gid: int) -> int:
        raise _unsupported()


def _path(path: str) -> Path:
    try:
        return parse(path)
    except FileError as error:
        raise OSError(number_of(error), error.message) from error


def _mode(found: Stat) -> int:
    if found.is_dir:
        return stat.S_IFDIR | (0o700 if found.writable else 0o500)
    return stat.S_IFREG | (0o400 if found.readable else 0) | (0o200 if found.writable else 0)


def _unsupported() -> OSError:
    return OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))
