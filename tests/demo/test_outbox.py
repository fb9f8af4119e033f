from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

from perdure.demo.outbox import find, send, sent


def mail(text: str) -> EmailMessage:
    message = EmailMessage()
    message.set_content(text)
    return message


def test_every_mail_is_a_file_so_that_one_sent_twice_can_be_seen(tmp_path: Path) -> None:
    send(tmp_path / "outbox", mail("hello"), "key-1")
    send(tmp_path / "outbox", mail("hello"), "key-1")
    assert [place.name for place in sent(tmp_path / "outbox")] == ["001.eml", "002.eml"]


def test_a_number_that_is_taken_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "002.eml").write_text("another's")
    assert send(tmp_path, mail("hello"), "key-1").name == "003.eml"
    assert (tmp_path / "002.eml").read_text() == "another's"


def test_a_mail_is_found_by_its_key(tmp_path: Path) -> None:
    place = send(tmp_path, mail("hello"), "key-1")
    assert find(tmp_path, "key-1") == place
    assert find(tmp_path, "key-2") is None
    assert find(tmp_path / "nowhere", "key-1") is None
