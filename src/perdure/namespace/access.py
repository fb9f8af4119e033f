"""Access levels: what a mount allows, each as a wrapper around the service that is mounted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec.structs import replace

from perdure.base.errors import ConfigError, FileDenied

from .levels import Access as Access
from .path import Path, show
from .port import READ, Entry, File, FileService, How, Stat, Watch
from .wrapper import Wrapper

OPERATIONS = ("decrypt", "encrypt", "pubkey", "sign", "verify")
"""What `sign_only` leaves: to use a key without ever reading it."""
PRICE = 1
"""Micro-USD that a write through a `budgeted` mount costs by itself."""


class Meter(Protocol):
    async def charge(self, amount: int) -> None:
        """Spend `amount` micro-USD. Raises BudgetExceeded, and then nothing is spent."""
        ...


def guarded(service: FileService, access: Access, meter: Meter | None = None, price: int = PRICE) -> FileService:
    """The service as this level lets it be used. `meter` and `price` (micro-USD per write) are for `budgeted`; what
    reserves its own money is mounted with price 0."""
    match access:
        case "read_write":
            return service
        case "read_only":
            return ReadOnly(service)
        case "sign_only":
            return SignOnly(service)
        case "disabled":
            return Disabled(service)
        case "budgeted":
            if price == 0:
                return service
            if meter is None:
                raise ConfigError("a budgeted mount needs a budget to charge")
            return Budgeted(service, meter, price)


class ReadOnly(Wrapper):
    async def open(self, path: Path, how: How = READ) -> File:
        if how.writes:
            raise _denied(path, "the mount is read only")
        return await self._inner.open(path, how)

    async def stat(self, path: Path) -> Stat:
        return replace(await self._inner.stat(path), writable=False)

    async def remove(self, path: Path) -> None:
        raise _denied(path, "the mount is read only")

    async def rename(self, path: Path, to: Path) -> None:
        raise _denied(path, "the mount is read only")

    async def mkdir(self, path: Path) -> None:
        raise _denied(path, "the mount is read only")


class SignOnly(Wrapper):
    """Only the operations of a key can be reached. They may be written: asking for a signature is writing a request."""

    async def open(self, path: Path, how: How = READ) -> File:
        self._check(path)
        if how.create or how.append:
            # Shells and WRITE open so as to create; what is an operation is there already.
            how = replace(how, create=False, append=False)
        return await self._inner.open(path, how)

    async def list(self, path: Path) -> list[Entry]:
        if path:
            self._check(path)
        return [one for one in await self._inner.list(path) if path or one.name in OPERATIONS]

    async def stat(self, path: Path) -> Stat:
        if path:
            self._check(path)
        return await self._inner.stat(path)

    async def watch(self, path: Path, after: int | None = None) -> Watch:
        raise _denied(path, "the mount only signs")

    async def remove(self, path: Path) -> None:
        raise _denied(path, "the mount only signs")

    async def rename(self, path: Path, to: Path) -> None:
        raise _denied(path, "the mount only signs")

    async def mkdir(self, path: Path) -> None:
        raise _denied(path, "the mount only signs")

    def _check(self, path: Path) -> None:
        if not path or path[0] not in OPERATIONS:
            raise _denied(path, "the mount only signs")


class Budgeted(Wrapper):
    """Each file opened for writing, and each change of a name, costs `price` micro-USD."""

    __slots__ = ("_meter", "_price")

    def __init__(self, inner: FileService, meter: Meter, price: int = PRICE) -> None:
        super().__init__(inner)
        self._meter = meter
        self._price = price

    async def open(self, path: Path, how: How = READ) -> File:
        file = await self._inner.open(path, how)
        if how.writes:
            try:
                await self._meter.charge(self._price)
            except BaseException:
                await file.discard()
                raise
        return file

    async def remove(self, path: Path) -> None:
        await self._meter.charge(self._price)
        await self._inner.remove(path)

    async def rename(self, path: Path, to: Path) -> None:
        await self._meter.charge(self._price)
        await self._inner.rename(path, to)

    async def mkdir(self, path: Path) -> None:
        await self._meter.charge(self._price)
        await self._inner.mkdir(path)


class Disabled(Wrapper):
    """The mount is there, and nothing can be done with it."""

    async def open(self, path: Path, how: How = READ) -> File:
        raise _denied(path, "the mount is disabled")

    async def list(self, path: Path) -> list[Entry]:
        raise _denied(path, "the mount is disabled")

    async def stat(self, path: Path) -> Stat:
        if path:
            raise _denied(path, "the mount is disabled")
        return replace(await self._inner.stat(path), readable=False, writable=False)

    async def watch(self, path: Path, after: int | None = None) -> Watch:
        raise _denied(path, "the mount is disabled")

    async def remove(self, path: Path) -> None:
        raise _denied(path, "the mount is disabled")

    async def rename(self, path: Path, to: Path) -> None:
        raise _denied(path, "the mount is disabled")

    async def mkdir(self, path: Path) -> None:
        raise _denied(path, "the mount is disabled")


class Restricted(Wrapper):
    """Everything at and below `paths` can be read, and written by an administrator only, who has no such wrapper."""

    __slots__ = ("_paths",)

    def __init__(self, inner: FileService, paths: Sequence[Path]) -> None:
        super().__init__(inner)
        self._paths = paths

    async def open(self, path: Path, how: How = READ) -> File:
        if how.writes:
            self._check(path)
        return await self._inner.open(path, how)

    async def stat(self, path: Path) -> Stat:
        stat = await self._inner.stat(path)
        return replace(stat, writable=False) if self._touches(path) else stat

    async def remove(self, path: Path) -> None:
        self._check(path)
        await self._inner.remove(path)

    async def rename(self, path: Path, to: Path) -> None:
        self._check(path)
        self._check(to)
        if any(one[: len(path)] == path for one in self._paths):
            raise _denied(path, "it holds what only an administrator may change")
        await self._inner.rename(path, to)

    async def mkdir(self, path: Path) -> None:
        self._check(path)
        await self._inner.mkdir(path)

    def _check(self, path: Path) -> None:
        if self._touches(path):
            raise _denied(path, "only an administrator may change it")

    def _touches(self, path: Path) -> bool:
        return any(path[: len(one)] == one for one in self._paths)


def _denied(path: Path, why: str) -> FileDenied:
    return FileDenied(why, path=show(path))
