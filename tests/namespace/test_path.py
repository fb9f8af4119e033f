"""Paths: what is one, and what only looks like one."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from unicodedata import normalize
from urllib.parse import quote, unquote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from perdure.base.clock import ManualClock
from perdure.base.errors import FileError, InvalidPath
from perdure.namespace.host import HostFolder
from perdure.namespace.mounted import Mounted
from perdure.namespace.mounts import Mount, MountTable
from perdure.namespace.namespace import Namespace
from perdure.namespace.path import MAX_NAME, MAX_PATH, parse, show
from perdure.namespace.port import READ, WRITE


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/", ()),
        ("/a", ("a",)),
        ("/agents/a/status", ("agents", "a", "status")),
        ("/agents/a/", ("agents", "a")),
        ("/..x", ("..x",)),
        ("/a.b/.hidden/...", ("a.b", ".hidden", "...")),
        ("/with space/ä/日本語/100%/%41", ("with space", "ä", "日本語", "100%", "%41")),
        ("/नमस्ते/👩\u200d🚀/می\u200cخواهم", ("नमस्ते", "👩\u200d🚀", "می\u200cخواهم")),
        ("/" + "x" * MAX_NAME, ("x" * MAX_NAME,)),
    ],
)
def test_a_path_is_a_tuple_of_names(text: str, path: tuple[str, ...]) -> None:
    assert parse(text) == path
    assert parse(show(path)) == path


REFUSED = {
    "relative": ["", "a", "a/b", "./a", "~/a", "\\a", " /a"],
    "empty names": ["//", "//a", "/a//b", "/a//", "///"],
    "dots": ["/.", "/..", "/a/.", "/a/../b", "/../etc", "/a/..", "/./a", "/../"],
    "control characters": ["/a\0", "/\0", "/a\nb", "/\x1b[31m", "/a\x7f", "/a\x85", "/a\u2028b", "/a\u2029b"],
    "backslashes": ["/a\\b", "/..\\..", "/C:\\x"],
    "encoded": ["/%2e%2e", "/%2E%2e/a", "/a%2fb", "/a%2Fb", "/a%5Cb", "/%00", "/%0a", "/a%00.txt", "/%7f"],
    "encoded twice": ["/%252e%252e", "/%25252Fa", "/%c0%ae", "/%c0%af", "/%e0%80%ae", "/%u002e%u2215"],
    "too long": ["/" + "x" * (MAX_NAME + 1), "/" + "ä" * (MAX_NAME // 2 + 1), "/x" * (MAX_PATH // 2) + "/x"],
    "halves of characters": ["/\ud800", "/a\udc80b", "/\udcff"],
    "not NFC": ["/e\u0301", "/\u1100\u1161", "/\u212b"],
    "look-alikes of slashes": ["/a\uff0fb", "/a\u2044b", "/a\u2215b", "/a\u29f8b", "/a\uff3cb", "/a\u2216b", "/\u2100"],
    "look-alikes of dots": ["/\uff0e\uff0e", "/\u2024\u2024", "/\u2025", "/\u2026", "/\ufe52", "/.\u0660", "/\u3002."],
    "invisible": ["/a\u200bb", "/.\u200d.", "/\u200c..", "/\ufeffa", "/a\u202eb", "/\u2066a", "/a\u00adb", "/.\u2060."],
}


@pytest.mark.parametrize("text", [text for texts in REFUSED.values() for text in texts], ids=ascii)
def test_what_could_mean_another_place_is_refused(text: str) -> None:
    with pytest.raises(InvalidPath) as refusal:
        parse(text)
    assert refusal.value.as_dict()["message"].isascii()


DOTS = ["..", ".", "%2e", "\uff0e", "\u2024", "\u2025"]
SLASHES = ["/", "\\", "%2F", "\uff0f", "\u2215", "\u2044"]
ODD = ["\0", "%00", "%25", "e\u0301", "\u202e", "\ud800", " ", "~", "x" * 300]
NAMES = ["a", "A", "secret", "jail", "outside", "link", "in"]
PIECES = st.sampled_from([*DOTS, *SLASHES, *ODD, *NAMES])
ATTACKS = (st.lists(PIECES, max_size=8).map("".join) | st.text(max_size=30)).map("/{}".format)


@given(ATTACKS)
@example("/link/secret")
@example("/LINK/secret")
def test_what_is_accepted_stays_where_it_says(text: str) -> None:
    try:
        path = parse(text)
    except InvalidPath:
        return
    for name in path:
        folded = normalize("NFKC", unquote(unquote(name)))
        assert folded not in ("", ".", "..")
        assert not set(folded) & set("/\\\0")
        assert len(name.encode()) <= MAX_NAME
        assert name == normalize("NFC", name)
    assert show(path) == (text if text == "/" else text.removesuffix("/"))
    assert os.path.normpath(show(path)) == show(path)


@settings(max_examples=60, deadline=None)
@given(ATTACKS)
@example("/../secret")
@example("/link")
@example("/link/secret")
@example("/in/link/secret")
@example("/%2e%2e/secret")
@example("/\uff0e\uff0e/secret")
def test_nothing_outside_of_a_jail_is_read_or_changed(text: str) -> None:
    asyncio.run(attack(text))


async def attack(text: str) -> None:
    with TemporaryDirectory() as folder:
        outside = Path(folder)
        root = outside / "jail"
        (root / "in").mkdir(parents=True)
        (outside / "secret").write_text("secret")
        (root / "link").symlink_to(outside)
        (root / "in" / "link").symlink_to("../..")
        namespace = Namespace(Mounted(MountTable(Mount(path=("jail",), service=HostFolder(root, ManualClock())))))
        for path in (text, f"/jail{text}", f"/jail/{text}", f"/jail{quote(text, errors='replace')}"):
            await tried(namespace, path)
        assert (outside / "secret").read_text() == "secret"
        assert sorted(os.listdir(outside)) == ["jail", "secret"]
        assert os.readlink(root / "link") == folder


async def tried(namespace: Namespace, path: str) -> None:
    for how in (READ, WRITE):
        try:
            async with await namespace.open(path, how) as file:
                if how is READ:
                    assert b"secret" not in await file.read()
                else:
                    await file.write(b"changed")
        except FileError:
            continue
    for doing in (namespace.mkdir(path), namespace.rename(path, f"{path}2"), namespace.remove(path)):
        try:
            await doing
        except FileError:
            continue
    try:
        assert all(one.name != "secret" for one in await namespace.list(path))
    except FileError:
        return


@given(st.text(alphabet="abcX-_. ", min_size=1, max_size=6), st.text(alphabet="abcX-_. ", min_size=1, max_size=6))
@example("wallet", "walletx")
@example("wallet", "Wallet")
@example("a", "a ")
def test_a_mount_is_found_by_whole_names_only(name: str, other: str) -> None:
    table = MountTable(Mount(path=(name,), service=HostFolder(Path("/"), ManualClock())))
    found = table.find((other, "balance"))
    assert (found is not None) == (name == other)
