"""What SQLite and the file system report, as the errors that Perdure promises."""

from __future__ import annotations

import errno
import os

import apsw

from perdure.base.errors import StoreBusy, StoreCorrupt, StoreError, StoreFull, StoreReadOnly

_NO_SPACE = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
_NOT_ALLOWED = frozenset((errno.EACCES, errno.EPERM, errno.EROFS))


def fault(error: Exception, path: str, code: int = 0) -> StoreError:
    """The StoreError that stands for `error`, to be raised from it. `code` is the errno of the connection's last
    failure (SQLite reports a file that may not grow as a plain I/O error)."""
    kind = _kind(error, path, code)
    failure = kind(f"{path}: {_SAYS[kind]} ({error})", path=path)
    failure.__cause__ = error
    return failure


def _kind(error: Exception, path: str, code: int) -> type[StoreError]:
    if isinstance(error, (apsw.BusyError, apsw.LockedError)):
        return StoreBusy
    if isinstance(error, (apsw.CorruptError, apsw.NotADBError)):
        return StoreCorrupt
    if isinstance(error, apsw.FullError):
        return StoreFull
    if isinstance(error, (apsw.ReadOnlyError, apsw.PermissionsError)):
        return StoreReadOnly
    if isinstance(error, apsw.CantOpenError) and not _writable(path):
        return StoreReadOnly
    number = error.errno if isinstance(error, OSError) else code if isinstance(error, _IO_ERRORS) else 0
    if number in _NO_SPACE:
        return StoreFull
    if number in _NOT_ALLOWED:
        return StoreReadOnly
    return StoreError


def _writable(path: str) -> bool:
    folder = os.path.dirname(path) or "."
    return os.access(folder, os.W_OK) and (not os.path.exists(path) or os.access(path, os.W_OK))


_IO_ERRORS = (apsw.IOError, apsw.CantOpenError)
_SAYS: dict[type[StoreError], str] = {
    StoreBusy: "another process holds the database",
    StoreCorrupt: "the file is damaged, or no database of Perdure",
    StoreFull: "no space is left for the database",
    StoreReadOnly: "the database cannot be written",
    StoreError: "the database failed",
}
