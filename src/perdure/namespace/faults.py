"""What an error of the operating system means for a path. Where the files are on this machine is never told."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from perdure.base.errors import (
    DirectoryNotEmpty,
    FileDenied,
    FileError,
    FileExists,
    InvalidPath,
    IsADirectory,
    NoSuchFile,
    NotADirectory,
)

from .path import Path, show

_KINDS: dict[int, type[FileError]] = {
    errno.ENOENT: NoSuchFile,
    errno.ENOTDIR: NotADirectory,
    errno.EISDIR: IsADirectory,
    errno.EEXIST: FileExists,
    errno.ENOTEMPTY: DirectoryNotEmpty,
    errno.ENAMETOOLONG: InvalidPath,
    errno.EACCES: FileDenied,
    errno.EPERM: FileDenied,
    errno.EROFS: FileDenied,
    errno.ELOOP: FileDenied,
    errno.EMLINK: FileDenied,
    errno.ENXIO: FileDenied,
}


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Errors of the operating system as errors of `path`."""
    try:
        yield
    except OSError as error:
        kind = _KINDS.get(error.errno or 0, FileError)
        why = os.strerror(error.errno) if kind is FileError and error.errno else ""
        raise kind(why, path=show(path), retryable=error.errno in (errno.EAGAIN, errno.ENOSPC, errno.EMFILE)) from error
