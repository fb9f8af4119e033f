"""The mount table: what stands where, and what may be done there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec.structs import replace

from perdure.base.errors import FileExists, NoSuchFile

from .access import PRICE, Access, Meter, Restricted, guarded
from .lease import Lease, Leased
from .node import Document, json_document
from .path import Path, show
from .placed import Placed
from .port import FileService
from .union import Union


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """`service` at `path`. `name` tells the layers at one path apart. `meter` and `price` (micro-USD per write, 0 for a
    service that reserves its own money) belong to `budgeted`. Paths in `restricted`, relative to the mount, are written
    by an administrator only."""

    path: Path
    service: FileService
    access: Access = "read_write"
    name: str = ""
    meter: Meter | None = None
    price: int = PRICE
    restricted: tuple[Path, ...] = ()


class Point(msgspec.Struct, frozen=True):
    """What is reached at one path of the table: by whoever it is for, and by an administrator."""

    path: Path
    service: FileService
    admin: FileService


class _Layer(msgspec.Struct, frozen=True, eq=False):
    mount: Mount
    lease: Lease
    service: FileService
    admin: FileService


class MountTable:
    """Mounts by path. A change takes effect at once: what is open through a mount that was changed or taken away fails
    at its next use, and who watches through it is told so."""

    def __init__(self, *mounts: Mount) -> None:
        self._layers: dict[Path, tuple[_Layer, ...]] = {}
        self._points: dict[Path, Point] = {}
        for mount in mounts:
            self.mount(mount)

    def mount(self, mount: Mount, *, over: bool = False) -> None:
        """Add a mount. Where there is one already it raises FileExists, or is laid `over` it: the two are one tree, in
        which the later layer shadows the earlier."""
        layers = self._layers.get(mount.path, ())
        if layers and not over:
            raise FileExists("something is mounted there already", path=show(mount.path))
        if any(layer.mount.name == mount.name for layer in layers):
            raise FileExists(f"a layer named {mount.name!r} is mounted there already", path=show(mount.path))
        self._put(mount.path, (*layers, _layer(mount)))

    def unmount(self, path: Path, name: str | None = None) -> None:
        """Take away what is mounted at `path`, or only its layer of this name."""
        leaving = self._named(path, name)
        self._put(path, tuple(layer for layer in self._layers[path] if layer not in leaving))
        for layer in leaving:
            layer.lease.revoke()

    def change(self, path: Path, access: Access, name: str | None = None, *, meter: Meter | None = None) -> None:
        """Give what is mounted at `path`, or only its layer of this name, another access level."""
        changing = self._named(path, name)
        self._put(
            path,
            tuple(
                _layer(replace(layer.mount, access=access, meter=meter or layer.mount.meter))
                if layer in changing
                else layer
                for layer in self._layers[path]
            ),
        )
        for layer in changing:
            layer.lease.revoke()

    def find(self, path: Path) -> Point | None:
        """The longest mount that `path` is at or below."""
        points = self._points
        for length in range(len(path), -1, -1):
            point = points.get(path[:length])
            if point is not None:
                return point
        return None

    def below(self, path: Path) -> set[str]:
        """The names in `path` that lead to mounts."""
        depth = len(path)
        return {one[depth] for one in self._points if len(one) > depth and one[:depth] == path}

    def __iter__(self) -> Iterator[Mount]:
        """In order of their paths, the earlier layer first."""
        for path in sorted(self._layers):
            for layer in self._layers[path]:
                yield layer.mount

    def rows(self) -> list[dict[str, Any]]:
        """The table as plain data, for audit."""
        return [_row(mount) for mount in self]

    def document(self) -> Document:
        """The table as a virtual file, to be mounted itself."""

        async def rows() -> list[dict[str, Any]]:
            return self.rows()

        return json_document(rows)

    def _named(self, path: Path, name: str | None) -> tuple[_Layer, ...]:
        found = tuple(layer for layer in self._layers.get(path, ()) if name is None or layer.mount.name == name)
        if not found:
            raise NoSuchFile("no such mount", path=show(path))
        return found

    def _put(self, path: Path, layers: tuple[_Layer, ...]) -> None:
        if not layers:
            del self._layers[path], self._points[path]
            return
        self._layers[path] = layers
        if len(layers) == 1:
            service, admin = layers[0].service, layers[0].admin
        else:
            service, admin = Union(*(one.service for one in layers)), Union(*(one.admin for one in layers))
        self._points[path] = Point(path, Placed(service, path), Placed(admin, path))


def _layer(mount: Mount) -> _Layer:
    lease = Lease(mount.path)
    service = guarded(mount.service, mount.access, mount.meter, mount.price)
    limited = Restricted(service, mount.restricted) if mount.restricted else service
    return _Layer(mount, lease, Leased(limited, lease), Leased(service, lease))


def _row(mount: Mount) -> dict[str, Any]:
    row: dict[str, Any] = {"path": show(mount.path), "access": mount.access}
    if mount.name:
        row["name"] = mount.name
    if mount.access == "budgeted":
        row["price_microusd"] = mount.price
    if mount.restricted:
        row["restricted"] = [show(mount.path + path) for path in mount.restricted]
    return row
