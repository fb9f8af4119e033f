"""The file port: what stands behind a path, whether it is kept on a disk, in memory, or computed when asked.

Paths are relative to the service. Every verb raises a FileError that says what is wrong with the path: NoSuchFile,
FileDenied, NotADirectory, … (see `perdure.base.errors`), and BudgetExceeded where it costs money.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType
from typing import Literal, Protocol, TypeAlias

import msgspec

from .path import Path

ChangeKind: TypeAlias = Literal["created", "modified", "deleted", "data", "gap"]
Takes: TypeAlias = Literal["content", "requests", "keyed requests"]
"""`keyed requests` are JSON objects that are done once for each `idempotency_key` in them."""


class How(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """How to open a file. `create` makes it where it is missing, `exclusive` refuses it where it is there; `append`
    puts what is written behind what is there, whoever else appends meanwhile. `truncate` begins with nothing.
    `call` writes a request and reads its answer; a file that is plain content takes the request as its new content, and
    answers nothing."""

    read: bool = False
    write: bool = False
    create: bool = False
    truncate: bool = False
    append: bool = False
    exclusive: bool = False
    call: bool = False

    @property
    def writes(self) -> bool:
        """Whether it may change anything."""
        return self.write or self.create or self.truncate or self.append


READ = How(read=True)
WRITE = How(write=True, create=True, truncate=True)
"""Replace what is there, or create it."""
APPEND = How(write=True, create=True, append=True)
CHANGE = How(read=True, write=True)
"""Read and write a file that is there, in place."""
CALL = How(read=True, write=True, call=True)
"""Write a request, read the answer on the same handle."""
CREATE = How(write=True, create=True, exclusive=True)


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One name in a directory. `size` is in bytes, None where only reading tells; `modified_at` in ms, or None."""

    name: str
    is_dir: bool
    size: int | None = None
    modified_at: int | None = None


class Stat(msgspec.Struct, frozen=True, gc=False):
    """What is known of a path without opening it. `size` is in bytes, None where only reading tells; times in ms.
    `takes` says what a write is: the file's new content, so that writing it again changes nothing, or a request."""

    is_dir: bool
    size: int | None = None
    created_at: int | None = None
    modified_at: int | None = None
    readable: bool = True
    writable: bool = False
    takes: Takes = "content"


class Change(msgspec.Struct, frozen=True, gc=False):
    """Something that a watcher is told. `seq` is its cursor: hand it back as `after` to go on behind it.

    `data` is what a stream carries (kind `data`). A `gap` says that changes before this one were lost to the watcher,
    who should look at the state itself.
    """

    kind: ChangeKind
    path: Path
    seq: int = 0
    data: bytes = b""


class Watch(Protocol):
    """Changes as they come. It ends where nothing can follow (a finished job); `aclose` ends it from this side."""

    def __aiter__(self) -> AsyncIterator[Change]: ...
    async def __anext__(self) -> Change: ...
    async def aclose(self) -> None: ...


class File(Protocol):
    """An open file. What is written takes effect as a whole at `flush` and `close`; leaving its `async with` closes it,
    and an exception in there discards what was not flushed."""

    async def read(self, size: int = -1) -> bytes:
        """At most `size` bytes from where the file stands, all that follow where it is negative; b"" at the end."""
        ...

    async def write(self, data: bytes) -> None: ...
    async def seek(self, position: int) -> None:
        """Stand at `position` bytes from the beginning; writing behind the end fills up with zeros."""
        ...

    async def flush(self) -> None: ...
    async def close(self) -> None:
        """Flush and let go; closing again does nothing."""
        ...

    async def discard(self) -> None:
        """Let go without flushing."""
        ...

    async def __aenter__(self) -> File: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...


class FileService(Protocol):
    async def open(self, path: Path, how: How = READ) -> File: ...
    async def list(self, path: Path) -> list[Entry]:
        """What is in a directory, sorted by name."""
        ...

    async def stat(self, path: Path) -> Stat: ...
    async def watch(self, path: Path, after: int | None = None) -> Watch:
        """Changes of a file, or of everything below a directory, from this call on, or those that follow the change
        `after`. Paths of changes are relative to the service."""
        ...

    async def remove(self, path: Path) -> None:
        """Remove a file or an empty directory."""
        ...

    async def rename(self, path: Path, to: Path) -> None:
        """Move a file or a directory; a file takes the place of a file in one step."""
        ...

    async def mkdir(self, path: Path) -> None:
        """Make one directory in a directory that is there."""
        ...
