"""What a mount does, without a kernel in between."""

from __future__ import annotations

import asyncio
import os

import pytest

from perdure.adapters.fuse.tree import Tree
from perdure.base.errors import FileClosed, FileDenied, FileError, FileNotReady, FileUnsupported, InputError, NoSuchFile

CREATE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


@pytest.fixture
def told():
    return []


@pytest.fixture
def tree(sample, told):
    return Tree(sample.service, told.append)


async def test_a_file_is_there_from_its_creation_and_kept_once_something_is_written(sample, tree):
    number = await tree.open(("files", "a"), CREATE)
    await tree.flush(number)  # a shell closes a copy of the descriptor before it writes
    assert (await tree.stat(("files", "a"))).size == 0
    assert [one.name for one in await tree.list(("files",))] == ["a"]
    assert await sample.files.list(()) == []
    await tree.write(number, b"text", 0)
    await tree.flush(number)
    assert (await sample.files.stat(("a",))).size == 4
    await tree.release(number)


async def test_who_opens_moves_or_removes_a_file_not_yet_kept_finds_it(sample, tree):
    number = await tree.open(("files", "a"), CREATE)
    await tree.rename(("files", "a"), ("files", "b"))
    await tree.release(number)
    other = await tree.open(("files", "c"), CREATE)
    await tree.remove(("files", "c"))
    await tree.release(other)
    assert [one.name for one in await sample.files.list(())] == ["b"]


async def test_parts_are_written_in_any_order_and_read_back(tree):
    number = await tree.open(("files", "a"), os.O_RDWR | os.O_CREAT)
    await tree.write(number, b"world", 6)
    await tree.write(number, b"hello ", 0)
    assert await tree.read(number, 5, 3) == b"lo wo"
    await tree.truncate(("files", "a"), 4, number)
    assert await tree.read(number, 99, 0) == b"hell"
    await tree.release(number)
    await tree.truncate(("files", "a"), 6)
    number = await tree.open(("files", "a"), os.O_RDONLY)
    assert await tree.read(number, 99, 0) == b"hell\0\0"
    with pytest.raises(FileUnsupported):
        await tree.write(number, b"x", 0)


async def test_a_request_that_failed_fails_its_reader_and_is_not_made_again(sample, tree):
    number = await tree.open(("ask",), os.O_RDWR)
    await tree.write(number, b" \n", 0)
    with pytest.raises(InputError):
        await tree.flush(number)
    with pytest.raises(InputError):
        await tree.read(number, 10, 2)
    await tree.release(number)
    assert sample.asked == [b" \n"]


async def test_an_answer_before_a_question_is_not_ready(tree):
    number = await tree.open(("ask",), os.O_RDWR)
    assert tree.in_order(number)
    with pytest.raises(FileNotReady):
        await tree.read(number, 10, 0)


async def test_what_is_lost_of_a_stream_is_an_error(sample, tree):
    number = await tree.open(("trace",), os.O_RDONLY)
    sample.feed.tell("data", (), b"one")
    assert await tree.read(number, 10, 0) == b"one"
    sample.feed.tell("gap")
    with pytest.raises(FileError, match="lost"):
        await tree.read(number, 10, 3)
    await tree.release(number)


async def test_a_slow_reader_holds_a_stream_up_instead_of_filling_memory(sample, tree):
    number = await tree.open(("trace",), os.O_RDONLY)
    for _ in range(40):
        sample.feed.tell("data", (), bytes(100_000))
    while not (await tree.stat(("trace",))).size:
        await asyncio.sleep(0)
    for _ in range(100):
        await asyncio.sleep(0)
    assert (await tree.stat(("trace",))).size < 1_300_000
    read = 0
    while read < 4_000_000:
        read += len(await tree.read(number, 131_072, read))
    assert read == 4_000_000
    with pytest.raises(FileUnsupported, match="not kept"):
        await tree.read(number, 1, 0)
    await tree.release(number)


async def test_what_goes_wrong_after_a_file_was_closed_is_told(sample, tree, told):
    number = await tree.open(("files", "a"), CREATE)
    await tree.mkdir(("files", "d"))
    await sample.files.mkdir(("a",))
    await tree.release(number)
    assert told == ["/files/a was closed, and then: it is a directory"]
    with pytest.raises(FileClosed):
        await tree.read(number, 1, 0)


async def test_errors_are_those_of_the_service(tree):
    with pytest.raises(NoSuchFile):
        await tree.open(("files", "a"), os.O_WRONLY)
    with pytest.raises(FileDenied):
        await tree.open(("fixed", "a"), CREATE)
    with pytest.raises(FileUnsupported):
        await tree.truncate(("status",), 3)
