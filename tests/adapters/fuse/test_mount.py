"""A tree mounted for real, used by the programs that everybody has."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from perdure.adapters.fuse.mount import mounted
from perdure.base.clock import ManualClock
from perdure.base.errors import ConfigError
from perdure.namespace.port import WRITE


@asynccontextmanager
async def mount(sample, tmp_path):
    told: list[str] = []
    async with mounted(sample.service, tmp_path / "mnt", clock=ManualClock(), told=told.append):
        yield told


async def test_files_are_listed_and_read(sample, shell, tmp_path):
    async with mount(sample, tmp_path):
        assert (await shell("ls")).split() == ["ask", "costly", "ctl", "files", "fixed", "status", "trace"]
        assert await shell("cat status") == '{\n  "state": "idle"\n}\n'
        modes = {line.split()[-1]: line.split()[0] for line in (await shell("ls -l")).splitlines()[1:]}
        assert modes["status"] == "-r--------" and modes["ctl"] == "--w-------" and modes["files"] == "drwx------"


async def test_a_closed_socket_is_no_end_of_the_process_after_a_mount(sample, shell, tmp_path):
    async with mount(sample, tmp_path):
        await shell("ls")
    reading, writing = os.pipe()
    os.close(reading)
    with pytest.raises(BrokenPipeError):  # and not SIGPIPE, which libfuse makes deadly when it goes
        os.write(writing, b"x")
    os.close(writing)


async def test_files_are_written_appended_to_moved_and_removed(sample, shell, tmp_path):
    async with mount(sample, tmp_path):
        script = "echo one > files/a && echo two >> files/a && cat files/a && wc -c < files/a"
        assert (await shell(script)).split() == ["one", "two", "8"]
        assert await shell("mkdir files/d && mv files/a files/d/b && ls files files/d && cat files/d/b") == (
            "files:\nd\n\nfiles/d:\nb\none\ntwo\n"
        )
        assert await shell("cp files/d/b files/c && rm files/d/b && rmdir files/d && ls files") == "c\n"
        assert await shell("echo three > files/c && cat files/c && truncate -s 3 files/c && cat files/c") == (
            "three\nthr"
        )


async def test_an_empty_file_is_kept_and_a_shell_writes_in_one_step(sample, shell, tmp_path):
    async with mount(sample, tmp_path):
        watch = await sample.files.watch(())
        assert await shell("touch files/a; ls files; : > files/b; cat files/b; ls files") == "a\na\nb\n"
        assert await shell("echo text > files/c; cat files/c") == "text\n"
        seen = [(await anext(watch)).kind for _ in range(3)]
        assert seen == ["created", "created", "created"]  # nothing empty came between


async def test_a_big_file_comes_through_whole(sample, shell, tmp_path):
    data = bytes(range(256)) * 4096 * 3
    (tmp_path / "big").write_bytes(data)
    async with mount(sample, tmp_path):
        assert await shell("cp ../big files/big && cmp ../big files/big && tail -c 4 files/big | od -An -tu1") == (
            " 252 253 254 255\n"
        )


async def test_a_request_is_written_and_its_answer_read_through_one_descriptor(sample, shell, tmp_path):
    async with mount(sample, tmp_path):
        script = "exec 3<>ask; echo one >&3; cat <&3; echo two >&3; read -r line <&3; echo got $line"
        assert await shell(script) == "ONE\ngot TWO\n"
        assert sample.asked == [b"one\n", b"two\n"]


async def test_what_a_request_did_wrong_is_told_to_who_reads_its_answer(sample, shell, tmp_path):
    async with mount(sample, tmp_path):
        assert "Invalid argument" in await shell("exec 3<>ask; echo >&3; cat <&3")


async def test_commands_are_each_done_once(sample, shell, tmp_path):
    async with mount(sample, tmp_path):
        assert await shell("echo start > ctl; { /bin/echo start; /bin/echo stop; } > ctl") == ""
        assert sample.commands == [b"start\n", b"start\n", b"stop\n"]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("cat nothing", "No such file or directory"),
        ("cat files", "Is a directory"),
        ("ls status/x", "Not a directory"),
        ("mkdir files; mkdir status", "File exists"),
        ("mkdir files/d && touch files/d/x && rmdir files/d", "Directory not empty"),
        ("echo x > status", "Operation not supported"),
        ("echo x > fixed/a", "Read-only file system"),
        ("/bin/echo wrong > ctl", "Invalid argument"),
        ("/bin/echo x > costly", "Disk quota exceeded"),
        ("cat 'files/%2e%2e'", "Invalid argument"),
        ("cat ctl", "Operation not supported"),
        ("chmod 777 status", "Operation not supported"),
        ("mv files/a files/b", "No such file or directory"),
    ],
)
async def test_an_error_says_what_is_wrong(sample, shell, tmp_path, script, said):
    async with mount(sample, tmp_path):
        assert said in await shell(script)


async def test_a_stream_waits_for_what_comes_and_ends_where_it_ends(sample, shell, tmp_path):
    sample.feed.tell("data", (), b"one\n")
    async with mount(sample, tmp_path):
        reading = asyncio.create_task(shell("cat trace"))
        while not sample.feed.watched:
            await asyncio.sleep(0.01)
        sample.feed.tell("data", (), b"two\n")
        await asyncio.sleep(0.15)  # longer than a reader is looked after
        assert not reading.done()
        sample.feed.tell("data", (), b"three\n")
        sample.feed.end()
        assert await reading == "one\ntwo\nthree\n"


async def test_tail_shows_the_end_and_follows(sample, shell, tmp_path):
    for number in range(20):
        sample.feed.tell("data", (), b"line %d\n" % number)
    async with mount(sample, tmp_path):
        following = asyncio.create_task(shell("tail -n 2 -s 0.1 -f trace | head -n 4"))
        while not sample.feed.watched:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)
        for number in (20, 21, 22):  # the last of them ends `tail`, which writes to nobody
            sample.feed.tell("data", (), b"line %d\n" % number)
            await asyncio.sleep(0.3)
        assert await following == "line 18\nline 19\nline 20\nline 21\n"


async def test_tail_follows_a_file_that_grows(sample, shell, tmp_path):
    async with mount(sample, tmp_path):
        await shell("echo one > files/log")
        following = asyncio.create_task(shell("tail -n 1 -s 0.1 -f files/log | head -n 2"))
        await asyncio.sleep(0.3)
        await shell("echo two >> files/log")
        await asyncio.sleep(0.3)
        await shell("echo three >> files/log")
        assert await following == "one\ntwo\n"


async def test_who_waits_for_a_stream_can_be_interrupted(sample, shell, tmp_path):
    async with mount(sample, tmp_path):
        assert await shell("cat trace & sleep 0.2; kill -INT $!; kill $!; wait $!; echo $?") in ("143\n", "130\n")
        while sample.feed.watched:
            await asyncio.sleep(0.01)


async def test_a_mount_goes_though_somebody_reads_from_it(sample, shell, tmp_path):
    async with mount(sample, tmp_path):
        reading = asyncio.create_task(shell("cat trace"))
        while not sample.feed.watched:
            await asyncio.sleep(0.01)
    assert not os.path.ismount(tmp_path / "mnt")
    assert "trace" in await reading
    assert not sample.feed.watched


async def test_somebody_else_unmounts(sample, shell, tmp_path):
    folder = tmp_path / "mnt"
    async with mounted(sample.service, folder, clock=ManualClock(), told=print) as gone:
        assert await shell("fusermount3 -u -z . || umount -l .") == ""
        await asyncio.wait_for(gone.wait(), 5)


async def test_a_file_written_elsewhere_is_there_at_once(sample, shell, tmp_path):
    async with mount(sample, tmp_path):
        assert "No such file" in await shell("cat files/a")
        async with await sample.files.open(("a",), WRITE) as file:
            await file.write(b"here")
        assert await shell("cat files/a") == "here"


@pytest.mark.parametrize("wrong", ["missing", "full", "mounted"])
async def test_where_nothing_can_be_mounted_it_is_said(sample, tmp_path, wrong):
    folder: Path = tmp_path / "mnt"
    if wrong != "missing":
        folder.mkdir()
    if wrong == "full":
        (folder / "x").touch()
    said = {"missing": "there is no folder", "full": "is not empty", "mounted": "is mounted at"}[wrong]
    with pytest.raises(ConfigError, match=said):
        async with mounted(sample.service, folder, clock=ManualClock(), told=print):
            if wrong != "mounted":
                return
            async with mounted(sample.service, folder, clock=ManualClock(), told=print):
                pass


async def test_a_relative_folder_is_mounted_and_this_process_stays_where_it_is(sample, shell, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    async with mounted(sample.service, Path("mnt"), clock=ManualClock(), told=print):
        assert Path.cwd() == tmp_path
        assert "status" in await shell("ls")
    assert not os.path.ismount(tmp_path / "mnt")
