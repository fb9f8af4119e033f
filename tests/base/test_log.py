"""Log lines: one for each event, without secrets."""

from __future__ import annotations

import io
import json
import logging

import pytest

from perdure.base.log import Form, logging_to

KEY = "sk-proj-abcdefghijklmnop1234567890ABCDEF"


def logged(form: Form, level: str = "info") -> list[str]:
    stream = io.StringIO()
    log = logging.getLogger("perdure.test")
    with logging_to(stream, form, level):
        log.debug("unheard")
        log.info("used %s", KEY, extra={"fields": {"run_id": "run_1", "said": "a\nb", "token": "x", "n": [1]}})
        try:
            raise ValueError(KEY)
        except ValueError:
            log.exception("broken\nin two")
    log.error("nobody writes this any more")
    return stream.getvalue().splitlines()


def test_a_machine_reads_an_object_a_line() -> None:
    first, second = map(json.loads, logged("json"))
    assert first.pop("at") > 1_700_000_000_000
    assert first == {
        "level": "info",
        "logger": "perdure.test",
        "message": "used [redacted]",
        "run_id": "run_1",
        "said": "a\nb",
        "token": "[redacted]",
        "n": [1],
    }
    assert second["message"] == "broken\nin two"
    assert second["error"].splitlines()[-1] == "ValueError: [redacted]"


def test_a_person_reads_a_line() -> None:
    first, second, *more = logged("text")
    assert first.partition("Z ")[2] == (
        'info perdure.test: used [redacted] run_id=run_1 said="a\\nb" token=[redacted] n=[1]'
    )
    assert second.partition("Z ")[2] == "error perdure.test: broken\\nin two"
    assert more[0].startswith("Traceback") and KEY not in "".join(more)


@pytest.mark.parametrize(("level", "count"), [("debug", 3), ("info", 2), ("warning", 1), ("error", 1)])
def test_what_is_below_the_level_is_left_out(level: str, count: int) -> None:
    assert len(logged("json", level)) == count
