"""A folder of the machine: by the suite that every file service passes, and by what would lead out of it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from perdure.base.clock import SystemClock
from perdure.base.errors import ConfigError, DirectoryNotEmpty, FileDenied, FileError, FileTooLarge, NoSuchFile
from perdure.namespace.host import HostFolder
from perdure.namespace.port import APPEND, CALL, CREATE, READ, WRITE, How
from perdure.testing.file_suite import FileContract


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "jail"
    root.mkdir()
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "outside").mkdir()
    return root


@pytest.fixture
def service(root: Path) -> HostFolder:
    return HostFolder(root, SystemClock(), interval_ms=5)


class TestHostFolder(FileContract):
    @pytest.fixture
    def service(self, service: HostFolder) -> HostFolder:
        return service


async def put(service: HostFolder, path: tuple[str, ...], data: bytes, how: How = WRITE) -> None:
    async with await service.open(path, how) as file:
        await file.write(data)


async def get(service: HostFolder, *path: str) -> bytes:
    async with await service.open(path) as file:
        return await file.read()


async def refused(service: HostFolder, *path: str) -> None:
    """Nothing can be done with a path, in any way; and nothing tells where the folder is on this machine."""
    for doing in (
        service.open(path, READ),
        service.open(path, WRITE),
        service.open(path, APPEND),
        service.open(path, CALL),
        service.open(path, CREATE),
        service.list(path),
        service.stat(path),
        service.watch(path),
        service.remove(path),
        service.rename(path, ("new",)),
        service.rename(("there",), path),
        service.mkdir(path),
    ):
        with pytest.raises(FileError) as refusal:
            await doing
        assert str(service._jail._root) not in str(refusal.value.as_dict())


@pytest.mark.parametrize("target", ["../secret", "../outside", "inner", ".", "..", "/", "/etc/passwd", "nowhere"])
async def test_no_link_is_followed(service: HostFolder, root: Path, target: str) -> None:
    (root / "there").write_text("x")
    (root / "inner").mkdir()
    (root / "link").symlink_to(target)
    await refused(service, "link")
    await refused(service, "link", "secret")
    await refused(service, "link", "deeper", "still")
    assert [one.name for one in await service.list(())] == ["inner", "there"]
    assert (root.parent / "secret").read_text() == "secret"
    assert os.listdir(root.parent / "outside") == []
    assert (root / "link").is_symlink()


async def test_a_folder_swapped_for_a_link_leads_nowhere(service: HostFolder, root: Path) -> None:
    (root / "d").mkdir()
    file = await service.open(("d", "a"), WRITE)
    await file.write(b"escaped")
    (root / "d").rmdir()
    (root / "d").symlink_to(root.parent / "outside")
    with pytest.raises(FileDenied):
        await file.close()
    assert os.listdir(root.parent / "outside") == []


@pytest.mark.parametrize("swapped", ["d", "secret"])
@pytest.mark.parametrize("how", [READ, WRITE, APPEND])
async def test_no_race_leads_out(
    service: HostFolder, root: Path, monkeypatch: pytest.MonkeyPatch, swapped: str, how: How
) -> None:
    """Somebody swaps a folder or a file for a link at the worst moment: looked at already, and about to be opened."""
    (root / "d").mkdir()
    (root / "d" / "secret").write_text("inside")
    here = root / "d" if swapped == "d" else root / "d" / "secret"
    opens = os.open

    def swap_and_open(name: str | Path, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if name == swapped and not here.is_symlink():
            here.rename(root / "real")
            here.symlink_to(root.parent / ("." if swapped == "d" else "secret"))
        return opens(name, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", swap_and_open)
    try:
        async with await service.open(("d", "secret"), how) as file:
            if how is READ:
                assert await file.read() == b"inside"
            else:
                await file.write(b"changed")
    except FileError as refusal:
        assert str(root.parent) not in str(refusal.as_dict())
    assert (root.parent / "secret").read_text() == "secret"
    assert sorted(os.listdir(root.parent)) == ["jail", "outside", "secret"]


async def test_special_files_are_refused_and_hang_nobody(service: HostFolder, root: Path) -> None:
    (root / "there").write_text("x")
    os.mkfifo(root / "pipe")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(root / "socket"))
    listening.close()
    await refused(service, "pipe")
    await refused(service, "socket")
    assert [one.name for one in await service.list(())] == ["there"]


@pytest.mark.parametrize("name", ["..", ".", "", "../secret", "..\\secret", "/etc", "a\0", "\udcff", "\uff0e\uff0e"])
async def test_a_name_that_nobody_parsed_is_refused_too(service: HostFolder, root: Path, name: str) -> None:
    (root / "there").write_text("x")
    await refused(service, name)
    await refused(service, name, "secret")
    await refused(service, "there", name)


async def test_names_that_are_no_paths_are_not_shown(service: HostFolder, root: Path) -> None:
    for name in ("back\\slash", "%2e%2e", "ne\nw", "e\u0301", "\u2024\u2024", "fine"):
        (root / name).write_text("x")
    (root / os.fsdecode(b"\xff")).write_text("x")
    assert [one.name for one in await service.list(())] == ["fine"]


async def test_the_names_of_drafts_are_reserved(service: HostFolder, root: Path) -> None:
    (root / "there").write_text("x")
    (root / ".perdure-draft").write_text("left by a process that died")
    await refused(service, ".perdure-draft")
    assert [one.name for one in await service.list(())] == ["there"]
    await put(service, ("new",), b"content")
    assert sorted(os.listdir(root)) == ["new", "there"]


async def test_another_name_of_a_file_outside_is_not_changed(service: HostFolder, root: Path) -> None:
    os.link(root.parent / "secret", root / "linked")
    with pytest.raises(FileDenied):
        await service.open(("linked",), APPEND)
    await put(service, ("linked",), b"replaced")
    assert (root.parent / "secret").read_text() == "secret"


async def test_a_name_that_differs_only_in_case_is_another_one(
    service: HostFolder, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a file system that does not mind case, which few Linux machines have: looking up folds it here."""
    (root / "wallet").mkdir()
    (root / "wallet" / "balance").write_text("1")
    look = os.stat
    monkeypatch.setattr(os, "stat", lambda name, **how: look(name.lower() if "dir_fd" in how else name, **how))
    for path in [("Wallet",), ("WALLET", "balance"), ("wallet", "Balance")]:
        with pytest.raises(NoSuchFile):
            await service.stat(path)
        with pytest.raises(NoSuchFile):
            await service.open(path)
    with pytest.raises(FileDenied):
        await service.open(("wallet", "BALANCE"), WRITE)
    with pytest.raises(FileDenied):
        await service.mkdir(("Wallet",))
    assert await get(service, "wallet", "balance") == b"1"


async def test_a_replaced_file_keeps_its_mode(service: HostFolder, root: Path) -> None:
    (root / "script").write_text("old")
    (root / "script").chmod(0o750)
    await put(service, ("script",), b"new")
    assert (root / "script").stat().st_mode & 0o777 == 0o750


async def test_a_file_has_a_largest_size(root: Path) -> None:
    service = HostFolder(root, SystemClock(), max_bytes=10)
    (root / "big").write_text("x" * 11)
    with pytest.raises(FileTooLarge):
        await service.open(("big",))
    with pytest.raises(ConfigError):
        HostFolder(root / "big", SystemClock())


async def test_what_changes_from_outside_is_told(service: HostFolder, root: Path) -> None:
    watch = await service.watch(())
    (root / "d").mkdir()
    (root / "d" / "a").write_text("1")
    changes = [await anext(watch) for _ in range(2)]
    assert [(change.kind, change.path) for change in changes] == [("created", ("d",)), ("created", ("d", "a"))]
    await watch.aclose()
    (root / "d" / "a").unlink()
    (root / "d").rmdir()
    again = await service.watch((), changes[-1].seq)
    changes = [await anext(again) for _ in range(2)]
    assert [(change.kind, change.path) for change in changes] == [("deleted", ("d", "a")), ("deleted", ("d",))]
    await again.aclose()


async def test_a_cursor_of_a_place_that_nobody_watched_is_a_gap(service: HostFolder, root: Path) -> None:
    (root / "d").mkdir()
    watch = await service.watch(("d",), 0)
    assert (await anext(watch)).kind == "gap"
    await watch.aclose()


async def test_a_directory_with_something_hidden_is_not_empty(service: HostFolder, root: Path) -> None:
    (root / "d").mkdir()
    (root / "d" / "link").symlink_to("nowhere")
    assert await service.list(("d",)) == []
    with pytest.raises(DirectoryNotEmpty):
        await service.remove(("d",))
