"""The error number of the operating system that says best what is wrong."""

from __future__ import annotations

import errno

from perdure.base import errors as e

_NUMBERS: tuple[tuple[type[e.PerdureError], int], ...] = (
    (e.InvalidPath, errno.EINVAL),
    (e.NoSuchFile, errno.ENOENT),
    (e.FileExists, errno.EEXIST),
    (e.FileDenied, errno.EACCES),
    (e.NotADirectory, errno.ENOTDIR),
    (e.IsADirectory, errno.EISDIR),
    (e.DirectoryNotEmpty, errno.ENOTEMPTY),
    (e.FileUnsupported, errno.ENOTSUP),
    (e.FileNotReady, errno.EAGAIN),
    (e.FileTooLarge, errno.EFBIG),
    (e.FileClosed, errno.EBADF),
    (e.BudgetError, errno.EDQUOT),
    (e.InboxFull, errno.ENOSPC),
    (e.StoreFull, errno.ENOSPC),
    (e.StoreReadOnly, errno.EROFS),
    (e.StoreBusy, errno.EBUSY),
    (e.AgentNotFound, errno.ENOENT),
    (e.RunNotFound, errno.ENOENT),
    (e.WrongState, errno.EBUSY),
    (e.NotSupported, errno.ENOTSUP),
    (e.InputError, errno.EINVAL),
    (e.ToolDenied, errno.EACCES),
    (e.ConfigError, errno.EINVAL),
)


def number_of(error: e.PerdureError) -> int:
    """The errno of an error; EIO where none says more."""
    if isinstance(error, e.FileDenied) and error.why == "the mount is read only":
        return errno.EROFS
    return next((number for kind, number in _NUMBERS if isinstance(error, kind)), errno.EIO)
