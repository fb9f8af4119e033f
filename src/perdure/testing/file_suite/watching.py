"""Watching: what changes is told, and a cursor finds the way back."""

from __future__ import annotations

import asyncio

from perdure.base.errors import NoSuchFile
from perdure.namespace.path import parse
from perdure.namespace.port import APPEND, FileService

from .samples import following, put, refused, told


class Watching:
    async def test_who_watches_is_told_of_every_kind_of_change(self, service: FileService) -> None:
        watch = await service.watch(())
        await put(service, "/a", b"1")
        changes = [await told(watch, "created", "/a")]
        await put(service, "/a", b"changed")
        changes.append(await told(watch, "modified", "/a"))
        await put(service, "/a", b" and more", APPEND)
        changes.append(await told(watch, "modified", "/a"))
        await service.mkdir(parse("/d"))
        changes.append(await told(watch, "created", "/d"))
        await put(service, "/d/inner", b"1")
        changes.append(await told(watch, "created", "/d/inner"))
        await service.remove(parse("/a"))
        changes.append(await told(watch, "deleted", "/a"))
        seqs = [change.seq for change in changes]
        assert seqs == sorted(set(seqs))
        await watch.aclose()

    async def test_a_watch_sees_its_own_place_only(self, service: FileService) -> None:
        for path in ("/wallet", "/walletx"):
            await service.mkdir(parse(path))
        await put(service, "/file", b"1")
        folder, file = await service.watch(parse("/wallet")), await service.watch(parse("/file"))
        await put(service, "/walletx/a", b"1")
        await put(service, "/wallet/a", b"1")
        await told(folder, "created", "/wallet/a")
        await put(service, "/file", b"other")
        await told(file, "modified", "/file")
        await folder.aclose()
        await file.aclose()

    async def test_a_watch_begins_now(self, service: FileService) -> None:
        await put(service, "/before", b"1")
        watch = await service.watch(())
        await put(service, "/after", b"1")
        await told(watch, "created", "/after")
        await watch.aclose()

    async def test_a_watch_goes_on_behind_its_cursor(self, service: FileService) -> None:
        watch = await service.watch(())
        await put(service, "/a", b"1")
        seen = await told(watch, "created", "/a")
        await watch.aclose()
        await put(service, "/b", b"1")
        again = await service.watch((), seen.seq)
        await told(again, "created", "/b")
        await again.aclose()

    async def test_a_watch_says_that_it_does_not_know_a_cursor(self, service: FileService) -> None:
        watch = await service.watch((), 10**17)
        assert (await following(watch)).kind == "gap"
        await watch.aclose()

    async def test_a_closed_watch_ends(self, service: FileService) -> None:
        watch = await service.watch(())
        waiting = asyncio.ensure_future(anext(aiter(watch), None))
        await asyncio.sleep(0)
        await watch.aclose()
        assert await asyncio.wait_for(waiting, 20) is None
        assert [change async for change in watch] == []

    async def test_a_watch_of_nothing_is_refused(self, service: FileService) -> None:
        await refused(NoSuchFile, service.watch(parse("/no")))
