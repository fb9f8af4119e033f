"""The project's token: made once, and read from then on whatever becomes of the disk."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from perdure.base.errors import ConfigError
from perdure.server.token import read_token


def entropy(count: int) -> bytes:
    return bytes(range(count))


def no_more(count: int) -> bytes:
    raise AssertionError("there is a token")


def test_it_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    token = read_token(tmp_path / "state", entropy)
    assert (tmp_path / "state" / "token").stat().st_mode & 0o777 == 0o600
    assert read_token(tmp_path / "state", no_more) == token


def test_one_that_is_there_is_read_where_nothing_can_be_written(tmp_path: Path) -> None:
    token = read_token(tmp_path, entropy)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        again = read_token(tmp_path, entropy)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert again == token


def test_where_it_cannot_be_written_nothing_is_left_behind(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        with pytest.raises(ConfigError, match="cannot be used: File too large"):
            read_token(tmp_path, entropy)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 40])
def test_a_file_that_holds_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token").write_bytes(content)
    (tmp_path / "token").chmod(0o600)
    with pytest.raises(ConfigError) as refused:
        read_token(tmp_path, no_more)
    assert refused.value.hint.startswith("Remove it")
