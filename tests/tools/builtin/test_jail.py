from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.base.errors import ConfigError, InvalidArguments, PerdureError, ToolFailed
from perdure.tools.builtin.jail import Jail, split_path

LIMIT = 1_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "secret.txt").write_text("secret")
    root = tmp_path / "jail"
    (root / "sub").mkdir(parents=True)
    (root / "a.txt").write_text("a")
    (root / "sub" / "b.txt").write_text("b")
    (root / "out").symlink_to(tmp_path)
    (root / "link.txt").symlink_to(tmp_path / "secret.txt")
    (root / "inside").symlink_to(root / "sub")
    os.mkfifo(root / "pipe")
    return root


ATTACKS = [
    "../secret.txt",
    "sub/../../secret.txt",
    "..",
    "/etc/passwd",
    "~/x",
    "a\0b",
    "..\\secret.txt",
    "C:\\x",
    "x" * 2000,
    "y" * 201,
    "é" * 101,
    "/".join("d" * 41),
    "a\nb",
    "a\x7fb",
    "\ud800",
]


@pytest.mark.parametrize("path", ATTACKS)
def test_paths_that_could_lead_out_are_refused_unseen(path: str) -> None:
    with pytest.raises(InvalidArguments, match="is not allowed: "):
        split_path(path)


@pytest.mark.parametrize(
    "path", ["out/secret.txt", "link.txt", "inside/b.txt", "out", "a.txt/x", "sub", "pipe", "nope", "."]
)
def test_nothing_is_read_through_links_or_from_what_is_no_file(path: str, root: Path) -> None:
    with pytest.raises((ToolFailed, InvalidArguments)) as caught:
        Jail(root).read(path, LIMIT)
    assert str(root) not in caught.value.message, "a model need not know where it is"


@pytest.mark.parametrize(
    "path", ["out/new.txt", "link.txt", "inside/new.txt", "sub", "pipe", "a.txt/x", "", "new/../../x"]
)
def test_nothing_is_written_through_links_or_over_what_is_no_file(path: str, root: Path) -> None:
    before = sorted(root.parent.rglob("*"))
    with pytest.raises((ToolFailed, InvalidArguments)):
        Jail(root).write(path, b"!", "k")
    assert sorted(root.parent.rglob("*")) == before
    assert (root.parent / "secret.txt").read_text() == "secret"


pieces = st.sampled_from(
    ["..", ".", "", "a.txt", "sub", "out", "link.txt", "inside", "/", "~", "\\", "\0", "secret.txt", "jail"]
)


@settings(max_examples=300)
@given(path=st.lists(pieces | st.text(max_size=5), max_size=6).map("/".join))
def test_no_path_gets_out(path: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    outer = tmp_path_factory.mktemp("outer", numbered=True)
    root = outer / "jail"
    (root / "sub").mkdir(parents=True)
    (outer / "secret.txt").write_text("secret")
    (root / "a.txt").write_text("a")
    (root / "out").symlink_to(outer)
    (root / "link.txt").symlink_to(outer / "secret.txt")
    jail = Jail(root)
    for attempt in (lambda: jail.read(path, LIMIT), lambda: list(jail.walk(path)), lambda: jail.write(path, b"!", "k")):
        try:
            found = attempt()
        except PerdureError:
            continue
        assert b"secret" not in found if isinstance(found, bytes) else True
        if isinstance(found, list):
            assert not {"secret.txt", "jail"} & {entry.path for entry in found}
    assert sorted(one.name for one in outer.iterdir()) == ["jail", "secret.txt"]
    assert (outer / "secret.txt").read_text() == "secret"


def test_a_file_is_replaced_in_one_step_and_keeps_its_mode(root: Path) -> None:
    (root / "a.txt").chmod(0o640)
    with (root / "a.txt").open() as reader:
        Jail(root).write("a.txt", b"new", "k")
        assert reader.read() == "a", "who has it open sees the whole old one"
    assert (root / "a.txt").read_text() == "new"
    assert (root / "a.txt").stat().st_mode & 0o777 == 0o640
    Jail(root).write("new/deep/er.txt", b"x", "k")
    assert Jail(root).read("new/deep/er.txt", LIMIT) == b"x"


def test_what_a_crash_left_behind_is_cleaned_up_and_never_listed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jail = Jail(root)
    seen = []
    with monkeypatch.context() as patch:
        patch.setattr(
            "os.rename", lambda *a, **k: seen.extend(os.listdir(root)) or (_ for _ in ()).throw(OSError(5, "io"))
        )
        with pytest.raises(ToolFailed, match="Input/output error"):
            jail.write("a.txt", b"new", "k")
    drafts = [name for name in seen if name.startswith(".perdure-")]
    assert len(drafts) == 1
    assert not list(root.glob(".perdure-*")), "a failure cleans up"
    (root / drafts[0]).write_text("left by a crash")
    assert all(not entry.path.startswith(".perdure-") for entry in jail.walk())
    jail.write("a.txt", b"new", "k")
    assert not list(root.glob(".perdure-*")), "the same call tries again and cleans up"
    assert (root / "a.txt").read_text() == "new"


def test_a_file_beyond_the_limit_is_refused(root: Path) -> None:
    (root / "big").write_bytes(b"x" * 1001)
    with pytest.raises(ToolFailed, match="big is larger than 1,000 bytes"):
        Jail(root).read("big", LIMIT)


def test_walking_shows_files_and_folders_only(root: Path) -> None:
    jail = Jail(root)
    assert [tuple(entry) for entry in jail.walk()] == [("a.txt", False, 1), ("sub", True, 0), ("sub/b.txt", False, 1)]
    assert [entry.path for entry in jail.walk(deep=False)] == ["a.txt", "sub"]
    assert [entry.path for entry in jail.walk("./sub/")] == ["b.txt"]
    for path, said in (("nope", "there is no nope"), ("out", "symbolic link"), ("a.txt", "not a folder")):
        with pytest.raises(ToolFailed, match=said):
            list(jail.walk(path))


def test_writers_take_turns(root: Path) -> None:
    (root / "count").write_text("0")
    jail = Jail(root)

    def add() -> None:
        for _ in range(10):
            with jail.changing("count", LIMIT, threading.current_thread().name) as change:
                change.write(str(int(change.data) + 1).encode())

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (root / "count").read_text() == "40"


def test_a_root_that_is_missing_is_made_by_the_first_write(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no folder"):
        Jail(tmp_path / "outbox")
    jail = Jail(tmp_path / "outbox", create=True)
    with pytest.raises(ToolFailed, match="folder cannot be opened: No such file"):
        list(jail.walk())
    jail.write("mail.txt", b"x", "k")
    assert [entry.path for entry in jail.walk()] == ["mail.txt"]
    with pytest.raises(ConfigError, match="not a folder"):
        Jail(tmp_path / "outbox" / "mail.txt", create=True)


def test_the_root_itself_may_be_a_link(root: Path) -> None:
    (root.parent / "alias").symlink_to(root)
    assert Jail(root.parent / "alias").read("a.txt", LIMIT) == b"a"
