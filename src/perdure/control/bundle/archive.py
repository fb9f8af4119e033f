"""The container of a bundle: a gzipped tar that has the same bytes whenever it holds the same files.

Reading trusts nothing: names are checked, sizes bounded before anything is held, and whatever is no plain file refused.
"""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import zlib
from collections.abc import Mapping

from perdure.base.errors import BundleTooLarge, InvalidBundle

LIMIT = 1024 * 1024 * 1024
"""Bytes that a bundle may unpack to where nothing else is said."""
MEMBERS = 100_000
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}(/[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}){0,3}")
_PIECE = 1024 * 1024
_LEVEL = 6


def pack_archive(files: Mapping[str, bytes]) -> bytes:
    """The files in order of their names, without anything that tells when, where and by whom they were packed."""
    target = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=target, mtime=0) as squeezed,
        tarfile.open(fileobj=squeezed, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for name in sorted(files):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(files[name]), 0o644
            tar.addfile(member, io.BytesIO(files[name]))
    return target.getvalue()


def open_archive(data: bytes, limit: int = LIMIT) -> dict[str, bytes]:
    """The files of an archive, by name. Raises InvalidBundle, and BundleTooLarge beyond `limit` bytes unpacked."""
    raw = _inflated(data, limit)
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(raw), mode="r:") as tar:
            for member in tar:
                _check(member, found)
                content = tar.extractfile(member)
                assert content is not None
                found[member.name] = content.read()
                if len(found[member.name]) != member.size:
                    raise InvalidBundle(f"{member.name} is cut short", file=member.name)
    except (tarfile.TarError, ValueError, OverflowError, EOFError) as error:
        raise InvalidBundle(f"it is no archive: {error}") from error
    return found


def _inflated(data: bytes, limit: int) -> bytes:
    """What gzip holds, never more than `limit` of it."""
    inflater = zlib.decompressobj(wbits=31)
    pieces: list[bytes] = []
    size, rest = 0, data
    try:
        while not inflater.eof:
            piece = inflater.decompress(rest, _PIECE)
            rest = inflater.unconsumed_tail
            if not piece and not rest and not inflater.eof:
                raise InvalidBundle("it is cut short")
            size += len(piece)
            if size > limit:
                raise BundleTooLarge(f"it unpacks to more than {limit:,} bytes", limit=limit)
            pieces.append(piece)
    except zlib.error as error:
        raise InvalidBundle(f"it is not compressed as a bundle is: {error}") from error
    if inflater.unused_data:
        raise InvalidBundle("something follows its end")
    return b"".join(pieces)


def _check(member: tarfile.TarInfo, found: Mapping[str, bytes]) -> None:
    name = member.name
    if not member.isreg() or member.issparse():
        raise InvalidBundle(f"{name!r} is no plain file", file=name)
    if not _NAME.fullmatch(name):
        raise InvalidBundle(f"{name!r} is no name of a file in a bundle", file=name)
    if name in found:
        raise InvalidBundle(f"{name} is there twice", file=name)
    if len(found) >= MEMBERS:
        raise BundleTooLarge(f"it has more than {MEMBERS:,} files", limit=MEMBERS)
