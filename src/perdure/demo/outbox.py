"""A folder as a mail server: every mail sent is one more file, so that one sent twice can be seen."""

from __future__ import annotations

import os
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from pathlib import Path

KEY = "X-Idempotency-Key"


def send(outbox: Path, mail: EmailMessage, key: str) -> Path:
    """Put a mail into the outbox, whole or not at all, under the next free number."""
    outbox.mkdir(parents=True, exist_ok=True)
    mail[KEY] = key
    draft = outbox / f".draft-{os.getpid()}"
    draft.write_bytes(mail.as_bytes())
    number = len(sent(outbox)) + 1
    while True:
        place = outbox / f"{number:03}.eml"
        try:
            os.link(draft, place)
        except FileExistsError:
            number += 1
            continue
        draft.unlink()
        return place


def sent(outbox: Path) -> list[Path]:
    """All mails in the outbox, in the order in which they were sent."""
    return sorted(outbox.glob("*.eml"))


def find(outbox: Path, key: str) -> Path | None:
    """The mail that was sent under this key."""
    for place in sent(outbox):
        with place.open("rb") as file:
            if BytesHeaderParser().parse(file)[KEY] == key:
                return place
    return None
