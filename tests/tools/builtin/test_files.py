from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from perdure.base.errors import ToolFailed
from perdure.base.messages import Image, Text
from perdure.tools.builtin.files import BUILTIN, FilesOptions
from perdure.tools.builtin.jail import version_of
from perdure.tools.builtin.port import Setting
from perdure.tools.port import NotDone, Tool, ToolOutput, Unsure

CTX: Any = None
Tools = dict[str, Tool]


@pytest.fixture
def files(tmp_path: Path) -> Tools:
    made = BUILTIN.make(FilesOptions(root="docs"), Setting(tmp_path))
    return {tool.definition.name.removeprefix("files_"): tool for tool in made}


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    return tmp_path / "docs"


async def call(tool: Tool, **arguments: Any) -> ToolOutput:
    return await tool.call(arguments, key="key1", ctx=CTX)


async def probe(tool: Tool, **arguments: Any) -> Any:
    return await tool.reconcile(arguments, key="key1", ctx=CTX)


async def test_write_read_edit_read(files: Tools, docs: Path) -> None:
    wrote = await call(files["write"], path="notes/a.txt", content="hello\nworld\n")
    assert (
        wrote.text
        == f"wrote notes/a.txt: 12 bytes, version {version_of(b'hello' + bytes([10]) + b'world' + bytes([10]))}"
    )
    read = await call(files["read"], path="notes/a.txt")
    version = read.value["version"]
    assert version == wrote.value["version"]
    assert read.text == f"[notes/a.txt, version {version}, lines 1–2 of 2]\nhello\nworld"
    edited = await call(files["edit"], path="notes/a.txt", old="world", new="there", seen=version)
    assert (docs / "notes" / "a.txt").read_text() == "hello\nthere\n"
    again = await call(files["edit"], path="notes/a.txt", old="there", new="you", seen=edited.value["version"])
    assert again.value["bytes"] == 10


async def test_an_edit_needs_a_prior_view_and_an_unchanged_file(files: Tools, docs: Path) -> None:
    (docs / "a.txt").write_text("one")
    with pytest.raises(ToolFailed, match="must be viewed before modification"):
        await call(files["edit"], path="a.txt", old="one", new="two")
    version = (await call(files["read"], path="a.txt")).value["version"]
    (docs / "a.txt").write_text("one, changed")
    with pytest.raises(ToolFailed, match="changed since viewed"):
        await call(files["edit"], path="a.txt", old="one", new="two", seen=version)
    assert (docs / "a.txt").read_text() == "one, changed"
    with pytest.raises(ToolFailed, match=r"there is no b\.txt"):
        await call(files["edit"], path="b.txt", old="one", new="two", seen=version)
    (docs / "bin").write_bytes(b"\xff")
    with pytest.raises(ToolFailed, match="bin is not text"):
        await call(files["edit"], path="bin", old="one", new="two", seen=version_of(b"\xff"))


async def test_reading_in_pieces(files: Tools, docs: Path) -> None:
    (docs / "a.txt").write_text("\n".join(f"line {n}" for n in range(1, 11)))
    assert (await call(files["read"], path="a.txt", offset=3, limit=2)).text.endswith(
        "lines 3–4 of 10]\nline 3\nline 4"
    )
    assert (await call(files["read"], path="a.txt", offset=-5, limit=1)).text.endswith("lines 1–1 of 10]\nline 1")
    assert (await call(files["read"], path="a.txt", offset=99)).text.endswith("no lines from 99, it has 10]")
    (docs / "long.txt").write_text("x" * 5000)
    assert (await call(files["read"], path="long.txt")).text.endswith("… (3,000 more characters)")
    (docs / "empty.txt").write_text("")
    assert (await call(files["read"], path="empty.txt")).text.endswith("no lines from 1, it has 0]")


async def test_what_is_not_text_is_shown_as_what_it_is(files: Tools, docs: Path) -> None:
    (docs / "a.png").write_bytes(b"\x89PNG\0")
    output = await call(files["read"], path="a.png")
    assert isinstance(output.parts[0], Text)
    assert output.parts[1] == Image(media_type="image/png", data=b"\x89PNG\0", name="a.png")


async def test_listing_and_searching(files: Tools, docs: Path) -> None:
    assert (await call(files["list"])).text == "(nothing)"
    (docs / "sub").mkdir()
    (docs / "sub" / "a.md").write_text("one needle\n" + "x" * 1000 + "needle")
    assert (await call(files["list"])).text == "sub/"
    listed = await call(files["list"], pattern="**/*")
    assert (listed.text, listed.value) == ("sub/\nsub/a.md  1017", ["sub/", "sub/a.md"])
    found = await call(files["search"], query="needle", path="sub")
    assert found.text.startswith("sub/a.md:1: one needle\nsub/a.md:2: xxx")
    assert found.value == [{"path": "sub/a.md", "line": 1}, {"path": "sub/a.md", "line": 2}]
    assert (await call(files["search"], query="zzz")).text == "(nothing)"
    (docs / "many").mkdir()
    for number in range(1001):
        (docs / "many" / f"{number}.txt").touch()
    assert (await call(files["list"], path="many")).text.endswith("(more than 1,000: narrow the pattern)")
    (docs / "much.txt").write_text("needle\n" * 300)
    assert (await call(files["search"], query="needle")).text.endswith("(more than 200 matches: narrow the search)")


async def test_appending_creates_and_adds(files: Tools, docs: Path) -> None:
    await call(files["append"], path="log/a.txt", content="one\n")
    output = await call(files["append"], path="log/a.txt", content="two\n")
    assert output.text.startswith("appended to log/a.txt: 8 bytes")
    assert (docs / "log" / "a.txt").read_text() == "one\ntwo\n"


async def test_a_lone_surrogate_is_written_as_a_replacement(files: Tools, docs: Path) -> None:
    await call(files["write"], path="a.txt", content="x\ud800")
    assert (docs / "a.txt").read_text() == "x�"


async def test_the_probes_tell_what_happened(files: Tools, docs: Path) -> None:
    write = {"path": "a.txt", "content": "one two"}
    assert await probe(files["write"], **write) == NotDone()
    wrote = await call(files["write"], **write)
    assert await probe(files["write"], **write) == wrote

    edit = {"path": "a.txt", "old": "two", "new": "2", "seen": wrote.value["version"]}
    assert await probe(files["edit"], **edit) == NotDone()
    edited = await call(files["edit"], **edit)
    assert await probe(files["edit"], **edit) == edited
    (docs / "a.txt").write_text("someone else")
    assert await probe(files["edit"], **edit) == Unsure()
    (docs / "a.txt").unlink()
    assert await probe(files["edit"], **edit) == Unsure()

    append = {"path": "log.txt", "content": "line\n"}
    assert await probe(files["append"], **append) == NotDone()
    await call(files["append"], **append)
    assert await probe(files["append"], **append) == Unsure(), "it may have been there before"


def test_a_folder_to_read_only_has_no_tools_that_write(docs: Path) -> None:
    made = BUILTIN.make(FilesOptions(root=str(docs), read_only=True, name="manual"), Setting(Path("/nowhere")))
    assert [(tool.definition.name, tool.effect) for tool in made] == [
        ("manual_read", "read"),
        ("manual_list", "read"),
        ("manual_search", "read"),
    ]


def test_every_parameter_is_described(files: Tools) -> None:
    assert [tool.effect for tool in files.values()] == ["read"] * 3 + ["checkable"] * 3
    for tool in files.values():
        properties = tool.definition.parameters["properties"]
        assert properties
        assert all(one["description"] for one in properties.values()), tool.definition.name
